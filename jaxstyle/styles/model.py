"""The image transformation network of Johnson et al. (ECCV 2016), which paints in one pass, with the conditional instance
normalisation of Dumoulin et al. (ICLR 2017): the convolutions are shared, a style is a vector of scales and shifts.

Images are float RGB in [0, 1], (N, H, W, 3). Borders are mirrored, and upsampling is nearest neighbour before a convolution,
since a transposed convolution leaves a checkerboard (Odena et al., Distill 2016).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxstyle.network.convolution import conv3x3, current_backend, operand_precision

EPSILON = 1e-5
"""Added to a channel's variance."""
LEAST = 16
"""Pixels a side that a picture must have."""
CENTRE = 0.5
"""Taken off a picture first. That changes nothing, since borders are mirrored and the first normalisation takes every constant
away; but rounding in the first convolution, where the most of it is, becomes two to three times smaller."""


class Layer(NamedTuple):
    """One convolution with its normalisation. `scale` is the change of the sides: 2 upsamples first, 1/2 has stride 2."""

    name: str
    size: int
    inputs: int
    outputs: int
    scale: float
    is_rectified: bool


@dataclass(frozen=True)
class Widths:
    """The channels of a network: going `down` to a quarter of the sides, through `blocks` residual blocks, and `up` again."""

    down: tuple[int, int, int] = (32, 64, 128)
    blocks: int = 5
    up: tuple[int, int] = (64, 32)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All convolutions, in order; the two of residual block k are ``"block{k}_1"`` and ``"block{k}_2"``."""
        first, second, inner = self.down
        found = [Layer("down1", 9, 3, first, 1, True), Layer("down2", 3, first, second, 1 / 2, True)]
        found.append(Layer("down3", 3, second, inner, 1 / 2, True))
        for block in range(1, self.blocks + 1):
            found += [Layer(f"block{block}_{k}", 3, inner, inner, 1, k == 1) for k in (1, 2)]
        found += [Layer("up1", 3, inner, self.up[0], 2, True), Layer("up2", 3, *self.up, 2, True)]
        return (*found, Layer("up3", 9, self.up[1], 3, 1, False))

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


WIDTHS = {"full": Widths(), "half": Widths((16, 32, 64), 5, (32, 16)), "slim": Widths((32, 32, 32), 6, (8, 4))}
"""Johnson's own, half as wide (his later instance-norm models), and that of the 26-style network."""


def normalised(x: Array, scale: Array, shift: Array) -> Array:
    """Conditional instance normalisation (Dumoulin et al., eq. 5): each channel of each picture at mean 0 and variance 1, then
    its style's `scale` and `shift`, (N, C). Two passes over (N, H, W, C) in float32: one is inexact where the mean is large."""
    centred = x - x.mean((1, 2), keepdims=True)
    variance = jnp.square(centred).mean((1, 2), keepdims=True)
    return centred * lax.rsqrt(variance + EPSILON) * scale[:, None, None] + shift[:, None, None]


def mirrored(x: Array, reach: int) -> Array:
    """(N, H, W, C) with `reach` pixels more on each side, mirrored at the middle of the outermost ones."""
    return jnp.pad(x, ((0, 0), (reach, reach), (reach, reach), (0, 0)), mode="reflect")


def doubled(x: Array) -> Array:
    """Nearest-neighbour upsampling: (N, H, W, C) -> (N, 2 H, 2 W, C)."""
    n, h, w, c = x.shape
    return jnp.broadcast_to(x[:, :, None, :, None], (n, h, 2, w, 2, c)).reshape(n, 2 * h, 2 * w, c)


def convolved(x: Array, kernel: Array, scale: float, precision: str) -> Array:
    """A convolution with mirrored borders: (N, H, W, I) -> (N, ceil(H scale), ceil(W scale), O)."""
    reach = kernel.shape[0] // 2
    x = mirrored(doubled(x) if scale == 2 else x, reach)
    if scale == 1 / 2:
        return _halving(x, kernel, precision)
    if kernel.shape[0] == 3:  # the fast one has zeros at the borders, which are cut off
        return jnp.asarray(conv3x3(x, kernel, precision))[:, 1:-1, 1:-1]
    return _valid(x, kernel, precision)


