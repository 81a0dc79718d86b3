"""`jaxstyle video`, end to end: the film, its record, its page, stops, and what is refused."""

import json
import os
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from film_files import decoded, make_film, picture, sound, times
from PIL import Image

from jaxstyle.cli.main import main
from jaxstyle.cli.places import SAMPLES
from jaxstyle.video import carrying
from jaxstyle.video.painter import FilmPainter

pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")
STYLE = str(SAMPLES / "swirls.jpg")
FAST = ["--evaluations", "12"]


@pytest.fixture(autouse=True)
def _still(monkeypatch):
    """The camera stands still."""
    monkeypatch.setattr(carrying, "flows", lambda frame, before: (jnp.zeros((*frame.shape[:2], 2)),) * 2)


def video(*arguments):
    return main(["video", "film.mkv", STYLE, *FAST, *arguments])


@pytest.mark.slow
def test_a_film_its_record_and_its_page(capsys):
    make_film("film.mkv", times=[0, 1, 3, 4], frames=4, sound="aac")
    assert video("-o", "out.mkv", "--codec", "ffv1", "--report", "--save-every", "2", "--steady", "0.3") == 0
    frames = decoded("out.mkv")
    assert [frame.shape for frame in frames] == [(24, 32, 3)] * 4
    assert times("out.mkv") == times("film.mkv")
    assert sound("out.mkv") == sound("film.mkv")
    for number, frame in enumerate(frames):
        assert np.abs(frame.astype(int) - picture(number)).mean() > 3
    record = json.loads(Path("out.mkv.json").read_text())
    assert record["schema"] == "jaxstyle-run-film-1"
    assert (record["frames"], record["evaluations"], record["scenes"], record["painted_from"]) == (4, 12 + 3 * 2, [1], 1)
    assert record["config"]["steady"] == 0.3
    assert record["steadiness"]["warping_error"] > 0
    assert record["inputs"]["styles"][0]["path"] == STYLE
    for number in (2, 4):
        with Image.open(f"out-{number:05d}.png") as still:
            assert np.array_equal(np.asarray(still.convert("RGB")), frames[number - 1])
    page = Path("out.mkv.html").read_text()
    assert '<video src="out.mkv"' in page
    assert page.count("<figure>") == 4
    assert sorted(os.listdir()) == ["film.mkv", "out-00002.png", "out-00004.png", "out.mkv", "out.mkv.html", "out.mkv.json"]
    assert capsys.readouterr().err.splitlines()[-1].startswith("out.mkv 4 frames, 32x24, swirls: ")


@pytest.mark.parametrize(("out", "more"), [("out.mkv", ["--codec", "ffv1"]), ("shots", [])])
def test_a_killed_film_goes_on_bit_for_bit(out, more, monkeypatch):
    make_film("film.mkv", 5)
    assert video("-o", f"whole{Path(out).suffix}", *more) == 0
    paint, done = FilmPainter.paint, []

    def killed(painter, frame):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(1)
        return paint(painter, frame)

    with monkeypatch.context() as patch:
        patch.setattr(FilmPainter, "paint", killed)
        assert video("-o", out, *more) == 130
    assert video("-o", out, *more) == 2  # what is begun is gone on with, or left
    assert video("-o", out, *more, "--resume", "--steady", "0.9") == 2
    assert video("-o", out, *more, "--resume") == 0
    record = json.loads((Path("shots/film.json") if out == "shots" else Path("out.mkv.json")).read_text())
    assert (record["frames"], record["painted_from"], record["scenes"]) == (5, 4, [])
    if out == "shots":
        for number in range(1, 6):
            name = f"{number:06d}.png"
            assert np.array_equal(*(np.asarray(Image.open(Path(folder, name))) for folder in ("whole", "shots")))
    else:
        assert all(map(np.array_equal, decoded(out), decoded("whole.mkv")))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--steady", "2"], "--steady (=2) must be a number from 0 to 1"),
        (["--steady", "a lot"], "--steady (='a lot') is not a number"),
        (["--colors", "style-only"], "--colors (='style-only') paints nothing"),
        (["--color-space", "lab"], "--color-space (='lab') is for pictures"),
        (["--devices", "2"], "--devices (=2) is for pictures"),
        (["-o", "out.jpg"], "--out (='out.jpg') has the unknown suffix '.jpg'"),
        (["--save-every", "0"], "--save-every"),
        (["--start", "5"], "--start"),
    ],
)
def test_what_is_refused(arguments, words, capsys):
    make_film("film.mkv", 2)
    assert video(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("jaxstyle: error: ")
    assert error.count("\n") == 1
    assert words in error.replace("`", "")
    assert os.listdir() == ["film.mkv"]


def test_what_a_film_will_take(capsys):
    make_film("film.mkv", 9)
    assert main(["estimate", "film.mkv", STYLE, *FAST, "--end", "0.2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "size", "memory", "compiling", "first frame", "each later one 2.0 s"[:14], "5"
    ]  # fmt: skip
    assert "12 evaluations" in lines[3]
    assert "2 evaluations" in lines[4]
    assert main(["estimate", STYLE, STYLE, "--end", "0.2"]) == 2
