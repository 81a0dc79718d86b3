"""Pictures that are refused, each in one line that says why and what to do; and that nothing leaks on the way."""

import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import read, refusal
from PIL import Image

from jaxstyle.pictures import files
from jaxstyle.pictures.read import load


def test_a_missing_file_and_its_near_miss(tmp_path, monkeypatch, rgb):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(rgb).save("Tuebingen.jpg")
    refusal(lambda: read("tubingen.jpg"), "content", "'tubingen.jpg'", "mean 'Tuebingen.jpg'?")
    Image.fromarray(rgb).save("IMG_1234.JPG")
    refusal(lambda: read("img_1234.jpeg"), "content", "did you mean 'IMG_1234.JPG'?")
    wrong, right = str(tmp_path / "tuebingen.jgp"), str(tmp_path / "Tuebingen.jpg")
    refusal(lambda: read(wrong), "content", wrong, f"did you mean {right!r}?")
    refusal(lambda: read("img_1234.JPG"), "content", "did you mean 'IMG_1234.JPG'?")
    Image.fromarray(rgb).save("so.png")
    for other in ("zzz.bmp", "nofile.png"):  # nothing is like it, or its suffix alone
        text = refusal(lambda: read(other), "content", "does not exist", str(tmp_path))  # noqa: B023
        assert "mean" not in text
    refusal(lambda: load("no/folder/a.png", argument="style"), "style", "does not exist", "no folder 'no/folder'")
    refusal(lambda: load("", argument="style"), "style", "(='')", "does not exist")
    refusal(lambda: load("a\0b.png", argument="style"), "style", "null")


def test_a_folder(tmp_path):
    refusal(lambda: read(tmp_path), "content", str(tmp_path), "is a folder", "picture file")


@pytest.mark.usefixtures("ordinary_user")
def test_a_file_that_may_not_be_read(tmp_path, rgb):
    Image.fromarray(rgb).save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    refusal(lambda: read(tmp_path / "a.png"), "content", "Permission denied")


def test_a_closed_pil_image(tmp_path, rgb):
    Image.fromarray(rgb).save(tmp_path / "a.png")
    im = Image.open(tmp_path / "a.png")
    im.close()
    refusal(lambda: read(im), "content", "a.png")


@pytest.mark.parametrize("data", [b"", b"Dear diary,\n", b"\xff\xd8", b"<svg/>"])
def test_what_is_no_picture(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    refusal(lambda: read(tmp_path / "a.jpg"), "content", "not a picture that can be read", "PNG")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".bmp", ".tif"])
@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_file_that_is_cut_short(tmp_path, rgb, suffix, share):
    path = tmp_path / f"a{suffix}"
    Image.fromarray(rgb).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    refusal(lambda: read(path), "content", str(path), "cut short", "again")


