"""The measures of the study of skies: coherence against eigenvalues, and where a picture is flattest."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bench.studies import skies


def grey(plane):
    return np.repeat(plane[..., None], 3, -1)


def test_stripes_are_coherent_and_noise_is_not(rng):
    y, x = np.mgrid[:64, :64]
    assert skies.coherence(grey(np.sin(0.8 * x + 0.5 * y))) > 0.97
    assert skies.coherence(grey(rng.random((64, 64)))) < 0.5


def test_coherence_is_that_of_the_eigenvalues(rng):
    image, where = rng.random((12, 15, 3)), rng.random((12, 15))
    down, across = np.gradient(image @ [0.299, 0.587, 0.114])
    tensors = np.stack([down * down, down * across, down * across, across * across], -1)
    tensors = np.stack([gaussian_filter(tensors[..., k], 1.5) for k in range(4)], -1).reshape(12, 15, 2, 2)
    values = np.linalg.eigvalsh(tensors)
    difference, energy = values[..., 1] - values[..., 0], values.sum(-1)
    assert skies.coherence(image, where) == pytest.approx((difference * where).sum() / (energy * where).sum())


def test_the_flattest_part_is_found(rng):
    image = rng.random((80, 100))
    image[30:62, 50:82] = 0.5
    x, y = skies.flattest(grey(image), 20)
    assert 50 <= x <= 62
    assert 30 <= y <= 42


def test_the_engraving_is_grey_and_of_two_tones():
    drawn = skies.engraving()
    assert drawn.shape[1:] == (1000, 3)
    assert np.ptp(drawn, axis=-1).max() == 0
    assert np.mean((drawn < 60) | (drawn > 200)) > 0.7
