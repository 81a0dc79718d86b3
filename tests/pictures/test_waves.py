"""Waves against SciPy's cosine transform."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn, idctn

from jaxstyle.pictures.waves import Waves

SIZE, COUNT = (21, 16), (8, 6)


def filtered(image, keep):
    """An image (H, W, C) whose waves are multiplied by `keep`, (H, W)."""
    return idctn(dctn(image, type=2, axes=(0, 1)) * keep[..., None], type=2, axes=(0, 1))


def held():
    """How far each wave of SIZE is held: by hand, for COUNT."""
    down, across = np.zeros(16), np.zeros(21)
    down[:6] = 1, 1, 1, 1, 0.75, 0.25
    across[:8] = 1, 1, 1, 1, 1, (1 + 0.5**0.5) / 2, 0.5, (1 - 0.5**0.5) / 2
    return np.outer(down, across)


def test_a_change_is_without_what_is_held(rng):
    change = rng.normal(size=(16, 21, 3))
    waves = Waves.of(SIZE, COUNT)
    got, pull = jax.vjp(waves.without, jnp.asarray(change, jnp.float32))
    np.testing.assert_allclose(got, filtered(change, 1 - held()), atol=1e-5)
    np.testing.assert_allclose(pull(jnp.asarray(change, jnp.float32))[0], got, atol=1e-5, err_msg="its own transpose")


def test_waves_of_one_picture_replace_those_of_another(rng):
    image, other = rng.random((16, 21, 3)), rng.random((16, 21, 3))
    waves = Waves.of(SIZE, COUNT)
    got = waves.put(waves.amplitudes(jnp.asarray(other, jnp.float32)), jnp.asarray(image, jnp.float32))
    np.testing.assert_allclose(got, filtered(image, 1 - held()) + filtered(other, held()), atol=1e-5)


@pytest.mark.parametrize("times", [2, 3.3])
def test_amplitudes_are_those_of_the_same_picture_at_another_size(times):
    rows, columns = np.mgrid[:32, :48] / 32
    image = np.stack([np.sin(4 * rows + 2 * columns), rows * columns, np.full((32, 48), 0.3)], -1).astype(np.float32)
    size = (round(48 * times), round(32 * times))
    planes = [Image.fromarray(image[..., c]).resize(size, Image.Resampling.BICUBIC) for c in range(3)]
    small, large = Waves.of((48, 32), (9, 6)), Waves.of(size, (9, 6))
    amplitudes = small.amplitudes(jnp.asarray(image))
    np.testing.assert_allclose(amplitudes, large.amplitudes(jnp.asarray(np.stack(planes, -1))), atol=2e-3)
    np.testing.assert_allclose(amplitudes[0, 0], image.mean((0, 1), float), atol=1e-6)
