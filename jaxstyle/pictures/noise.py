"""Seeds, and noise to start from, alone or mixed into a picture. Images are float RGB, (H, W, 3), where 1 is white."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxstyle.errors import InputError
from jaxstyle.pictures.colour import OPPONENT, SMOOTH, blur, gaussian

GREY = (0.485, 0.458, 0.408)
"""Mean colour of ImageNet, RGB in [0, 1]: the centre of the noise, and zero on the network's own scale."""
CHROMA = 0.3
"""Of noise to start from, in colour beside brightness: colour moves slowly, and of as much as of brightness specks are left."""
GRAIN = 0.7
"""Deviation in pixels of the blur of noise in brightness: its finest detail is then as strong as a painting's."""

SEEDS = 2**64


def check_seed(seed: int) -> None:
    """Raises an InputError for what is no whole number from 0 to 2^64 - 1."""
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < SEEDS:
        raise InputError("seed", seed, f"must be a whole number from 0 to {SEEDS - 1}")


def seed_words(seed: int) -> np.ndarray:
    """A seed as the data of JAX's default kind of key, (2,) uint32: `jax.random.key` drops all but the low word."""
    return np.array([seed >> 32, seed & (2**32 - 1)], np.uint32)


def key_of(words: np.ndarray | Array) -> Array:
    """The key of a seed's words."""
    return jax.random.wrap_key_data(jnp.asarray(words), impl="threefry2x32")


def white_noise(shape: tuple[int, ...], seed: int, sigma: float) -> Array:
    """Normal noise of deviation `sigma` around `GREY`, (H, W, 3), RGB where 1 is white; not clipped."""
    return jnp.asarray(GREY)[None, None] + sigma * jax.random.normal(key_of(seed_words(seed)), shape)


def soft_noise(shape: tuple[int, ...], seed: int, sigma: float, chroma: float = CHROMA) -> np.ndarray:
    """Noise of the same mean without what no solver could take away again, float32.

    The loss hardly sees brightness that alternates from pixel to pixel, and fine colour not at all: both would stay in the
    result as grain. So brightness is blurred by `GRAIN` pixels and scaled back to the deviation `sigma`, and the opponent
    colours are blurred by `colour.SMOOTH` and scaled to `chroma` times that.
    """
    channels = (np.asarray(white_noise(shape, seed, sigma)) - np.asarray(GREY, np.float32)) @ OPPONENT.T.astype(np.float32)
    parts = []
    for noise, deviation, amount in ((channels[..., :1], GRAIN, 1.0), (channels[..., 1:], SMOOTH, chroma)):
        soft = blur(noise, deviation)
        share = np.sum(gaussian(deviation) ** 2)  # of white noise's deviation that the blur leaves
        parts.append((soft - soft.mean((0, 1))) * (amount / share))
    return np.asarray(GREY, np.float32) + np.concatenate(parts, -1) @ OPPONENT.astype(np.float32)


def long_waves(shape: tuple[int, int], shortest: float) -> np.ndarray:
    """Noise in brightness, (H, W, 3) float32 of deviation 1 / 255 around 0, without waves much shorter than `shortest` pixels.

    Its spectrum is white up to a cut of exp(-(f * shortest)^4 / 2) at f cycles a pixel.
    """
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None])
    kept = np.exp(-0.5 * (frequency * shortest) ** 4) * (frequency > 0)
    white = np.asarray(jax.random.normal(key_of(seed_words(0)), shape), np.float64)
    noise = np.fft.irfft2(np.fft.rfft2(white) * kept, shape)
    return np.repeat((noise / (255 * noise.std())).astype(np.float32)[..., None], 3, -1)


def mix(picture: Array, noise: Array, ratio: float) -> Array:
    """`ratio` parts of noise in one of both (`noise_ratio` of cysmith/neural-style-tf); arrays (H, W, 3)."""
    return ratio * noise + (1 - ratio) * picture
