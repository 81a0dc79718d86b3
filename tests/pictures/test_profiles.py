"""Embedded ICC profiles, against hand-made ones whose answer a formula gives."""

import struct

import numpy as np
import pytest
from conftest import distance, encode_srgb, over_white, threefold, through
from PIL import Image

same = np.testing.assert_array_equal
# sRGB's primaries in XYZ, adapted to the D50 white of ICC profiles (Lindbloom's table)
TO_XYZ = np.array([[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]])


def icc(space, *, gammas=(), columns=TO_XYZ.T, lut=b""):
    """A minimal ICC v2 profile: a matrix and gammas or curves (RGB), a gamma (GRAY), a lookup table to Lab (CMYK)."""

    def xyz(values):
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))

    def curve(gamma):
        if np.ndim(gamma):
            return b"curv\0\0\0\0" + struct.pack(f">I{len(gamma)}H", len(gamma), *np.rint(65535 * gamma).astype(int))
        return b"curv\0\0\0\0" + struct.pack(">IH2x", 1, round(gamma * 256))

    tags = {b"wtpt": xyz((0.9642, 1.0, 0.8249))}
    if space == b"RGB ":
        tags |= {b"%cXYZ" % c: xyz(column) for c, column in zip(b"rgb", columns, strict=True)}
        tags |= {b"%cTRC" % c: curve(gamma) for c, gamma in zip(b"rgb", gammas, strict=True)}
    elif space == b"GRAY":
        tags[b"kTRC"] = curve(gammas[0])
    else:
        tags[b"A2B0"] = lut
    offset, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s12s4s", offset + len(body), b"", 0x02100000, b"prtr" if lut else b"mntr", space,
                       b"Lab " if lut else b"XYZ ", struct.pack(">6H", 2020, 1, 1, 0, 0, 0), b"acsp")  # fmt: skip
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + body


def black_ink() -> bytes:
    """A lookup table from CMYK to Lab in which only black ink darkens, and L falls from 100 to 0."""
    corners = [(1 - k) * 0xFF00 for _ in range(8) for k in (0, 1)]  # L = 100 is 0xFF00
    lut = b"mft2\0\0\0\0" + bytes([4, 3, 2, 0]) + struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    lut += struct.pack(">HH", 2, 2) + struct.pack(">8H", *[0, 65535] * 4)
    lut += b"".join(struct.pack(">3H", light, 0x8000, 0x8000) for light in corners)
    return lut + struct.pack(">6H", *[0, 65535] * 3)


def test_a_profile_with_other_primaries_and_gammas(tmp_path):
    cube = np.stack(np.meshgrid(*[np.linspace(0, 255, 9).astype(np.uint8)] * 3), axis=-1).reshape(27, 27, 3)
    # The profile calls green what sRGB calls red, and so on round; each channel has its own gamma.
    profile = icc(b"RGB ", gammas=(1.0, 1.8, 2.2), columns=TO_XYZ.T[[1, 2, 0]])
    linear = (cube / 255.0) ** np.array([1.0, round(1.8 * 256) / 256, round(2.2 * 256) / 256])
    expected = 255 * encode_srgb(linear[..., [2, 0, 1]])
    for suffix in (".png", ".tif"):
        picture = through(tmp_path / f"a{suffix}", cube, icc_profile=profile)
        assert picture.notices == ()
        assert distance(picture, expected) <= 1
    alpha = np.arange(27 * 27, dtype=np.uint8).reshape(27, 27)
    clear = through(tmp_path / "alpha.png", np.dstack([cube, alpha]), icc_profile=profile)
    same(clear.alpha, alpha)
    assert distance(clear, over_white(expected, alpha)) <= 2


@pytest.mark.parametrize(
    ("depth", "profile"),
    [
        (8, icc(b"GRAY", gammas=(1.0,))),
        (8, icc(b"RGB ", gammas=(1.0, 1.0, 1.0))),
        (16, icc(b"GRAY", gammas=(1.0,))),
    ],
)
def test_a_profile_of_a_grey_picture(tmp_path, depth, profile):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    stored = grey if depth == 8 else grey.astype(np.uint16) * 257
    picture = through(tmp_path / "a.png", stored, icc_profile=profile)
    assert picture.notices == ()
    assert distance(picture, threefold(255 * encode_srgb(grey / 255.0))) <= 1


