"""Fine colour taken away, against SciPy's Gaussian and NumPy's transform."""

import numpy as np
import pytest
import scipy.ndimage

from jaxstyle.pictures.colour import OPPONENT, blur, smooth_colour
from jaxstyle.pictures.noise import GREY, soft_noise, white_noise


def fine_chroma(image):
    """Root mean square of the two opponent colours above a quarter of a cycle per pixel, in 8-bit levels."""
    chroma = 255 * np.asarray(image, float) @ OPPONENT.T[:, 1:]
    frequency = np.hypot(np.fft.fftfreq(len(image))[:, None], np.fft.fftfreq(image.shape[1])[None])
    fine = np.fft.ifft2(np.fft.fft2(chroma, axes=(0, 1)) * (frequency > 0.25)[..., None], axes=(0, 1)).real
    return np.sqrt(np.mean(fine**2))


@pytest.mark.parametrize(("shape", "deviation", "reach"), [((16, 16, 2), 2, 6), ((17, 40, 2), 2, 6), ((18, 16, 1), 0.7, 2)])
def test_the_blur_is_scipys_gaussian(rng, shape, deviation, reach):
    channels = rng.random(shape).astype(np.float32)
    wanted = scipy.ndimage.gaussian_filter(channels.astype(float), deviation, radius=reach, mode="reflect", axes=(0, 1))
    np.testing.assert_allclose(blur(channels, deviation), wanted, atol=1e-6)


def test_brightness_is_kept_and_colour_loses_its_detail(rng):
    image = rng.random((40, 52, 3)).astype(np.float32)
    smooth = smooth_colour(image)
    np.testing.assert_allclose(smooth.sum(-1), image.sum(-1), atol=1e-5)
    np.testing.assert_allclose(smooth.mean((0, 1)), image.mean((0, 1)), atol=0.01)
    assert fine_chroma(smooth) < 0.05 * fine_chroma(image)
    np.testing.assert_allclose(smooth_colour(np.full((20, 20, 3), 0.3, np.float32)), 0.3, atol=1e-6)


def test_soft_noise_has_the_stated_mean_and_deviation_but_no_grain():
    shape = (200, 300, 3)
    white, soft = np.asarray(white_noise(shape, 3, 0.1)), soft_noise(shape, 3, 0.1)
    np.testing.assert_allclose(soft.mean((0, 1)), GREY, atol=2e-3)
    np.testing.assert_allclose((soft @ OPPONENT.T).std((0, 1)), (0.1, 0.03, 0.03), rtol=0.1)
    np.testing.assert_allclose((soft_noise(shape, 3, 0.1, chroma=1.0) @ OPPONENT.T).std((0, 1)), 0.1, rtol=0.1)
    assert fine_chroma(soft) < 0.1 * fine_chroma(white)

    def alternating(image):  # brightness that changes its sign from each pixel to the next, along both axes
        signs = (-1.0) ** np.add.outer(np.arange(8), np.arange(8))
        blocks = image.sum(-1)[:200, :296].reshape(25, 8, 37, 8)
        return np.abs((blocks * signs[None, :, None]).sum((1, 3))).mean()

    assert alternating(soft) < 0.25 * alternating(white)
