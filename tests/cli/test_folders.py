"""Folders, patterns and what is shown while they are read, on the command line; pictures of phones and cameras end to end."""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxstyle.cli.display import Display
from jaxstyle.cli.main import main
from jaxstyle.plans.library import Library

TINY = ["--size", "32", "--evaluations", "2"]
MANY = [*TINY, "--batch-size", "1"]  # one program for all

pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")


def save(*paths, size=(40, 32)):
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        small = np.random.default_rng(list(path.encode())).integers(0, 255, (6, 6, 3), dtype=np.uint8)
        Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(path)


def look(path):
    """(mode, size) of a picture file."""
    with Image.open(path) as image:
        return image.mode, image.size


def made(folder):
    return sorted(path.name for path in Path(folder).glob("*-*.png"))


def test_a_folder_of_photographs_and_one_of_paintings(capsys):
    save("photos/IMG_10.JPG", "photos/IMG_9.jpg", "photos/deeper/no.png", "art/a.webp", "art/B.PNG")
    Path("photos/notes.txt").write_text("mine")
    assert main(["batch", "photos", "--styles", "art", "-o", "photos/out", *MANY]) == 0
    assert made("photos/out") == ["IMG_10-B.png", "IMG_10-a.png", "IMG_9-B.png", "IMG_9-a.png"]
    printed = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in printed[:2]] == ["photos/out/IMG_9-a.png", "photos/out/IMG_9-B.png"]
    before = made("photos/out")
    assert main(["batch", "photos", "--styles", "art/*.PNG", "art/*.webp", "-o", "photos/out", "--resume", *MANY]) == 0
    assert made("photos/out") == before
    assert "4 of 4 pictures, 4 of them from before" in capsys.readouterr().err


def test_results_do_not_become_photographs():
    save("1.png", "2.png", "style/s.png")
    command = ["batch", ".", "--styles", "style", "-o", ".", "-q", *MANY]
    assert main(command) == 0
    assert made(".") == ["1-s.png", "2-s.png"]
    os.remove("sheet.png")
    assert main(command) == 0
    assert made(".") == ["1-s.png", "2-s.png"]


def test_a_pattern_and_a_blend():
    save("p/1.png", "p/2.png", "s+1.png", "t.png")
    assert main(["batch", "p/?.png", "--styles", "s+?.png", "t.png+p", "-o", "out", "-q", *MANY]) == 0
    assert made("out") == [f"{content}-{style}.png" for content in "12" for style in ("s+1", "t+1+2")]
    assert main(["batch", "t.png", "--styles", "p", "--interpolate", "3", "-o", "row", "-q", *MANY]) == 0
    assert made("row") == [f"t-1+2-blend={share}.png" for share in ("0,1", "0.5,0.5", "1,0")]


def test_a_folder_of_styles_is_blended_by_stylize_and_sweep():
    save("photo.png", "art/one.png", "art/two.png")
    assert main(["stylize", "photo.png", "art", "-q", *TINY]) == 0
    assert Path("photo-one.png").exists()
    assert main(["sweep", "photo.png", "art/*.png", "--vary", "init=content,style", "-q", *MANY]) == 0
    assert made("sweep") == ["photo-one+two-init=content.png", "photo-one+two-init=style.png"]
    assert main(["estimate", "photo.png", "art", *TINY]) == 0


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["batch", "empty", "--styles", "s.png"], "`contents` (='empty') holds no picture"),
        (["batch", "s.png", "--styles", "*.tif"], "`--styles` (='*.tif') matches no picture"),
        (["stylize", "s.png", "empty"], "`style` (='empty') holds no picture"),
        (["stylize", "art", "s.png"], "`content` (='art') is a folder"),
        (["stylize", "s.png", "s.png", "--init", "./art"], "`--init` (='./art') is a folder"),
        (["stylize", "s.png", "s.png", "--size", "contents"], "`--size` (='contents') is not a size"),
    ],
)
def test_what_is_no_picture_is_one_line(capsys, command, line):
    save("s.png", "art/1.png")
    Path("empty").mkdir()
    assert main([*command, "-o", "out.png"] if command[0] == "stylize" else command) == 2
    printed = capsys.readouterr().err
    assert line in printed
    assert len(printed.splitlines()) == 1


