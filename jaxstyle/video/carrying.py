"""What a frame of a film begins with: the painting of an earlier frame, carried along by the motion.

Where the motion cannot be relied on the painting is carried along all the same: there are strokes then, which a few evaluations
put right. Of the frame itself they make no painting. What comes in at a border gets strokes from further inside, and light and
dark from the frame itself.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxstyle.flow.fields import grid
from jaxstyle.flow.filters import blurred
from jaxstyle.flow.optical import optical_flows
from jaxstyle.flow.refine import refine_flow
from jaxstyle.flow.reliable import long_term, reliability
from jaxstyle.flow.warping import KERNELS, interpolated

KERNEL = "nonic"
EDGE = 3
"""Pixels at the border of a painting that show it: further inside they would be a line."""
AWAY = 1 / 5
"""Of a side: so far from a border what comes in there gets its strokes. Copies further apart look less like copies."""
COARSE = 4.0
"""Deviation in pixels of the Gaussian that parts light and dark from strokes."""
LEAST = 320
"""Pixels on the longer side from which the flow's network sees enough; smaller frames are enlarged for it."""
RIDGE = 1e-3
"""Variance that is added to a frame's colours, so that one of few colours gives no wild map."""


class Earlier(NamedTuple):
    """A frame that was painted before.

    Attributes:
        frame, painting: float32 (H, W, 3) in [0, 1].
    """

    frame: Any
    painting: Any


class Carried(NamedTuple):
    """What is known of a frame's painting before it is painted.

    Attributes:
        image: (H, W, 3), float32 in [0, 1].
        weight: (H, W, 1), how far it is known, 0 to 1.
    """

    image: Array
    weight: Array


def carry(frame: Any, earlier: Sequence[Earlier]) -> Carried:
    """The paintings of earlier frames where this frame has the same things.

    Args:
        frame: float32 (H, W, 3) in [0, 1].
        earlier: the nearest first. One further back counts where nearer ones cannot be relied on (Ruder et al., "Artistic style
            transfer for videos", 2016, eq. 10).
    """
    each = [_moved(frame, *one, *flows(frame, one.frame)) for one in earlier]
    shares = long_term([weight for _, weight in each])
    known = jnp.clip(sum(shares), 0, 1)
    held = sum(share * image for share, (image, _) in zip(shares, each, strict=True))
    return Carried(held + (1 - known) * each[0][0], known)


def flows(frame: Any, before: Any) -> tuple[Array, Array]:
    """Flow to an earlier frame, and back."""
    h, w, _ = frame.shape
    scale = max(1, -(-LEAST // max(h, w)))
    larger = [np.asarray(jax.image.resize(image, (h * scale, w * scale, 3), "linear")) for image in (frame, before)]
    both = optical_flows(*larger)
    there, back = (jax.image.resize(flow, (h, w, 2), "linear") / scale for flow in both)
    return refine_flow(frame, before, there), refine_flow(before, frame, back)


@jax.jit
def _moved(frame: Array, before: Array, painting: Array, flow: Array, back: Array) -> tuple[Array, Array]:
    """An earlier painting, moved, and how far it is known, (H, W, 1)."""
    h, w = frame.shape[:2]
    most = jnp.asarray([w - 1, h - 1], jnp.float32)[None, None]
    own = grid(h, w)
    places = own + flow
    # How far each place is inside the border; what comes from nearer to it than it is now comes in.
    depth, now = (jnp.minimum(at, most - at) for at in (places, own))
    comes_in = (depth < EDGE) & (now > depth + 1 / 2)
    inwards = jnp.where(2 * places < most, 1, -1) * jnp.round(AWAY * most)
    moved, copied, tone = (
        jnp.clip(interpolated(image, lax.optimization_barrier(at), KERNELS[kernel]), 0, 1)
        for image, at, kernel in (
            (painting, places, KERNEL),
            (painting, places + jnp.where(comes_in, inwards, 0), "cubic"),
            (blurred(painting, COARSE), places + jnp.where(comes_in, inwards, 0), "bilinear"),
        )
    )
    copied = jnp.clip(copied - tone + blurred(recoloured(frame, before, painting), COARSE), 0, 1)
    new = comes_in.any(2, keepdims=True)
    return jnp.where(new, copied, moved), jnp.where(new, 0, reliability(flow, back))


def recoloured(frame: Array, before: Array, painting: Array) -> Array:
    """A frame in the colours of a painting: by the affine map that takes another frame nearest to its painting.

    Args:
        frame: (H, W, 3) in [0, 1].
        before, painting: another frame and its painting, the same.

    Returns:
        (H, W, 3), clipped to [0, 1].
    """
    given, wanted = (image.reshape(-1, 3) for image in (before, painting))
    mean, to = given.mean(0, keepdims=True), wanted.mean(0, keepdims=True)

    def product(a: Array, b: Array) -> Array:
        return jnp.matmul(a, b, precision=lax.Precision.HIGHEST)

    covariance = product((given - mean).T, given - mean) / len(given) + RIDGE * jnp.eye(3)
    gains = jnp.linalg.solve(covariance, product((given - mean).T, wanted - to) / len(given))
    found = product(frame.reshape(-1, 3) - mean, gains) + to
    return jnp.clip(found, 0, 1).reshape(frame.shape)
