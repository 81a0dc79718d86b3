"""What `jaxstyle batch` and `jaxstyle sweep` cannot make: each reason is one line, and the rest is made."""

import os
from pathlib import Path

import numpy as np
import pytest
from conftest import table
from PIL import Image

from jaxstyle.cli.main import main
from jaxstyle.cli.places import SAMPLES

CHELSEA, SWIRLS, GLASS = (str(SAMPLES / f"{name}.jpg") for name in ("chelsea", "swirls", "glass"))
TINY = ["--size", "32", "--evaluations", "2"]

pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")


def test_bad_pictures_are_named_at_once_and_the_rest_is_made(capsys):
    """A bad style as well, each once; with --quiet too."""
    for name in ("a.jpg", "b.webp"):
        Path(name).write_text("no picture")
    os.mkdir("folder.png")
    assert main(["batch", "a.jpg", CHELSEA, "none.png", "--styles", "b.webp", SWIRLS, "folder.png", "*.gif", "-q", *TINY]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    for name in ("a.jpg", "b.webp", "none.png", "folder.png", "*.gif"):
        assert sum(f"(='{name}')" in line and line.startswith("jaxstyle: error: `") for line in lines) == 1
    rows = table("batch")
    assert [bool(row["picture"]) for row in rows] == [(row["content"], row["style"]) == ("chelsea", "swirls") for row in rows]
    assert all("a.jpg" in row["problem"] for row in rows if (row["content"], row["style"]) == ("a", "swirls"))


def errors(capsys):
    lines = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert all(line.startswith("jaxstyle: error: ") for line in lines)
    return [line.removeprefix("jaxstyle: error: ") for line in lines]


def test_impossible_settings_are_named_at_once_and_the_rest_is_made(capsys):
    """One line for each reason, with the pictures that it stops."""
    varied = ["--vary", "scales=1,9", "--vary", "stroke=1,0.001", "--vary", "init=content,none.png"]
    assert main(["sweep", CHELSEA, SWIRLS, *varied, *TINY]) == 1
    init, stroke, scales = errors(capsys)
    assert stroke.startswith("chelsea, 1, 0.001, swirls: `--stroke` (=0.001) makes styles of 0 pixels")
    assert init.startswith("chelsea, 1, 1, none.png, swirls: `--init` (='none.png') does not exist")
    assert scales == "chelsea, 9, swirls: `--scales` (='9') must not be more than the 2 evaluations"
    rows = table("sweep")
    wanted = [(scales, stroke, init) for scales in "19" for stroke in ("1", "0.001") for init in ("content", "none.png")]
    assert [(row["scales"], row["stroke"], row["init"]) for row in rows] == wanted
    assert [bool(row["picture"]) for row in rows] == [True, *[False] * 7]
    assert all("`scales`" in row["problem"] for row in rows[4:])


def test_where_every_setting_is_impossible_each_is_named_and_nothing_is_written(capsys):
    assert main(["sweep", CHELSEA, SWIRLS, "--vary", "scales=8,9", "--vary", "style-weight=1,2", *TINY]) == 2
    assert errors(capsys) == ["`--scales` (='8', '9') must not be more than the 2 evaluations"]
    assert main(["sweep", CHELSEA, SWIRLS, "--vary", "scales=8,9,1", "--vary", "solver=adma,adm", *TINY]) == 2
    scales, solver = errors(capsys)
    names = "chelsea, 8, adma, swirls; chelsea, 8, adm, swirls; chelsea, 9, adma, swirls; chelsea, 9, adm, swirls"
    assert scales.startswith(f"{names}: `--scales` (='8', '9') must")
    assert solver.startswith("chelsea, 1, swirls: `--solver` (='adma', 'adm') is unknown")
    assert os.listdir() == []


@pytest.mark.slow
def test_a_region_that_is_none_fails_alone(capsys):
    Image.new("L", (32, 21)).save("black.png")
    Image.fromarray(np.uint8([[255, 0]]).repeat(21, 0).repeat(16, 1)).save("half.png")
    region = ["--vary", f"region=half.png={GLASS};x;black.png=keep;half.png=none.png"]
    assert main(["sweep", CHELSEA, SWIRLS, *region, *TINY]) == 1
    names = [line.partition(": `")[0] for line in errors(capsys)]
    assert names == [f"chelsea, {one}, swirls" for one in ("x", "black.png=keep", "half.png=none.png")]
    assert [bool(row["picture"]) for row in table("sweep")] == [True, False, False, False]


def test_a_failed_picture_has_one_line(capsys):
    """A file that is no picture is content, style and mask; a mask has the wrong aspect."""
    Path("bad.png").write_text("no picture")
    Image.new("L", (32, 32), 255).save("square.png")
    for mask, problem in {"square.png": "is a mask of 32x32 pixels, another aspect", "bad.png": "is not a picture"}.items():
        arguments = ["--styles", SWIRLS, "bad.png", "--region", f"{mask}={GLASS}", *TINY]
        assert main(["batch", CHELSEA, "bad.png", *arguments]) == 2
        bad, region = sorted(errors(capsys))
        assert bad.startswith(("`style` (='bad.png') is not a picture", "`content` (='bad.png') is not a picture"))
        assert region.startswith(f"chelsea, swirls: `--region` (='{mask}') {problem}")


def test_where_no_picture_is_left_to_make_nothing_is_written(capsys):
    Path("a.jpg").write_text("no picture")
    Path("b.jpg").touch()
    assert main(["batch", "a.jpg", "b.jpg", "--styles", SWIRLS, *TINY]) == 2
    assert [name in line for name, line in zip(("a.jpg", "b.jpg"), capsys.readouterr().err.splitlines(), strict=True)]
    assert sorted(os.listdir()) == ["a.jpg", "b.jpg"]