def test_bytes_gone_bad(tmp_path, rgb):
    Image.fromarray(rgb).save(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[200:300] = bytes(100)
    (tmp_path / "a.png").write_bytes(data)
    refusal(lambda: read(tmp_path / "a.png"), "content", "damaged")


@pytest.mark.parametrize(("width", "height"), [(3, 3), (15, 400), (400, 15)])
def test_too_small(tmp_path, width, height):
    Image.new("RGB", (width, height)).save(tmp_path / "a.png")
    said = f"{width}x{height} pixels", "at least 16"
    refusal(lambda: read(tmp_path / "a.png"), "content", "a.png", *said)
    refusal(lambda: load(Image.new("RGB", (width, height)), argument="content"), "content", *said)


@pytest.mark.parametrize(
    ("array", "parts"),
    [
        (np.zeros((20, 20, 3), int), ["int64 array of shape (20, 20, 3)", "wrong dtype", "uint8"]),
        (np.zeros((20, 20), bool), ["bool", "wrong dtype"]),
        (np.zeros((20, 20), np.uint16), ["uint16", "wrong dtype"]),
        (np.zeros((20, 20), complex), ["complex128", "wrong dtype"]),
        (np.zeros((1, 20, 20, 3)), ["(1, 20, 20, 3)", "wrong shape", "(H, W, 3)"]),
        (np.zeros((3, 20, 20)), ["(3, 20, 20)", "wrong shape"]),
        (np.zeros((20, 20, 2)), ["(20, 20, 2)", "wrong shape"]),
        (np.zeros(20), ["(20,)", "wrong shape"]),
        (0.5, ["()", "wrong shape"]),
        (np.zeros((3, 3, 3)), ["3x3 pixels", "at least 16", "larger"]),
        (np.zeros((0, 20)), ["20x0 pixels"]),
        (np.full((20, 20), 200.0), ["200.0", "divide by 255"]),
        (np.full((20, 20), -0.5), ["-0.5", "[0, 1]", "scale"]),
        (np.full((20, 20), 256.5), ["256.5", "[0, 1]", "scale"]),
        (np.full((20, 20), np.nan), ["nan", "[0, 1]"]),
        (np.full((20, 20), np.inf), ["inf", "[0, 1]"]),
        (None, ["NoneType", "not a picture", "path"]),
        (b"a.png", ["bytes", "not a picture"]),
        (object(), ["object", "not a picture"]),
        ([[1, 2], [3]], ["list", "array"]),
    ],
)
def test_arrays_that_are_no_pictures(array, parts):
    refusal(lambda: load(array, argument="init"), "init", *parts)


def test_one_nan_is_enough():
    array = np.zeros((20, 20, 3), np.float32)
    array[5, 5, 1] = np.nan
    refusal(lambda: read(array), "content", "nan")


@pytest.mark.parametrize("action", ["ignore", "error"])
def test_decompression_bombs_whatever_the_filters_say(tmp_path, monkeypatch, action):
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter(action)
        filters, limit = list(warnings.filters), Image.MAX_IMAGE_PIXELS
        patch.setattr(files, "MAX_PIXELS", 1599)
        refusal(lambda: read(tmp_path / "a.png"), "content", "over 1599 pixels", "bomb", "scale it down")
        patch.setattr(files, "MOST_PIXELS", 200)  # Pillow itself refuses it as it opens it
        refusal(lambda: read(tmp_path / "a.png"), "content", "over 1599 pixels", "bomb", "scale it down")
        assert warnings.filters == filters
        assert limit == Image.MAX_IMAGE_PIXELS
    assert read(tmp_path / "a.png").size == (40, 40)


def test_two_loads_at_once_leave_the_warning_filters_as_they_were(rgb):
    """Each saves and restores the filters: were the first to leave not the last to come, the wrong ones would stay."""
    inside, left = threading.Event(), threading.Event()

    class First(Image.Image):
        def load(self):
            inside.wait(0.1)
            return super().load()

    class Second(Image.Image):
        def load(self):
            inside.set()
            left.wait(0.1)
            return super().load()

    def run(kind):
        im = Image.fromarray(rgb)
        im.__class__ = kind
        read(im)
        left.set()

    filters = list(warnings.filters)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, (First, Second)))
    assert warnings.filters == filters


def test_pillows_warnings_do_not_leak(tmp_path, rgb):
    class Nervous(Image.Image):
        def load(self):
            warnings.warn("odd metadata", UserWarning, stacklevel=1)
            return super().load()

    im = Image.fromarray(rgb)
    im.__class__ = Nervous
    np.testing.assert_array_equal(read(im).rgb, rgb)
    # The TIFF directory of this EXIF block points far behind its end.
    Image.fromarray(rgb).save(tmp_path / "a.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\xff\0\0\0\xff\xff\0\0")
    assert read(tmp_path / "a.jpg").size == (32, 24)


def test_no_file_is_left_open(tmp_path, rgb):
    Image.fromarray(rgb).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes((tmp_path / "good.png").read_bytes()[:300])
    opened = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
    read(tmp_path / "good.png")
    refusal(lambda: read(tmp_path / "bad.png"), "content")
    assert opened == (set(os.listdir("/proc/self/fd")) if opened else set())
