"""Crops show what the photograph shows there."""

import jax
import numpy as np

from jaxstyle.pictures.read import Picture
from jaxstyle.training.photographs import SIDE_FACTOR, random_crops, stack_photographs

cut = jax.jit(random_crops, static_argnums=(2, 3, 4))

SIZE = 24


def ramp(width, height):
    """Red grows from left to right, green from top to bottom, one level a pixel."""
    y, x = np.mgrid[0:height, 0:width]
    return Picture(np.stack([x, y, np.full_like(x, 77)], -1).astype(np.uint8))


def test_a_crop_is_a_square_of_the_photograph():
    photographs = stack_photographs([ramp(200, 36)], SIZE)
    assert photographs.sides.tolist() == [[36, 72]]
    photographs = stack_photographs([ramp(60, 36)], SIZE)
    found = np.asarray(cut(jax.random.key(0), photographs, 40, SIZE)) * 255
    mirrored = 0
    for crop in found:
        across, down = np.diff(crop[1:-1, 1:-1, 0], axis=1), np.diff(crop[1:-1, 1:-1, 1], axis=0)
        shown = np.abs(across).mean() * SIZE  # pixels of the photograph
        # A triangle of no whole width is not quite linear where a pixel enters it.
        np.testing.assert_allclose(np.abs(across), np.abs(across).mean(), atol=0.12)
        np.testing.assert_allclose(down, np.abs(across).mean(), atol=0.12)
        assert SIZE - 0.2 <= shown <= 36.2
        assert crop[..., 0].min() >= -0.01
        assert crop[..., 0].max() <= 59.01
        assert crop[..., 1].max() <= 35.01
        np.testing.assert_allclose(crop[..., 2], 77, atol=1e-3)
        mirrored += across.mean() < 0
    assert 8 < mirrored < 32
    assert len({crop.tobytes() for crop in found}) == len(found)


def test_nothing_beside_a_smaller_photograph_is_shown():
    """They share an array, whose rest is black."""
    bright = [Picture(np.full((*shape, 3), 200, np.uint8)) for shape in ((SIZE, SIZE), (30, 70), (36, 25))]
    found = np.asarray(cut(jax.random.key(1), stack_photographs(bright, SIZE), 60, SIZE))
    np.testing.assert_allclose(found, 200 / 255, atol=1e-5)


def test_large_photographs_are_scaled_down_and_small_ones_kept():
    photographs = stack_photographs([ramp(240, 240), ramp(SIZE, 28)], SIZE)
    assert photographs.sides.tolist() == [[round(SIDE_FACTOR * SIZE)] * 2, [28, SIZE]]


def test_pictures_in_floats_are_those_in_bytes():
    picture = ramp(36, 30)
    floats = stack_photographs([Picture(picture.rgb / np.float32(255))], SIZE)
    np.testing.assert_array_equal(floats.pixels, stack_photographs([picture], SIZE).pixels)


def test_the_same_key_gives_the_same_crops():
    photographs = stack_photographs([ramp(60, 36)], SIZE)
    one, same, other = (np.asarray(cut(jax.random.key(k), photographs, 4, SIZE)) for k in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.01


def test_no_crop_is_mirrored_where_that_is_not_wanted():
    """The others are those that are there with it, as they are."""
    photographs = stack_photographs([ramp(60, 36)], SIZE)
    both, plain = (np.asarray(cut(jax.random.key(0), photographs, 40, SIZE, flip)) for flip in (True, False))
    assert (np.diff(plain[..., 0], axis=2)[:, :, 1:-1] > 0).all()
    for one, other in zip(both, plain, strict=True):
        np.testing.assert_allclose(one if one[0, 1, 0] < one[0, -2, 0] else one[:, ::-1], other, atol=1e-6)
