"""Gaussians and slopes of (H, W, C), whose border is repeated."""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax


def blurred(image: Array, deviation: float) -> Array:
    """By a Gaussian of this deviation in pixels, taken to three of them or more."""
    reach = int(np.ceil(3 * deviation))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        longer, length = _longer(image, axis, reach), image.shape[axis]
        parts = [lax.slice_in_dim(longer, k, k + length, axis=axis) * float(share) for k, share in enumerate(weights)]
        image = jnp.asarray(sum(parts))
    return image


def slope(image: Array, axis: int) -> Array:
    """Central differences along an axis."""
    longer, length = _longer(image, axis, 1), image.shape[axis]
    before, after = (lax.slice_in_dim(longer, start, start + length, axis=axis) for start in (0, 2))
    return (after - before) / 2


def _longer(image: Array, axis: int, reach: int) -> Array:
    return jnp.pad(image, [(reach, reach) if k == axis else (0, 0) for k in range(3)], mode="edge")
