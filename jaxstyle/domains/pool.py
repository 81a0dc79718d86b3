"""Pictures that a generator has made before: a discriminator is shown some of them again (Shrivastava et al., CVPR 2017)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax


class Pool(NamedTuple):
    """Made pictures.

    Attributes:
        images: (P, H, W, 3), in [0, 1].
        filled: how many of the places hold one.
    """

    images: Array
    filled: Array


def empty(places: int, size: int) -> Pool:
    """A pool without pictures, for those of `size` pixels a side."""
    return Pool(jnp.zeros((places, size, size, 3)), jnp.zeros((), jnp.int32))


def exchanged(pool: Pool, made: Array, key: Array) -> tuple[Pool, Array]:
    """The pool after pictures (N, H, W, 3) were made, and what the discriminator is shown for them.

    A picture is shown as it is while there is room in the pool, which keeps it, and every other time after that; else one of
    the pool's is shown, and the new one takes its place.
    """

    def one(pool: Pool, given: tuple[Array, Array]) -> tuple[Pool, Array]:
        image, key = given
        is_old, which = jax.random.split(key)
        places = pool.images.shape[0]
        has_room = pool.filled < places
        swapped = ~has_room & jax.random.bernoulli(is_old)
        place = jnp.where(has_room, pool.filled, jax.random.randint(which, (), 0, places))
        old = pool.images[place]
        kept = pool.images.at[place].set(jnp.where(has_room | swapped, image, old))
        return Pool(kept, jnp.minimum(pool.filled + 1, places)), jnp.where(swapped, old, image)

    return lax.scan(one, pool, (made, jax.random.split(key, made.shape[0])))
