"""`jaxstyle apply` end to end: one picture, several, folders, what goes wrong, the list of styles."""

import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxstyle.cli import apply
from jaxstyle.cli.main import main
from jaxstyle.pictures.ours import is_ours
from jaxstyle.styles.apply import apply_style

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.fixture
def command(styles_file):
    return ["apply", "--network", str(styles_file), "--style", "dots"]


def picture(path, seed=0, size=(20, 16), mode="RGB"):
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, len(mode)), dtype=np.uint8)
    Image.fromarray(small).resize(size).save(path)
    return str(path)


def opened(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_beginning_of_a_name_gives_a_picture_with_all_of_it(command, capsys):
    assert main([*command[:-1], "DA", picture("photo.png")]) == 0
    assert capsys.readouterr().err.startswith("photo-dashes.png 20x16, dashes: ")


def test_one_picture(command, tiny_styles, capsys):
    assert main([*command, picture("photo.png"), "-o", "out.png"]) == 0
    assert sorted(os.listdir()) == ["out.png", "out.png.json", "photo.png"]
    expected = apply_style("photo.png", tiny_styles, style="dots").image
    assert np.abs(opened("out.png") / 255 - expected).max() < 0.6 / 255
    assert json.loads(Path("out.png.json").read_text())["command"].endswith("photo.png -o out.png")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("out.png 20x16, dots: ")
    assert main([*command, "photo.png", "-o", "out.png", "-q", "--strength", "0.5", "--size", "16x16"]) == 0
    assert capsys.readouterr().err == ""
    assert opened("out.png").shape == (16, 16, 3)


def test_the_photographs_colours(command, capsys):
    assert main([*command, picture("photo.png"), "-o", "out.png", "--color-space", "yuv", "-q"]) == 0
    assert json.loads(Path("out.png.json").read_text())["config"]["color_space"] == "yuv"
    assert main([*command, "photo.png", "--color-space", "rgb"]) == 2
    assert "`--color-space` (='rgb') is unknown" in capsys.readouterr().err


def test_names_itself_and_keeps_transparency(command):
    assert main([*command, picture("a photo.png", mode="RGBA"), "--style", "dots+dashes"]) == 0
    assert opened("a photo-dots+dashes.png").shape == (16, 20, 4)


def test_several_and_a_broken_one(command, capsys):
    picture("a.png", 1), picture("b.png", 2)
    Path("text.jpg").write_text("no picture"), Path("empty.png").touch()
    assert main([*command, "a.png", "text.jpg", "empty.png", "b.png", "-o", "out"]) == 1
    assert sorted(os.listdir("out")) == [f"{name}-dots.png{end}" for name in "ab" for end in ("", ".json")]
    printed = capsys.readouterr().err
    for name in ("text.jpg", "empty.png"):
        assert f"jaxstyle: error: `picture` (='{name}')" in printed
    assert printed.splitlines()[-1] == "out: 2 of 4 pictures"
    assert main([*command, "text.jpg", "empty.png", "-o", "out"]) == 2


def test_a_folder_and_a_copy(command, capsys):
    os.mkdir("photos")
    for i, seed in enumerate([1, 2, 1]):
        picture(f"photos/{i}.png", seed)
    Path("photos/notes.txt").write_text("x")
    assert main([*command, "photos"]) == 0
    assert sorted(os.listdir("apply")) == [f"{i}-dots.png{end}" for i in (0, 1) for end in ("", ".json")]
    assert "made once, since they are the same picture: 'photos/0.png' and 'photos/2.png'" in capsys.readouterr().err
    assert main([*command, "photos/*.png", "-o", "apply", "-q"]) == 0
    assert len(os.listdir("apply")) == 4


def test_nothing_of_others_is_replaced(command):
    for folder in ("one", "two", "out"):
        os.mkdir(folder)
    picture("one/a.png", 1), picture("two/a.png", 2), picture("out/a-dots.png", 3)
    before = Path("out/a-dots.png").read_bytes()
    assert main([*command, "one/a.png", "two/a.png", "-o", "out", "-q"]) == 0
    assert Path("out/a-dots.png").read_bytes() == before
    assert [is_ours(f"out/a-dots{number}.png") for number in ("", "-2", "-3")] == [False, True, True]
    assert main([*command, "one/a.png", "-o", "out/a-dots.png"]) == 2
    assert main([*command, "one/a.png", "-o", "one/a.png"]) == 2
    assert Path("out/a-dots.png").read_bytes() == before


def test_ctrl_c_ends_after_the_picture_in_hand(command, monkeypatch):
    def paint(*args, **how):
        signal.raise_signal(signal.SIGINT)
        return apply_style(*args, **how)

    monkeypatch.setattr(apply, "apply_style", paint)
    assert main([*command, picture("a.png", 1), picture("b.png", 2), "-o", "out", "-q"]) == 130
    assert sorted(os.listdir("out")) == ["a-dots.png", "a-dots.png.json"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "`pictures` is missing"),
        (["a.png", "--style", "dost"], "`--style` (='dost') is unknown; did you mean 'dots'?"),
        (["a.png", "--style", "frost"], "but of 'styles26'; add --network styles26"),
        (["a.png", "b.png", "--strength", "2"], "`--strength` (=2.0) must be a number from 0 to 1"),
        (["a.png", "--strength", "half"], "`--strength` (='half') is not a number"),
        (["a.png", "b.png", "--size", "9"], "`--size` (='9') must be at least 16"),
        (["a.png", "--memory", "much"], "`--memory` (='much') is unknown"),
        (["nothing.png"], "`picture` (='nothing.png') does not exist"),
        (["a.png", "-o", "out.bmp"], "`--out` (='out.bmp')"),
        (["a.png", "b.png", "-o", "a.png"], "`--out` (='a.png') cannot be made a folder"),
        (["a.png", "--network", "a.png"], "`--network` (='a.png') is damaged or no safetensors file"),
        (["a.png", "--network", "styels"], "`--network` (='styels') is unknown; did you mean 'styles'?"),
        (["a.png", "--styel", "x"], "`argument` (='--styel') is unknown; did you mean '--style'?"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(command, arguments, line, capsys):
    picture("a.png", 1), picture("b.png", 2)
    assert main([*command, *arguments]) == 2
    printed = capsys.readouterr().err
    assert len(printed.splitlines()) == 1
    assert line in printed
    assert sorted(os.listdir()) == ["a.png", "b.png"]


def test_a_style_must_be_named(styles_file, capsys):
    assert main(["apply", "--network", str(styles_file), picture("a.png")]) == 2
    assert capsys.readouterr().err == "jaxstyle: error: `--style` is missing; give one of dots, dashes\n"


def test_the_list(styles_file, monkeypatch, capsys):
    monkeypatch.setattr(apply, "BUNDLED", (str(styles_file),))
    assert main(["apply", "--list", "-o", "styles.png"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["     0  dots", "     1  dashes"]
    sheet = opened("styles.png")
    assert (sheet == (250, 10, 20)).all(-1).sum() == apply.SHOWN**2  # the thumbnail
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 1000  # and a sample, painted
    assert is_ours("styles.png")