def test_what_is_read_is_shown_on_a_terminal(monkeypatch):
    """The bar is there before the first picture is read, and names each one."""
    save(*(f"photos/[b]{i}.png" for i in range(3)), "s.png")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    shown, fitted = [], Library.fitted

    def watch(library, source, *rest):
        picture = fitted(library, source, *rest)
        if bar := next((bar for bar in bars if bar.is_shown and bar._bar.live.is_started), None):
            task = bar._bar.tasks[0]
            shown.append((task.completed, task.total, task.description))
        return picture

    bars, start = [], Display.__init__
    monkeypatch.setattr(Display, "__init__", lambda self, *given: bars.append(self) or start(self, *given))
    monkeypatch.setattr(Library, "fitted", watch)
    assert main(["batch", "photos", "--styles", "s.png", "-o", "out", *MANY]) == 0
    assert shown[0][:2] == (1, 4)
    assert (4, 4) in [each[:2] for each in shown]
    assert {text.replace("\\", "") for _, _, text in shown} >= {"reading [b]0.png", "reading s.png", "reading [b]2.png"}


def test_a_log_tells_of_many_pictures_from_the_first_one_on(capsys, monkeypatch):
    times = iter(range(5, 1000, 4))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(times)))
    for quiet, many, lines in ((False, 9, [1, 4, 7]), (False, 8, []), (True, 9, [])):
        display = Display(many, quiet)
        for number in range(many):
            display.reading(f"{number}.png")
        assert capsys.readouterr().err.splitlines() == [f"reading picture {line} of 9" for line in lines]


def test_a_log_tells_of_a_long_run_every_half_minute(capsys, monkeypatch):
    times = iter(range(100, 1000, 20))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(times)))
    for quiet in (False, True):
        display = Display(None, quiet)
        for evaluation in range(1, 7):
            display.update(evaluation, f"loss {evaluation}", 20.0 * evaluation, 60)
        # The clock is asked from 40 seconds on, once before a line and once after it.
        lines = ["2 of 60: loss 2; 19:20 min left", "4 of 60: loss 4; 18:40 min left", "6 of 60: loss 6; 18:00 min left"]
        assert capsys.readouterr().err.splitlines() == ([] if quiet else lines)


def test_transparency_in_batches_and_on_the_way():
    image = Image.new("RGB", (40, 32), (200, 90, 30))
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save("a.png")
    save("s.png", "b.png")
    assert main(["batch", "a.png", "b.png", "--styles", "s.png", "-o", "out", "-q", *MANY]) == 0
    assert [look(f"out/{name}-s.png")[0] for name in "ab"] == ["RGBA", "RGB"]
    for suffix, mode in (("webp", "RGBA"), ("jpg", "RGB")):
        assert main(["stylize", "a.png", "s.png", "-o", f"x.{suffix}", "--save-every", "1", "-q", *TINY]) == 0
        names = [f"x.{suffix}", f"x-00001.{suffix}", f"x-00002.{suffix}"]
        assert [look(name) for name in names] == [(mode, (32, 25))] * 3


def test_a_cut_file_and_a_cameras_colours_are_told(capsys):
    exif = Image.Exif()
    exif._ifds[0x8769] = {0xA001: 65535, 0xA005: {1: "R03"}}
    Image.new("RGB", (32, 25), (60, 200, 60)).save("camera.jpg", exif=exif)
    save("s.png", size=(32, 25))
    Path("cut.png").write_bytes(Path("s.png").read_bytes()[:-7])
    assert main(["stylize", "camera.jpg", "cut.png", "-o", "x.png", "--evaluations", "1"]) == 0
    printed = capsys.readouterr().err
    assert "note: content camera.jpg is in Adobe RGB by its EXIF and has been converted to sRGB" in printed
    assert "note: style cut.png: the end of the file is missing, but all of the picture is there" in printed
    record = json.loads(next(Path().glob("x*.json")).read_text())
    assert record["config"]["size"] is None
    assert record["size"] == [32, 25]
