"""Masks: how much of each place of a picture belongs to a region. (H, W), float32, 1 inside and 0 outside."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from jaxstyle.errors import ImageError, Plain
from jaxstyle.pictures import read
from jaxstyle.pictures.read import Picture

LEAST = 1 / 512
"""Half a level of 8 bits: what is less everywhere is nothing."""
SPARE = 2
"""How many times the wanted width and height are left of a large mask, so that the last step is one by area too."""
LABELS = 15
"""A mask whose brightest place is of such a level of 8 bits, or a darker one, holds numbers of labels, which look black."""
WHITE = 250
"""The level from which a place counts as white."""
COLOURED = 32
"""By how many levels the parts of a colour differ."""
TOLERATED = 0.03
"""Of a side: by how much the aspect of a mask may miss that of its picture."""


@dataclass(frozen=True, eq=False)
class Mask:
    """A mask as it was read.

    Attributes:
        share: (H, W), float32 in [0, 1].
        extent: (width, height) of the picture that it was read from.
        value: what an error shows of it.
        notices: sentences for the user.
    """

    share: np.ndarray
    extent: tuple[int, int]
    value: Any = field(default="")
    notices: tuple[str, ...] = ()

    def check_aspect(self, width: int, height: int, whose: str, argument: str) -> None:
        """Raises an ImageError where its aspect is not that of a picture of `width` x `height`."""
        own_width, own_height = self.extent
        scaled = own_height * width / own_width
        if abs(scaled - height) > max(1.5, TOLERATED * height):
            problem = f"is a mask of {own_width}x{own_height} pixels, another aspect than the {width}x{height} of {whose}"
            raise ImageError(argument, self.value, problem, "give one of the same aspect; its size does not matter")


def load(source: Any, size: tuple[int, int], *, argument: str) -> Mask:
    """Reads a mask for a picture of this (width, height), by area; its own aspect is not looked at.

    White is inside, black outside, grey in between. A picture with transparency is a mask by its alpha, whatever its colours.
    Labels 0 and 1, as segmentation writes them, are taken for black and white, with a notice.

    Args:
        source: a path, a PIL image, or an array: bool, uint8, or float in [0, 1].
        size: (width, height) that is wanted.
        argument: what the caller calls it, for errors.

    Raises:
        ImageError: where it cannot be read, is black everywhere, or holds other labels, as numbers or as colours.
    """
    width, height = size
    extent: list[tuple[int, int]] = []

    def reduced(own_width: int, own_height: int) -> tuple[int, int]:
        extent.append((own_width, own_height))
        large = own_width * own_height > read.LARGE
        factor = max(1, min(own_width // (SPARE * width), own_height // (SPARE * height))) if large else 1
        return own_width // factor, own_height // factor

    if isinstance(source, np.ndarray) and source.dtype.kind == "b":
        source = np.where(source, np.uint8(255), np.uint8(0))
    picture = read.load(source, argument=argument, fit=reduced)
    value = source if isinstance(source, str) else str(source) if hasattr(source, "__fspath__") else Plain("a mask")
    if picture.alpha is not None:
        share = picture.alpha.astype(np.float32) / np.float32(255)
    else:
        share = read.as_float(picture).mean(-1, dtype=np.float32)
    named = f"{argument} {os.path.basename(value)}" if isinstance(value, str) and not isinstance(value, Plain) else argument
    share, notices = _meant(share, picture, value, argument, named)
    share = resize(share, width, height)
    if share.max() < LEAST:
        remedy = "white is inside, black outside; numbers of labels must be made black and white first"
        raise ImageError(argument, value, "is a mask without a white place", remedy)
    return Mask(share, extent[0], value, notices)


def _meant(share: np.ndarray, picture: Picture, value: Any, argument: str, named: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """What a mask without a white place means, with a notice of that; an ImageError where that cannot be known."""
    top = round(float(share.max()) * 255)
    if top == 1:
        said = "its brightest level is 1 of 255, so it is taken for one of labels: 0 is black, 1 white"
        return np.minimum(share * np.float32(255), np.float32(1)), (f"{named}: {said}",)
    if not 0 < top < WHITE:
        return share, ()
    remedy = "make what is meant white (255) and the rest black (0)"
    if top <= LABELS:
        raise ImageError(argument, value, f"is a mask whose brightest level is {top} of 255, as of numbers of labels", remedy)
    if picture.alpha is None and np.ptp(picture.rgb, axis=-1).max() * (1 if picture.rgb.dtype == np.uint8 else 255) > COLOURED:
        raise ImageError(argument, value, "is a mask in colours, without a white place", remedy)
    return share, (f"{named}: its brightest level is {top} of 255, so no place lies wholly inside",)


def resize(share: np.ndarray, width: int, height: int) -> np.ndarray:
    """A mask at `width` x `height`: the mean over each pixel's area; bilinear where it is enlarged. White stays 1 exactly."""
    if share.shape == (height, width):
        return share
    how = Image.Resampling.BOX if width <= share.shape[1] and height <= share.shape[0] else Image.Resampling.BILINEAR
    scaled = np.array(Image.fromarray(share, "F").resize((width, height), how))
    return _whole(scaled)


def _whole(share: np.ndarray) -> np.ndarray:
    """Without what rounding left of 0 and 1."""
    return np.where(share > 1 - 1e-5, np.float32(1), np.where(share < 1e-5, np.float32(0), share)).astype(np.float32)


def soften(share: np.ndarray, reach: float) -> np.ndarray:
    """A mask whose edge runs out over `reach` pixels outside: what was white stays white.

    The ramp is 1 at a white place and 0 at `reach` pixels from the nearest one, without a corner at either end.
    """
    if reach <= 0 or not (share == 1).any():
        return share
    from scipy import ndimage

    distance = ndimage.distance_transform_edt(share < 1)
    ramp = np.clip(1 - np.asarray(distance) / (reach + 1), 0, 1)
    return np.maximum(share, (ramp * ramp * (3 - 2 * ramp)).astype(np.float32))


def layered(shares: Sequence[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
    """What each of several masks gets where they overlap, and what none of them covers; together 1 at every place.

    A later mask takes what it covers, an earlier one what is left there. So two masks that complete each other get just what
    they say, at soft edges too.

    Args:
        shares: (H, W) each.

    Returns:
        As many, and the rest, (H, W).
    """
    left, found = np.ones_like(shares[0]), []
    for share in reversed(shares):
        taken = np.minimum(share, left)
        left = _whole(left - taken)
        found.append(_whole(taken))
    return found[::-1], left
