"""Frames along the border, grids of the pools, and specks: what a picture has that its content and style do not account for.

    python -m bench.edges [--sizes 160,256] [--evaluations 60] [--sheet edges.png]

For Tuebingen x The Scream, and for noise on a plain grey content, where every place is like every other:

- frame: how far the mean colour of a frame (a sixteenth of the longer side wide) lies from that of the inside, in deviations of
  the inside's colour; of the change from the content, so that skies at the top do not count. Beside it the outermost two pixels.
- grid: power of brightness at the frequencies of the pools (1/2, 1/4, 1/8 of a cycle per pixel along one axis) over the mean of
  the frequencies beside them. 1 is no grid.
- outside: the share of values outside [0, 1] before clipping, and how many times likelier the neighbour of one is another.
"""

import argparse
from typing import Any

import numpy as np
from PIL import Image

import jaxstyle
from bench.machine import describe, in_words

LUMINANCE = np.array([0.299, 0.587, 0.114])
PERIODS = (2, 4, 8)


def frame(change: np.ndarray, width: int) -> float:
    """Distance of the mean colour of a frame of (H, W, 3) from that of the inside, in the inside's deviations."""
    inside = np.zeros(change.shape[:2], bool)
    inside[width:-width, width:-width] = True
    deviation = change[inside].std(0)
    return float(np.sqrt(np.mean(((change[~inside].mean(0) - change[inside].mean(0)) / deviation) ** 2)))


def grid(image: np.ndarray, period: int) -> float:
    """Power of brightness at a pool's frequency over that beside it, the larger of rows and columns; 1 for no grid."""
    found = []
    for lines in (image @ LUMINANCE, (image @ LUMINANCE).T):
        lines = lines[:, : lines.shape[1] // 32 * 32]
        power = np.mean(np.abs(np.fft.rfft(lines - lines.mean(1, keepdims=True), axis=1)) ** 2, axis=0)
        at = lines.shape[1] // period
        beside = [k for k in range(at - 3, at + 4) if k != at and 0 < k < len(power)]
        found.append(power[at] / np.mean(power[beside]))
    return float(max(found))


def outside(image: np.ndarray) -> tuple[float, float]:
    """Share of clipped values of (H, W, 3), and how much likelier the right-hand or lower neighbour of one is another."""
    clipped = (image <= 0) | (image >= 1)
    share = clipped.mean()
    pairs = [clipped[1:] & clipped[:-1], clipped[:, 1:] & clipped[:, :-1]]
    together = np.mean([pair.mean() for pair in pairs])
    return float(share), float(together / max(share, 1e-12) ** 2)
