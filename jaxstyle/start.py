"""Where the optimisation starts: the content, a style, a picture, noise, or one of these with noise mixed in."""

import jax
import jax.numpy as jnp
from jax import Array

GREY = (0.485, 0.458, 0.408)
"""Mean colour of ImageNet, RGB in [0, 1]: the centre of the noise, and zero on the network's own scale."""


def white_noise(shape: tuple[int, ...], seed: int, sigma: float) -> Array:
    """Normal noise of deviation `sigma` around `GREY`, (H, W, 3), RGB where 1 is white; not clipped."""
    return jnp.asarray(GREY)[None, None] + sigma * jax.random.normal(jax.random.key(seed), shape)


def mix(picture: Array, noise: Array, ratio: float) -> Array:
    """`ratio` parts of noise in one of both (`noise_ratio` of cysmith/neural-style-tf); arrays (H, W, 3)."""
    return ratio * noise + (1 - ratio) * picture