def test_a_profile_of_a_cmyk_picture(tmp_path):
    black = np.arange(256, dtype=np.uint8).reshape(16, 16)
    bands = [Image.new("L", (16, 16), ink) for ink in (77, 0, 0)] + [Image.fromarray(black)]
    picture = through(tmp_path / "a.tif", Image.merge("CMYK", bands), icc_profile=icc(b"CMYK", lut=black_ink()))
    light = 100 * (1 - black / 255.0)
    linear = np.where(light > 8, ((light + 16) / 116) ** 3, light * 27 / 24389)
    assert picture.notices == ()
    assert distance(picture, threefold(255 * encode_srgb(linear))) <= 3


def test_an_srgb_profile_changes_nothing(tmp_path, rng):
    """An edition of sRGB as small as the web likes it: 26 points of the curve, the primaries to five places."""
    x = np.linspace(0, 1, 26)
    curve = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
    rgb = rng.integers(0, 256, (200, 200, 3), dtype=np.uint8)
    profile = icc(b"RGB ", gammas=[curve] * 3, columns=TO_XYZ.T.round(5))
    picture = through(tmp_path / "a.png", rgb, icc_profile=profile)
    assert picture.notices == ()
    same(picture.rgb, rgb)


@pytest.mark.parametrize("profile", [b"nonsense", icc(b"RGB ", gammas=(2, 2, 2))[:200], icc(b"GRAY", gammas=(2,))])
def test_a_profile_that_cannot_be_used_is_ignored_with_a_notice(tmp_path, rgb, profile):
    picture = through(tmp_path / "a.png", rgb, icc_profile=profile)
    same(picture.rgb, rgb)
    (notice,) = picture.notices
    assert notice.startswith("content a.png: its colour profile cannot be used")


# ---- Adobe RGB that only EXIF tells

ADOBE_TO_XYZ = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
"""Adobe RGB (1998), its primaries adapted to D50."""


def exif_of(space=None, index=None):
    """An EXIF block; Pillow writes the interoperability index only where the EXIF directory points to it."""
    exif = Image.Exif()
    exif[0x0112] = 1
    inner = {} if space is None else {0xA001: space}
    exif._ifds[0x8769] = inner | ({} if index is None else {0xA005: {1: index}})
    return exif


def adobe_in_srgb(colour):
    linear = np.linalg.inv(TO_XYZ) @ ADOBE_TO_XYZ @ (np.asarray(colour) / 255) ** (563 / 256)
    return 255 * encode_srgb(linear.clip(0, 1))


@pytest.mark.parametrize(("name", "space", "index"), [("IMG_1", 65535, "R03"), ("IMG_1", 2, None), ("_DSC0001", 65535, None)])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_adobe_rgb_by_exif(tmp_path, name, suffix, space, index):
    colour = (150, 120, 60)
    picture = through(tmp_path / f"{name}{suffix}", Image.new("RGB", (32, 24), colour), exif=exif_of(space, index))
    said = f"content {name}{suffix} is in Adobe RGB by its EXIF and has been converted to sRGB"
    assert picture.notices == (said,)
    assert distance(picture, adobe_in_srgb(colour)) <= 2
    assert distance(picture, colour) > 4


@pytest.mark.parametrize(("space", "index"), [(None, None), (1, "R98"), (1, "R03"), (65535, "R98")])
def test_exif_that_says_srgb_or_nothing(tmp_path, space, index):
    picture = through(tmp_path / "a.png", Image.new("RGB", (32, 24), (60, 200, 60)), exif=exif_of(space, index))
    assert picture.notices == ()
    assert distance(picture, (60, 200, 60)) == 0


def test_exif_that_says_only_what_it_is_not(tmp_path):
    picture = through(tmp_path / "a.png", Image.new("RGB", (32, 24), (60, 200, 60)), exif=exif_of(65535))
    (notice,) = picture.notices
    assert "not sRGB" in notice
    assert "Adobe RGB" in notice
    assert distance(picture, (60, 200, 60)) == 0


def test_a_profile_is_believed_before_exif(tmp_path):
    icc_profile = icc(b"RGB ", gammas=(2.2, 2.2, 2.2))
    image = Image.new("RGB", (32, 24), (60, 200, 60))
    picture = through(tmp_path / "_a.jpg", image, exif=exif_of(65535, "R03"), icc_profile=icc_profile, quality=95)
    assert picture.notices == ()
