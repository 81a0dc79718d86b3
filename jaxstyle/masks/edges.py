"""A coarse mask brought to the edges of its photograph, and masks that grow or shrink."""

from typing import Any

import numpy as np
from PIL import Image

from jaxstyle.pictures.masks import resize

WORKING = 640
"""Pixels of the longest side at which the filter's coefficients are computed."""
BAND, WINDOW = 0.01, 0.025
"""How far a coarse edge may lie from the true one, and the half side of the filter's window: as shares of the longest side."""
SMOOTH = 1e-4
"""Variance of colours, where white is 1, from which on a window has an edge."""
UNSURE = 1e-3
"""What a place of the band counts for, where one outside it counts 1."""
FAR = 1e6
"""Pixels: the depth of a mask without an edge."""
SURE = 0.15
"""A share within this of 0 or 1 is 0 or 1."""


def refined(share: np.ndarray, image: np.ndarray) -> np.ndarray:
    """A mask whose edges follow those of the photograph.

    It is the guided filter with colours as its guide (K. He, J. Sun, X. Tang, "Guided Image Filtering", PAMI 2013), computed at
    a smaller size ("Fast Guided Filter", 2015). Two things differ. A band along the coarse edge hardly counts, so that what is
    fitted is inside against outside, wherever the coarse edge lies. And where colours do not tell them apart, the coarse edge
    stays: the fit counts by the square of the variance that it explains.

    Args:
        share: (h, w), float32 in [0, 1], of any size.
        image: (H, W, 3), float32 in [0, 1].

    Returns:
        (H, W), float32 in [0, 1]; beyond the band it is 0 or 1.
    """
    height, width = image.shape[:2]
    scale = min(1, WORKING / max(height, width))
    w, h = max(1, round(width * scale)), max(1, round(height * scale))
    guide = np.stack([resize(image[..., i], w, h) for i in range(3)], -1).astype(np.float64)
    depth = _depth(resize(share, w, h))
    reach, window = BAND * max(w, h), 2 * max(1, round(WINDOW * max(w, h))) + 1
    inside, counts = (depth > 0).astype(np.float64), np.where(np.abs(depth) > reach, 1.0, UNSURE)
    total = _box(counts, window)

    def mean(values: np.ndarray, weights: np.ndarray, whole: np.ndarray) -> np.ndarray:
        shape = (h, w, *[1] * (values.ndim - 2))
        return _box(values * weights.reshape(shape), window) / whole.reshape(shape)

    centre, level = mean(guide, counts, total), mean(inside, counts, total)
    spread = mean(guide[..., :, None] * guide[..., None, :], counts, total) - centre[..., :, None] * centre[..., None, :]
    common = mean(guide * inside[..., None], counts, total) - centre * level[..., None]
    slope = np.linalg.solve(spread + SMOOTH * np.eye(3), common[..., None])[..., 0]
    offset = level - (slope * centre).sum(-1)
    explained = np.clip((slope * common).sum(-1) / (level * (1 - level) + SMOOTH), 0, 1)
    more = _box(total, window)
    parts = [*np.moveaxis(slope, -1, 0), offset, explained]
    red, green, blue, offset, explained = (enlarged(mean(part, total, more), width, height) for part in parts)
    fitted = red * image[..., 0] + green * image[..., 1] + blue * image[..., 2] + offset
    fitted = np.clip((fitted - SURE) / (1 - 2 * SURE), 0, 1)
    trust, depth = explained**2, enlarged(depth, width, height)
    found = trust * fitted + (1 - trust) * np.clip(depth / 2 + 0.5, 0, 1)
    least, most = np.clip(depth / reach - 1, 0, 1), np.clip(depth / reach + 2, 0, 1)
    return np.clip(found, least, most).astype(np.float32)


def _depth(share: np.ndarray) -> np.ndarray:
    """How far each place lies inside a mask, in pixels; outside it is negative."""
    inside = share >= 0.5
    if inside.all() or not inside.any():
        return np.where(inside, FAR, -FAR)
    from scipy import ndimage

    within, without = (np.asarray(ndimage.distance_transform_edt(part)) for part in (inside, ~inside))
    return within - without


def _box(values: np.ndarray, window: int) -> np.ndarray:
    from scipy import ndimage

    sides: Any = (window, window, *[0] * (values.ndim - 2))
    return ndimage.uniform_filter(values, sides, mode="nearest")


def enlarged(values: np.ndarray, width: int, height: int) -> np.ndarray:
    """Values of places, (h, w), at another size, bilinear: (height, width), float32."""
    picture = Image.fromarray(values.astype(np.float32), "F")
    return np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR))


def grown(share: np.ndarray, reach: float) -> np.ndarray:
    """A mask whose edge lies `reach` pixels further out, or in where that is negative; the new edge is soft over 3 pixels."""
    if reach == 0:
        return share
    ramp = np.clip((_depth(share) + reach) / 3 + 0.5, 0, 1).astype(np.float32)
    return np.maximum(share, ramp) if reach > 0 else np.minimum(share, ramp)
