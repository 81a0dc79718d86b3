"""What the layers of networks in one pass do, each alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.onepass.layers import EPSILON, FLAT, instance_norm


def test_a_normalisation_is_numpys():
    x = np.random.default_rng(0).normal(3, (1e-3, 0.1, 10), (2, 12, 9, 3)).astype(np.float32)
    exact = x.astype(np.float64)
    expected = (exact - exact.mean((1, 2), keepdims=True)) / np.sqrt(exact.var((1, 2), keepdims=True) + EPSILON)
    np.testing.assert_allclose(instance_norm(jnp.asarray(x)), expected, atol=2e-5)


@pytest.mark.parametrize("value", [0.1, -50.3, 1e6])
def test_a_normalised_constant_is_zero(value):
    """However many there are: a float32 mean of them is not the constant."""
    assert not np.asarray(jax.jit(instance_norm)(jnp.full((1, 512, 512, 4), value))).any()


def test_rounding_of_a_constant_is_not_amplified():
    x = 4 + 1e-6 * jax.random.normal(jax.random.key(0), (1, 32, 32, 2))
    assert not np.asarray(instance_norm(x)).any()


def test_a_normalisation_is_continuous():
    """From nothing to all of a channel, while its deviation grows by a half."""
    x = np.random.default_rng(0).normal(size=(32, 32, 1))
    deviations = np.linspace(0.9, 1.6, 200) * np.sqrt(FLAT)
    pictures = jnp.asarray(deviations[:, None, None, None] * x, jnp.float32)
    found = np.asarray(instance_norm(pictures)).std((1, 2, 3))
    assert found[0] == 0
    assert np.diff(found).min() >= 0
    assert np.diff(found).max() < 0.05 * found[-1]
    np.testing.assert_allclose(found[-1], deviations[-1] * x.std() / np.sqrt(EPSILON), rtol=1e-2)


def test_a_normalised_constant_has_a_finite_gradient():
    gradient = jax.grad(lambda x: jnp.square(instance_norm(x)).sum())(jnp.full((1, 8, 8, 2), 0.7))
    assert np.isfinite(gradient).all()
