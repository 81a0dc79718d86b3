"""Content, style and total-variation losses as pure functions.

Features are (H, W, C), images (H, W, 3) RGB in [0, 1]. M = H*W. Every Gram matrix here is divided by M, so that it does not
depend on the size of the picture; what a convention does differently is a factor on the mean square that `Objective` names.
"""

from math import ceil, log, sqrt
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxstyle.network.convolution import current_backend
from jaxstyle.pictures.colour import PIXEL

CONTENT_SCALES = {
    "mean": lambda c, m: 1 / (c * m),
    "half-sum": lambda c, m: 1 / 2,
    "half-root": lambda c, m: 1 / (2 * sqrt(c) * sqrt(m)),
}
"""Factor on sum((F - P)^2) for C channels and M places; half-sum is the paper's eq. 1; cysmith's content kernels 1, 2, 3
are half-root, mean, half-sum."""

STYLE_SCALES = {
    "mean": lambda c: 1.0,
    "quarter-mean": lambda c: 1 / 4,
    "mean-by-channels": lambda c: 1 / c**2,
}
"""Factor on mean((G - A)^2) for C channels; quarter-mean is the paper's eq. 4 for Grams divided by M."""

TILE = 64
"""Rows and columns of a result that cuBLAS gives to one block in float32."""
BLOCKS = 256
"""How many blocks a GPU should have for the Gram matrices of one layer, about: two for each of its multiprocessors."""


def gram(features: Array) -> Array:
    """Correlations of channels: F^T F / (H*W) (Gatys, Ecker, Bethge, CVPR 2016, eq. 3, divided by the number of places).

    Args:
        features: (H, W, C).

    Returns:
        (C, C).
    """
    return _gram(features)


@jax.custom_vjp
def _gram(features: Array) -> Array:
    flat = features.reshape(-1, features.shape[-1])  # (M, C)
    product = _correlated if current_backend() == "gpu" else _product
    return product(flat) / flat.shape[0]


def _product(flat: Array) -> Array:
    """F^T F of F, (M, C) -> (C, C)."""
    return lax.dot_general(flat, flat, (((0,), (0,)), ((), ())), precision="highest")


@jax.custom_batching.custom_vmap
def _correlated(flat: Array) -> Array:
    """`_product` for a GPU. cuBLAS divides a long sum over the chip where there is one product. Where there are several it does
    not, and four Gram matrices of relu1_1 keep 4 of 132 multiprocessors busy: these are summed in parts."""
    return _product(flat)


@_correlated.def_vmap
def _correlated_members(size: int, mapped: list[bool], flat: Array) -> tuple[Array, bool]:
    return jax.vmap(lambda one: _in_parts(one, _parts(size, *one.shape)))(flat), True


def _in_parts(flat: Array, parts: int) -> Array:
    """`_product` as the sum of those of `parts`, which divide M, of the places."""
    if parts == 1:
        return _product(flat)
    return jax.vmap(_product)(flat.reshape(parts, -1, flat.shape[1])).sum(0)


