"""Convolutions for painting alone: the values of `layers.conv2d_reflect`, in forms that a CPU runs faster, but
whose gradients it does not.

Inputs come with their borders, so that a whole picture and a strip of one are convolved by the same functions.
"""

from collections.abc import Mapping

import jax.numpy as jnp
from jax import Array, lax

from jaxstyle.network.convolution import conv3x3, current_backend, operand_precision
from jaxstyle.onepass.layers import Layer, Widths, forward, upsample_nearest

FEW = 8
"""Channels below which a large kernel is convolved in blocks."""


def border(layer: Layer) -> int:
    """How many rows and columns `convolve` takes on each side of a layer's input."""
    return layer.size // 2


def bordered(x: Array, layer: Layer, axes: tuple[int, ...] = (1, 2)) -> Array:
    """A layer's input (N, H, W, C) with its borders: mirrored, as those of the doubled picture are where it is doubled."""
    reach = border(layer)
    widths = [(reach, reach) if axis in axes else (0, 0) for axis in range(4)]
    return jnp.pad(x, widths, mode="edge" if layer.scale == 2 else "reflect")


def convolve(x: Array, kernel: Array, layer: Layer) -> Array:
    """(N, H + 2 b, W + 2 b, I), b being the layer's `border` -> (N, ceil(H scale), ceil(W scale), O)."""
    if layer.scale == 2:
        return _doubling(x, kernel)
    if layer.scale == 1 / 2:
        return _valid(x, kernel, (2, 2))
    if layer.size == 3:  # the fast one has zeros at the borders, which are cut off
        return jnp.asarray(conv3x3(x, kernel))[:, 1:-1, 1:-1]
    if current_backend() != "cpu":
        return _valid(x, kernel)
    if layer.outputs < FEW:
        return _few_outputs(x, kernel)
    return _few_inputs(x, kernel) if layer.inputs < FEW else _valid(x, kernel)


def _valid(x: Array, kernel: Array, strides: tuple[int, int] = (1, 1)) -> Array:
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        x, kernel, strides, "VALID", dimension_numbers=layout, precision=operand_precision("float32")
    )


def _doubling(x: Array, kernel: Array) -> Array:
    """Of the doubled picture, without doubling it: each output of four in a block sees 2x2 different pixels, so that a 2x2
    convolution with sums of the kernel's rows and columns gives it, in 4/9 of the multiplications."""
    if current_backend() != "cpu":
        return _valid(upsample_nearest(x)[:, 1:-1, 1:-1], kernel)
    n, h, w, _ = x.shape
    h, w = h - 2, w - 2
    fold = jnp.array([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], kernel.dtype)  # (output of a block, pixel, row)
    folded = jnp.einsum("prk,qcl,klio->rcipqo", fold, fold, kernel)
    found = _valid(x, folded.reshape(2, 2, x.shape[3], -1)).reshape(n, h + 1, w + 1, 2, 2, -1)
    parts = [jnp.stack([found[:, p : p + h, q : q + w, p, q] for q in (0, 1)], 3) for p in (0, 1)]
    return jnp.stack(parts, 2).reshape(n, 2 * h, 2 * w, -1)


def _few_inputs(x: Array, kernel: Array) -> Array:
    """Blocks of 2x2 outputs at once, as four times the channels: a product with so few rows is slow."""
    size = kernel.shape[0]
    h, w = x.shape[1] - size + 1, x.shape[2] - size + 1
    x = jnp.pad(x, ((0, 0), (0, h % 2), (0, w % 2), (0, 0)))
    shifted = [jnp.pad(kernel, ((p, 1 - p), (q, 1 - q), (0, 0), (0, 0))) for p in (0, 1) for q in (0, 1)]
    found = _valid(x, jnp.concatenate(shifted, 3), (2, 2))
    n, rows, columns, _ = found.shape
    whole = found.reshape(n, rows, columns, 2, 2, -1).transpose(0, 1, 3, 2, 4, 5)
    return whole.reshape(n, 2 * rows, 2 * columns, -1)[:, :h, :w]


def _few_outputs(x: Array, kernel: Array) -> Array:
    """Each row of the kernel on its own, and two neighbouring outputs at once, as so many times the channels; then the sum."""
    size, _, inputs, outputs = kernel.shape
    n, h, w = x.shape[0], x.shape[1] - size + 1, x.shape[2] - size + 1
    x = jnp.pad(x, ((0, 0), (0, 0), (0, w % 2), (0, 0)))
    shifted = jnp.stack([jnp.pad(kernel, ((0, 0), (q, 1 - q), (0, 0), (0, 0))) for q in (0, 1)], 3)  # (size, size+1, I, 2, O)
    rows = _valid(x, shifted.transpose(1, 2, 0, 3, 4).reshape(1, size + 1, inputs, -1), (1, 2))
    rows = rows.reshape(n, x.shape[1], -1, size, 2 * outputs)
    found = sum(rows[:, k : k + h, :, k] for k in range(1, size)) + rows[:, :h, :, 0]
    return found.reshape(n, h, -1, outputs)[:, :, :w]


def paint(widths: Widths, kernels: Mapping[str, Array], images: Array, styles: Array) -> Array:
    """What `layers.forward` gives, but for rounding: (N, H, W, 3) in [0, 1] and (N, `widths.style_size`) -> (N, H, W, 3)."""
    return forward(widths, images, styles, lambda x, layer: convolve(bordered(x, layer), kernels[layer.name], layer))
