"""The stages of a run: sizes from coarse to fine, metric and evaluations of each, and how one hands over to the next.

A network sees motifs up to the size of its receptive field. Large shapes of a style (a star, a tree) can only be made in a
picture that is small enough, the fine texture only at full size (Gatys et al., Controlling Perceptual Factors in Neural Style
Transfer, CVPR 2017, section 6). At full size the whitened metric comes first and the loss itself last.
"""

from typing import NamedTuple

import jax
from jax import Array

from jaxstyle.errors import InputError
from jaxstyle.pictures.size import MIN_SIDE

COARSE_SHARE = 1 / 3
"""Of the evaluations, at all sizes but the last together: they are cheap there."""
WHITENED_SHARE = 3 / 4
"""Of the evaluations at full size, in the whitened metric where a run has it."""


class Stage(NamedTuple):
    """A part of a run that is one course of the solver.

    Attributes:
        size: (width, height).
        metric: key of `METRICS`.
        evaluations: how many; 0 where there are too few for all.
    """

    size: tuple[int, int]
    metric: str
    evaluations: int


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


def stages(width: int, height: int, scales: int, evaluations: int, metric: str) -> tuple[Stage, ...]:
    """The stages of a run; the last one is in the plain metric, and has at least one evaluation."""
    counts = zip(sizes(width, height, scales), budgets(evaluations, scales), strict=True)
    *coarse, full = [Stage(size, metric, count) for size, count in counts]
    if metric == "plain":
        return (*coarse, full)
    first = min(round(WHITENED_SHARE * full.evaluations), full.evaluations - 1)
    return (*coarse, full._replace(evaluations=first), Stage(full.size, "plain", full.evaluations - first))


def hand_over(image: Array, start: Array, finer: Array) -> Array:
    """Starts the next size with what this one changed: `finer` + enlarged(`image` - `start`).

    The detail that the coarse picture cannot have is then the start's own, not a blur.

    Args:
        image: what came out, (H, W, 3).
        start: what it started from, (H, W, 3).
        finer: the same start at the next size, (H', W', 3).
    """
    return finer + jax.image.resize(image - start, finer.shape, "cubic")
