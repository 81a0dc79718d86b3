"""The variable that a solver moves in place of the image: the same pictures, better conditioned.

The loss is far steeper in fine detail than in broad shapes and areas of colour, so that a solver that treats all pixels alike
settles texture first and takes hundreds of evaluations for the rest. Written as image = start + L z, where L multiplies spatial
frequency f by a power of f, the problem is nearly as steep in every frequency of z, and L-BFGS needs far fewer evaluations.

Images are float RGB in [0, 1], (H, W, 3); z is in 8-bit levels.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxstyle.errors import unknown
from jaxstyle.losses import PIXEL

PRECONDITIONERS = {"none": 0.0, "spectral": 0.5}
"""Exponent e of the gain f**-e by name; `bench/preconditioners.py` compares exponents."""


def gains(height: int, width: int, exponent: float) -> np.ndarray:
    """f**-exponent for every frequency of a real transform, (H, W//2 + 1, 1), float32, with a mean square of 1.

    The lowest frequency that fits the picture stands in for zero.
    """
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.maximum(np.hypot(rows, columns), 1 / max(height, width))
    gain = frequency**-exponent
    return (gain / np.sqrt(np.mean(gain**2)))[..., None].astype(np.float32)


def exponent_of(preconditioner: str) -> float:
    """The exponent that a name stands for; an InputError for an unknown one."""
    if preconditioner not in PRECONDITIONERS:
        raise unknown("preconditioner", preconditioner, PRECONDITIONERS)
    return PRECONDITIONERS[preconditioner]


def decode(z: Array, start: Array, preconditioner: str = "none") -> Array:
    """The image that a variable stands for: start + L z, (H, W, 3); linear in z, which is zero at the start.

    Raises:
        InputError: where the preconditioner is unknown.
    """
    exponent = exponent_of(preconditioner)
    if not exponent:
        return start + z / PIXEL
    height, width, _ = z.shape
    spectrum = jnp.fft.rfft2(z, axes=(0, 1)) * gains(height, width, exponent)
    return start + jnp.fft.irfft2(spectrum, s=(height, width), axes=(0, 1)) / PIXEL
