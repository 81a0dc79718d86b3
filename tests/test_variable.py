"""The preconditioned variable against NumPy's complex transform, and that it changes the way, not the goal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.errors import InputError
from jaxstyle.variable import decode, gains


@pytest.mark.parametrize("shape", [(16, 20, 3), (17, 21, 3), (16, 21, 3)])
def test_spectral_is_the_plain_filter(rng, shape):
    z, start = rng.normal(size=shape), rng.random(shape)
    height, width, _ = shape
    wanted = np.zeros(shape)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    gain = np.maximum(frequency, 1 / max(height, width)) ** -0.5
    half = gain[:, : width // 2 + 1]
    for channel in range(3):
        wanted[..., channel] = np.fft.ifft2(np.fft.fft2(z[..., channel]) * gain).real / np.sqrt((half**2).mean())
    got = decode(jnp.asarray(z, jnp.float32), jnp.asarray(start, jnp.float32), "spectral")
    np.testing.assert_allclose(got, start + wanted / 255, atol=1e-5)


def test_it_is_linear_symmetric_and_starts_at_the_start(rng):
    start = jnp.asarray(rng.random((18, 15, 3)), jnp.float32)
    for name in ("none", "spectral"):
        np.testing.assert_allclose(decode(jnp.zeros_like(start), start, name), start, atol=1e-7)
    a, b = (jnp.asarray(rng.normal(size=start.shape), jnp.float32) for _ in range(2))

    def apply(z):
        return (decode(z, start, "spectral") - start) * 255

    assert jnp.vdot(apply(a), b) == pytest.approx(float(jnp.vdot(a, apply(b))), rel=1e-4)
    _, pull = jax.vjp(apply, a)
    np.testing.assert_allclose(pull(b)[0], apply(b), atol=1e-3)


def test_no_preconditioner_is_eight_bit_levels(rng):
    z, start = (jnp.asarray(rng.normal(size=(5, 4, 3)), jnp.float32) for _ in range(2))
    np.testing.assert_allclose(decode(z, start, "none"), np.asarray(start) + np.asarray(z) / 255, rtol=1e-5, atol=1e-6)


def test_gains_fall_with_frequency_and_keep_the_mean_square():
    gain = gains(32, 48, 0.5)[..., 0]
    assert gain.shape == (32, 25)
    assert np.mean(gain**2) == pytest.approx(1, rel=1e-5)
    assert gain[0, 0] == gain[0, 1] == gain.max()
    assert gain[16, 24] == gain.min()
    assert gain[0, 4] / gain[0, 16] == pytest.approx(2, rel=1e-5)


def test_an_unknown_one_is_named():
    with pytest.raises(InputError, match=r"`preconditioner` \(='spectrum'\) is unknown; did you mean 'spectral'"):
        decode(jnp.zeros((4, 4, 3)), jnp.zeros((4, 4, 3)), "spectrum")
