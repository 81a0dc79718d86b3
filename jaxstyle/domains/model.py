"""The networks: a generator, which makes a picture of one collection into one of the other; a discriminator, which tells made
pictures from true ones; heads, which bring a generator's features to where they are compared.

Pictures are RGB in [0, 1], (N, H, W, 3). A generator is that of Zhu et al. (ICCV 2017), with mirrored borders everywhere and
nearest-neighbour upsampling in place of transposed convolutions; the discriminator is the one of Isola et al. (CVPR 2017) that
sees 70x70 pixels.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxstyle.domains.widths import PICTURE, Values, taps
from jaxstyle.onepass.layers import Widths, conv2d_reflect, conv2d_valid, conv_stride2, instance_norm

DEVIATION = 0.02
"""Of the first kernels."""


class _Convolution(nn.Module):
    shape: tuple[int, int, int, int]

    @nn.compact
    def __call__(self) -> tuple[Array, Array]:
        """Kernel and bias; the bias is made to be added to (N, H, W, C)."""
        kernel = self.param("kernel", nn.initializers.normal(DEVIATION), self.shape)
        return kernel, self.param("bias", nn.initializers.zeros, self.shape[-1:])[None, None, None]


class Generator(nn.Module):
    """Makes pictures of one collection into pictures of the other."""

    widths: Widths
    precision: str = "float32"

    @nn.compact
    def __call__(self, images: Array, until: str | None = None) -> tuple[Array, dict[str, Array]]:
        """Pictures, and the features of them at `taps`: those of a block after the sum, others before the normalisation.

        With `until`, one of the taps, nothing is computed beyond it, and the first is no picture.
        """
        x = shortcut = 2 * images - 1
        features, wanted = {PICTURE: x}, taps(self.widths)
        for layer in self.widths.layers:
            if layer.name.endswith("_1"):
                shortcut = x
            shape = self.widths.shapes[layer.name]
            kernel, bias = _Convolution(shape, name=layer.name)()
            found = conv2d_reflect(x, kernel, layer.scale, self.precision) + bias
            x = instance_norm(found) if layer.is_normalised else found
            x = nn.relu(x) if layer.is_rectified else x + shortcut if layer.name.endswith("_2") else x
            if layer.name in wanted:
                features[layer.name] = x if layer.name.endswith("_2") else found
            if layer.name == until:
                return x, features
        x = x[:, : images.shape[1], : images.shape[2]]
        return (nn.tanh(x) + 1) / 2, features


class Discriminator(nn.Module):
    """Scores every patch of 70x70 pixels: 1 for true ones, 0 for those that were made. `width` channels at first."""

    width: int = 64
    precision: str = "float32"

    @nn.compact
    def __call__(self, images: Array) -> Array:
        """(N, H, W, 3) in [0, 1] -> (N, h, w, 1); h and w are an eighth of the sides less 2."""
        channels, strides = [3, *(self.width * k for k in (1, 2, 4, 8)), 1], [2, 2, 2, 1, 1]
        x = 2 * images - 1
        for k, stride in enumerate(strides):
            kernel, bias = _Convolution((4, 4, *channels[k : k + 2]), name=f"conv{k + 1}")()  # pyright: ignore
            x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
            x = conv_stride2(x, kernel, self.precision) if stride == 2 else conv2d_valid(x, kernel, self.precision)
            x = instance_norm(x + bias) if 0 < k < 4 else x + bias
            x = nn.leaky_relu(x, 0.2) if k < 4 else x
        return x


class Heads(nn.Module):
    """Brings features of each tap to vectors of length 1: two layers of `size` units (Park et al., ECCV 2020)."""

    size: int = 256

    @nn.compact
    def __call__(self, features: Mapping[str, Array]) -> dict[str, Array]:
        """{tap: (..., C)} -> {tap: (..., `size`)}."""

        def dense(name: str) -> nn.Dense:
            return nn.Dense(self.size, kernel_init=nn.initializers.normal(DEVIATION), name=name, precision="highest")

        found = {}
        for tap, x in features.items():
            x = dense(f"{tap}_2")(nn.relu(dense(f"{tap}_1")(x)))
            # Where no unit is active there is nothing to bring to length 1, and a norm would have no gradient.
            found[tap] = x * lax.rsqrt(jnp.square(x).sum(-1, keepdims=True) + 1e-8)
        return found


def generate(values: Values, widths: Widths, images: Array, *, precision: str = "float32") -> tuple[Array, dict[str, Array]]:
    """A generator as a pure function: see `Generator`."""
    return Generator(widths, precision).apply({"params": values}, images)  # pyright: ignore[reportReturnType]


def encode(values: Values, widths: Widths, images: Array, *, precision: str = "float32") -> dict[str, Array]:
    """The features alone, and nothing beyond the last of them."""
    return Generator(widths, precision).apply({"params": values}, images, until=taps(widths)[-1])[1]  # pyright: ignore


def score(values: Values, width: int, images: Array, *, precision: str = "float32") -> Array:
    """A discriminator as a pure function: see `Discriminator`."""
    return Discriminator(width, precision).apply({"params": values}, images)  # pyright: ignore[reportReturnType]


def project(values: Values, size: int, features: Mapping[str, Array]) -> dict[str, Array]:
    """The heads as a pure function: see `Heads`."""
    return Heads(size).apply({"params": values}, features)  # pyright: ignore[reportReturnType]


def initial(module: nn.Module, seed: Sequence[int], example: Any) -> Values:
    """A network's first values, a function of the seed's numbers alone: kernels are normal numbers, biases 0.

    Args:
        module: the network.
        seed: numbers.
        example: an argument of the network, or its shape and dtype.
    """
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(module.init, jax.random.key(0), example)["params"]

    def drawn(shape: Any) -> Array:  # nothing is compiled for it
        values = rng.normal(0, DEVIATION, shape.shape) if len(shape.shape) > 1 else np.zeros(shape.shape)
        return jnp.asarray(values, jnp.float32)

    return jax.tree.map(drawn, shapes)
