"""Flow fields: (H, W, 2) in pixels, x before y."""

from typing import Any

import jax.numpy as jnp
from jax import Array

from jaxstyle.errors import InputError


def grid(h: int, w: int) -> Array:
    """The place of every pixel, x before y: (H, W, 2), float32."""
    y, x = jnp.meshgrid(jnp.arange(h, dtype=jnp.float32), jnp.arange(w, dtype=jnp.float32), indexing="ij")
    return jnp.stack([x, y], 2)


def wrong_shape(argument: str, array: Any, problem: str) -> InputError:
    """The error for an array of another shape than is wanted."""
    return InputError(argument, array.shape, problem)


def check_flow(flow: Any, argument: str = "flow") -> Array:
    """A flow field as float32; an InputError that names `argument` where it has another shape."""
    flow = jnp.asarray(flow, jnp.float32)
    if flow.ndim != 3 or flow.shape[2] != 2:
        raise wrong_shape(argument, flow, "must have the shape (H, W, 2)")
    return flow
