"""The stages of a run: sizes from coarse to fine, metric and evaluations of each, and how one hands over to the next.

A network sees motifs up to the size of its receptive field. Large shapes of a style (a star, a tree) can only be made in a
picture that is small enough, the fine texture only at full size (Gatys et al., Controlling Perceptual Factors in Neural Style
Transfer, CVPR 2017, section 6). At full size the whitened metric comes first and the loss itself last.

So a picture looks the more different from its small version the larger it is. With `AUTO` it is a finished preview first,
whatever its own size is. On the way to its size it keeps the long waves of that preview, and only the short ones change.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
from jax import Array

from jaxstyle.errors import InputError
from jaxstyle.pictures.size import MIN_SIDE
from jaxstyle.pictures.waves import Waves

COARSE_SHARE = 1 / 2
"""Of the evaluations, at all sizes but the last together: they are cheap there."""
FIRST_SHARE = 1 / 2
"""Of these, at the first of three sizes or more, which begins with nothing painted."""
SMALLEST = 192
"""Longest side of the smallest size that a run goes through by itself, at least."""
MOST_SIZES = 4
"""That a run goes through by itself."""
WHITENED_SHARE = 3 / 4
"""Of the evaluations at full size, in the whitened metric where a run has it."""
AUTO = "auto"
PREVIEW = 256
"""Longest side at which `AUTO` begins, so that a picture of this size foretells larger ones."""
ALONE_FACTOR = 1.5
"""Up to so many times that side a picture is made at its own size alone."""
FINER_SHARE, LEAST_SHARE = 1 / 3, 1 / 6
"""Of the preview's evaluations: as many, with `AUTO`, at all finer sizes together, and as many at least at each."""
HELD_SHARE = 3 / 4
"""Of the waves that a preview can have, across and down, finer sizes keep so many. With all of them they could only get finer
lines of one or two pixels, at up to five times the loss."""


class Stage(NamedTuple):
    """A part of a run that is one course of the solver.

    Attributes:
        size: (width, height).
        metric: key of `METRICS`.
        evaluations: how many; 0 where there are too few for all.
        held: how many of its longest waves, across and down, the picture keeps as they are; None where all may change.
    """

    size: tuple[int, int]
    metric: str
    evaluations: int
    held: tuple[int, int] | None = None

    @property
    def pixels(self) -> int:
        """Of its picture."""
        return self.size[0] * self.size[1]


def sizes(width: int, height: int, scales: int) -> list[tuple[int, int]]:
    """`scales` sizes from coarse to fine, each half the next; an InputError where the first would be under MIN_SIDE."""
    if scales > (most := _most_scales(width, height)):
        raise InputError("scales", scales, f"is too many for {width}x{height} pixels", f"give at most {most}")
    return [(width >> k, height >> k) for k in reversed(range(scales))]


def _most_scales(width: int, height: int) -> int:
    return max(k for k in range(1, 32) if min(width, height) >> (k - 1) >= MIN_SIDE)


def usual_scales(width: int, height: int, evaluations: int) -> int:
    """How many sizes a run goes through where nobody says it: as many as leave `SMALLEST` pixels, up to `MOST_SIZES`."""
    usual = 1 + int(math.log2(max(1, max(width, height) / SMALLEST)))
    return max(1, min(usual, _most_scales(width, height), MOST_SIZES, evaluations))


def budgets(evaluations: int, scales: int) -> list[int]:
    """Evaluations at each of `scales` sizes, which add up to `evaluations`, at least one each."""
    if scales == 1:
        return [evaluations]
    coarse = evaluations * COARSE_SHARE
    first = coarse * (FIRST_SHARE if scales > 2 else 1)
    shares = [first, *[(coarse - first) / max(1, scales - 2)] * (scales - 2)]
    counts = [max(1, int(share)) for share in shares]
    return [*counts, max(1, evaluations - sum(counts))]


def former_budgets(evaluations: int, scales: int) -> list[int]:
    """The same as it was once, for old records: a third of the evaluations at all smaller sizes, alike at each."""
    coarse = max(1, round(evaluations / 3 / max(1, scales - 1)))
    return [coarse] * (scales - 1) + [max(1, evaluations - coarse * (scales - 1))]


def stages(
    width: int, height: int, scales: int, evaluations: int, metric: str, shared: Callable[[int, int], list[int]] = budgets
) -> tuple[Stage, ...]:
    """The stages of a run; the last one is in the plain metric, and has at least one evaluation. `shared` gives the evaluations
    at each size."""
    counts = zip(sizes(width, height, scales), shared(evaluations, scales), strict=True)
    *coarse, (size, count) = counts
    return (*(Stage(size, metric, count) for size, count in coarse), *_finished(size, count, metric))


def _finished(size: tuple[int, int], evaluations: int, metric: str) -> tuple[Stage, ...]:
    """The stages of a picture that is finished at this size; the last one is in the plain metric."""
    if metric == "plain":
        return (Stage(size, metric, evaluations),)
    first = min(round(WHITENED_SHARE * evaluations), evaluations - 1)
    return Stage(size, metric, first), Stage(size, "plain", evaluations - first)


def preview_sizes(width: int, height: int) -> list[tuple[int, int]]:
    """Sizes from that of the preview to the full one, in equal steps of up to 3 times; only the full one where it is small."""
    longest = max(width, height)
    steps = max(0, math.ceil(math.log2(longest / (ALONE_FACTOR * PREVIEW))))
    sides = [round(PREVIEW * (longest / PREVIEW) ** (step / steps)) for step in range(steps)]
    coarse = [(side * width // longest, side * height // longest) for side in sides]
    return [*(size for size in coarse if min(size) >= MIN_SIDE), (width, height)]


def beyond(preview: tuple[Stage, ...], width: int, height: int, evaluations: int) -> tuple[Stage, ...]:
    """The stages of a run with `AUTO`: those of its preview of so many evaluations, then the loss itself at each finer size."""
    finer = preview_sizes(width, height)[1:]
    each = max(1, round(evaluations * max(FINER_SHARE / len(finer), LEAST_SHARE)))
    held = (round(preview[-1].size[0] * HELD_SHARE), round(preview[-1].size[1] * HELD_SHARE))
    return (*preview, *(Stage(size, "plain", each, held) for size in finer))


def at_once(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    """The same stages for a run that ends where it starts: one evaluation, which measures it."""
    return (*(stage._replace(evaluations=0) for stage in stages[:-1]), stages[-1]._replace(evaluations=1))


def hand_over(image: Array, start: Array, finer: Array, held: Waves | None = None, waves: Array | None = None) -> Array:
    """Starts the next size with what this one changed: `finer` + enlarged(`image` - `start`).

    The detail that the coarse picture cannot have is then the start's own, not a blur.

    Args:
        image: what came out, (H, W, 3).
        start: what it started from, noise left out, (H, W, 3).
        finer: the same at the next size, (H', W', 3).
        held: waves that a preview gives to the finer picture, whose own they replace.
        waves: their amplitudes, (h, w, 3).
    """
    begun = finer + jax.image.resize(image - start, finer.shape, "cubic")
    return begun if held is None or waves is None else held.put(waves, begun)
