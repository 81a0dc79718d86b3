"""Pillow's many kinds of pixels as a few: whole, or averaged over squares where a picture is much larger than is wanted."""

import numpy as np
from PIL import Image

from jaxstyle.errors import ImageError

_KEPT = ("L", "RGB", "CMYK", "LAB", "YCbCr", "F")
_STRIP = 2**22
"""Pixels that are made simple at once on the way to fewer, so that the others need no memory."""


def is_grey(im: Image.Image) -> bool:
    """Whether a picture has no colour."""
    return im.mode in ("1", "L", "LA", "La") or im.mode.startswith("I")


def shrunk(im: Image.Image, factor: int, value: str, argument: str) -> Image.Image:
    """`im` in one of the modes L, LA, RGB, RGBA, CMYK, LAB, YCbCr and F, averaged over squares of `factor` pixels.

    It may be `im` itself. Its `info` keeps the colour profile. Raises ImageError for 32-bit pixels outside 0..65535.
    """
    if factor == 1:
        return _simple(im, value, argument)
    rows = factor * max(1, _STRIP // (im.width * factor))
    strips = [
        _simple(im.crop((0, y, im.width, min(y + rows, im.height))), value, argument).reduce(factor)
        for y in range(0, im.height, rows)
    ]
    whole = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    y = 0
    for strip in strips:
        whole.paste(strip, (0, y))
        y += strip.height
    whole.info["icc_profile"] = im.info.get("icc_profile")
    return whole


def _simple(im: Image.Image, value: str, argument: str) -> Image.Image:
    if im.mode.startswith("I"):
        values, info = np.asarray(im), im.info
        if values.min() < 0 or values.max() > 65535:
            problem = f"has 32-bit pixels from {values.min()} to {values.max()}"
            raise ImageError(argument, value, problem, "scale them to 0..65535 or save it as an 8-bit picture")
        bright = Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
        if isinstance(info.get("transparency"), int):
            alpha = np.where(values == info["transparency"], 0, 255).astype(np.uint8)
            bright = Image.merge("LA", (bright, Image.fromarray(alpha)))
        bright.info["icc_profile"] = info.get("icc_profile")
        return bright
    if im.has_transparency_data:
        return (im.convert("LA") if im.mode == "La" else im).convert("RGBA")
    if im.mode in _KEPT:
        return im
    return im.convert("L" if is_grey(im) else "RGB")
