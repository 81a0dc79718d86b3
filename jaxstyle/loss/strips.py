"""Features of a picture at some taps, and Gram matrices or another statistic at others, of the whole picture or strip by strip.

Nearly all the memory of an evaluation holds features, which the backward pass needs. A Gram matrix is a sum over places, so it
can be summed over strips of rows, and so can the distance from a content's features; the strips of a wide picture are divided
into tiles. A tile is read with as much more on every side as its convolutions reach, so the result is that of the whole
picture, up to rounding. Between groups of blocks lies the output of a pool, whole: 32 bytes for each pixel of the picture after
block 2, 16 after block 3, 8 after block 4, and once more for its gradient.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import jax.numpy as jnp
from jax import Array

from jaxstyle.loss.statistics import GRAM, Statistic
from jaxstyle.loss.tiles import Axis, divided, over_tiles
from jaxstyle.network.vgg import Architecture, Params, activations, check_reading, scaled

GROUPS: tuple[tuple[int, ...], ...] = ((1, 2), (3,), (4,), (5,))
"""Blocks that go over the tiles together."""
SIDE = 128
"""Rows and columns of a tile, at the least: those beside it are computed for it and for the next one."""
VALUES = 2**23
"""Features of a tile after its first convolution, about. A group that has no more is computed whole, and only once."""


def features_and_statistics(
    params: Params,
    image: Array,
    whole: Iterable[str],
    measured: Iterable[str],
    *,
    guides: Mapping[str, Array] | None = None,
    pooling: str = "max",
    precision: str = "float32",
    padding: str = "zero",
    strips: bool = False,
    against: Mapping[str, Array] | None = None,
    statistic: Statistic = GRAM,
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Features of an image at the taps `whole`, and a statistic of them at the taps `measured`.

    Args:
        params, pooling, precision, padding: as of `features`.
        image: RGB in [0, 1], (H, W, 3).
        whole, measured: names of taps.
        guides: of regions, {tap: (H', W', R)} for the taps `measured`.
        strips: whether to hold the features of one tile at a time; a gradient then computes each of them twice, and there is
            one with respect to the image only.
        against: what features at taps of `whole` are compared with, (H', W', C). The sum of their squared differences stands
            in for them.
        statistic: which one; by default Gram matrices.

    Returns:
        ({tap: (H', W', C) or ()}, {tap: (C, C)}, or {tap: (R, C, C)} with guides, for Gram matrices).

    Raises:
        InputError: as `features`.
    """
    whole, measured = tuple(dict.fromkeys(whole)), tuple(dict.fromkeys(measured))
    targets = dict(against or {})
    check_reading(params, image, (*whole, *measured), pooling, precision, padding)
    x, after, found, statistics = image, "", {}, {}
    for blocks in GROUPS if strips else (tuple(chain(*GROUPS)),):
        divisors = _divisors(params.architecture, blocks)
        kept, summed = ([tap for tap in taps if tap in divisors] for taps in (whole, measured))
        compared = {tap: targets[tap] for tap in kept if tap in targets}
        guided = {tap: guides[tap] for tap in summed} if guides else {}
        kept, end = [tap for tap in kept if tap not in targets], f"pool{blocks[-1]}"
        more = not {*whole, *measured} <= {*found, *statistics, *divisors}
        if more and end not in kept:
            kept.append(end)
        taps = tuple(dict.fromkeys((*kept, *summed, *compared)))
        run = partial(_run, params, taps=taps, after=after, pooling=pooling, precision=precision, padding=padding)
        axes = _axes(params.architecture, blocks, *x.shape[:2]) if strips else None
        if axes and any(len(axis.firsts) > 1 for axis in axes):
            features, sums, distances = over_tiles(run, x, axes, divisors, kept, summed, compared, guided, statistic)
        else:
            features = run(x)
            sums = {tap: statistic.of(features[tap], guided.get(tap)) for tap in summed}
            distances = {tap: jnp.sum((features[tap] - target) ** 2) for tap, target in compared.items()}
        found |= {tap: features[tap] for tap in kept if tap in whole} | distances
        statistics |= sums
        if not more:
            break
        x, after = features[end], end
    return found, statistics


def _run(params: Params, x: Array, *, after: str, **how: Any) -> dict[str, Array]:
    """Features of one picture, (H, W, C), or of what it is `after` a tap."""
    x = x if after else scaled(params, x)
    return {tap: value[0] for tap, value in activations(params, x[None], after=after, **how).items()}


def _divisors(architecture: Architecture, blocks: Sequence[int]) -> dict[str, int]:
    """How many rows of the input of these blocks make one of each of their taps."""
    found = {}
    for tap in architecture.taps:
        block = int(tap[4])
        if block in blocks:
            found[tap] = 2 ** (block - blocks[0] + tap.startswith("pool"))
    return found


def _reach(architecture: Architecture, blocks: Sequence[int]) -> int:
    """How many rows of the input of these blocks, on either side, their convolutions look at."""
    return sum(architecture.depths[block - 1] * 2 ** (block - blocks[0]) for block in blocks)


def _axes(architecture: Architecture, blocks: Sequence[int], height: int, width: int) -> tuple[Axis, Axis]:
    """How an input of these blocks is divided: not at all where it is small, into strips as wide as it up to a width."""
    places, step = VALUES // architecture.widths[blocks[0] - 1], 2 ** len(blocks)
    halo = -(-_reach(architecture, blocks) // step) * step
    if height * width <= places:
        return divided(height, height, 0, 1), divided(width, width, 0, 1)
    across = -(-width // max(SIDE, places // SIDE))
    columns = width if across == 1 else -(-width // across // step) * step
    rows = max(SIDE, places // columns // step * step)
    return divided(height, rows, halo, step), divided(width, columns, halo, step)
