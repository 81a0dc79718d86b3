"""Reading pictures, against explicit NumPy: turns, tables, formulas and hand-made files."""

import colorsys

import numpy as np
import pytest
from conftest import distance, encode_srgb, over_white, read, refusal, smooth, threefold, through
from PIL import Image

from jaxstyle.pictures.read import Picture, as_float, resize

same = np.testing.assert_array_equal


# ---- formats and modes


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp", ".ppm", ".tga", ".jpg", ".gif"])
def test_files(tmp_path, suffix):
    picture = through(tmp_path / f"a{suffix}", smooth())
    assert picture.rgb.dtype == np.uint8
    assert (picture.size, picture.alpha, picture.notices) == ((64, 48), None, ())
    assert np.abs(picture.rgb.astype(int) - smooth()).mean() <= (8 if suffix in (".jpg", ".gif") else 0)
    same(read(str(tmp_path / f"a{suffix}")).rgb, picture.rgb)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
def test_exif_orientation_is_applied_once(tmp_path, rgb, rng, suffix, orientation):
    turn = {  # the side of the scene that the stored row 0 and column 0 show, as EXIF has it
        1: lambda stored: stored,
        2: lambda stored: stored[:, ::-1],
        3: lambda stored: stored[::-1, ::-1],
        4: lambda stored: stored[::-1],
        5: lambda stored: stored.swapaxes(0, 1),
        6: lambda stored: np.rot90(stored, -1),
        7: lambda stored: np.rot90(stored, 2).swapaxes(0, 1),
        8: lambda stored: np.rot90(stored, 1),
    }[orientation]
    alpha = rng.integers(0, 255, rgb.shape[:2], dtype=np.uint8)
    # Pillow 13 itself misreads an RGBA TIFF on its side where it maps the file, as it does after Image.open(path).
    opaque = suffix in (".jpg", ".tif")
    stored = rgb if opaque else np.dstack([rgb, alpha])
    plain = through(tmp_path / f"a{suffix}", stored)
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = through(tmp_path / f"a{suffix}", stored, exif=exif)
    same(turned.rgb, turn(plain.rgb))
    assert (turned.alpha is None) == opaque
    if turned.alpha is not None:
        same(turned.alpha, turn(alpha))
    with Image.open(tmp_path / f"a{suffix}") as im:
        same(read(im).rgb, turned.rgb)
        im.load()
        same(read(im).rgb, turned.rgb)


def test_grey_bilevel_and_opaque(tmp_path, rgb):
    grey = rgb[..., 0]
    same(through(tmp_path / "l.png", grey).rgb, threefold(grey))
    same(through(tmp_path / "1.png", grey > 99).rgb, threefold((grey > 99) * 255))
    opaque = read(Image.fromarray(np.dstack([rgb, np.full_like(grey, 255)])))
    assert opaque.alpha is None
    same(opaque.rgb, rgb)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_is_kept_and_the_colour_put_over_white(tmp_path, rgb, rng, suffix, channels):
    alpha = rng.integers(0, 256, rgb.shape[:2], dtype=np.uint8)
    alpha[0, :3] = 0, 1, 255
    picture = through(tmp_path / f"a{suffix}", np.dstack([rgb[..., :channels], alpha]))
    same(picture.alpha, alpha)
    same(picture.rgb, over_white(rgb if channels == 3 else threefold(rgb[..., 0]), alpha))


@pytest.mark.parametrize(("mode", "channels"), [("RGBa", 3), ("La", 1)])
def test_premultiplied_alpha(rgb, rng, mode, channels):
    alpha = rng.integers(64, 256, rgb.shape[:2], dtype=np.uint8)
    picture = read(Image.fromarray(np.dstack([rgb[..., :channels], alpha])).convert(mode))
    same(picture.alpha, alpha)
    assert distance(picture, over_white(rgb[..., :channels], alpha)) <= 3  # premultiplied bytes have lost a little


