"""The moving average against NumPy."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.training.ema import update_average


@pytest.mark.parametrize("ema_decay", [0.9, 0.25, 0.0])
def test_the_average_is_numpys(rng, ema_decay):
    """The old share grows with the steps, up to `ema_decay`: 1/10, 2/11, ..., after 80 steps 0.9."""
    values = rng.normal(size=(100, 3)).astype(np.float32)
    average, wanted = {"kernel": jnp.zeros(3)}, np.zeros(3)
    for step, value in enumerate(values):
        average = update_average(average, {"kernel": jnp.asarray(value)}, jnp.int32(step), ema_decay)
        share = min(ema_decay, (1 + step) / (10 + step))
        wanted = share * wanted + (1 - share) * value
        np.testing.assert_allclose(average["kernel"], wanted, rtol=1e-5, atol=1e-6)
