"""The exponential moving average of what learns, over the steps: the network that is saved."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array


def update_average(average: Any, values: Any, step: Array, ema_decay: float) -> Any:
    """The average after a step.

    In the first steps the old average counts less, so that it forgets the values at the start: its share is
    min(ema_decay, (1 + step) / (10 + step)), the rule of TensorFlow's `ExponentialMovingAverage` with `num_updates`.

    Args:
        average: a pytree of arrays, the average before the step.
        values: the same pytree after the step.
        step: int32 scalar, the number of steps before this one.
        ema_decay: the largest share of the old average, from 0 to 1.
    """
    keep = jnp.minimum(ema_decay, (1.0 + step) / (10.0 + step))
    return jax.tree.map(lambda old, new: keep * old + (1 - keep) * new, average, values)
