"""Flat areas: how rough they are, and that noise begins there and nowhere else."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from jaxstyle.pictures.flat import ROUGH, fill_flat, roughness


@pytest.fixture
def half_flat(rng):
    """Noise below, one colour above, (64, 48, 3)."""
    image = rng.random((64, 48, 3)).astype(np.float32)
    image[:32] = (0.5, 0.6, 0.7)
    return image


def test_roughness_is_the_local_deviation_of_a_band(half_flat):
    luma = 255 * half_flat.astype(float) @ (0.299, 0.587, 0.114)
    how = dict(mode="reflect", truncate=3.0)
    band = gaussian_filter(luma, 1, **how) - gaussian_filter(luma, 4, **how)
    np.testing.assert_allclose(roughness(half_flat), np.sqrt(gaussian_filter(band**2, 4, **how)), rtol=1e-3, atol=1e-2)


def test_what_is_flat_becomes_as_rough_as_wanted_and_the_rest_stays(half_flat):
    filled = fill_flat(half_flat, 12.0)
    rough = roughness(half_flat) > ROUGH
    np.testing.assert_array_equal(filled[rough], half_flat[rough])
    assert filled.dtype == np.float32
    flat = roughness(filled)[:12].mean()
    assert flat == pytest.approx(12, rel=0.2)
    assert filled[:12].mean((0, 1)) == pytest.approx((0.5, 0.6, 0.7), abs=0.05)
    np.testing.assert_array_equal(filled, fill_flat(half_flat, 12.0))


def test_a_picture_that_is_flat_nowhere_is_itself_and_a_flat_style_adds_nothing(half_flat, rng):
    image = rng.random((32, 32, 3)).astype(np.float32)
    assert fill_flat(image, 12.0) is image
    np.testing.assert_array_equal(fill_flat(half_flat, 0.0), half_flat)


def test_long_waves_fill_without_short_ones_or_colour():
    """Of the noise alone, against the share of its energy that SciPy's blur at the cut leaves."""
    flat = np.full((128, 96, 3), 0.5, np.float32)
    filled = fill_flat(flat, 12.0, 16.0)
    noise = filled - flat
    np.testing.assert_array_equal(noise[..., 0], noise[..., 2])
    assert roughness(filled).mean() == pytest.approx(12, rel=0.05)
    fine = noise[..., 0] - gaussian_filter(noise[..., 0], 1, mode="wrap")
    assert fine.std() < 0.1 * noise.std()
    power = np.abs(np.fft.rfft2(noise[..., 0])) ** 2
    frequency = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.rfftfreq(96))
    assert power[frequency > 1 / 10].sum() < 0.01 * power.sum() < power[frequency < 1 / 20].sum()


def test_small_pictures_have_long_waves_too():
    for side in (16, 32):
        assert roughness(fill_flat(np.full((side, side, 3), 0.5, np.float32), 12.0, 16.0)).mean() == pytest.approx(12, rel=0.05)
