"""What a 3x3 convolution sees beyond the border of its input: zeros, or the input's own rows and columns, mirrored or repeated.

Arrays are NHWC. A network that sees zeros all round has a frame: its features differ there from those of any other place.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

PADDINGS = ("zero", "reflect", "replicate")
"""By PyTorch's names. ``"reflect"`` leaves the border itself out: row 1 lies beyond row 0."""


def pad(x: Array, padding: str) -> Array:
    """(N, H, W, C) with one more row or column on every side: (N, H + 2, W + 2, C)."""
    return _longer(_longer(x, 1, padding), 2, padding)


def _longer(x: Array, axis: int, padding: str) -> Array:
    """`x` with one more entry before the first and after the last of an axis."""
    length = x.shape[axis]
    first = _source(length, padding)
    ends = [lax.slice_in_dim(x, place, place + 1, axis=axis) for place in (first, length - 1 - first)]
    before, after = map(jnp.zeros_like, ends) if padding == "zero" else ends
    return jnp.concatenate([before, x, after], axis)


def pad_transpose(x: Array, padding: str) -> Array:
    """The transpose of `pad`, (N, H + 2, W + 2, C) -> (N, H, W, C): what lies beyond is added to where it came from."""
    n, h, w, c = x.shape
    shape = jax.ShapeDtypeStruct((n, h - 2, w - 2, c), x.dtype)
    return jax.linear_transpose(partial(pad, padding=padding), shape)(x)[0]


def conv_with_padding(convolve: Callable[[Array, int], Array], x: Array, padding: str, input_gradient: bool) -> Array:
    """A convolution with this padding, or the gradient of one. `convolve` takes how many zeros it has around its input."""
    if padding == "zero":
        return convolve(x, 1)
    return pad_transpose(convolve(x, 2), padding) if input_gradient else convolve(pad(x, padding), 0)


def add_border_terms(y: Array, x: Array, kernel: Array, padding: str) -> Array:
    """`y`, the convolution of `x` with zeros around it, made that with another padding.

    It touches the border of `y` alone, (N, H, W, O), by one product of the four lines beyond it with the kernel's sides.
    """
    lines = _lines(x, _sources(x, padding))
    return _added(y, _beyond(lines, kernel, padding, x.shape[1:3]), BORDER)


def add_border_terms_gradient(x: Array, grad: Array, kernel: Array, padding: str) -> Array:
    """The same of a gradient: `x`, that of a convolution with zeros, (N, H, W, I), from `grad`, (N, H, W, O)."""
    of = _sources(x, padding)
    beyond = partial(_beyond, kernel=kernel, padding=padding, shape=x.shape[1:3])
    return _added(x, jax.linear_transpose(beyond, _lines(x, of))(_lines(grad, BORDER))[0], of)


def _source(length: int, padding: str) -> int:
    """Which of so many rows lies beyond the first."""
    return min(1, length - 1) if padding == "reflect" else 0


def _sources(x: Array, padding: str) -> tuple[int, int]:
    """Which row, and which column, lies beyond the first."""
    return _source(x.shape[1], padding), _source(x.shape[2], padding)


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

    def neighbours(line: Array, padding: str) -> Array:
        """(N, L, I) -> (N, longest, 3 I): before, at and after each place."""
        longer, length = _longer(line, 1, padding), line.shape[1]
        found = jnp.concatenate([longer[:, i : i + length] for i in range(3)], -1)
        return jnp.pad(found, ((0, 0), (0, longest - length), (0, 0)))

    paddings = padding, padding, "zero", "zero"
    seen = jnp.stack([neighbours(line, one) for line, one in zip(lines, paddings, strict=True)])
    sides = jnp.stack([side.reshape(-1, kernel.shape[3]) for side in (kernel[0], kernel[2], kernel[:, 0], kernel[:, 2])])
    found = jnp.einsum("snlc,sco->snlo", seen, sides, precision="highest")
    return found[0, :, :w], found[1, :, :w], found[2, :, :h], found[3, :, :h]
