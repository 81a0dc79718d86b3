"""Colours moved from picture to picture: mean and covariance by NumPy, roots by SciPy, what marks each map."""

import numpy as np
import pytest
import scipy.linalg

from jaxstyle.pictures.matching import MATCHES, match, moments


def pictures(rng):
    """Two with correlated channels."""
    mix = rng.normal(size=(2, 3, 3)) / 6
    return [0.5 + rng.normal(size=(24, 32, 3)) @ m for m in mix]


def covariances(rng):
    return [np.cov(image.reshape(-1, 3).T, bias=True) for image in pictures(rng)]


def test_moments_are_numpys(rng):
    image, _ = pictures(rng)
    mean, covariance = moments(image)
    np.testing.assert_allclose(mean, image.mean((0, 1)), rtol=1e-12)
    np.testing.assert_allclose(covariance, np.cov(image.reshape(-1, 3).T, bias=True), rtol=1e-10)
    weights = rng.integers(0, 256, (24, 32), dtype=np.uint8)
    mean, covariance = moments(image, weights)
    np.testing.assert_allclose(mean, np.average(image.reshape(-1, 3), 0, weights.ravel()), rtol=1e-10)
    np.testing.assert_allclose(covariance, np.cov(image.reshape(-1, 3).T, bias=True, aweights=weights.ravel()), rtol=1e-10)
    np.testing.assert_array_equal(moments(image, np.zeros((24, 32)))[0], moments(image)[0])


@pytest.mark.parametrize("method", MATCHES)
def test_maps_bring_one_covariance_to_the_other(rng, method):
    source, target = covariances(rng)
    matrix = MATCHES[method](source, target)
    np.testing.assert_allclose(matrix @ source @ matrix.T, target, atol=1e-14)


def test_each_map_is_the_one_of_its_name(rng):
    source, target = covariances(rng)
    root = scipy.linalg.sqrtm
    np.testing.assert_allclose(MATCHES["pca"](source, target), root(target) @ np.linalg.inv(root(source)), atol=1e-8)
    cholesky = MATCHES["cholesky"](source, target)
    np.testing.assert_allclose(cholesky, np.tril(cholesky), atol=1e-12)
    mk = MATCHES["mk"](source, target)
    np.testing.assert_allclose(mk, mk.T, atol=1e-10)
    assert np.linalg.eigvalsh(mk).min() > 0, "symmetric and positive: the gradient of a convex function, hence optimal"


@pytest.mark.parametrize("method", MATCHES)
def test_a_picture_gets_mean_and_covariance(rng, method):
    image, other = pictures(rng)
    found = match(image, other, method, eps=0.0)
    for got, wanted in zip(moments(found), moments(other), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-6)
    weights = (rng.integers(0, 256, (24, 32), dtype=np.uint8), rng.integers(0, 256, (24, 32), dtype=np.uint8))
    found = match(image, other, method, weights=weights[0], other_weights=weights[1], eps=0.0)
    for got, wanted in zip(moments(found, weights[0]), moments(other, weights[1]), strict=True):
        np.testing.assert_allclose(got, wanted, atol=1e-6)


@pytest.mark.parametrize("method", MATCHES)
def test_brightness_is_scaled_and_shifted(rng, method):
    image, other = rng.random((2, 24, 32, 1)).astype(np.float32)
    wanted = (image - image.mean()) * other.std() / image.std() + other.mean()
    np.testing.assert_allclose(match(image, other, method, eps=0.0), wanted, atol=1e-5)


@pytest.mark.parametrize("method", MATCHES)
def test_grey_and_constant_pictures_have_colours_too(rng, method):
    colourful, level = rng.random((24, 32, 3)), rng.random((24, 32, 1))
    grey, constant = np.repeat(level, 3, -1), np.full((24, 32, 3), 0.3)
    for image in (colourful, grey, constant):
        for other in (colourful, grey, constant):
            found = match(image, other, method)
            assert np.isfinite(found).all()
            np.testing.assert_allclose(found.mean((0, 1)), other.mean((0, 1)), atol=1e-4)
    np.testing.assert_allclose(match(grey, grey, method), grey, atol=1e-4)
    np.testing.assert_allclose(np.ptp(match(colourful, grey, method), -1), 0, atol=0.05)
    np.testing.assert_allclose(
        match(constant, colourful, method), np.broadcast_to(colourful.mean((0, 1)), (24, 32, 3)), atol=1e-5
    )
