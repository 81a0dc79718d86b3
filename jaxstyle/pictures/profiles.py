"""Colour spaces: pictures to sRGB, by their ICC profile or by what EXIF says."""

import io
import struct
from collections.abc import Sequence

import numpy as np
from PIL import ExifTags, Image, ImageCms

_ICC_MODES = {"RGB": ("RGB", "YCbCr", "L"), "GRAY": ("L",), "CMYK": ("CMYK",), "Lab": ("LAB",)}
_SRGB, _ADOBE, _UNCALIBRATED = 1, 2, 65535  # EXIF's ColorSpace
# Adobe RGB (1998), version 2005-05: gamma, and the primaries in XYZ as adapted to the white D50 of ICC profiles
_ADOBE_GAMMA = 563 / 256
_ADOBE_PRIMARIES = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def to_srgb(im: Image.Image) -> Image.Image:
    """`im` (L, RGB, CMYK, LAB or YCbCr) as RGB in sRGB, by its ICC profile if it has one; raises on a bad profile."""
    icc = im.info.get("icc_profile")
    if not icc:
        return im if im.mode == "RGB" else im.convert("RGB")
    profile = ImageCms.getOpenProfile(io.BytesIO(icc))
    space = ImageCms.core.profile_frombytes(icc).xcolor_space.strip()
    if im.mode not in _ICC_MODES.get(space, ()):
        raise ValueError(f"it is for {space!r} pixels, not {im.mode!r}")
    if space == "RGB" and im.mode != "RGB":
        im = im.convert("RGB")
    exact = ImageCms.Flags.NOOPTIMIZE  # the shortcuts of LittleCMS miss dark greys by up to 10 levels
    transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), im.mode, "RGB", flags=exact)
    if space == "RGB":
        # Most are some edition of sRGB: a trip through it would cost 0.2 s a megapixel and a level here and there.
        levels = np.linspace(0, 255, 9).astype(np.uint8)
        cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
        moved = np.asarray(transform.apply(Image.fromarray(cube)))
        if np.abs(moved.astype(int) - cube).max() <= 1:
            return im
    return transform.apply(im)


def by_exif(exif: Image.Exif, name: str) -> tuple[bytes, str]:
    """What EXIF says of the colours of a picture without a profile, as cameras write it.

    The standard for camera files (DCF 2.0) has no number for Adobe RGB in ColorSpace: there stands "uncalibrated", the
    interoperability index is R03, and the file's name begins with an underscore. Some write 2 for it.

    Returns:
        An ICC profile, empty for sRGB, and what the user should know, empty for nothing.
    """
    try:
        space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        index = exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex, "")
    except Exception:  # damaged EXIF fails in nearly any way, and says nothing
        return b"", ""
    index = (index.decode("ascii", "replace") if isinstance(index, bytes) else str(index)).strip("\0 ").upper()
    if space == _ADOBE or (space != _SRGB and index == "R03") or (space == _UNCALIBRATED and name.startswith("_")):
        return _matrix_profile(_ADOBE_PRIMARIES, _ADOBE_GAMMA), "is in Adobe RGB by its EXIF and has been converted to sRGB"
    if space == _UNCALIBRATED and index != "R98":
        return (
            b"",
            "has no colour profile and its EXIF says only that it is not sRGB: should it be in Adobe RGB, embed that profile",
        )
    return b"", ""


def _matrix_profile(primaries: Sequence[Sequence[float]], gamma: float) -> bytes:
    """An ICC profile, version 2.1, of an RGB space with these primaries (XYZ under D50) and one gamma."""

    def xyz(values: Sequence[float]) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH2x", 1, round(gamma * 256))
    white = (0.9642, 1.0, 0.8249)
    tags = {b"wtpt": xyz(white)} | {b"%cXYZ" % c: xyz(primary) for c, primary in zip(b"rgb", primaries, strict=True)}
    tags |= {b"%cTRC" % c: curve for c in b"rgb"}
    table, body, offset = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, offset + len(body), len(data))
        body += data
    head = struct.pack(">I4xI4s4s4s", offset + len(body), 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2000, 1, 1, 0, 0, 0, b"acsp")
    head = head.ljust(68, b"\0") + struct.pack(">3i", *(round(value * 65536) for value in white))
    return head.ljust(128, b"\0") + table + body
