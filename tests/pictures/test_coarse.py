"""Reducing and holding pictures, against Pillow and against dense algebra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxstyle.pictures.coarse import Reduction

SIZES = [((40, 30), (20, 15)), ((41, 30), (13, 10)), ((24, 31), (23, 8)), ((16, 17), (16, 17))]


@pytest.mark.parametrize(("size", "coarse"), SIZES)
def test_it_reduces_as_pillow_does(rng, size, coarse):
    image = rng.random((size[1], size[0], 3)).astype(np.float32)
    planes = [Image.fromarray(image[..., c]).resize(coarse, Image.Resampling.BILINEAR) for c in range(3)]
    got = Reduction.between(size, coarse).reduced(jnp.asarray(image))
    np.testing.assert_allclose(got, np.stack(planes, -1), atol=1e-6)


def dense(size, coarse):
    """The reduction of one channel as a matrix, column by column, by Pillow."""
    columns = []
    for place in np.eye(size[0] * size[1], dtype=np.float32):
        plane = Image.fromarray(place.reshape(size[1], size[0])).resize(coarse, Image.Resampling.BILINEAR)
        columns.append(np.asarray(plane).ravel())
    return np.array(columns, float).T


def test_a_picture_changes_as_little_as_can_be_for_its_coarse_part(rng):
    size, coarse = (13, 9), (5, 4)
    reduction, matrix = Reduction.between(size, coarse), dense(size, coarse)
    image, small = rng.random((9, 13, 1)), rng.random((4, 5, 1))
    least, *_ = np.linalg.lstsq(matrix, small.ravel() - matrix @ image.ravel(), rcond=None)
    got = reduction.with_coarse(jnp.asarray(image, jnp.float32), jnp.asarray(small, jnp.float32))
    np.testing.assert_allclose(got, image + least.reshape(image.shape), atol=1e-5)
    np.testing.assert_allclose(reduction.reduced(got), small, atol=1e-5)


def test_what_is_not_seen_is_an_orthogonal_projection(rng):
    size, coarse = (13, 9), (5, 4)
    reduction, matrix = Reduction.between(size, coarse), dense(size, coarse)
    seen = np.linalg.pinv(matrix) @ matrix
    change = rng.normal(size=(9, 13, 1))
    got = reduction.unseen(jnp.asarray(change, jnp.float32))
    np.testing.assert_allclose(got, (change.ravel() - seen @ change.ravel()).reshape(change.shape), atol=1e-5)
    _, pull = jax.vjp(reduction.unseen, got)
    np.testing.assert_allclose(pull(jnp.asarray(change, jnp.float32))[0], got, atol=1e-5, err_msg="its own transpose")
