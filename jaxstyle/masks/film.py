"""Masks of a film's frames by their words, steadied along the motion."""

from typing import Any

import numpy as np

from jaxstyle.errors import ImageError
from jaxstyle.masks.sources import FoundMask, find_mask, named_mask
from jaxstyle.masks.words import MaskWord
from jaxstyle.pictures.read import Picture, as_float

WINDOW = 5
"""Frames, this one and those before it, whose median a mask is: what two of them miss stays, and what is wrong in two goes."""
RELIABLE = 0.5
"""Of the motion, from which on an earlier mask counts."""


class FilmMasks:
    """Finds masks in the frames of a film, in order.

    A frame in which nothing is found is no error: its mask is black, unless the frames before it say otherwise.
    """

    def __init__(self) -> None:
        self._frame: Picture | None = None
        self._earlier: dict[MaskWord, list[np.ndarray]] = {}  # carried to the frame, the nearest first; NaN where not known
        self._found: dict[MaskWord, FoundMask] = {}

    def find(self, frame: Picture, word: MaskWord) -> FoundMask:
        """The mask of a word in a frame, the same or the next one."""
        if frame is not self._frame:
            self._move_on(frame)
        if word not in self._found:
            now = lenient(frame, word).levels.astype(np.float32) / 255
            known = self._earlier.setdefault(word, [])
            each = np.stack([now, *(np.where(np.isnan(one), now, one) for one in known)])
            known.insert(0, now)
            levels = np.rint(np.median(each, axis=0) * 255).astype(np.uint8)
            self._found[word] = named_mask(word, levels)
        return self._found[word]

    def _move_on(self, frame: Picture) -> None:
        before, self._frame, self._found = self._frame, frame, {}
        if before is None or not any(self._earlier.values()) or before.size != frame.size:
            self._earlier = {}
            return
        from jaxstyle.flow.optical import optical_flows  # with flax, which nobody else in this room needs
        from jaxstyle.flow.reliable import reliability
        from jaxstyle.flow.warping import warp

        flow, back = optical_flows(as_float(frame), as_float(before))
        known = np.asarray(reliability(flow, back))[..., 0] >= RELIABLE
        for word, masks in self._earlier.items():
            moved = [
                np.asarray(warp(np.nan_to_num(one, nan=0.5)[..., None], flow, "bilinear").picture)[..., 0] for one in masks
            ]
            lost = [np.asarray(warp(np.isnan(one)[..., None], flow, "bilinear").picture)[..., 0] > 0.5 for one in masks]
            kept = [np.where(known & ~gone, one, np.nan) for one, gone in zip(moved, lost, strict=True)]
            self._earlier[word] = kept[: WINDOW - 1]


def lenient(picture: Picture, word: MaskWord, argument: str = "region", value: Any = None) -> FoundMask:
    """`find_mask`; black where nothing is found."""
    try:
        return find_mask(picture, word, argument, value)
    except ImageError:
        return named_mask(word, np.zeros(picture.size[::-1], np.uint8))
