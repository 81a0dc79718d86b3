"""The preconditioned variable against NumPy's complex transform, and that it changes the way, not the goal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.fft import dctn

from jaxstyle.errors import InputError
from jaxstyle.pictures.waves import Waves
from jaxstyle.solvers import precondition
from jaxstyle.solvers.precondition import gains

decode = jax.jit(precondition.decode, static_argnames=("preconditioner", "sparing"))


@pytest.mark.parametrize("shape", [(16, 20, 3), (17, 21, 3), (16, 21, 3)])
def test_spectral_is_the_plain_filter(rng, shape):
    z, start = rng.normal(size=shape), rng.random(shape)
    height, width, _ = shape
    frequency = np.maximum(np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]), 1 / max(height, width))
    gain = [weight / np.sqrt(frequency) for weight in (1, 1 / (1 + 25 * frequency**2), 0.8 / (1 + 25 * frequency**2))]
    norm = np.sqrt(np.mean([(g[:, : width // 2 + 1] ** 2).mean() for g in gain]))
    colours = [np.ones(3) / 3**0.5, np.array([1, 0, -1]) / 2**0.5, np.array([1, -2, 1]) / 6**0.5]
    wanted = np.zeros(shape)
    for channel in range(3):
        wanted += np.fft.ifft2(np.fft.fft2(z[..., channel]) * gain[channel] / norm).real[..., None] * colours[channel]
    got = decode(jnp.asarray(z, jnp.float32), jnp.asarray(start, jnp.float32), "spectral")
    np.testing.assert_allclose(got, start + wanted / 255, atol=1e-5)


@pytest.mark.parametrize("chroma", [0.0, 0.25])
@pytest.mark.parametrize("name", ["none", "spectral"])
def test_colours_can_be_slower_than_brightness(rng, name, chroma):
    z, start = (jnp.asarray(rng.normal(size=(16, 21, 3)), jnp.float32) for _ in range(2))
    fast, slow = (np.asarray(decode(z, start, name, chroma=c) - start) for c in (1.0, chroma))
    grey = fast.mean(-1, keepdims=True)
    np.testing.assert_allclose(slow, grey + chroma * (fast - grey), atol=1e-6)
    share = rng.random((16, 21, 1))
    mixed = np.asarray(decode(z, start, name, chroma=jnp.asarray(share, jnp.float32)) - start)
    np.testing.assert_allclose(mixed, grey + share * (fast - grey), atol=1e-6)


@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize("waves", [None, (7, 5)])
@pytest.mark.parametrize("shape", [(16, 20, 3), (17, 21, 3)])
def test_one_colour_after_the_other_is_the_same(rng, shape, waves, everywhere):
    """The picture, and the gradient of a sum of it, weighted."""
    chroma = 0.5 if everywhere else jnp.asarray(rng.random((*shape[:2], 1)), jnp.float32)
    z, start, weights = (jnp.asarray(rng.normal(size=shape), jnp.float32) for _ in range(3))
    held = waves and Waves.of(shape[1::-1], waves)

    def both(sparing):
        image, pull = jax.vjp(lambda z: decode(z, start, "spectral", chroma=chroma, held=held, sparing=sparing), z)
        return image, *pull(weights)

    run = jax.jit(both, static_argnums=0)
    for got, wanted in zip(run(True), run(False), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


def test_it_is_linear_and_starts_at_the_start(rng):
    start = jnp.asarray(rng.random((18, 15, 3)), jnp.float32)
    for name in ("none", "spectral"):
        np.testing.assert_allclose(decode(jnp.zeros_like(start), start, name), start, atol=1e-7)
    a, b = (jnp.asarray(rng.normal(size=start.shape), jnp.float32) for _ in range(2))

    def apply(z):
        return (decode(z, start, "spectral") - start) * 255

    np.testing.assert_allclose(apply(2 * a - b), 2 * apply(a) - apply(b), atol=1e-3)
    _, pull = jax.vjp(apply, a)
    assert jnp.vdot(apply(a), b) == pytest.approx(float(jnp.vdot(a, pull(b)[0])), rel=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["none", "spectral"])
def test_a_picture_keeps_the_waves_that_are_held(rng, name, channels):
    start = jnp.asarray(rng.random((18, 15, 3)), jnp.float32)
    z = jnp.asarray(rng.normal(size=(18, 15, channels)), jnp.float32)
    held = Waves.of((15, 18), (6, 8))
    free, kept = decode(z, start, name) - start, decode(z, start, name, held=held) - start
    np.testing.assert_allclose(dctn(kept, type=2, axes=(0, 1))[:5, :4], 0, atol=1e-4)
    np.testing.assert_allclose(kept, held.without(free), atol=1e-6)


def test_no_preconditioner_is_eight_bit_levels(rng):
    z, start = (jnp.asarray(rng.normal(size=(5, 4, 3)), jnp.float32) for _ in range(2))
    np.testing.assert_allclose(decode(z, start, "none"), np.asarray(start) + np.asarray(z) / 255, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["none", "spectral"])
def test_one_channel_moves_brightness_alone(rng, name):
    z, start = (jnp.asarray(rng.normal(size=(16, 21, channels)), jnp.float32) for channels in (1, 3))
    change = np.asarray(decode(z, start, name) - start)
    np.testing.assert_allclose(change, change[..., :1].repeat(3, -1), atol=1e-6)
    whole = jnp.concatenate([z] * 3 if name == "none" else [z, 0 * z, 0 * z], -1)
    np.testing.assert_allclose(change, decode(whole, start, name) - start, atol=1e-6)


def test_gains_fall_with_frequency_and_keep_the_mean_square():
    gain = gains(32, 48)
    assert gain.shape == (32, 25, 3)
    assert np.mean(gain**2) == pytest.approx(1, rel=1e-5)
    for colour in range(3):
        assert gain[0, 0, colour] == gain[0, 1, colour] == gain[..., colour].max()
        assert gain[16, 24, colour] == gain[..., colour].min()
    assert gain[0, 4, 0] / gain[0, 16, 0] == pytest.approx(2, rel=1e-5)
    assert gain[0, 16, 1] / gain[0, 16, 0] == pytest.approx(1 / (1 + (1 / 3 / 0.2) ** 2), rel=1e-5)


def test_an_unknown_one_is_named():
    with pytest.raises(InputError, match=r"`preconditioner` \(='spectrum'\) is unknown; did you mean 'spectral'"):
        decode(jnp.zeros((4, 4, 3)), jnp.zeros((4, 4, 3)), "spectrum")
