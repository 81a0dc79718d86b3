"""The layers of networks that paint in one pass: the image transformation network of Johnson et al. (ECCV 2016), of which the
generator of Zhu et al. (ICCV 2017) is a wider one, with the conditional instance normalisation of Dumoulin et al. (ICLR 2017).

Images are float RGB in [0, 1], (N, H, W, 3). Borders are mirrored, and upsampling is nearest neighbour before a convolution,
since a transposed convolution leaves a checkerboard (Odena et al., Distill 2016).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxstyle.network.convolution import conv3x3, current_backend, operand_precision

EPSILON = 1e-5
"""Added to a channel's variance."""
FLAT = 1e-8
"""A channel with less variance than this is constant but for rounding, which makes a hundredth of it or less. Noise of one
8-bit level makes a thousand times as much in the first layer of the networks in the box."""
LEAST = 16
"""Pixels a side that a picture must have."""


class Layer(NamedTuple):
    """One convolution with its normalisation. `scale` is the change of the sides: 2 upsamples first, 1/2 has stride 2. Where it
    is not normalised, its scales and shifts count all the same."""

    name: str
    size: int
    inputs: int
    outputs: int
    scale: float
    is_rectified: bool
    is_normalised: bool = True


@dataclass(frozen=True)
class Widths:
    """The channels of a network: going `down` to a quarter of the sides, through `blocks` residual blocks, and `up` again.

    Attributes:
        down, blocks, up: as above.
        outer: rows and columns of the first and of the last kernel.
        is_normalised: whether the last layer is.
    """

    down: tuple[int, int, int] = (32, 64, 128)
    blocks: int = 5
    up: tuple[int, int] = (64, 32)
    outer: int = 9
    is_normalised: bool = True

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All convolutions, in order; the two of residual block k are ``"block{k}_1"`` and ``"block{k}_2"``."""
        first, second, inner = self.down
        found = [Layer("down1", self.outer, 3, first, 1, True), Layer("down2", 3, first, second, 1 / 2, True)]
        found.append(Layer("down3", 3, second, inner, 1 / 2, True))
        for block in range(1, self.blocks + 1):
            found += [Layer(f"block{block}_{k}", 3, inner, inner, 1, k == 1) for k in (1, 2)]
        found += [Layer("up1", 3, inner, self.up[0], 2, True), Layer("up2", 3, *self.up, 2, True)]
        return (*found, Layer("up3", self.outer, self.up[1], 3, 1, False, self.is_normalised))

    @property
    def shapes(self) -> dict[str, tuple[int, int, int, int]]:
        """Kernel shapes (size, size, in, out) by layer."""
        return {layer.name: (layer.size, layer.size, layer.inputs, layer.outputs) for layer in self.layers}

    @property
    def style_size(self) -> int:
        """How many numbers a style has: a scale and a shift for each channel of each layer."""
        return sum(2 * layer.outputs for layer in self.layers)

    def split(self, styles: Array) -> dict[str, tuple[Array, Array]]:
        """Style vectors (N, `style_size`) as scale and shift by layer, each (N, C)."""
        found, start = {}, 0
        for layer in self.layers:
            middle, end = start + layer.outputs, start + 2 * layer.outputs
            found[layer.name] = styles[:, start:middle], styles[:, middle:end]
            start = end
        return found

    def plain_style(self) -> Array:
        """(`style_size`,): scales 1 and shifts 0, where training begins."""
        parts = [value for layer in self.layers for value in (np.ones(layer.outputs), np.zeros(layer.outputs))]
        return jnp.asarray(np.concatenate(parts), jnp.float32)


def middle(images: Array) -> Array:
    """The middle of each channel's range of values, (N, H, W, 3) -> (N, 1, 1, 3).

    It is taken off a picture first. That changes nothing, since borders are mirrored and the first normalisation takes every
    constant away; but rounding in the first convolution, where the most of it is, becomes smaller, and a plain picture is 0.
    """
    return (images.max((1, 2), keepdims=True) + images.min((1, 2), keepdims=True)) / 2


def amplification(variance: Array) -> Array:
    """What a channel of this variance is multiplied by to have variance 1, and 0 where it is `FLAT`: a plain picture's
    rounding would become a pattern within a few layers. Continuous, so that rounding decides nothing."""
    return lax.rsqrt(variance + EPSILON) * jnp.clip(variance / FLAT - 1, 0, 1)


def instance_norm(x: Array) -> Array:
    """Instance normalisation (Ulyanov et al., 2016): each channel of each picture at mean 0 and variance 1, or at 0 where it is
    constant. Two passes over (N, H, W, C) in float32: one is inexact where the mean is large. So is the mean of a constant, but
    for 0: each channel's first value is taken off before."""
    x = x - lax.stop_gradient(x[:, :1, :1])
    centred = x - x.mean((1, 2), keepdims=True)
    return centred * amplification(jnp.square(centred).mean((1, 2), keepdims=True))


