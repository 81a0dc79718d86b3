"""Features of a picture at some taps and Gram matrices at others, computed from the whole picture or strip by strip.

Nearly all the memory of an evaluation holds features of the first blocks, which the backward pass needs. A Gram matrix is a sum
over places, so it can be summed over strips of rows. The backward pass computes each strip once more (Chen et al., Training
Deep Nets with Sublinear Memory Cost, 2016). A strip is read with as many more rows on either side as its convolutions reach, so
the result is that of the whole picture, up to rounding.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxstyle.loss.terms import gram, guided_gram
from jaxstyle.network.vgg import Architecture, Params, activations, check_reading, scaled

GROUPS: tuple[tuple[int, ...], ...] = ((1, 2), (3,), (4,), (5,))
"""Blocks that go over the strips together; the last are small enough to be computed whole."""
PLACES = 512 * 128
"""Pixels of the picture in a strip, about."""
ROWS = 128
"""Rows of a strip, at the least: those beside it are computed for it and for the next one."""


def read(
    params: Params,
    image: Array,
    whole: Iterable[str],
    grams: Iterable[str],
    *,
    guides: Mapping[str, Array] | None = None,
    pooling: str = "max",
    precision: str = "float32",
    strips: bool = False,
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Features of an image at the taps `whole`, and Gram matrices at the taps `grams`.

    Args:
        params, pooling, precision: as of `features`.
        image: RGB in [0, 1], (H, W, 3).
        whole, grams: names of taps.
        guides: of regions, {tap: (H', W', R)} for the taps `grams`.
        strips: whether to hold the features of one strip at a time; a gradient then computes each of them twice.

    Returns:
        ({tap: (H', W', C)}, {tap: (C, C)}, or {tap: (R, C, C)} with guides).

    Raises:
        InputError: as `features`.
    """
    whole, grams = tuple(dict.fromkeys(whole)), tuple(dict.fromkeys(grams))
    check_reading(params, image, (*whole, *grams), pooling, precision)
    x, after, found, matrices = scaled(params, image), "", {}, {}
    for blocks in GROUPS if strips else (tuple(chain(*GROUPS)),):
        divisors = _divisors(params.architecture, blocks)
        kept, summed = ({tap: divisors[tap] for tap in taps if tap in divisors} for taps in (whole, grams))
        end = f"pool{blocks[-1]}"
        more = not {*whole, *grams} <= {*found, *matrices, *divisors}
        if more:
            kept[end] = divisors[end]
        run = partial(_run, params, taps=(*kept, *summed), after=after, pooling=pooling, precision=precision)
        # The same number at every depth: half as wide has twice the channels.
        rows = max(ROWS, PLACES // image.shape[1] // 16 * 16) if blocks in GROUPS[:-1] else len(x)
        halo, step = _reach(params.architecture, blocks), divisors[end]
        features, sums = _over_strips(run, x, rows, -(-halo // step) * step, step, kept, summed, guides)
        found |= {tap: features[tap] for tap in kept if tap in whole}
        matrices |= sums
        if not more:
            break
        x, after = features[end], end
    return found, matrices


def _run(params: Params, x: Array, **how: Any) -> dict[str, Array]:
    """`activations` of one picture, (H, W, C)."""
    return {tap: value[0] for tap, value in activations(params, x[None], **how).items()}


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


@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _cut(x: Array, begins: tuple[int, ...], window: int) -> Array:
    """Windows of so many rows, the last of which ends with the picture: (H, W, C) -> (K, window, W, C)."""
    return jnp.stack([x[begin : begin + window] for begin in begins])


def _cut_fwd(x: Array, begins: tuple[int, ...], window: int) -> tuple[Array, None]:
    return _cut(x, begins, window), None


def _cut_bwd(begins: tuple[int, ...], window: int, _: None, grad: Array) -> tuple[Array]:
    """Adds the windows up in place, where the derived gradient would add as many arrays of the size of `x`."""
    places = jnp.asarray(begins)

    def add(k: Array, total: Array) -> Array:
        rows = lax.dynamic_slice_in_dim(total, places[k], window)
        return lax.dynamic_update_slice_in_dim(total, rows + grad[k], places[k], 0)

    total = jnp.zeros((begins[-1] + window, *grad.shape[2:]), grad.dtype)
    return (lax.fori_loop(0, len(begins), add, total),)


_cut.defvjp(_cut_fwd, _cut_bwd)


def _over_strips(
    run: Callable[[Array], dict[str, Array]],
    x: Array,
    rows: int,
    halo: int,
    step: int,
    kept: Mapping[str, int],
    summed: Mapping[str, int],
    guides: Mapping[str, Array] | None,
) -> tuple[dict[str, Array], dict[str, Array]]:
    """What `run` makes of (H, W, C): outputs of `kept` as they are, Gram matrices of those of `summed`, with their divisors.

    Each strip answers for so many `rows` and sees `halo` more on either side; `step`, the largest divisor, divides both.
    """

    def matrix(features: Array, tap: str, first: Array | int = 0) -> Array:
        """The Gram matrix, or those of the regions, of features that begin at so many rows of the whole."""
        if guides is None:
            return gram(features)
        return guided_gram(features, lax.dynamic_slice_in_dim(guides[tap], first, len(features)))

    height = len(x)
    window = rows + 2 * halo + height % step  # then every window begins at a multiple of the step
    if window >= height:
        outputs = run(x)
        return {tap: outputs[tap] for tap in kept}, {tap: matrix(outputs[tap], tap) for tap in summed}
    firsts = rows * np.arange(-(-height // rows))
    begins = np.clip(firsts - halo, 0, height - window)

    @jax.checkpoint
    def strip(window: Array, first: Array, begin: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        outputs = run(window)

        def own(tap: str, divisor: int) -> tuple[Array, Array, Array]:
            """The strip's rows, where they begin, and how many of them the one before has had: the last strip ends with the
            picture."""
            size, skipped = rows // divisor, (first - begin) // divisor
            offset = jnp.minimum(skipped, len(outputs[tap]) - size)
            return lax.dynamic_slice_in_dim(outputs[tap], offset, size), begin // divisor + offset, skipped - offset

        def part(tap: str, divisor: int) -> Array:
            rows, place, had = own(tap, divisor)
            alone = jnp.where((jnp.arange(len(rows)) >= had)[:, None, None], rows, 0)
            return matrix(alone, tap, place) * (len(rows) / (height // divisor))

        parts = {tap: own(tap, divisor)[0] for tap, divisor in kept.items()}
        return parts, {tap: part(tap, divisor) for tap, divisor in summed.items()}

    parts, matrices = lax.map(lambda each: strip(*each), (_cut(x, tuple(begins.tolist()), window), firsts, begins))

    def joined(parts: Array, divisor: int) -> Array:
        size = parts.shape[1]
        left = height // divisor - (len(parts) - 1) * size
        return jnp.concatenate([parts[:-1].reshape(-1, *parts.shape[2:]), parts[-1, size - left :]])

    return {tap: joined(parts[tap], d) for tap, d in kept.items()}, {tap: matrices[tap].sum(0) for tap in summed}
