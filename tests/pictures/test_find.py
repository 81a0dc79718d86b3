"""Folders and patterns: the pictures that they stand for, and their order."""

import os
from pathlib import Path

import numpy as np
import pytest
from conftest import refusal
from PIL import Image, PngImagePlugin

from jaxstyle.pictures.find import expand, natural, one
from jaxstyle.pictures.paths import is_pattern, located

pytestmark = pytest.mark.usefixtures("empty_folder")


def pictures(*paths):
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(b"whatever: it is not opened to be taken")


def test_a_folder_stands_for_its_pictures_in_natural_order():
    pictures(*(f"in/{name}" for name in ("img10.jpg", "IMG2.JPG", "img1.Jpeg", "b.HEIC", "a.webp", "a.png", "Übung 3.tiff")))
    pictures("in/.hidden.jpg", "in/._img1.jpg", "in/readme.txt", "in/noext", "in/deeper/c.png", "in/folder.png/x.png")
    found = ["a.png", "a.webp", "b.HEIC", "img1.Jpeg", "IMG2.JPG", "img10.jpg", "Übung 3.tiff"]
    for folder in ("in", "in/", Path("in"), os.path.abspath("in")):
        assert expand([folder], argument="contents") == [os.path.join(folder, name) for name in found]


def test_numbers_count_by_their_value():
    names = ["a1b10", "a1b9", "a01", "A2", "2", "10", "a", "a-1", "٣"]
    assert sorted(names, key=natural) == ["2", "10", "a", "a01", "a1b9", "a1b10", "A2", "a-1", "٣"]


def test_patterns_that_no_shell_expanded():
    pictures("p/2.png", "p/10.png", "p/1.jpg", "q/3.PNG", "p/x.txt", "p/[1].png")
    assert expand(["p/*.png"], argument="styles") == ["p/2.png", "p/10.png", "p/[1].png"]
    assert expand(["?/*"], argument="styles") == ["p/1.jpg", "p/2.png", "p/10.png", "p/[1].png", "q/3.PNG"]
    assert expand(["p/[12].*"], argument="styles") == ["p/1.jpg", "p/2.png"]
    assert expand(["p/[1].png"], argument="styles") == ["p/[1].png"]  # a file's own name comes first


def test_a_folder_that_is_there_is_no_pattern():
    pictures("Fotos [2024]/a.png", "Fotos [2024]/b [x]/c.png", "Fotos 2/d.png", "[a]*/e.png", "e/[a]b/f.png")
    for pattern, found in {
        "Fotos [2024]/*.png": ["Fotos [2024]/a.png"],
        "Fotos [2024]/b [x]/?.png": ["Fotos [2024]/b [x]/c.png"],
        "Fotos [2024]": ["Fotos [2024]/a.png"],
        "Fotos [12]/*": ["Fotos 2/d.png"],
        "[a]*/*.png": ["[a]*/e.png"],
        "*/[[]a]b/*.png": ["e/[a]b/f.png"],
        "*/b [x]/*.png": ["Fotos [2024]/b [x]/c.png"],  # no class matches, so brackets are brackets
        os.path.abspath("Fotos [2024]") + "/*.png": [os.path.abspath("Fotos [2024]/a.png")],
    }.items():
        assert expand([pattern], argument="contents") == found, pattern
    assert not is_pattern("Fotos [2024]/missing.png")
    assert is_pattern("Fotos [2025]/a.png")


def test_two_stars_are_any_number_of_folders():
    pictures("p/10.png", "p/2.png", "p/q/3.png", "p/q/r/4.JPG", "p/q/r/x.txt", "p/.hidden/5.png")
    found = ["p/2.png", "p/10.png", "p/q/3.png", "p/q/r/4.JPG"]
    assert expand(["p/**"], argument="contents") == expand(["p/**/*"], argument="contents") == found
    assert expand(["p/**/[34].*"], argument="contents") == found[2:]


