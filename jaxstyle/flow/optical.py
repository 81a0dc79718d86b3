"""Optical flow between two frames: `jaxstyle.optical_flow`."""

from functools import partial
from numbers import Integral
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxstyle.errors import InputError, Plain
from jaxstyle.flow.raft import STRIDE, Parameters, raft
from jaxstyle.flow.weights import parameters
from jaxstyle.machine.modes import computing
from jaxstyle.pictures.find import one
from jaxstyle.pictures.read import as_float, load

UPDATES = 12
SIZE = 512
"""Pixels on the longer side. All pairs of places take 21 MB at 512x288, and 830 MB at 1280x720."""
LEAST = 16 * STRIDE
"""Pixels a side: less has no two places in the coarsest correlations."""


def optical_flow(first: Any, second: Any, *, updates: int = UPDATES, size: int = SIZE) -> Array:
    """Where each pixel of one frame lies in another, by RAFT-small (Teed & Deng, ECCV 2020): first(x) ~ second(x + flow(x)).

    Frames of one shape share one compiled program.

    Args:
        first, second: frames of one size, as `stylize` takes pictures: paths, PIL images, or arrays (H, W, 3) of uint8 or of
            floats in [0, 1].
        updates: of the flow. More are slower, and better where it is large.
        size: longest side, in pixels, at which flow is computed; that of a larger frame is scaled up.

    Returns:
        (H, W, 2), float32, pixels, x before y.

    Raises:
        InputError (ImageError, WeightsError among them): one line that names the argument, its value and the remedy.
    """
    return _computed(first, second, updates, size, both=False)[0]


def optical_flows(first: Any, second: Any, *, updates: int = UPDATES, size: int = SIZE) -> tuple[Array, Array]:
    """Flow from the first frame to the second, and back, as `reliability` compares them, in less time than one after the other.

    Args:
        first, second: frames of one size, as of `optical_flow`, such as arrays (H, W, 3).
        updates, size: as of `optical_flow`.

    Returns:
        Twice (H, W, 2), float32, pixels, x before y; one as of `optical_flow`, one with second(x) ~ first(x + flow(x)).

    Raises:
        InputError (ImageError among them): as `optical_flow`.
    """
    found = _computed(first, second, updates, size, both=True)
    return found[0], found[1]


@computing()
def _computed(first: Any, second: Any, updates: int, size: int, *, both: bool) -> Array:
    """(1 or 2, H, W, 2)."""
    for name, value, least in (("updates", updates, 1), ("size", size, LEAST)):
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise InputError(name, value, f"must be a whole number of at least {least}")
    here, there = (_frame(frame, name) for frame, name in ((first, "first"), (second, "second")))
    if here.shape != there.shape:
        (h, w), (height, width) = there.shape[:2], here.shape[:2]
        raise InputError("second", Plain(f"{w}x{h}"), f"must be as large as the first frame, {width}x{height} pixels")
    return _program(parameters(), here, there, int(updates), _within(here.shape, int(size)), both)


def _frame(frame: Any, argument: str) -> np.ndarray:
    return as_float(load(one(frame, argument=argument), argument=argument))


def _within(shape: tuple[int, ...], size: int) -> tuple[int, int]:
    """The height and width at which flow is computed: those of the frame, or less."""
    scale = min(1, size / max(shape[:2]))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


@partial(jax.jit, static_argnames=("updates", "shape", "both"))
def _program(params: Parameters, first: Array, second: Array, updates: int, shape: tuple[int, int], both: bool) -> Array:
    """Flow of frames (H, W, 3), computed at `shape`."""
    (height, width), (h, w) = first.shape[:2], shape
    frames = jnp.stack([first, second])
    if shape != (height, width):
        frames = jax.image.resize(frames, (2, h, w, 3), "linear", precision=lax.Precision.HIGHEST)
    above, left = (_missing(length) // 2 for length in shape)
    below, right = _missing(h) - above, _missing(w) - left
    frames = jnp.pad(frames, ((0, 0), (above, below), (left, right), (0, 0)), mode="edge")
    flow = raft(params, frames[:1], frames[1:], updates, both=both)[:, above : above + h, left : left + w]
    if shape != (height, width):
        flow = jax.image.resize(flow, (len(flow), height, width, 2), "linear", precision=lax.Precision.HIGHEST)
        flow = flow * jnp.asarray([width / w, height / h], flow.dtype)[None, None, None]
    return flow


def _missing(length: int) -> int:
    """Pixels up to the next multiple of `STRIDE` that is at least `LEAST`."""
    return max(-(-length // STRIDE) * STRIDE, LEAST) - length