@pytest.mark.parametrize(
    ("suffix", "transparency", "alphas"),
    [
        (".png", None, (255, 255, 255, 255)),
        (".gif", None, (255, 255, 255, 255)),
        (".png", 2, (255, 255, 0, 255)),
        (".gif", 2, (255, 255, 0, 255)),
        (".png", bytes([255, 0, 100, 200]), (255, 0, 100, 200)),
    ],
)
def test_palettes(tmp_path, rng, suffix, transparency, alphas):
    indices = rng.integers(0, 4, (20, 30), dtype=np.uint8)
    table = np.array([[250, 10, 20], [30, 240, 50], [60, 70, 230], [1, 2, 3]], np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(table.tobytes())
    picture = through(tmp_path / f"a{suffix}", image, **({} if transparency is None else {"transparency": transparency}))
    alpha = np.array(alphas, np.uint8)[indices]
    assert (picture.alpha is None) == (transparency is None)
    same(255 if picture.alpha is None else picture.alpha, alpha)
    same(picture.rgb, over_white(table[indices], alpha))


def test_one_transparent_colour(tmp_path, rgb):
    rgb[3:9, 5:9] = 12, 34, 56
    picture = through(tmp_path / "a.png", rgb, transparency=(12, 34, 56))
    clear = (rgb == (12, 34, 56)).all(axis=-1)
    same(picture.alpha, np.where(clear, 0, 255))
    same(picture.rgb, np.where(clear[..., None], 255, rgb))


@pytest.mark.parametrize(
    ("mode", "pixel", "expected"),
    [
        ("CMYK", (10, 100, 200, 50), [(255 - ink) * (255 - 50) / 255 for ink in (10, 100, 200)]),
        ("YCbCr", (120, 100, 180), [120 + 1.402 * 52, 120 - 0.344136 * -28 - 0.714136 * 52, 120 + 1.772 * -28]),
        ("HSV", (40, 200, 150), 255 * np.array(colorsys.hsv_to_rgb(40 / 255, 200 / 255, 150 / 255))),
        ("LAB", (128, 128, 128), [255 * encode_srgb(((100 * 128 / 255 + 16) / 116) ** 3)] * 3),
    ],
)
def test_other_colour_spaces(tmp_path, mode, pixel, expected):
    image = Image.merge(mode, [Image.new("L", (16, 16), value) for value in pixel])
    assert distance(read(image), expected) <= 2
    if mode != "HSV":
        assert distance(through(tmp_path / "a.tif", image), expected) <= 2


def test_16_bit_grey_is_scaled(tmp_path, rng):
    deep = rng.integers(0, 65536, (20, 30), dtype=np.uint16)
    deep[0, :6] = 0, 128, 129, 257, 65406, 65535
    expected = threefold(np.rint(deep / 257))
    (tmp_path / "a.pgm").write_bytes(b"P5 30 20 65535\n" + deep.astype(">u2").tobytes())
    big = Image.frombytes("I;16B", (30, 20), deep.astype(">u2").tobytes())
    for source in (tmp_path / "a.pgm", big, Image.fromarray(deep.astype(np.int32))):
        same(read(source).rgb, expected)
    for suffix in (".png", ".tif"):
        picture = through(tmp_path / f"a{suffix}", deep)
        same(picture.rgb, expected)
        assert picture.alpha is None
    clear = through(tmp_path / "clear.png", deep, transparency=int(deep[4, 5]))
    same(clear.alpha, np.where(deep == deep[4, 5], 0, 255))
    assert (clear.rgb[4, 5] == 255).all()


@pytest.mark.parametrize(("low", "high"), [(-1, 9), (0, 65536)])
def test_32_bit_pixels_out_of_range(low, high):
    values = np.full((20, 20), low, np.int32)
    values[3, 3] = high
    refusal(lambda: read(Image.fromarray(values)), "content", f"from {low} to {high}", "0..65535")


def test_float_pixels(tmp_path, rng):
    unit = rng.random((20, 30), dtype=np.float32)
    picture = through(tmp_path / "unit.tif", unit)
    assert picture.rgb.dtype == np.float32
    same(picture.rgb, threefold(unit))
    np.testing.assert_allclose(read(Image.fromarray(unit * 250)).rgb, threefold(unit * 250 / 255), rtol=1e-6)
    for bad in (-0.1, 300.0, np.nan, np.inf):
        unit[2, 2] = bad
        refusal(lambda: through(tmp_path / "bad.tif", unit), "content", "bad.tif", "[0, 1]")


# ---- several frames


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_gives_its_first_frame_and_a_notice(tmp_path, suffix):
    red, green, blue = (Image.new("RGB", (20, 20), colour) for colour in ("#f00", "#0f0", "#00f"))
    picture = through(tmp_path / f"cat{suffix}", red, save_all=True, append_images=[green, blue])
    assert picture.notices == (f"content cat{suffix}: animated, its first frame is used",)
    assert (picture.rgb == (255, 0, 0)).all()
    with Image.open(tmp_path / f"cat{suffix}") as im:
        im.seek(2)
        picture = read(im)
        assert im.tell() == 2
    assert picture.notices == ("content: animated, its current frame is used",)
    assert (picture.rgb == (0, 0, 255)).all()


def test_pages_are_told_and_a_phones_extras_are_not(tmp_path, rgb):
    extra = {"save_all": True, "append_images": [Image.new("RGB", (32, 24))]}
    picture = through(tmp_path / "a.tif", rgb, **extra)
    assert picture.notices == ("content a.tif: several pages, its first page is used",)
    same(picture.rgb, rgb)
    assert through(tmp_path / "a.jpg", rgb, format="MPO", **extra).notices == ()
    with Image.open(tmp_path / "a.jpg") as im:
        assert im.format == "MPO"


# ---- PIL images and arrays


def test_a_pil_image_is_left_as_it_was(rgb):
    im = Image.fromarray(rgb)
    im.getexif()[0x0112] = 6
    picture = read(im)
    same(picture.rgb, np.rot90(rgb, -1))
    picture.rgb[:] = 0
    assert (im.size, im.mode, im.getexif()[0x0112]) == ((32, 24), "RGB", 6)
    same(np.asarray(im), rgb)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [0, 1, 3, 4])