def _parts(members: int, places: int, channels: int) -> int:
    """Parts of the sum over places, for `BLOCKS` blocks in all: the divisor of `places` that comes nearest in ratio. The parts'
    results hold no more values than the features."""
    wanted = max(1.0, min(BLOCKS / (members * ceil(channels / TILE) ** 2), places / channels))
    divisors = [parts for parts in range(1, min(int(8 * wanted), places // channels) + 1) if places % parts == 0]
    return min(divisors, key=lambda parts: abs(log(parts / wanted)), default=1)


def _gram_fwd(features: Array) -> tuple[Array, Array]:
    return _gram(features), features


def _gram_bwd(features: Array, grad: Array) -> tuple[Array]:
    # One product, F (dG + dG^T) / M, where the derived gradient makes one for each of the two factors.
    flat = features.reshape(-1, features.shape[-1])
    spread = lax.dot(flat, (grad + grad.T) / flat.shape[0], precision="highest")
    return (spread.reshape(features.shape),)


_gram.defvjp(_gram_fwd, _gram_bwd)


@jax.custom_vjp
def guided_gram(features: Array, guides: Array) -> Array:
    """Gram matrices of regions, (H, W, C) and (H, W, R) -> (R, C, C): `gram` of the features times each guide (Gatys et al.,
    CVPR 2017, section 4). A guide of ones gives `gram` exactly.

    One region after the other, so that there is never more than one copy of the features. Guides get no gradient.
    """
    return lax.map(lambda guide: gram(features * guide[..., None]), jnp.moveaxis(guides, -1, 0))


def _guided_gram_fwd(features: Array, guides: Array) -> tuple[Array, tuple[Array, Array]]:
    return guided_gram(features, guides), (features, guides)


def _guided_gram_bwd(kept: tuple[Array, Array], grads: Array) -> tuple[Array, None]:
    features, guides = kept

    def add(total: Array, region: tuple[Array, Array]) -> tuple[Array, None]:
        guide, grad = region
        return total + _gram_bwd(features * guide[..., None], grad)[0] * guide[..., None], None

    return lax.scan(add, jnp.zeros_like(features), (jnp.moveaxis(guides, -1, 0), grads))[0], None


guided_gram.defvjp(_guided_gram_fwd, _guided_gram_bwd)


def content_loss(features: Array, target: Array, scale: str = "mean") -> Array:
    """The sum of squared differences of two features, times a factor (Gatys, Ecker, Bethge, CVPR 2016, eq. 1).

    Args:
        features, target: (H, W, C).
        scale: the factor: ``"mean"``, 1 / (C H W); ``"half-sum"``, 1/2, the paper's; ``"half-root"``, 1 / (2 sqrt(C H W)).

    Returns:
        A scalar.
    """
    return content_factor(target, scale) * jnp.sum((features - target) ** 2)


def content_factor(target: Array, scale: str = "mean") -> float:
    """What the sum of squared differences from (H, W, C) features is multiplied by."""
    height, width, channels = target.shape
    return CONTENT_SCALES[scale](channels, height * width)


def style_loss(matrix: Array, target: Array, scale: str = "mean") -> Array:
    """The mean squared difference of two Gram matrices, times a factor (Gatys, Ecker, Bethge, CVPR 2016, eq. 4).

    Args:
        matrix, target: (C, C), from `gram`.
        scale: the factor: ``"mean"``, 1; ``"quarter-mean"``, 1/4, the paper's; ``"mean-by-channels"``, 1 / C^2.

    Returns:
        A scalar.
    """
    return STYLE_SCALES[scale](matrix.shape[-1]) * jnp.mean((matrix - target) ** 2)


def _absolute(x: Array) -> Array:
    down, right = x[1:] - x[:-1], x[:, 1:] - x[:, :-1]
    # |d| as d * sign(d): the derivative of jnp.abs at zero is 1, and flat areas must stay flat.
    return sum((jnp.sum(d * lax.stop_gradient(jnp.sign(d))) for d in (down, right)), jnp.zeros(()))


def _half_squares(x: Array) -> Array:
    down, right = x[1:, :-1] - x[:-1, :-1], x[:-1, 1:] - x[:-1, :-1]
    return (jnp.sum(down**2) + jnp.sum(right**2)) / 2


class Anchor(NamedTuple):
    """An image to stay near.

    Attributes:
        image: (H, W, 3), RGB in [0, 1].
        weight: how strongly at each pixel, (H, W, 1), at least 0.
        pace: what every move of each pixel is multiplied by, (H, W, 1), above 0 to 1. Unlike a large weight it keeps the
            solver's problem well conditioned.
    """

    image: Array
    weight: Array
    pace: Array


def anchor_loss(image: Array, anchor: Anchor) -> Array:
    """Mean over pixels and colours of the weighted square of what an (H, W, 3) image is away from an anchor, in 8-bit levels.

    With the weight a factor times 0 where two frames of a film do not show the same, it is the temporal loss of Ruder et al.,
    Artistic Style Transfer for Videos, 2016, eq. 7.
    """
    return jnp.mean(anchor.weight * (PIXEL * (image - anchor.image)) ** 2)


TV_SCALES = {"absolute": _absolute, "half-squares": _half_squares}


def total_variation(image: Array, scale: str = "absolute") -> Array:
    """Roughness of an image, measured in 8-bit levels.

    Args:
        image: RGB in [0, 1], (H, W, 3).
        scale: ``"absolute"``, the sum of absolute differences of neighbours (`tf.image.total_variation`); ``"half-squares"``,
            half the sum of squared differences over the (H-1) x (W-1) block that has both neighbours (jcjohnson/neural-style).

    Returns:
        A scalar.
    """
    return TV_SCALES[scale](image * PIXEL)
