"""The terms of the losses, as pure functions. Pictures and what is compared with them are in [-1, 1], as in the papers."""

import jax
import jax.numpy as jnp
from jax import Array, lax

TEMPERATURE = 0.07
"""Of the softmax among places (Park et al., ECCV 2020)."""


def least_squares(scores: Array, wanted: float) -> Array:
    """Mean square distance of a discriminator's scores from `wanted`: 1 for true, 0 for made (Mao et al., ICCV 2017)."""
    return jnp.square(scores - wanted).mean()


def distance(one: Array, other: Array) -> Array:
    """Mean absolute distance of two batches of pictures in [0, 1], counted in [-1, 1]: for cycles and identities."""
    return 2 * jnp.abs(one - other).mean()


def patch_nce(queries: Array, keys: Array, temperature: float = TEMPERATURE) -> Array:
    """PatchNCE (Park et al., eq. 3) of one picture: each place of the made one must be told from all others by its own place in
    the picture that it was made from.

    Args:
        queries: (P, C), of the made picture, of length 1.
        keys: (P, C), of the same places in the picture that it was made from; they are held fast.
        temperature: by which products are divided.

    Returns:
        Mean cross entropy, log P where nothing is told.
    """
    products = jnp.matmul(queries, lax.stop_gradient(keys).T, precision="highest") / temperature
    # A row has the positive on the diagonal, once, and the negatives of the same picture beside it.
    return (jax.nn.logsumexp(products, axis=1) - jnp.diagonal(products)).mean()
