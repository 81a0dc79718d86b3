"""Pictures much larger than wanted: averaged in all modes, decoded at a reduced scale, and the limits."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import refusal, smooth
from PIL import Image

from jaxstyle.pictures import files, modes, read
from jaxstyle.pictures.size import Size

same = np.testing.assert_array_equal


@pytest.fixture
def all_are_large(monkeypatch):
    """Every picture is large, and is made simple in strips of a few rows."""
    monkeypatch.setattr(read, "LARGE", 1)
    monkeypatch.setattr(modes, "_STRIP", 2000)


def load(source, fit):
    return read.load(source, argument="content", fit=fit)


def averaged(array, factor):
    h, w = (side // factor * factor for side in array.shape[:2])
    blocks = np.asarray(array[:h, :w], float).reshape(h // factor, factor, w // factor, factor, *array.shape[2:])
    return blocks.mean((1, 3))


SCENE = np.kron(smooth(), np.ones((4, 4, 1), np.uint8))  # 256 x 192


def in_mode(mode):
    image = Image.fromarray(SCENE)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
        return image
    if mode == "I;16":
        return Image.fromarray(SCENE[..., 0].astype(np.uint16) * 257)
    if mode in ("I", "F"):
        return Image.fromarray(SCENE[..., 0].astype({"I": np.int32, "F": np.float32}[mode]) * {"I": 257, "F": 1}[mode])
    if mode == "P":
        return image.quantize(64)
    return image.convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "L", "P", "1", "I;16", "I", "F", "CMYK", "YCbCr", "LAB"])
@pytest.mark.usefixtures("all_are_large")
def test_every_mode_becomes_what_all_its_pixels_give(mode):
    """Within the rounding of a level or two, where the squares of the average are those of the scene."""
    image = in_mode(mode)
    whole = read.load(image, argument="content")
    small = load(image, lambda w, h: (32, 24))
    assert small.size == (32, 24)
    scale = 255 if small.rgb.dtype == np.float32 else 1
    expected = read.resize(read.Picture(averaged(whole.rgb, 4).astype(whole.rgb.dtype)), 32, 24).rgb * float(scale)
    # outside sRGB it matters whether the average is taken before or after the conversion
    assert np.abs(small.rgb * scale - expected).max() <= (20 if mode == "LAB" else 2.5)
    assert np.abs(small.rgb * scale - expected).mean() <= 1.5
    assert (small.alpha is None) == (whole.alpha is None)
    if whole.alpha is not None and small.alpha is not None:
        assert np.abs(small.alpha - averaged(whole.alpha, 8)).max() <= 3


@pytest.mark.parametrize(("width", "height"), [(327, 250), (325, 251), (250, 329)])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("orientation", [1, 3, 8])
@pytest.mark.usefixtures("all_are_large")
def test_nothing_moves_where_the_squares_do_not_fit(tmp_path, suffix, orientation, width, height):
    y, x = np.mgrid[0:height, 0:width]
    scene = np.stack([255 * x / width, 255 * y / height, 127 + 0 * x], -1).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(scene).save(tmp_path / f"a{suffix}", exif=exif)
    whole = read.load(tmp_path / f"a{suffix}", argument="content")
    small = load(tmp_path / f"a{suffix}", lambda w, h: (20, 20))
    assert np.abs(small.rgb.astype(int) - read.resize(whole, 20, 20).rgb).max() <= 3


@pytest.mark.usefixtures("all_are_large")
def test_what_one_colour_makes_transparent_is_not_averaged_with_it(tmp_path):
    image = Image.new("RGB", (160, 160), (200, 10, 10))
    image.paste((0, 255, 0), (80, 0, 160, 160))
    image.save(tmp_path / "a.png", transparency=(0, 255, 0))
    small = load(tmp_path / "a.png", lambda w, h: (20, 20))
    assert small.alpha is not None
    same(small.alpha[:, [0, 19]], [[255, 0]] * 20)
    assert np.abs(small.rgb[:, 0].astype(int) - (200, 10, 10)).max() <= 1
    assert small.rgb[:, 19].min() == 255


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.usefixtures("all_are_large")
def test_orientation_and_size_together(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(SCENE).save(tmp_path / f"a{suffix}", exif=exif, **({"quality": 95} if suffix == ".jpg" else {}))
    size = Size((32,)).fit
    whole = read.load(tmp_path / f"a{suffix}", argument="content")
    small = load(tmp_path / f"a{suffix}", size)
    assert small.size == size(*whole.size) == ((32, 24) if orientation < 5 else (24, 32))
    assert np.abs(small.rgb.astype(int) - read.resize(whole, *small.size).rgb).mean() < 2


def test_a_picture_that_is_not_large_is_read_whole(tmp_path):
    Image.fromarray(SCENE).save(tmp_path / "a.jpg")
    whole = read.load(tmp_path / "a.jpg", argument="content")
    same(load(tmp_path / "a.jpg", lambda w, h: (20, 20)).rgb, read.resize(whole, 20, 20).rgb)


@pytest.mark.usefixtures("all_are_large")
def test_a_jpeg_is_decoded_at_a_reduced_scale_and_a_callers_image_stays_as_it_is(tmp_path, monkeypatch):
    Image.fromarray(SCENE).save(tmp_path / "a.jpg")
    sizes, shrunk = [], modes.shrunk
    monkeypatch.setattr(modes, "shrunk", lambda im, *rest: sizes.append((im.size, rest[0])) or shrunk(im, *rest))
    load(tmp_path / "a.jpg", lambda w, h: (32, 24))
    load(tmp_path / "a.jpg", lambda w, h: (16, 16))
    load(tmp_path / "a.jpg", lambda w, h: (200, 150))
    assert sizes == [((64, 48), 1), ((64, 48), 1), ((256, 192), 1)]
    with Image.open(tmp_path / "a.jpg") as im:
        load(im, lambda w, h: (32, 24))
        assert im.size == (256, 192)


# ---- limits


def test_what_is_too_large_to_decode_whole(tmp_path, monkeypatch):
    """Beyond the limit only a JPEG is read that needs no more memory than one below it and holds as much as photographs do."""
    noise = np.random.default_rng(0).integers(0, 256, (192, 256, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "full.jpg")
    Image.new("RGB", (256, 192)).save(tmp_path / "empty.jpg")
    Image.fromarray(noise).save(tmp_path / "progressive.jpg", progressive=True)
    Image.fromarray(noise).save(tmp_path / "a.png")
    monkeypatch.setattr(read, "LARGE", 1)
    monkeypatch.setattr(files, "MAX_PIXELS", 20000)
    monkeypatch.setattr(files, "PIXELS_PER_BYTE", 5)
    assert load(tmp_path / "full.jpg", lambda w, h: (32, 24)).size == (32, 24)
    for name, size in (("empty.jpg", 32), ("progressive.jpg", 32), ("a.png", 32), ("full.jpg", 200)):
        said = "over 20000 pixels", "bomb", "scale it down"
        refusal(lambda name=name, size=size: load(tmp_path / name, lambda w, h: (size, 24)), "content", name, *said)
    monkeypatch.setattr(files, "MOST_PIXELS", 256 * 192 - 1)
    refusal(lambda: load(tmp_path / "full.jpg", lambda w, h: (32, 24)), "content", "bomb")


def test_more_pixels_than_pillow_allows(tmp_path):
    """95 million, as one bit each so that it is quick; and a file that claims a thousand times as many."""
    Image.new("1", (20000, 4750), 1).save(tmp_path / "a.png")
    limit = Image.MAX_IMAGE_PIXELS
    small = load(tmp_path / "a.png", Size((400,)).fit)
    assert small.size == (400, 95)
    assert small.rgb.min() == 255
    data = (tmp_path / "a.png").read_bytes()
    (tmp_path / "bomb.png").write_bytes(data[:16] + (300_000).to_bytes(4, "big") * 2 + data[24:])
    refusal(lambda: load(tmp_path / "bomb.png", Size((400,)).fit), "content")
    Image.new("1", (16385, 16384)).save(tmp_path / "over.png")
    refusal(lambda: load(tmp_path / "over.png", Size((400,)).fit), "content", "over 268435456 pixels", "bomb")
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.slow
@pytest.mark.parametrize(("name", "width", "height", "megabytes"), [("a.jpg", 16320, 12240, 150), ("a.png", 20000, 4000, 450)])
def test_memory(tmp_path, name, width, height, megabytes):
    """A photograph of 200 megapixels needs next to nothing, a panorama Pillow's four bytes a pixel and little more."""
    Image.new("RGB", (width, height), (90, 120, 160)).save(tmp_path / name)
    program = (
        "import resource, sys; from jaxstyle.pictures import read; from jaxstyle.pictures.size import Size\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(read.load(sys.argv[1], argument='content', fit=Size((512,)).fit).size[0])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / name)]
    side, kilobytes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert side == "512"
    assert int(kilobytes) / 1024 < megabytes
