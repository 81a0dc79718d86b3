"""What a function makes of a large array, computed tile by tile: maps as they are, and sums over places.

The gradient computes each tile once more and holds one at a time (Chen et al., Training Deep Nets with Sublinear Memory Cost,
2016). Whatever is whole (the array, the maps, their gradients) is there once: tiles are read from it and added to it in place.
Nothing here knows of a network.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxstyle.loss.statistics import Statistic

Found = dict[str, Array]


class Axis(NamedTuple):
    """How rows, or columns, are divided into windows of one length.

    Attributes:
        length: of the array.
        window: of each window.
        own: places that a window answers for; the rest only surrounds them.
        firsts: the first of these, by window; the last window's may have been those of the one before.
        begins: where each window begins.
    """

    length: int
    window: int
    own: int
    firsts: tuple[int, ...]
    begins: tuple[int, ...]


def divided(length: int, own: int, halo: int, step: int) -> Axis:
    """So many places divided into windows that answer for `own` and see `halo` more on either side; `step` divides both.

    Every window begins at a multiple of the step, and the last ones end with the array.
    """
    window = own + 2 * halo + length % step
    if window >= length:
        return Axis(length, length, length, (0,), (0,))
    firsts = own * np.arange(-(-length // own))
    return Axis(length, window, own, tuple(firsts.tolist()), tuple(np.clip(firsts - halo, 0, length - window).tolist()))


class Own(NamedTuple):
    """The places of a tile's output that it answers for.

    Attributes:
        inside, at: where they begin in the tile's output, and in the whole one; row and column.
        size: rows and columns.
        new: (rows, columns, 1), those that no tile before it has had.
    """

    inside: tuple[Array, Array]
    at: tuple[Array, Array]
    size: tuple[int, int]
    new: Array

    def of(self, output: Array) -> Array:
        """These places of (H, W, C); zero where another tile has had them."""
        part = lax.dynamic_slice(output, (*self.inside, 0), (*self.size, output.shape[-1]))
        return jnp.where(self.new, part, 0)

    def among(self, whole: Array) -> Array:
        """The same places of a whole map."""
        return lax.dynamic_slice(whole, (*self.at, 0), (*self.size, whole.shape[-1]))


def _own(axes: Sequence[Axis], tile: Array, divisor: int, shape: Sequence[int]) -> Own:
    """For an output of this shape, whose places are `divisor` times fewer; `tile` is first and begin of each axis, (2, 2)."""
    inside, at, size, new = [], [], [], []
    for axis, (first, begin), places in zip(axes, tile, shape, strict=False):
        own, skipped = axis.own // divisor, (first - begin) // divisor
        offset = jnp.minimum(skipped, places - own)
        inside, at, size = [*inside, offset], [*at, begin // divisor + offset], [*size, own]
        new.append(jnp.arange(own) >= skipped - offset)
    return Own((inside[0], inside[1]), (at[0], at[1]), (size[0], size[1]), (new[0][:, None] & new[1][None])[..., None])


def _added(total: Array, part: Array, at: Sequence[Array]) -> Array:
    """`total` with `part` added at a place; in a loop, in place."""
    return lax.dynamic_update_slice(total, lax.dynamic_slice(total, (*at, 0), part.shape) + part, (*at, 0))


def _zeros(shape: tuple[int, ...], tied: Array) -> Array:
    """Zeros that are made when `tied` is known: XLA holds those of one shape from their first use to their last otherwise."""
    return jnp.full(shape, 0 * tied[(0,) * tied.ndim])


def over_tiles(
    run: Callable[[Array], Found],
    x: Array,
    axes: tuple[Axis, Axis],
    divisors: Mapping[str, int],
    kept: Sequence[str],
    summed: Sequence[str],
    against: Found,
    guides: Found,
    statistic: Statistic,
) -> tuple[Found, Found, Found]:
    """What `run` makes of (H, W, C), tile by tile.

    Args:
        run: {name: (H', W', C')} of a window of `x`; its gradient is taken with respect to that only.
        axes: how rows and columns are divided.
        divisors: how many times fewer places each output has, a side.
        kept: outputs to return as they are.
        summed: outputs to return the statistic of.
        against: what outputs are compared with, by name.
        guides: of regions, {name: (H', W', R)} for all of `summed`; empty for none.
        statistic: which one.

    Returns:
        Kept outputs; statistics; squared distances from `against`. All are `run`'s of the whole, up to rounding, where
        every window has the surroundings that its own places depend on.
    """
    tiles = np.array(list(product(*(zip(axis.firsts, axis.begins, strict=True) for axis in axes))), np.int32)  # (K, 2, 2)
    whole = {name: [axis.length // divisors[name] for axis in axes] for name in (*kept, *summed)}

    def cut(x: Array, tile: Array) -> Array:
        return lax.dynamic_slice(x, (tile[0, 1], tile[1, 1], 0), (axes[0].window, axes[1].window, x.shape[-1]))

    def one(window: Array, tile: Array, given: tuple[Found, Found]) -> tuple[Found, Found, Found]:
        outputs, (against, guides) = run(window), given
        own = {name: _own(axes, tile, divisors[name], output.shape) for name, output in outputs.items()}
        parts = {name: own[name].of(outputs[name]) for name in outputs}
        share = {name: np.prod(own[name].size) / np.prod(whole[name]) for name in summed}

        def measured(name: str) -> Array:
            guide = guides.get(name)
            return statistic.of(parts[name], None if guide is None else own[name].among(guide))

        sums = {name: measured(name) * share[name] for name in summed}
        wanted = {name: jnp.where(own[name].new, own[name].among(target), 0) for name, target in against.items()}
        distances = {name: jnp.sum((parts[name] - wanted[name]) ** 2) for name in against}
        return {name: parts[name] for name in kept}, sums, distances

    def place(name: str, tile: Array) -> Own:
        return _own(axes, tile, divisors[name], [axis.window // divisors[name] for axis in axes])

    @jax.custom_vjp
    def everything(x: Array, given: tuple[Found, Found]) -> tuple[Found, Found, Found]:
        shapes = jax.eval_shape(one, cut(x, tiles[0]), tiles[0], given)
        maps = {name: _zeros((*whole[name], part.shape[-1]), x) for name, part in shapes[0].items()}
        sums = jax.tree.map(lambda part: jnp.zeros(part.shape, part.dtype), shapes[1:])

        def add(k: Array, total: tuple[Found, tuple[Found, Found]]) -> tuple[Found, tuple[Found, Found]]:
            tile = jnp.asarray(tiles)[k]
            parts, *found = one(cut(x, tile), tile, given)
            maps = {name: _added(total[0][name], parts[name], place(name, tile).at) for name in kept}
            return maps, jax.tree.map(jnp.add, total[1], tuple(found))

        maps, sums = lax.fori_loop(0, len(tiles), add, (maps, sums))
        return maps, *sums

    def forward(x: Array, given: tuple[Found, Found]) -> tuple[tuple[Found, Found, Found], tuple[Array, tuple[Found, Found]]]:
        return everything(x, given), (x, given)

    def backward(saved: tuple[Array, tuple[Found, Found]], grads: tuple[Found, Found, Found]) -> tuple[Array, None]:
        x, given = saved

        def add(k: Array, total: Array) -> Array:
            tile = jnp.asarray(tiles)[k]
            _, pull = jax.vjp(lambda window: one(window, tile, given), cut(x, tile))
            parts = {name: place(name, tile).among(grad) for name, grad in grads[0].items()}
            (grad,) = pull((parts, *grads[1:]))
            return _added(total, grad, (tile[0, 1], tile[1, 1]))

        tied = jax.tree.leaves(grads)[0]
        return lax.fori_loop(0, len(tiles), add, _zeros(x.shape, tied)), None

    everything.defvjp(forward, backward)
    return everything(x, (against, guides))