def test_a_tilde_is_the_home_folder(monkeypatch):
    home = os.path.abspath("home")
    monkeypatch.setenv("HOME", home)
    monkeypatch.setenv("USERPROFILE", home)
    pictures("home/a.png", "home/p/b.png", "home/p/c [1].png")
    assert located("~/a.png") == os.path.join(home, "a.png")
    assert located(Path("~/a.png")) == os.path.join(home, "a.png")
    found = expand(["~/a.png", "~/p", "~/p/*1].png", ["~/a.png"], "~/none.png"], argument="contents")
    wanted = ["a.png", "p/b.png", "p/c [1].png", "p/c [1].png"]
    assert found[:4] == [os.path.join(home, name) for name in wanted]
    assert found[4:] == [[os.path.join(home, "a.png")], os.path.join(home, "none.png")]
    pictures("~/a.png")
    assert located("~/a.png") == "~/a.png"  # what is there comes first
    array = np.zeros(3)
    for given in (None, "a~b", "./~/x", "~nobody-of-this-name/x"):
        assert located(given) == given
    assert located(array) is array


def test_one_picture_by_a_pattern():
    pictures("p/IMG_0001.png", "p/IMG_0002.png")
    assert one("p/*1.png", argument="content") == "p/IMG_0001.png"
    assert one("p/IMG_0002.png", argument="content") == "p/IMG_0002.png"
    refusal(lambda: one("p/*.png", argument="content"), "content", "'p/*.png'", "matches 2 pictures", "jaxstyle batch")
    refusal(lambda: one("q/*.png", argument="init"), "init", "matches no picture")


def test_everything_else_stays_where_it_is():
    pictures("p/1.png", "p/2.png", "z.png")
    array = np.zeros((16, 16, 3))
    found = expand(["z.png", "p", array, ["p", "z.png"], "none.png", Path("z.png")], argument="styles")
    assert found[:3] == ["z.png", "p/1.png", "p/2.png"]
    assert found[3] is array
    assert found[4:] == [["p/1.png", "p/2.png", "z.png"], "none.png", Path("z.png")]


def test_our_own_results_are_left_out():
    Path("mixed").mkdir()
    for name in ("photo", "marked", "recorded", "notes"):
        Image.new("RGB", (20, 20)).save(f"mixed/{name}.png")
    mark = PngImagePlugin.PngInfo()
    mark.add_text("Software", "jaxstyle")
    Image.new("RGB", (20, 20)).save("mixed/marked.png", pnginfo=mark)
    exif = Image.Exif()
    exif[0x0131] = "jaxstyle"
    Image.new("RGB", (20, 20)).save("mixed/marked.jpg", exif=exif)
    exif[0x0131] = "Camera 1.0"
    Image.new("RGB", (20, 20)).save("mixed/camera.jpg", exif=exif)
    Path("mixed/recorded.png.json").write_text('{\n "schema": "jaxstyle-run-9",\n "size": [20, 20]}')
    Path("mixed/notes.png.json").write_text('{"mine": 1}')
    assert expand(["mixed"], argument="contents") == ["mixed/camera.jpg", "mixed/notes.png", "mixed/photo.png"]
    assert expand(["mixed/*.png"], argument="contents") == ["mixed/notes.png", "mixed/photo.png"]
    said = "'mixed/[mr]*d.*'", "matches no picture but results of jaxstyle", "one by one"
    refusal(lambda: expand(["mixed/[mr]*d.*"], argument="contents"), "contents", *said)
    assert expand(["mixed/marked.png"], argument="contents") == ["mixed/marked.png"]


def test_where_nothing_is_found():
    pictures("none/readme.txt")
    refusal(lambda: expand(["none"], argument="contents"), "contents", "'none'", "holds no picture", ".heic")
    refusal(lambda: expand(["none/*.png"], argument="styles"), "styles", "'none/*.png'", "matches no picture")
    pictures("one.png")
    assert expand(["none", "one.png", "none/*.png"], argument="contents") == ["none", "one.png", "none/*.png"]
