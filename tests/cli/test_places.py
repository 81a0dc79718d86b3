"""Where results go and what they may replace: pictures of one name, cut ones, home folders, names of files for folders."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import table
from PIL import Image

import jaxstyle
from jaxstyle.cli.main import main
from jaxstyle.pictures import ours
from jaxstyle.pictures.ours import read_record

pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")
TINY = ["--size", "32", "--evaluations", "2"]
INSTANT = ["--size", "32", "--colors", "style-only"]


@pytest.fixture
def apply(styles_file):
    return ["apply", "--network", str(styles_file), "--style", "dots"]


def picture(path, seed=0):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    Image.fromarray(small).resize((40, 32)).save(path)
    return str(path)


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def pngs(folder="."):
    return sorted(path.name for path in Path(folder).glob("*.png"))


# ---- cameras give a name to many pictures


def test_apply_leaves_the_results_of_other_photographs(apply, capsys):
    for seed, folder in enumerate("ab"):
        picture(f"{folder}/IMG_1.png", seed)
        assert main([*apply, folder, "-o", "out"]) == 0
    first, second = pixels("out/IMG_1-dots.png"), pixels("out/IMG_1-dots-2.png")
    assert (first != second).any()
    assert "note: out/IMG_1-dots.png is another picture, and stays" in capsys.readouterr().err
    for folder in "ab":  # each finds its own again
        assert main([*apply, folder, "-o", "out", "--strength", "0.5"]) == 0
    assert pngs("out") == ["IMG_1-dots-2.png", "IMG_1-dots.png"]
    assert (pixels("out/IMG_1-dots.png") != first).any(), "other settings of the same photograph"
    assert (pixels("out/IMG_1-dots-2.png") != second).any()


def test_a_name_that_nobody_gave_replaces_no_other_picture(apply, capsys):
    picture("a/IMG_1.png", 1), picture("b/IMG_1.png", 2), picture("s.png", 3)
    for command in (apply, ["stylize"]):
        styles, more = ([], []) if command is apply else (["s.png"], INSTANT)
        for folder in "aba":
            assert main([*command, f"{folder}/IMG_1.png", *styles, *more]) == 0
    assert "is another picture, and stays" in capsys.readouterr().err
    assert pngs() == ["IMG_1-dots-2.png", "IMG_1-dots.png", "IMG_1-s-2.png", "IMG_1-s.png", "s.png"]
    assert read_record("IMG_1-s-2.png")["inputs"]["content"]["path"] == "b/IMG_1.png"


def test_a_batch_leaves_the_results_of_other_photographs_and_styles(capsys):
    for seed, name in enumerate(("a/IMG_1.png", "b/IMG_1.png", "a/s.png", "b/s.png")):
        picture(name, seed)
    arguments = [*INSTANT, "-o", "out"]
    assert main(["batch", "a/IMG_1.png", "--styles", "a/s.png", *arguments]) == 0
    before = Path("out/IMG_1-s.png").read_bytes()
    capsys.readouterr()
    assert main(["batch", "b/IMG_1.png", "--styles", "a/s.png", *arguments]) == 0
    assert main(["sweep", "a/IMG_1.png", "b/s.png", "--vary", "color-match=mk", *arguments]) == 0
    assert Path("out/IMG_1-s.png").read_bytes() == before
    assert pngs("out") == ["IMG_1-s-2.png", "IMG_1-s-3.png", "IMG_1-s.png", "sheet.png"]
    assert capsys.readouterr().err.count("note: IMG_1-s.png is another picture, and stays; this one is IMG_1-s-") == 2
    assert main(["batch", "a/IMG_1.png", "--styles", "a/s.png", "--color-match", "pca", *arguments]) == 0
    assert len(pngs("out")) == 4, "other settings of the same files"
    assert Path("out/IMG_1-s.png").read_bytes() != before


# ---- pictures that are cut


def cut(path):
    os.truncate(path, Path(path).stat().st_size // 2)


def zeros(path):
    Path(path).write_bytes(bytes(Path(path).stat().st_size))


def empty(path):
    Path(path).write_bytes(b"")


def without_end(path):
    os.truncate(path, Path(path).stat().st_size - 5)


def another_size(path):
    text = ours.comment.read(path)
    Image.new("RGB", (20, 20)).save(path, **ours.comment.options("PNG", text))


def test_resuming_makes_cut_pictures_anew():
    picture("c.png", 1)
    styles = [picture(f"s{number}.png", number) for number in range(6)]
    arguments = ["batch", "c.png", "--styles", *styles, "-o", "out", "-q", *INSTANT]
    assert main(arguments) == 0
    made = sorted(Path("out").glob("c-*.png"))
    wanted = {path: pixels(path) for path in made}
    whole, *broken = made
    times = whole.stat().st_mtime_ns
    for spoil, path in zip((cut, zeros, empty, without_end, another_size), broken, strict=True):
        spoil(path)
    assert ours.is_whole(whole, [32, 25])
    assert not any(ours.is_whole(path, [32, 25]) for path in broken)
    assert main([*arguments, "--resume"]) == 0
    assert whole.stat().st_mtime_ns == times
    assert sorted(Path("out").glob("c-*.png")) == made
    for path in made:
        np.testing.assert_array_equal(pixels(path), wanted[path], err_msg=path.name)
    assert all(row["picture"] for row in table("out"))


def test_a_cut_picture_is_replayed_and_not_gone_on_with(capsys):
    picture("c.png", 1), picture("s.png", 2)
    assert main(["stylize", "c.png", "s.png", "-o", "x.png", "--keep-state", "-q", *TINY]) == 0
    wanted = pixels("x.png")
    cut("x.png")
    assert main(["continue", "x.png", "--evaluations", "2", "-q", "-o", "y.png"]) == 0, "its state is whole"
    os.truncate("x.png.state", 500)
    assert main(["continue", "x.png", "--evaluations", "2"]) == 2
    said = capsys.readouterr().err
    assert "`picture` (='x.png') is cut short or damaged" in said
    assert "jaxstyle replay" in said
    assert main(["replay", "x.png"]) == 1
    assert "x.png: is cut short or damaged; x-replay.png is the picture that it was" in capsys.readouterr().err
    np.testing.assert_array_equal(pixels("x-replay.png"), wanted)


@pytest.mark.parametrize("left", [b"", bytes(3000), b'\x90\1\0\0\0\0\0\0{"__metadata__":{"jaxstyle":"{\\"format'])
@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_a_run_whose_file_is_cut_begins_anew(left, resume, capsys):
    picture("c.png", 1), picture("s.png", 2)
    Path(".x.png.part").write_bytes(left)
    assert main(["stylize", "c.png", "s.png", "-o", "x.png", *resume, *TINY]) == 0
    assert "note: .x.png.part cannot be read, so the run began anew" in capsys.readouterr().err
    assert not Path(".x.png.part").exists()


# ---- home folders, and names of files for folders


@pytest.fixture
def home(monkeypatch):
    os.mkdir("home")
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, os.path.abspath("home"))
    for seed, name in enumerate(("c.png", "s.png", "mask.png")):
        picture(f"home/{name}", seed)
    white = np.zeros((32, 40), np.uint8)
    white[:, :20] = 255
    Image.fromarray(white).save("home/mask.png")


@pytest.mark.slow
def test_a_tilde_is_the_home_folder_in_every_command(home, apply):
    pair = ["~/c.png", "~/s.png"]
    more = ["--init", "~/c.png", "--region", "~/mask.png=keep"]
    for arguments in (
        ["stylize", *pair, "-o", "~/one.png", "--keep-state", "--save-every", "1", *more, *TINY],
        ["stylize", "~/c*.png", "~/s*.png", "-o", "~/two.png", *INSTANT],
        ["continue", "~/one.png", "--evaluations", "1", "-o", "~/three.png"],
        ["replay", "~/two.png", "-o", "~/four.png"],
        ["batch", "~/[c].png", "--styles", "~/s.png", "~/s.png+~/c.png", "-o", "~/batch", *INSTANT],
        ["sweep", "~/c*.png", "~/s.png", "--vary", "color-match=mk,pca", "--out=~/sweep", *INSTANT],
        [*apply, "~/c.png", "-o", "~/five.png"],
        [*apply, "~/c.png", "~/s.png", "-o", "~/painted"],
    ):
        assert main(arguments) == 0, arguments
    assert os.listdir() == ["home"]
    made = {"one.png", "one.png.state", "one-00001.png", "two.png", "three.png", "four.png", "five.png"}
    assert made | {"batch", "sweep", "painted"} <= set(os.listdir("home"))
    record = json.loads(Path("home/one.png.json").read_text())
    assert record["inputs"]["content"]["path"] == os.path.abspath("home/c.png")
    assert len(table("home/batch")) == len(table("home/sweep")) == 2


def test_a_tilde_is_the_home_folder_in_python(home, styles_file):
    how = dict(size=32, evaluations=2)
    given = [("~/mask.png", "keep")], "~/mask.png=keep"
    first, second = (jaxstyle.stylize("~/c.png", "~/s.png", init="~/s.png", regions=regions, **how) for regions in given)
    np.testing.assert_array_equal(first.image, second.image)
    first.save("~/x.png")
    assert len(jaxstyle.stylize_batch("~/?.png", ["~/s.png"], size=32, colors="style-only")) == 2
    jaxstyle.apply_style("~/c.png", styles_file, style="dots").save("~/y.jpg")
    assert {"x.png", "x.png.json", "y.jpg"} <= set(os.listdir("home"))
    assert os.listdir() == ["home"]


@pytest.mark.parametrize("out", ["all.png", "all.JPG", "all.heic", "all.safetensors", "sub/all.jpg"])
def test_several_pictures_go_into_no_file(out, apply, capsys):
    picture("c.png", 1), picture("s.png", 2)
    for arguments in (
        [*apply, "c.png", "s.png"],
        [*apply, "."],
        ["batch", "c.png", "--styles", "s.png", *TINY],
        ["sweep", "c.png", "s.png", "--vary", "seed=1,2", "--init", "noise", *TINY],
    ):
        assert main([*arguments, "-o", out]) == 2
        said = capsys.readouterr().err
        assert f"`--out` (='{out}') cannot be made a folder: it is the name of a {Path(out).suffix} file" in said
    assert sorted(os.listdir()) == ["c.png", "s.png"]
    os.mkdir("there.png")
    assert main([*apply, "c.png", "s.png", "-o", "there.png", "-q"]) == 0, "a folder that is there is one"


def test_a_home_that_is_not_known_makes_no_folder(apply, capsys):
    picture("c.png", 1), picture("s.png", 2)
    assert main([*apply, "c.png", "s.png", "-o", "~nobody-of-this-name/out"]) == 2
    assert "`--out` (='~nobody-of-this-name/out') begins with a home folder that is not known" in capsys.readouterr().err
    assert sorted(os.listdir()) == ["c.png", "s.png"]


# ---- masks and RAW files


def test_notes_on_masks_name_them(capsys):
    picture("c.png", 1), picture("s.png", 2)
    labels = np.zeros((32, 40), np.uint8)
    labels[:, :20] = 1
    Image.fromarray(labels).save("m.png")
    assert main(["stylize", "c.png", "s.png", "--region", "m.png=keep", "-o", "x.png", *TINY]) == 0
    assert "note: region m.png: its brightest level is 1 of 255" in capsys.readouterr().err
    with Image.open("c.png") as image:
        kept = np.asarray(image.resize((32, 25), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(pixels("x.png")[:, :15], kept[:, :15])


@pytest.mark.slow
def test_a_raw_file_among_others_is_named_in_every_command(apply, capsys):
    picture("in/c.png", 1), picture("s.png", 2)
    Path("in/p.nef").write_bytes(b"II*\0" + bytes(500))
    for arguments in (
        ["batch", "in", "--styles", "s.png", "-o", "out", *INSTANT],
        [*apply, "in", "-o", "out"],
    ):
        assert main(arguments) == 1
        assert "(='in/p.nef') is a RAW file of a camera; export" in capsys.readouterr().err
    assert len(pngs("out")) == 3
    assert main(["stylize", "in/p.nef", "s.png"]) == 2
    assert "`content` (='in/p.nef') is a RAW file of a camera; export" in capsys.readouterr().err
