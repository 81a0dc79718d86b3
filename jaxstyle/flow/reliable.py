"""Where flow can be relied on (Ruder, Dosovitskiy, Brox, "Artistic style transfer for videos", GCPR 2016; IJCV 2018)."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import Array

from jaxstyle.errors import InputError
from jaxstyle.flow.fields import check_flow, grid, wrong_shape
from jaxstyle.flow.filters import blurred, slope
from jaxstyle.flow.warping import inside, interpolated

SIGMA = 0.8
"""Of the Gaussian, in pixels."""
OCCLUDED = -1.0
"""What such places count while they are blurred, so that they eat outwards."""


def reliability(flow: Any, backward_flow: Any) -> Array:
    """How far a flow field can be relied on at each pixel, from 0 to 1.

    With w = (u, v) the flow at x, and w' the flow back at x + w: x is occluded where
    ``|w + w'|² >= 0.01 (|w|² + |w'|²) + 0.5``, and lies at an edge of the motion where
    ``|grad u|² + |grad v|² > 0.01 |w|² + 0.002``. Both are not reliable, and neither is what comes from beyond the picture. The
    mask is blurred, with occluded places as -1, and what is below 0 is cut off. For
    `jax.jit` and `jax.vmap` too.

    Args:
        flow: (H, W, 2), pixels, x before y; that of frame i to frame i - 1 for what is warped onto frame i.
        backward_flow: the flow back, (H, W, 2): that of frame i - 1 to frame i.

    Returns:
        (H, W, 1), float32.

    Raises:
        InputError: for arrays of other shapes.
    """
    flow, back = check_flow(flow), check_flow(backward_flow, "backward_flow")
    if flow.shape != back.shape:
        raise wrong_shape("backward_flow", back, f"must have the shape of the flow, {flow.shape}")
    h, w, _ = flow.shape
    places = grid(h, w) + flow
    returned = interpolated(back, places, 1)

    def squared(field: Array) -> Array:
        return jnp.square(field).sum(2, keepdims=True)

    occluded = squared(flow + returned) >= 0.01 * (squared(flow) + squared(returned)) + 0.5
    edge = squared(slope(flow, 0)) + squared(slope(flow, 1)) > 0.01 * squared(flow) + 0.002
    counted = jnp.where(occluded, OCCLUDED, jnp.where(edge, 0.0, 1.0))
    counted = jnp.where(inside(places, (h, w)), counted, 0.0)
    return jnp.clip(blurred(counted, SIGMA), 0, 1)


def long_term(reliabilities: Sequence[Any]) -> list[Array]:
    """How far each of several earlier frames counts (Ruder et al., eq. 10): one further back only where nearer ones do not.

    Args:
        reliabilities: of the flow to each frame, (H, W, 1), the nearest first.

    Returns:
        max(c - sum of the nearer, 0) for each: a frame counts in full, or up to what the nearer ones leave of 1.

    Raises:
        InputError: where they do not have one shape.
    """
    found, nearer = [], None
    for mask in map(jnp.asarray, reliabilities):
        if nearer is not None and mask.shape != nearer.shape:
            raise InputError("reliabilities", mask.shape, f"must all have the shape of the first, {nearer.shape}")
        found.append(mask if nearer is None else jnp.maximum(mask - nearer, 0))
        nearer = mask if nearer is None else nearer + mask
    return found
