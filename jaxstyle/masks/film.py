"""Masks of a film's frames by their words, steadied along the motion."""

from typing import Any

import numpy as np

from jaxstyle.masks.find import fit, found_share, levels_of
from jaxstyle.masks.sources import FoundMask
from jaxstyle.masks.words import MaskWord
from jaxstyle.pictures.read import Picture, as_float, resize

WINDOW = 5
"""Frames, this one and those before it, whose median a mask is: what two of them miss stays, and what is wrong in two goes."""
FLOW_SIZE = 256
"""Pixels of the longest side at which the motion is computed. A frame of 640x477 takes 3.0 s by a network, with 512 pixels
4.2 (two cores of an AMD EPYC without AVX-512), and differs by 0.1 levels of 256 on the average."""
RELIABLE = 0.5
"""Of the motion, from which on an earlier mask counts."""


class FilmMasks:
    """Finds masks in the frames of a film, in order.

    A frame in which nothing is found is no error, and the frames before it may say otherwise.
    """

    def __init__(self) -> None:
        self._frame: Picture | None = None
        self._searched = Picture(np.zeros((1, 1, 3), np.uint8))  # the frame, or a smaller copy
        self._earlier: dict[MaskWord, list[np.ndarray]] = {}  # carried to the frame, the nearest first; NaN where not known
        self._found: dict[MaskWord, FoundMask] = {}

    def find(self, frame: Picture, word: MaskWord) -> FoundMask:
        """The mask of a word in a frame, the same or the next one."""
        if self._frame is None or not (frame is self._frame or np.array_equal(frame.rgb, self._frame.rgb)):
            self._move_on(frame)
        if word not in self._found:
            now = lenient(self._searched, word).levels.astype(np.float32) / 255
            known = self._earlier.setdefault(word, [])
            each = np.stack([now, *(np.where(np.isnan(one), now, one) for one in known)])
            known.insert(0, now)
            levels = np.rint(np.median(each, axis=0) * 255).astype(np.uint8)
            self._found[word] = FoundMask(str(word), levels)
        return self._found[word]

    def _move_on(self, frame: Picture) -> None:
        before, self._frame, self._found = self._searched, frame, {}
        self._searched = resize(frame, *fit(*frame.size))
        if not any(self._earlier.values()) or before.size != self._searched.size:
            self._earlier = {}
            return
        from jaxstyle.flow.optical import optical_flows  # with flax, which nobody else in this room needs
        from jaxstyle.flow.reliable import reliability
        from jaxstyle.flow.warping import warp

        flow, back = optical_flows(as_float(self._searched), as_float(before), size=FLOW_SIZE)
        known = np.asarray(reliability(flow, back))[..., 0] >= RELIABLE
        for word, masks in self._earlier.items():
            if not masks:
                continue
            each = np.stack(masks, -1)
            given = np.concatenate([np.nan_to_num(each, nan=0.5), np.isnan(each)], -1)
            moved, lost = np.split(np.asarray(warp(given, flow, "bilinear").picture), 2, -1)
            kept = np.where(known[..., None] & (lost <= 0.5), moved, np.nan)
            self._earlier[word] = list(np.moveaxis(kept, -1, 0))[: WINDOW - 1]


def lenient(picture: Picture, word: MaskWord, argument: str = "region", value: Any = None) -> FoundMask:
    """`find_mask`; where nothing is found the mask is black, and white for ``not:`` and ``background``."""
    return FoundMask(str(word), levels_of(found_share(picture, word), word))
