"""Colour spaces: pictures to sRGB, by their ICC profile or by what EXIF says."""

import io
import struct
from collections.abc import Sequence

import numpy as np
from PIL import ExifTags, Image, ImageCms

_ICC_MODES = {"RGB": ("RGB", "YCbCr", "L"), "GRAY": ("L",), "CMYK": ("CMYK",), "Lab": ("LAB",)}
# Adobe RGB (1998), version 2005-05: gamma, and the primaries in XYZ as adapted to the white D50 of ICC profiles
_ADOBE_GAMMA = 563 / 256
_ADOBE_PRIMARIES = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def to_srgb(im: Image.Image) -> Image.Image:
    """`im` (L, RGB, CMYK, LAB or YCbCr) as RGB in sRGB, by its ICC profile if it has one; raises on a bad profile."""
    icc = im.info.get("icc_profile")
    if not icc:
        return im.convert("RGB")
    profile = ImageCms.getOpenProfile(io.BytesIO(icc))
    space = ImageCms.core.profile_frombytes(icc).xcolor_space.strip()
    if im.mode not in _ICC_MODES.get(space, ()):
        raise ValueError(f"it is for {space!r} pixels, not {im.mode!r}")
    if space == "RGB":
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


def is_adobe_by_exif(exif: Image.Exif) -> bool:
    """Whether EXIF says Adobe RGB, as cameras do that store no profile.

    The standard for camera files (DCF 2.0) has no number for it in ColorSpace: that is "uncalibrated", and the
    interoperability index is R03. Some write 2 there.
    """
    try:
        space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
        index = exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex, "")
    except Exception:  # damaged EXIF fails in nearly any way, and says nothing
        return False
    index = index.decode("ascii", "replace") if isinstance(index, bytes) else str(index)
    return space == 2 or (space != 1 and index.strip("\0 ").upper() == "R03")


def adobe_rgb() -> bytes:
    """An ICC profile of Adobe RGB (1998)."""
    return _matrix_profile(_ADOBE_PRIMARIES, _ADOBE_GAMMA)


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
