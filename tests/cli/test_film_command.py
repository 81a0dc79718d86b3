"""`jaxstyle apply` on films, end to end."""

import json
import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from film_files import decoded, make_film, picture, sound, times
from PIL import Image

from jaxstyle.cli.main import main
from jaxstyle.onepass import frames as painting_of_frames, painting
from jaxstyle.styles.apply import apply_style, manner_of

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture
def command(styles_file):
    return ["apply", "--network", str(styles_file), "--style", "dots"]


def test_every_frame_as_a_picture_would_be(command, tiny_styles, capsys):
    shown = [0, 40, 100, 130]
    make_film("film.mkv", times=shown, frames=4, unit=Fraction(1, 1000), sound="aac")
    assert main([*command, "film.mkv", "-o", "out.mkv", "--codec", "ffv1"]) == 0
    for number, frame in enumerate(decoded("out.mkv")):
        expected = apply_style(picture(number), tiny_styles, style="dots").image
        assert np.abs(frame / 255 - expected).max() < 0.6 / 255
    assert [time * 1000 for time in times("out.mkv")] == shown
    assert sound("out.mkv") == sound("film.mkv")
    assert sorted(os.listdir()) == ["film.mkv", "out.mkv", "out.mkv.json"]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("out.mkv 4 frames, 32x24, dots: ")
    record = json.loads(Path("out.mkv.json").read_text())
    assert record["schema"] == "jaxstyle-run-film-1"
    assert (record["frames"], record["size"], record["codec"], record["is_whole"]) == (4, [32, 24], "ffv1", True)
    assert record["inputs"]["film"]["path"] == "film.mkv"
    assert set(record["seconds"]) == {"compile", "paint"}


def test_the_options_of_apply(command, tiny_styles):
    make_film("film.mkv", 2)
    how = ["--strength", "0.4", "--color-space", "lab", "--size", "24x20"]
    assert main([*command, "film.mkv", "-o", "out.mkv", "--codec", "ffv1", "-q", *how]) == 0
    small = Image.fromarray(picture(1)).resize((24, 20), Image.Resampling.BILINEAR)
    expected = apply_style(np.asarray(small), tiny_styles, style="dots", strength=0.4, color_space="lab").image
    assert np.abs(decoded("out.mkv")[1] / 255 - expected).max() < 0.6 / 255


def test_a_part_at_another_rate_as_a_gif_and_back(command, capsys):
    make_film("film.mkv", 20)
    assert main([*command, "film.mkv", "-o", "out.gif", "--start", "0:00.2", "--end", "0.6", "--fps", "10"]) == 0
    with Image.open("out.gif") as gif:
        assert gif.n_frames == 4
        assert gif.info["duration"] == 100
    assert main([*command, "out.gif", "-o", "out.webp", "-q"]) == 0
    with Image.open("out.webp") as webp:
        assert webp.n_frames == 4
    assert main([*command, "out.gif", "-o", "stills", "-q"]) == 0
    assert sorted(os.listdir("stills")) == [*(f"00000{number}.png" for number in range(1, 5)), "film.json"]
    assert main([*command, "stills", "-o", "again.mp4", "--fps", "5", "-q"]) == 0
    assert times("again.mp4") == [Fraction(number, 5) for number in range(4)]
    capsys.readouterr()
    assert main([*command, "out.gif", "-o", "first.png"]) == 0
    assert "animated, its first frame is used" in capsys.readouterr().err


def test_pictures_as_a_shell_names_them(command, capsys):
    names = [f"{number}.png" for number in (1, 2, 10)]
    for number, name in enumerate(names):
        Image.fromarray(picture(number)).save(name)
    assert main([*command, *names, "-o", "out.mkv", "--codec", "ffv1", "--fps", "4"]) == 0
    assert main([*command, "[0-9]*.png", "-o", "same.mkv", "--codec", "ffv1", "--fps", "4", "-q"]) == 0
    assert times("out.mkv") == [0, Fraction(1, 4), Fraction(1, 2)]
    assert all((a == b).all() for a, b in zip(decoded("out.mkv"), decoded("same.mkv"), strict=True))
    assert json.loads(Path("out.mkv.json").read_text())["inputs"]["film"]["path"] == "1.png and 2 more"


