"""The coarse part of a picture: its longest waves, which pictures of all sizes have, and how to change a picture without them.

Waves are cosines along rows and columns (the discrete cosine transform, DCT-II), as if the picture went on mirrored. Images are
float (H, W, C); jittable.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array


class Waves(NamedTuple):
    """The longest waves of pictures of one size.

    They are held less the shorter they are: what is held by a sharp limit cannot be changed without ripples of that length.

    Attributes:
        rows, columns: (h, H) and (w, W), each wave along a line, of mean square 1.
        share: (h, w, 1), how far each product of two is held: wholly up to half of either, then less, down to nothing.
    """

    rows: Array
    columns: Array
    share: Array

    @classmethod
    def of(cls, size: tuple[int, int], count: tuple[int, int]) -> "Waves":
        """So many of them, from the longest on, across and down pictures of this (width, height)."""
        rows, columns = (_cosines(*each) for each in zip(size[::-1], count[::-1], strict=True))
        share = _shares(count[1])[:, None, None] * _shares(count[0])[None, :, None]
        return cls(*(jnp.asarray(part, jnp.float32) for part in (rows, columns, share)))

    def amplitudes(self, image: Array) -> Array:
        """(H, W, C) -> (h, w, C), which do not depend on the size of a picture."""
        return _along(self.rows, image, self.columns) / (image.shape[0] * image.shape[1])

    def shown(self, amplitudes: Array) -> Array:
        """(h, w, C) -> (H, W, C): the sum of the waves."""
        return _along(self.rows.T, amplitudes, self.columns.T)

    def without(self, change: Array) -> Array:
        """A change (H, W, C) without what is held; linear, and its own transpose."""
        return change - self.shown(self.share * self.amplitudes(change))

    def put(self, amplitudes: Array, image: Array) -> Array:
        """An image (H, W, C) with what is held of these amplitudes (h, w, C) in place of its own."""
        return image + self.shown(self.share * (amplitudes - self.amplitudes(image)))


def _along(rows: Array, image: Array, columns: Array) -> Array:
    # By default a GPU would round the picture to tf32 here, and a TPU to bfloat16.
    how: Any = dict(precision="highest")
    return jnp.einsum("ih,hwc,jw->ijc", rows, image, columns, **how)


def _cosines(length: int, count: int) -> np.ndarray:
    """(count, length), orthogonal, of mean square 1."""
    waves = np.cos(np.pi * np.arange(count)[:, None] * (np.arange(length) + 0.5) / length)
    waves[1:] *= np.sqrt(2)
    return waves


def _shares(count: int) -> np.ndarray:
    """How far each wave along a line is held."""
    beyond = np.clip(2 * np.arange(count) / count - 1, 0, 1)
    return (1 + np.cos(np.pi * beyond)) / 2