def affine(x: Array, scale: Array, shift: Array) -> Array:
    """Each channel of each picture, (N, H, W, C), times its `scale` and plus its `shift`, (N, C)."""
    return x * scale[:, None, None] + shift[:, None, None]


def pad_reflect(x: Array, reach: int) -> Array:
    """(N, H, W, C) with `reach` pixels more on each side, mirrored at the middle of the outermost ones."""
    return jnp.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")


def upsample_nearest(x: Array) -> Array:
    """Nearest-neighbour upsampling: (N, H, W, C) -> (N, 2 H, 2 W, C)."""
    n, h, w, c = x.shape
    return jnp.broadcast_to(x[:, :, None, :, None], (n, h, 2, w, 2, c)).reshape(n, 2 * h, 2 * w, c)


def conv2d_reflect(x: Array, kernel: Array, scale: float, precision: str) -> Array:
    """A convolution with mirrored borders: (N, H, W, I) -> (N, ceil(H scale), ceil(W scale), O)."""
    reach = kernel.shape[0] // 2
    x = pad_reflect(upsample_nearest(x) if scale == 2 else x, reach)
    if scale == 1 / 2:
        return conv_stride2(x, kernel, precision)
    if kernel.shape[0] == 3:  # the fast one has zeros at the borders, which are cut off
        return jnp.asarray(conv3x3(x, kernel, precision))[:, 1:-1, 1:-1]
    return conv2d_valid(x, kernel, precision)


def conv2d_valid(x: Array, kernel: Array, precision: str, stride: int = 1) -> Array:
    """A convolution without borders: (N, H, W, I) -> (N, (H - size) // stride + 1, ..., O)."""
    dtype, backend = x.dtype, current_backend()
    if precision == "bfloat16" and backend != "cpu":  # as `conv3x3` does
        x, kernel = x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16)
    how: Any = dict(dimension_numbers=("NHWC", "HWIO", "NHWC"), precision=operand_precision(precision))
    how["preferred_element_type"] = None if backend == "gpu" else dtype
    return lax.conv_general_dilated(x, kernel, (stride, stride), "VALID", **how).astype(dtype)


def conv_stride2(x: Array, kernel: Array, precision: str) -> Array:
    """`conv2d_valid` with stride 2, for a kernel of 3x3 or 4x4. On a CPU it is a 2x2 convolution of the picture's 2x2 blocks:
    the gradient of a strided convolution is a transposed one, which XLA's CPU backend runs dozens of times slower."""
    if current_backend() != "cpu":
        return conv2d_valid(x, kernel, precision, 2)
    (n, h, w, c), size = x.shape, kernel.shape[0]
    rows, columns = (h - size) // 2 + 1, (w - size) // 2 + 1
    h, w = h + h % 2, w + w % 2
    x = jnp.pad(x, ((0, 0), (0, h - x.shape[1]), (0, w - x.shape[2]), (0, 0)))
    blocks = x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // 2, w // 2, 4 * c)
    whole = jnp.pad(kernel, ((0, 4 - size), (0, 4 - size), (0, 0), (0, 0))).reshape(2, 2, 2, 2, c, -1)
    return conv2d_valid(blocks, whole.transpose(0, 2, 1, 3, 4, 5).reshape(2, 2, 4 * c, -1), precision)[:, :rows, :columns]


def forward(widths: Widths, images: Array, styles: Array, convolve: Callable[[Array, Layer], Array]) -> Array:
    """Pictures (N, H, W, 3) through all layers, in styles (N, `widths.style_size`); `convolve` does a layer's convolution."""
    affines = widths.split(styles)
    x = shortcut = images - middle(images)
    for layer in widths.layers:
        if layer.name.endswith("_1"):
            shortcut = x
        x = convolve(x, layer)
        x = affine(instance_norm(x) if layer.is_normalised else x, *affines[layer.name])
        x = jax.nn.relu(x) if layer.is_rectified else x + shortcut if layer.name.endswith("_2") else x
    return jax.nn.sigmoid(x[:, : images.shape[1], : images.shape[2]])
