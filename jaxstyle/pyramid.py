"""Coarse to fine: the sizes of a run, the evaluations at each, and how one size hands over to the next.

A network sees motifs up to the size of its receptive field, so that what a style has of large shapes (a star, a tree) can only
be made in a picture that is small enough; the fine texture can only be made at full size (Gatys et al., Controlling Perceptual
Factors in Neural Style Transfer, CVPR 2017, section 6).
"""

import jax
from jax import Array

from jaxstyle.errors import InputError
from jaxstyle.sizes import MIN_SIDE

COARSE_SHARE = 1 / 3
"""Of the evaluations, at each size but the last: they are cheap there."""


def sizes(width: int, height: int, scales: int) -> list[tuple[int, int]]:
    """`scales` sizes from coarse to fine, each half the next; an InputError where the first would be under MIN_SIDE."""
    most = max(k for k in range(1, 32) if min(width, height) >> (k - 1) >= MIN_SIDE)
    if scales > most:
        raise InputError("scales", scales, f"is too many for {width}x{height} pixels", f"give at most {most}")
    return [(width >> k, height >> k) for k in reversed(range(scales))]


def budgets(evaluations: int, scales: int) -> list[int]:
    """Evaluations at each of `scales` sizes, which add up to `evaluations`, at least one each."""
    coarse = max(1, round(evaluations * COARSE_SHARE / max(1, scales - 1)))
    return [coarse] * (scales - 1) + [max(1, evaluations - coarse * (scales - 1))]


def hand_over(image: Array, start: Array, finer: Array) -> Array:
    """Starts the next size with what this one changed: `finer` + enlarged(`image` - `start`).

    The detail that the coarse picture cannot have is then the start's own, not a blur.

    Args:
        image: what came out, (H, W, 3).
        start: what it started from, (H, W, 3).
        finer: the same start at the next size, (H', W', 3).
    """
    return finer + jax.image.resize(image - start, finer.shape, "cubic")