def test_arrays(rng, dtype, channels):
    raw = rng.integers(0, 256, (20, 30, max(channels, 1)), dtype=np.uint8)
    array = (raw if dtype == np.uint8 else raw / 255.0).astype(dtype)
    array = array if channels else array[..., 0]
    before = array.copy()
    picture = read(array)
    assert picture.rgb.dtype == (np.uint8 if dtype == np.uint8 else np.float32)
    assert picture.rgb.shape == (20, 30, 3)
    colour = threefold(raw) if channels < 3 else raw[..., :3]
    assert (picture.alpha is None) == (channels < 4)
    if picture.alpha is not None:
        assert np.abs(picture.alpha.astype(int) - raw[..., 3]).max() <= (1 if dtype == np.float16 else 0)
        colour = over_white(colour, raw[..., 3])
    tolerance = {np.uint8: 0, np.float16: 3e-3}.get(dtype, 2.1e-3 if channels == 4 else 1e-6)
    np.testing.assert_allclose(as_float(picture), colour / np.float32(255), atol=tolerance + 1e-7)
    picture.rgb[:] = 0
    same(array, before)


def test_anything_that_asarray_takes(rgb):
    class Wrapped:
        def __array__(self, dtype=None, copy=None):
            return rgb

    same(read(Wrapped()).rgb, rgb)
    same(read((rgb / 255.0).tolist()).rgb, (rgb / 255.0).astype(np.float32))
    same(read(rgb[::-1, ::2]).rgb, rgb[::-1, ::2])


def test_rounding_errors_about_the_range_are_clipped():
    array = np.full((20, 20, 3), 1.000001)
    array[0] = -0.000001
    rgb = read(array).rgb
    assert (rgb.min(), rgb.max()) == (0, 1)


# ---- resizing


def triangle_weights(old, new):
    """Antialiased linear interpolation: a triangle, as wide as the step between new pixels, over the old centres."""
    step = old / new
    reach = max(step, 1.0)
    weights = np.zeros((new, old))
    for i in range(new):
        for j in range(old):
            weights[i, j] = max(0.0, 1 - abs((j + 0.5) - (i + 0.5) * step) / reach)
    return weights / weights.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("width", "height"), [(16, 17), (50, 61), (32, 20), (100, 16)])
def test_resize(rgb, width, height):
    small = resize(Picture(rgb, notices=("kept",)), width, height)
    assert small.size == (width, height)
    assert small.notices == ("kept",)
    expected = np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BILINEAR))
    same(small.rgb, expected)
    unit = (rgb / 255).astype(np.float32)
    exact = np.einsum("ij,jkc,lk->ilc", triangle_weights(24, height), unit, triangle_weights(32, width))
    floats = resize(Picture(unit), width, height)
    assert floats.rgb.dtype == np.float32
    np.testing.assert_allclose(floats.rgb, exact, atol=1e-6)
    assert np.abs(small.rgb / 255 - exact).max() < 1.2 / 255


def test_resize_takes_alpha_along(rgb):
    alpha = np.full((24, 32), 255, np.uint8)
    alpha[:, :16] = 0
    small = resize(Picture(rgb, alpha), 16, 16)
    exact = triangle_weights(24, 16) @ alpha @ triangle_weights(32, 16).T
    assert small.alpha is not None
    assert np.abs(small.alpha - exact).max() <= 1


def test_resize_to_the_same_size_is_the_same_picture(rgb):
    picture = Picture(rgb)
    assert resize(picture, 32, 24) is picture


def test_as_float(rgb):
    got = as_float(Picture(rgb))
    assert got.dtype == np.float32
    same(got, rgb / np.float32(255))
    again = as_float(Picture(got))
    same(again, got)
    assert not np.shares_memory(again, got)
