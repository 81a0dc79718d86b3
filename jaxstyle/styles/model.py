"""The image transformation network of Johnson et al. (ECCV 2016), which paints in one pass, with the conditional instance
normalisation of Dumoulin et al. (ICLR 2017): the convolutions are shared, a style is a vector of scales and shifts.

Images are float RGB in [0, 1], (N, H, W, 3).
"""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxstyle.onepass.layers import Layer, Widths, conv2d_reflect, forward

WIDTHS = {"full": Widths(), "half": Widths((16, 32, 64), 5, (32, 16)), "slim": Widths((32, 32, 32), 6, (8, 4))}
"""Johnson's own, half as wide (his later instance-norm models), and that of the 26-style network."""


class TransformationNetwork(nn.Module):
    """Paints pictures, each in a style of its own."""

    widths: Widths
    precision: str = "float32"

    @nn.compact
    def __call__(self, images: Array, styles: Array) -> Array:
        """(N, H, W, 3) in [0, 1] and style vectors (N, `widths.style_size`) -> (N, H, W, 3) in [0, 1]."""

        def convolve(x: Array, layer: Layer) -> Array:
            kernel = self.param(layer.name, nn.initializers.he_normal(), self.widths.shapes[layer.name])
            return conv2d_reflect(x, kernel, layer.scale, self.precision)

        return forward(self.widths, images, styles, convolve)


def paint(kernels: Mapping[str, Array], widths: Widths, images: Array, styles: Array, *, precision: str = "float32") -> Array:
    """The network as a pure function: see `TransformationNetwork`; `kernels` by layer, as `Widths.shapes`."""
    return TransformationNetwork(widths, precision).apply({"params": kernels}, images, styles)  # pyright: ignore[reportReturnType]


def initial(widths: Widths, seed: int) -> dict[str, Array]:
    """Random kernels, with the variance of He et al. (ICCV 2015)."""
    rng = np.random.default_rng(seed)
    deviations = {name: np.sqrt(2 / np.prod(shape[:3])) for name, shape in widths.shapes.items()}
    return {name: jnp.asarray(rng.normal(0, deviations[name], shape), jnp.float32) for name, shape in widths.shapes.items()}