def _valid(x: Array, kernel: Array, precision: str, stride: int = 1) -> Array:
    dtype, backend = x.dtype, current_backend()
    if precision == "bfloat16" and backend != "cpu":  # as `conv3x3` does
        x, kernel = x.astype(jnp.bfloat16), kernel.astype(jnp.bfloat16)
    how: Any = dict(dimension_numbers=("NHWC", "HWIO", "NHWC"), precision=operand_precision(precision))
    how["preferred_element_type"] = None if backend == "gpu" else dtype
    return lax.conv_general_dilated(x, kernel, (stride, stride), "VALID", **how).astype(dtype)


def _halving(x: Array, kernel: Array, precision: str) -> Array:
    """Stride 2. On a CPU as a 2x2 convolution of the picture's 2x2 blocks: the gradient of a strided convolution is a
    transposed one, which XLA's CPU backend runs dozens of times slower."""
    if current_backend() != "cpu":
        return _valid(x, kernel, precision, 2)
    n, h, w, c = x.shape
    h, w = h + h % 2, w + w % 2
    x = jnp.pad(x, ((0, 0), (0, h - x.shape[1]), (0, w - x.shape[2]), (0, 0)))
    blocks = x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // 2, w // 2, 4 * c)
    whole = jnp.pad(kernel, ((0, 1), (0, 1), (0, 0), (0, 0))).reshape(2, 2, 2, 2, c, -1)
    return _valid(blocks, whole.transpose(0, 2, 1, 3, 4, 5).reshape(2, 2, 4 * c, -1), precision)


def passed(widths: Widths, images: Array, styles: Array, convolve: Callable[[Array, Layer], Array]) -> Array:
    """Pictures (N, H, W, 3) through all layers, in styles (N, `widths.style_size`); `convolve` does a layer's convolution."""
    affine = widths.split(styles)
    x = shortcut = images - CENTRE
    for layer in widths.layers:
        if layer.name.endswith("_1"):
            shortcut = x
        x = normalised(convolve(x, layer), *affine[layer.name])
        x = nn.relu(x) if layer.is_rectified else x + shortcut if layer.name.endswith("_2") else x
    return nn.sigmoid(x[:, : images.shape[1], : images.shape[2]])


class TransformationNetwork(nn.Module):
    """Paints pictures, each in a style of its own."""

    widths: Widths
    precision: str = "float32"

    @nn.compact
    def __call__(self, images: Array, styles: Array) -> Array:
        """(N, H, W, 3) in [0, 1] and style vectors (N, `widths.style_size`) -> (N, H, W, 3) in [0, 1]."""

        def convolve(x: Array, layer: Layer) -> Array:
            kernel = self.param(layer.name, nn.initializers.he_normal(), self.widths.shapes[layer.name])
            return convolved(x, kernel, layer.scale, self.precision)

        return passed(self.widths, images, styles, convolve)


def paint(kernels: Mapping[str, Array], widths: Widths, images: Array, styles: Array, *, precision: str = "float32") -> Array:
    """The network as a pure function: see `TransformationNetwork`; `kernels` by layer, as `Widths.shapes`."""
    return TransformationNetwork(widths, precision).apply({"params": kernels}, images, styles)  # pyright: ignore[reportReturnType]


def initial(widths: Widths, seed: int) -> dict[str, Array]:
    """Random kernels, with the variance of He et al. (ICCV 2015)."""
    rng = np.random.default_rng(seed)
    deviations = {name: np.sqrt(2 / np.prod(shape[:3])) for name, shape in widths.shapes.items()}
    return {name: jnp.asarray(rng.normal(0, deviations[name], shape), jnp.float32) for name, shape in widths.shapes.items()}
