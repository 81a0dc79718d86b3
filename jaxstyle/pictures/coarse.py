"""What a picture is at a coarser size, and how to change it without changing that.

A reduction to a coarser size is linear, so every picture has two parts: one that its reduced picture shows, and a rest that it
does not show. Images are float (H, W, C); jittable.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array


class Reduction(NamedTuple):
    """Reduces images by a filter that is a triangle, as Pillow's bilinear one, and enlarges them by its pseudoinverse.

    Attributes:
        down: for rows (h, H) and for columns (w, W): every place of the coarser size as an average.
        up: the pseudoinverses, (H, h) and (W, w), so that a picture which is enlarged and reduced is the same again.
    """

    down: tuple[Array, Array]
    up: tuple[Array, Array]

    @classmethod
    def between(cls, size: tuple[int, int], coarse: tuple[int, int]) -> "Reduction":
        """From one (width, height) to another that is nowhere larger."""
        down = [_averages(fine, small) for fine, small in zip(size[::-1], coarse[::-1], strict=True)]
        rows, columns = ((jnp.asarray(d, jnp.float32), jnp.asarray(_pseudoinverse(d), jnp.float32)) for d in down)
        return cls((rows[0], columns[0]), (rows[1], columns[1]))

    def reduced(self, image: Array) -> Array:
        """(H, W, C) -> (h, w, C)."""
        return _along(self.down, image)

    def enlarged(self, image: Array) -> Array:
        """(h, w, C) -> (H, W, C): the smallest of all images that are this one when they are reduced."""
        return _along(self.up, image)

    def unseen(self, change: Array) -> Array:
        """What the reduced picture does not show of a change (H, W, C): an orthogonal projection, its own transpose."""
        return change - self.enlarged(self.reduced(change))

    def with_coarse(self, image: Array, coarse: Array) -> Array:
        """An image (H, W, C), changed as little as can be so that it is `coarse` (h, w, C) when it is reduced."""
        return image + self.enlarged(coarse - self.reduced(image))


def _along(matrices: tuple[Array, Array], image: Array) -> Array:
    # By default a GPU would round the picture to tf32 here, and a TPU to bfloat16.
    how: Any = dict(precision="highest")
    rows, columns = matrices
    return jnp.einsum("ih,hwc,jw->ijc", rows, image, columns, **how)


def _averages(fine: int, coarse: int) -> np.ndarray:
    """The weights (coarse, fine) by which a line is reduced: a triangle, two coarse places wide, cut off at the ends."""
    scale = fine / coarse
    away = (np.arange(fine) + 0.5) / scale - (np.arange(coarse)[:, None] + 0.5)
    weights = np.maximum(0, 1 - np.abs(away))
    return weights / weights.sum(1, keepdims=True)


def _pseudoinverse(down: np.ndarray) -> np.ndarray:
    return np.linalg.solve(down @ down.T, down).T
