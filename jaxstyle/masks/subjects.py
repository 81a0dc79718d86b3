"""People, and the subject of a photograph, by two small networks for segmentation."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from jaxstyle.machine.modes import computing
from jaxstyle.masks import faces, graph
from jaxstyle.masks.edges import refined
from jaxstyle.pictures.read import Picture, as_float, resize

MEAN, DEVIATION = np.asarray(((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), np.float32)
"""Of ImageNet's colours, RGB in [0, 1]."""
SURE = 0.5
"""A place of which a network is less sure belongs to nothing."""
LEAST_AREA = 0.001
"""Of a picture: what is smaller was not found."""
SQUARES = ((4.0, 0.9), (8.0, 1.0))
"""Around a face, that are looked at: their sides, and how far their upper edge lies above the face, in its heights."""


@computing()
def people(picture: Picture) -> np.ndarray:
    """The share of each place that is people, (H, W), float32; zeros where no face is seen.

    MediaPipe's selfie segmentation (Google, 2021), at 256x256. It was made for one person near the camera, takes cats and
    cups for people, and overlooks who is small. So it is shown two squares around each face that `faces` finds.
    """
    share = np.zeros(picture.size[::-1], np.float32)
    for face in faces.found(picture):
        for side, above in SQUARES:
            left, top, right, bottom = _around(face, side, above, picture.size)
            part = Picture(picture.rgb[top:bottom, left:right])
            small = as_float(resize(part, 256, 256))
            found = _shown(_program("selfie")(graph.load("selfie").arrays, small[None]), part)
            share[top:bottom, left:right] = np.maximum(share[top:bottom, left:right], found)
    return share


def _around(face: faces.Face, side: float, above: float, size: tuple[int, int]) -> tuple[int, ...]:
    """Left, top, right and bottom of a square around a face, as far as the picture goes."""
    left, top, wide, tall = face.box
    half = side * tall / 2
    corner = np.asarray((left + wide / 2 - half, top - above * tall))
    first = np.clip(np.rint(corner), 0, np.subtract(size, 1)).astype(int)
    last = np.clip(np.rint(corner + 2 * half), first + 1, size).astype(int)
    return (*map(int, first), *map(int, last))


@lru_cache(1)  # for the next word of the same picture
@computing()
def subject(picture: Picture) -> np.ndarray:
    """The share of each place that is the photograph's subject, (H, W), float32; zeros where it has none.

    U2-Net's small network, at 320x320 (X. Qin et al., "U2-Net: Going Deeper with Nested U-Structure for Salient Object
    Detection", Pattern Recognition 2020).
    """
    small = as_float(resize(picture, 320, 320))
    small = (small / max(float(small.max()), 1e-6) - MEAN) / DEVIATION
    return _shown(_program("u2netp")(graph.load("u2netp").arrays, small[None]), picture)


@lru_cache
def _program(name: str) -> Callable[..., Any]:
    """The first output of a network, (h, w)."""
    network = graph.load(name)
    return jax.jit(lambda arrays, image: graph.run(network, image, arrays)[network.outputs[0]][0, ..., 0])


def _shown(share: Any, picture: Picture) -> np.ndarray:
    """A network's answer at the size of the picture, along its edges."""
    coarse = np.asarray(share)
    if (coarse >= SURE).mean() < LEAST_AREA:
        return np.zeros(picture.size[::-1], np.float32)
    return refined(coarse, as_float(picture))
