"""Guides: how much each place of a layer counts for a region (Gatys et al., Controlling Perceptual Factors in Neural Style
Transfer, CVPR 2017, section 4).

The features of a region are multiplied by its guide before their Gram matrix is taken (`terms.guided_gram`). Guides are made
once, in NumPy, from the regions' masks.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from jax import Array

from jaxstyle.network.vgg import Architecture

GUIDES = ("area", "inside", "mask")
"""How a mask becomes a guide of a layer.

- ``area``: by the share of each place's own square of pixels.
- ``inside``: by the places that see nothing but the region, and `EXTENDED` places more (the authors' notebook).
- ``mask``: as ``area``, with 1 as its largest value and no other normalisation; for the style too, where that has no mask of
  its own (cysmith/neural-style-tf).
"""
EXTENDED = 3
"""Places by which a guide ``inside`` is extended again in every direction."""
EMPTY = 1e-7
"""Mean square of a guide below which its region is left out at that layer."""


class Guides(NamedTuple):
    """The guides of R regions.

    Attributes:
        maps: {tap: (H', W', R)}; the mean square of each over all places is 1, or 0 where a region is empty at that layer.
        shares: {tap: (R,)}: what multiplies each region's part of the style loss; 0 where it is empty.
    """

    maps: dict[str, Array]
    shares: dict[str, Array]


def mask_pyramid(masks: np.ndarray, taps: Iterable[str], architecture: Architecture, how: str) -> dict[str, np.ndarray]:
    """Masks of a picture as guides of layers, not normalised.

    Args:
        masks: (R, H, W) in [0, 1].
        taps: of the layers.
        architecture: whose layers.
        how: one of `GUIDES`.

    Returns:
        {tap: (H', W', R)} float32.
    """
    taps, found, share = set(taps), {}, np.asarray(masks, np.float32)
    for name in architecture.taps:
        if name.startswith("conv") and how == "inside":
            share = _around(share, np.minimum, 1)
        elif name.startswith("pool"):
            share = _pooled(share, np.minimum.reduce if how == "inside" else lambda four: sum(four) / np.float32(4))
        if name in taps:
            each = _around(share, np.maximum, EXTENDED) if how == "inside" else share
            each = each / np.maximum(each.max((1, 2), keepdims=True), 1e-30) if how == "mask" else each
            found[name] = np.moveaxis(each, 0, -1)
        if len(found) == len(taps):
            break
    return found


def _pooled(share: np.ndarray, function: object) -> np.ndarray:
    """(R, H, W) -> (R, H // 2, W // 2), as the network's pools go."""
    even = share[:, : share.shape[1] // 2 * 2, : share.shape[2] // 2 * 2]
    return np.asarray(function([even[:, y::2, x::2] for y in (0, 1) for x in (0, 1)]))  # pyright: ignore[reportCallIssue]


def _around(share: np.ndarray, function: np.ufunc, reach: int) -> np.ndarray:
    """The least or the largest value within a square of `reach` places in every direction; beyond the border is nothing."""
    for axis in (1, 2):
        lines = np.moveaxis(share, axis, 0)
        result = lines.copy()
        for step in range(1, min(reach, len(lines) - 1) + 1):
            result[:-step] = function(result[:-step], lines[step:])
            result[step:] = function(result[step:], lines[:-step])
        share = np.moveaxis(result, 0, axis)
    return share


def unit_power_guides(guides: dict[str, np.ndarray]) -> Guides:
    """Guides with a mean square of 1 each, and as their regions' shares what it was: how much of the picture they are.

    So every place of the picture is drawn to its region's style as strongly as it would be without regions, and a mask that is
    white everywhere changes nothing at all.
    """
    maps, shares = {}, {}
    for name, guide in guides.items():
        square = np.mean(np.square(guide, dtype=np.float64), (0, 1))
        there = square > EMPTY
        maps[name] = np.where(there, guide / np.sqrt(np.where(there, square, 1)), 0).astype(np.float32)
        shares[name] = np.where(there, square, 0).astype(np.float32)
    return Guides(maps, shares)


def unnormalised_guides(guides: dict[str, np.ndarray]) -> Guides:
    """Guides as they are, for a loss that is the mean over regions, each of which counts once more by its part of the whole:
    1 / R^2 (cysmith/neural-style-tf with equal weights of its styles)."""
    regions = next(iter(guides.values())).shape[-1]
    return Guides(dict(guides), {name: np.full(regions, 1 / regions**2, np.float32) for name in guides})  # pyright: ignore


def guides_of(masks: np.ndarray, taps: Iterable[str], architecture: Architecture, how: str) -> Guides:
    """`mask_pyramid` with the normalisation that belongs to it."""
    return (unnormalised_guides if how == "mask" else unit_power_guides)(mask_pyramid(masks, taps, architecture, how))
