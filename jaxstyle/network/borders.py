"""What a 3x3 convolution sees beyond the border of its input: zeros, or the input's own rows and columns, mirrored or repeated.

Arrays are NHWC. A network that sees zeros all round has a frame: its features differ there from those of any other place.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

PADDINGS = {"zero": "constant", "reflect": "reflect", "replicate": "edge"}
"""By PyTorch's names, NumPy's. ``"reflect"`` leaves the border itself out: row 1 lies beyond row 0."""


def extended(x: Array, padding: str) -> Array:
    """(N, H, W, C) with one more row or column on every side: (N, H + 2, W + 2, C)."""
    if padding == "zero":
        return jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for axis, first in zip((1, 2), _source(x, padding), strict=True):
        last = x.shape[axis] - 1 - first
        before, after = (lax.slice_in_dim(x, place, place + 1, axis=axis) for place in (first, last))
        x = jnp.concatenate([before, x, after], axis)
    return x


def folded(x: Array, padding: str) -> Array:
    """The transpose of `extended`, (N, H + 2, W + 2, C) -> (N, H, W, C): what lies beyond is added to where it came from."""
    n, h, w, c = x.shape
    shape = jax.ShapeDtypeStruct((n, h - 2, w - 2, c), x.dtype)
    return jax.linear_transpose(partial(extended, padding=padding), shape)(x)[0]


def padded(convolve: Callable[[Array, int], Array], x: Array, padding: str, turned: bool) -> Array:
    """A convolution with this padding; turned, the gradient of one. `convolve` takes how many zeros it has around its input."""
    if padding == "zero":
        return convolve(x, 1)
    return folded(convolve(x, 2), padding) if turned else convolve(extended(x, padding), 0)


def add_beyond(y: Array, x: Array, kernel: Array, padding: str) -> Array:
    """`y`, the convolution of `x` with zeros around it, made that with another padding.

    It touches the border of `y` alone, (N, H, W, O), by one product of the four lines beyond it with the kernel's sides.
    """
    lines = _lines(x, _source(x, padding))
    return _added(y, _beyond(lines, kernel, padding, x.shape[1:3]), BORDER)


def add_beyond_gradient(x: Array, grad: Array, kernel: Array, padding: str) -> Array:
    """The same of a gradient: `x`, that of a convolution with zeros, (N, H, W, I), from `grad`, (N, H, W, O)."""
    of = _source(x, padding)
    beyond = partial(_beyond, kernel=kernel, padding=padding, shape=x.shape[1:3])
    return _added(x, jax.linear_transpose(beyond, _lines(x, of))(_lines(grad, BORDER))[0], of)


def _source(x: Array, padding: str) -> tuple[int, int]:
    """Which row, and which column, lies beyond the first."""
    return BORDER if padding == "replicate" else (min(1, x.shape[1] - 1), min(1, x.shape[2] - 1))


BORDER = 0, 0
Lines = tuple[Array, Array, Array, Array]


def _lines(x: Array, at: tuple[int, int]) -> Lines:
    """The rows that lie so many from the top and the bottom, and the columns from the left and the right, (N, L, C)."""
    h, w = x.shape[1:3]
    return x[:, at[0]], x[:, h - 1 - at[0]], x[:, :, at[1]], x[:, :, w - 1 - at[1]]


def _added(x: Array, lines: Lines, at: tuple[int, int]) -> Array:
    """`x` with such lines added to where `_lines` finds them; in place, within a program."""
    h, w = x.shape[1:3]
    places = (1, at[0]), (1, h - 1 - at[0]), (2, at[1]), (2, w - 1 - at[1])
    for line, (axis, place) in zip(lines, places, strict=True):
        part = lax.slice_in_dim(x, place, place + 1, axis=axis) + jnp.expand_dims(line, axis)
        x = lax.dynamic_update_slice_in_dim(x, part, place, axis)
    return x


def _beyond(lines: Lines, kernel: Array, padding: str, shape: tuple[int, ...]) -> Lines:
    """What lines beyond the border add to the convolution at it. The corners belong to the rows."""
    (h, w), longest = shape, max(shape)

    def neighbours(line: Array, mode: str) -> Array:
        """(N, L, I) -> (N, longest, 3 I): before, at and after each place."""
        before, length = jnp.pad(line, ((0, 0), (1, 1), (0, 0)), mode), line.shape[1]
        found = jnp.concatenate([before[:, i : i + length] for i in range(3)], -1)
        return jnp.pad(found, ((0, 0), (0, longest - length), (0, 0)))

    modes = (PADDINGS[padding],) * 2 + ("constant",) * 2
    seen = jnp.stack([neighbours(line, mode) for line, mode in zip(lines, modes, strict=True)])
    sides = jnp.stack([side.reshape(-1, kernel.shape[3]) for side in (kernel[0], kernel[2], kernel[:, 0], kernel[:, 2])])
    found = jnp.einsum("snlc,sco->snlo", seen, sides, precision="highest")
    return found[0, :, :w], found[1, :, :w], found[2, :, :h], found[3, :, :h]