def test_names_itself_and_replaces_its_own_only(command, capsys):
    make_film("film.mp4", 2, codec="libx264", pixels="yuv420p")
    assert main([*command, "film.mp4", "-q"]) == 0
    assert main([*command, "film.mp4", "-q", "--strength", "0.5"]) == 0
    assert sorted(os.listdir()) == ["film-dots.mp4", "film-dots.mp4.json", "film.mp4"]
    Path("other.mp4").write_bytes(b"precious")
    for out, words in [("other.mp4", "is a file that jaxstyle did not make"), ("film.mp4", "is one of the input pictures")]:
        assert main([*command, "film.mp4", "-o", out]) == 2
        assert f"`--out` (='{out}') {words}" in capsys.readouterr().err
    os.mkdir("shots")
    Image.fromarray(picture(0)).save("shots/000001.png")
    assert main([*command, "film.mp4", "-o", "shots"]) == 2
    assert Path("other.mp4").read_bytes() == b"precious"
    assert os.listdir("shots") == ["000001.png"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["none.mp4"], "`film` (='none.mp4') does not exist"),
        (["photo.png", "-o", "out.mp4"], "`film` (='photo.png') is one picture and no film; give --out the name of a picture"),
        (["film.mkv", "photo.png", "-o", "out"], "`pictures` (='film.mkv') is a film, and one film is painted at a time"),
        (["film.mkv", "-o", "out.png"], "`--out` (='out.png') has the unknown suffix '.png'; films: .mp4,"),
        (["film.mkv", "--start", "soon"], "`--start` (='soon') is not a time"),
        (["film.mkv", "--start", "0:09"], "`--start` (='0:09') is not before the end of the film, 0:00.1"),
        (["film.mkv", "--fps", "0"], "`--fps` (='0') must be more than 0"),
        (["film.mkv", "--codec", "divx"], "`--codec` (='divx') is unknown"),
        (["film.mkv", "--size", "9"], "`--size` (='9') must be at least 16"),
        (["film.mkv", "--style", "film.mkv"], "`--style` (='film.mkv') is unknown"),
        (["film.mkv", "-o", "nowhere/out.mp4"], "`--out` (='nowhere/out.mp4') cannot be written: '"),
        (["photo.png", "--fps", "5"], "`--fps` (='5') is for films, and no film is made; leave it out"),
        (["photo.png", "--resume"], "`--resume` is for films"),
        (["film.mkv", "--direction", "b2a"], "`--direction` (='b2a') is of domain networks"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(command, arguments, line, capsys):
    make_film("film.mkv", 3)
    Image.fromarray(picture(0)).save("photo.png")
    assert main([*command, *arguments]) == 2
    printed = capsys.readouterr().err
    assert len(printed.splitlines()) == 1
    assert line in printed
    assert sorted(os.listdir()) == ["film.mkv", "photo.png"]


def test_a_film_is_no_picture(small_network, capsys):
    make_film("film.mkv", 1)
    Image.fromarray(picture(0)).save("photo.png")
    for pictures, remedy in (
        (["film.mkv", "photo.png"], "jaxstyle video FILM STYLE paints one"),
        (["photo.png", "film.mkv"], "save"),
    ):
        assert main(["stylize", *pictures]) == 2
        assert f"is a film, and a picture is wanted; {remedy}" in capsys.readouterr().err


def test_odd_sides_and_sound_are_told_once(command, capsys):
    make_film("film.mkv", [picture(number, 33, 25) for number in range(3)], sound="aac")
    assert main([*command, "film.mkv", "-o", "out.mp4"]) == 0
    printed = capsys.readouterr().err
    assert printed.count("note: the film gets 32x24, one column and row less: h264 needs even sides") == 1
    assert main([*command, "film.mkv", "-o", "out.gif"]) == 0
    assert "note: the sound is left out: .gif has none" in capsys.readouterr().err


def test_ctrl_c_closes_the_film_and_resume_ends_it(command, monkeypatch, capsys):
    make_film("film.mkv", 8, sound="aac")
    assert main([*command, "film.mkv", "-o", "whole.mkv", "--codec", "ffv1", "-q"]) == 0
    paint, calls = painting_of_frames.rendered_all, []

    def counted(*args):
        calls.append(args)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return paint(*args)

    monkeypatch.setattr(painting_of_frames, "rendered_all", counted)
    assert main([*command, "film.mkv", "-o", "out.mkv", "--codec", "ffv1"]) == 130
    assert "out.mkv 3 frames of 8; the same command with --resume goes on" in capsys.readouterr().err
    assert len(decoded("out.mkv")) == 3
    assert json.loads(Path("out.mkv.json").read_text())["is_whole"] is False
    assert main([*command, "film.mkv", "-o", "out.mkv", "--codec", "ffv1", "--resume"]) == 0
    assert len(calls) == 8
    assert "note: 3 frames are there already" in capsys.readouterr().err
    pairs = list(zip(decoded("out.mkv"), decoded("whole.mkv"), strict=True))
    assert len(pairs) == 8
    assert all((a == b).all() for a, b in pairs)
    assert sound("out.mkv") == sound("whole.mkv")
    assert not [name for name in os.listdir() if "part" in name]
    assert main([*command, "film.mkv", "-o", "new.mkv", "--resume"]) == 0
    assert "note: there is nothing to go on with beside new.mkv, so the film begins anew" in capsys.readouterr().err


def test_resume_with_another_style_names_it(command, monkeypatch, capsys):
    make_film("film.mkv", 4)

    def stopped(*args):
        signal.raise_signal(signal.SIGINT)
        return painting.rendered_all(*args)

    with monkeypatch.context() as patched:
        patched.setattr(painting_of_frames, "rendered_all", stopped)
        assert main([*command, "film.mkv", "-o", "out.mkv"]) == 130
    capsys.readouterr()
    assert os.path.exists(".out.mkv.part-1.mp4")
    assert main([*command[:-1], "dashes", "film.mkv", "-o", "out.mkv", "--resume"]) == 2
    words = "`--resume` (='out.mkv') has begun otherwise, with style 'dots' and not 'dashes'; give the same options"
    assert words in capsys.readouterr().err
    assert main([*command, "film.mkv", "-o", "out.mkv"]) == 2
    words = "`--out` (='out.mkv') is begun (frames painted: 1); go on with --resume, or remove .out.mkv.part to begin anew"
    assert words in capsys.readouterr().err
    os.remove(".out.mkv.part")
    assert main([*command, "film.mkv", "-o", "out.mkv"]) == 0
    assert len(decoded("out.mkv")) == 4
    assert not [name for name in os.listdir() if "part" in name]


@pytest.mark.slow
def test_a_killed_process_loses_the_frame_in_hand(command):
    make_film("film.mkv", [picture(number, 160, 120) for number in range(60)])
    whole = [sys.executable, "-m", "jaxstyle", *command, "film.mkv", "--codec", "ffv1", "-o"]
    subprocess.run([*whole, "whole.mkv"], check=True, capture_output=True)
    process = subprocess.Popen([*whole, "out.mkv"], stderr=subprocess.DEVNULL)
    part = Path(".out.mkv.part-1.mp4")
    while not (part.exists() and part.stat().st_size > 200_000):
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert 1 < len(decoded(part)) < 60
    done = subprocess.run([*whole, "out.mkv", "--resume"], check=True, capture_output=True, text=True)
    assert "frames are there already" in done.stderr
    pairs = list(zip(decoded("out.mkv"), decoded("whole.mkv"), strict=True))
    assert len(pairs) == 60
    assert all((a == b).all() for a, b in pairs)


def test_a_frame_that_repeats_is_painted_once(tiny_styles, monkeypatch):
    from jaxstyle.films.film import Frame
    from jaxstyle.pictures.read import Picture

    pictures = [Picture(picture(number)) for number in range(5)]
    given = [Frame(pictures[k], number, 1) for number, k in enumerate([0, 0, 1, 2, 2, 2, 3, 4])]
    manner, asked = manner_of(tiny_styles, "dots", 0.5), []
    paint = painting.rendered_all

    def counted(manner, sources, *how):
        asked.append(len(sources))
        return paint(manner, sources, *how)

    monkeypatch.setattr(painting_of_frames, "rendered_all", counted)
    alone = list(painting_of_frames.FramePainter(manner, 1, False, None)(iter(given)))
    assert asked == [1, 1, 1, 1, 1]
    asked.clear()
    together = list(painting_of_frames.FramePainter(manner, 2, False, "lab")(iter(given)))
    assert asked == [2, 2, 1]
    plain = list(painting_of_frames.FramePainter(manner, 2, False, None)(iter(given)))
    for one, other, (frame, _) in zip(alone, plain, together, strict=True):
        assert one[0] == other[0] == frame
        assert np.abs(one[1] - other[1]).max() < 1e-5
        expected = apply_style(frame.picture.rgb, tiny_styles, style="dots", strength=0.5).image
        assert np.abs(one[1] - expected).max() < 1e-5


def test_how_many_frames_at_once(monkeypatch):
    assert painting_of_frames.members(640, 360) == 1  # tests run on a CPU
    monkeypatch.setattr(painting_of_frames.jax, "local_devices", lambda: [type("Device", (), {"platform": "gpu"})])
    assert [painting_of_frames.members(*size) for size in [(640, 360), (1920, 1080), (8192, 4320)]] == [8, 4, 1]


def test_without_the_extra(command, monkeypatch, capsys):
    make_film("film.mkv", 1)
    monkeypatch.setitem(sys.modules, "av", None)
    assert main([*command, "film.mkv"]) == 2
    line = "needs PyAV, which reads and writes films; run pip install 'jaxstyle[video]'"
    printed = capsys.readouterr().err
    assert line in printed
    assert len(printed.splitlines()) == 1
