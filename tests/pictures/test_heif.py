"""HEIC/HEIF, which iPhones make: read by an extra, named where it is not there."""

import sys

import numpy as np
import pytest
from conftest import read, refusal, smooth
from PIL import Image


@pytest.fixture
def heif():
    return pytest.importorskip("pillow_heif", reason="is the extra jaxstyle[heic]")


def write(heif, path, image, **options):
    heif.from_pillow(image).save(path, quality=95, chroma=444, **options)
    return path


@pytest.mark.parametrize("suffix", [".heic", ".HEIF", ".jpg"])
def test_a_photograph(heif, tmp_path, suffix):
    picture = read(write(heif, tmp_path / f"IMG_1{suffix}", Image.fromarray(smooth())))
    assert (picture.size, picture.alpha, picture.notices) == ((64, 48), None, ())
    assert np.abs(picture.rgb.astype(int) - smooth()).mean() < 3


def test_orientation_and_alpha(heif, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = read(write(heif, tmp_path / "a.heic", Image.fromarray(smooth()), exif=exif.tobytes()))
    assert picture.size == (48, 64)
    assert np.abs(picture.rgb.astype(int) - np.rot90(smooth(), -1)).mean() < 3
    image = Image.fromarray(smooth())
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    picture = read(write(heif, tmp_path / "b.heic", image))
    assert picture.alpha is not None
    assert np.abs(picture.alpha.astype(int) - np.asarray(image.getchannel("A"))).max() < 12


def test_half_a_file(heif, tmp_path):
    path = write(heif, tmp_path / "a.heic", Image.fromarray(smooth()))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    refusal(lambda: read(path), "content", "a.heic", "cut short")


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"hevc"])
def test_without_the_extra_it_is_named(tmp_path, monkeypatch, brand):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "IMG_2.HEIC"
    path.write_bytes(b"\0\0\0\x1cftyp" + brand + bytes(500))
    refusal(lambda: read(path), "content", "IMG_2.HEIC", "HEIC", "pip install 'jaxstyle[heic]'")
