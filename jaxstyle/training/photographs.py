"""Photographs to train on, held in memory, and random crops of them, cut inside a compiled program.

Every crop is a function of the seed and the number of the step alone, so that a training that goes on after a break sees
what it would have seen without.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxstyle.pictures.read import Picture, resize, to_bytes

SIDE_FACTOR = 1.5
"""The shorter side of what is kept of a photograph, in sides of a crop: a crop shows two thirds of it or more."""


class Photographs(NamedTuple):
    """Photographs in one array, each in the upper left corner of its place.

    Attributes:
        pixels: (N, S, S', 3), uint8; beside a smaller one its edge is repeated.
        sides: (N, 2), int32: height and width of each.
    """

    pixels: Array
    sides: Array


def fit(width: int, height: int, size: int) -> tuple[int, int]:
    """The (width, height) of a photograph scaled down where it is larger than crops of `size` need, never up."""
    factor = round(SIDE_FACTOR * size) / min(width, height)
    return (width, height) if factor >= 1 else (max(size, round(width * factor)), max(size, round(height * factor)))


def shown(picture: Picture, size: int) -> Picture:
    """What is held of a photograph for crops of `size`: scaled as `fit` says, and the beginning of one that is very long."""
    room = 2 * round(SIDE_FACTOR * size)
    return Picture(to_bytes(resize(picture, *fit(*picture.size, size)).rgb[:room, :room].copy()))


def stack_photographs(pictures: Sequence[Picture], size: int) -> Photographs:
    """Photographs for crops of `size` pixels a side."""
    scaled = [shown(picture, size).rgb for picture in pictures]
    sides = np.array([image.shape[:2] for image in scaled], np.int32)
    pixels = np.empty((len(scaled), *sides.max(0), 3), np.uint8)
    for place, image in zip(pixels, scaled, strict=True):
        # What is beside a photograph goes into the smoothed pixels at the edge of a crop: its last row and column again.
        beside = [(0, most - side) for most, side in zip(place.shape[:2], image.shape[:2], strict=True)]
        place[:] = np.pad(image, (*beside, (0, 0)), "edge")
    return Photographs(jnp.asarray(pixels), jnp.asarray(sides))


def random_crops(key: Array, photographs: Photographs, count: int, size: int, flip: bool = True) -> Array:
    """Random crops, RGB in [0, 1], (count, size, size, 3).

    Each is of another random photograph, shows a square of it between `size` pixels and its shorter side, scaled to `size`,
    and is mirrored left to right every other time, with `flip`.
    """

    def one(key: Array) -> Array:
        which, scale, top, left, mirror = jax.random.split(key, 5)
        index = jax.random.randint(which, (), 0, photographs.sides.shape[0])
        sides = photographs.sides[index].astype(jnp.float32)
        shown = size + jax.random.uniform(scale) * (sides.min() - size)
        start = jnp.stack([jax.random.uniform(top), jax.random.uniform(left)]) * (sides - shown)
        factor = jnp.full(2, size / shown)
        image = photographs.pixels[index].astype(jnp.float32) / 255
        cut = jax.image.scale_and_translate(image, (size, size, 3), (0, 1), factor, -start * factor, "linear", antialias=True)
        return jnp.where(jax.random.bernoulli(mirror), cut[:, ::-1], cut) if flip else cut

    return jax.vmap(one)(jax.random.split(key, count))
