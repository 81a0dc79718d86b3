"""Colour spaces against values that scikit-image 0.26 gave, and brightness with another picture's colours."""

import numpy as np
import pytest

from jaxstyle.pictures.spaces import SPACES, from_space, grey, to_space, with_colours_of

RGB = [
    [0, 0, 0],
    [1, 1, 1],
    [0.5, 0.5, 0.5],
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
    [0.02, 0.01, 0.03],
    [0.003, 0.002, 0.001],
    [0.63, 0.9, 0.78],
    [0.23, 0.3, 0.87],
    [0.01, 0.82, 0.8],
    [0.47, 0.3, 0.28],
]
KNOWN = {
    "yuv": [
        [0.0, 0.0, 0.0],
        [1.0, 0.0, 0.0],
        [0.5, 0.0, 0.0],
        [0.299, -0.1471, 0.615],
        [0.587, -0.2889, -0.515],
        [0.114, 0.436, -0.1],
        [0.0153, 0.0072, 0.0041],
        [0.0022, -0.0006, 0.0007],
        [0.8056, -0.0126, -0.154],
        [0.344, 0.2588, -0.1001],
        [0.5755, 0.1105, -0.4961],
        [0.3485, -0.0337, 0.1065],
    ],
    "ycbcr": [  # less 16, 128 and 128, over 219, 224 and 224
        [0.0, 0.0, 0.0],
        [1.0, 0.0, 0.0],
        [0.5, 0.0, 0.0],
        [0.299, -0.16874, 0.5],
        [0.587, -0.33126, -0.41869],
        [0.114, 0.5, -0.08131],
        [0.01527, 0.00831, 0.00337],
        [0.00219, -0.00067, 0.00058],
        [0.80559, -0.01444, -0.12524],
        [0.34405, 0.29681, -0.08135],
        [0.57553, 0.12668, -0.40337],
        [0.34855, -0.03869, 0.08663],
    ],
    "luv": [
        [0.0, 0.0, 0.0],
        [100.0, -0.0005, 0.0077],
        [53.389, -0.0003, 0.0041],
        [53.2406, 175.0145, 37.7562],
        [87.7351, -83.0779, 107.3991],
        [32.2957, -9.4049, -130.337],
        [0.9488, 0.2939, -0.9335],
        [0.1497, 0.0521, 0.0757],
        [85.9929, -33.6163, 16.8468],
        [40.2804, -11.5608, -110.5661],
        [76.0826, -59.2936, -8.408],
        [37.2643, 28.8809, 9.4777],
    ],
    "lab": [
        [0.0, 0.0, 0.0],
        [100.0, -0.0025, 0.0047],
        [53.389, -0.0015, 0.0028],
        [53.2406, 80.0923, 67.2028],
        [87.7351, -86.183, 83.1797],
        [32.2957, 79.1856, -107.8573],
        [0.9487, 1.3759, -1.6949],
        [0.1497, 0.0312, 0.12],
        [85.9929, -27.8781, 8.0719],
        [40.2804, 42.1912, -75.7931],
        [76.0826, -42.8433, -9.6277],
        [37.2643, 17.6727, 10.622],
    ],
}


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_channels_are_scikit_images(space, dtype):
    """Within a ten-thousandth of the range: its white is rounded in the fifth digit, and its YUV matrix in the fourth."""
    found = to_space(np.array(RGB, dtype)[None], space)[0]
    assert found.dtype == dtype
    np.testing.assert_allclose(found, KNOWN[space], atol=0.01 if space in ("luv", "lab") else 6e-4)


@pytest.mark.parametrize("space", SPACES)
def test_there_and_back(rng, space):
    for pixels in (np.array(RGB), rng.random((20, 30, 3))):
        np.testing.assert_allclose(from_space(to_space(pixels, space), space), pixels, atol=1e-9)


@pytest.mark.parametrize("space", SPACES)
def test_grey_is_as_bright_and_has_no_colour(rng, space):
    pixels = rng.random((20, 30, 3))
    levels = grey(pixels, space)
    assert levels.shape == (20, 30, 1)
    channels = to_space(np.repeat(levels, 3, -1), space)
    np.testing.assert_allclose(channels[..., 0], to_space(pixels, space)[..., 0], atol=1e-6)
    np.testing.assert_allclose(channels[..., 1:], 0, atol=1e-6)
    np.testing.assert_allclose(grey(np.repeat(levels, 3, -1), space), levels, atol=1e-9)


def pale(rng):
    """Colours that exist in other brightness too."""
    return rng.uniform(0.45, 0.55, (20, 30, 3))


@pytest.mark.parametrize("space", SPACES)
def test_brightness_of_one_and_colours_of_the_other(rng, space):
    image, content = pale(rng), pale(rng)
    found = to_space(with_colours_of(image, content, space), space)
    np.testing.assert_allclose(found[..., 0], to_space(image, space)[..., 0], atol=1e-6)
    np.testing.assert_allclose(found[..., 1:], to_space(content, space)[..., 1:], atol=1e-6)
    wild = with_colours_of(rng.random((20, 30, 3)), np.array(RGB)[np.arange(600) % 12].reshape(20, 30, 3), space)
    assert 0 <= wild.min() <= wild.max() <= 1
    assert np.isfinite(wild).all()


def test_the_two_spaces_of_luma_give_the_same(rng):
    image, content = rng.random((2, 20, 30, 3))
    same = [with_colours_of(image, content, space) for space in ("yuv", "ycbcr")]
    np.testing.assert_allclose(*same, atol=1e-12)
    luma = np.array([0.299, 0.587, 0.114])
    by_hand = np.clip(content + ((image - content) @ luma)[..., None], 0, 1)
    np.testing.assert_allclose(same[0], by_hand, atol=1e-12)
