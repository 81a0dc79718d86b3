"""A picture moved along a flow field: what lies at x + flow(x) comes to x.

Whatever a film warps from frame to frame is interpolated many times, and each time loses detail. Bilinear interpolation loses
most. Splines that go through the pixels (Unser, "Splines: a perfect fit for signal and image processing", 1999) lose less the
higher their degree, and weaken every spatial frequency or leave it as it is, so that nothing grows. Lanczos windows and sharper
cubics strengthen some: after a hundred warps those have grown to a pattern.
"""

from functools import cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxstyle.errors import Plain, unknown
from jaxstyle.flow.fields import check_flow, grid, wrong_shape

KERNELS = {"bilinear": 1, "cubic": 3, "quintic": 5, "nonic": 9}
"""Degrees of the splines."""
_AT_KNOTS = {3: [4, 1], 5: [66, 26, 1], 9: [156190, 88234, 14608, 502, 1]}
"""By degree, what a B-spline is in its middle and at the knots to one side, up to a factor."""


class Warped(NamedTuple):
    """What `warp` gives.

    Attributes:
        picture: (H, W, C), float32; a spline may overshoot what it goes through.
        inside: (H, W, 1), bool: False where the flow comes from beyond the picture, which is its border repeated.
    """

    picture: Array
    inside: Array


def warp(picture: Any, flow: Any, kernel: str = "quintic") -> Warped:
    """Moves a picture along a flow field: the result at x is the picture at x + flow(x).

    With the flow of frame i to frame i - 1 it brings frame i - 1 to where frame i has the same things. For `jax.jit` and
    `jax.vmap` too.

    Args:
        picture: (H, W, C), of any float values.
        flow: (H, W, 2), pixels, x before y.
        kernel: ``"bilinear"``, ``"cubic"``, ``"quintic"`` or ``"nonic"``, the slowest. Of a painting that was warped 24 times
            by parts of a pixel, to end where it began, the first three leave 16%, 58% and 75% of the differences of neighbours.

    Returns:
        The picture and where it comes from inside the frame; see `Warped`.

    Raises:
        InputError: for an unknown kernel, or arrays of other shapes.
    """
    if kernel not in KERNELS:
        raise unknown("kernel", kernel, KERNELS)
    picture, flow = jnp.asarray(picture, jnp.float32), check_flow(flow)
    if picture.ndim != 3 or picture.shape[:2] != flow.shape[:2]:
        raise wrong_shape("picture", picture, Plain(f"must have the shape ({flow.shape[0]}, {flow.shape[1]}, C) of the flow"))
    h, w = picture.shape[:2]
    places = grid(h, w) + flow
    degree = KERNELS[kernel]
    return Warped(interpolated(picture, places, degree), inside(places, (h, w)))


def inside(places: Array, shape: tuple[int, int]) -> Array:
    """Whether places (H, W, 2) lie within a picture of this height and width, (H, W, 1); those at its outermost pixels do."""
    h, w = shape
    x, y = places[..., :1], places[..., 1:]
    return (x >= 0) & (x <= w - 1) & (y >= 0) & (y <= h - 1)


def interpolated(picture: Array, places: Array, degree: int) -> Array:
    """A picture (H, W, C) at places (H', W', 2), by a spline of odd degree that goes through its pixels. It is mirrored at its
    outermost pixels; places beyond it are moved to its border."""
    h, w, _ = picture.shape
    if degree > 1:
        picture = _coefficients(_coefficients(picture, 0, degree), 1, degree)
    columns = _taps(places[..., 0], w, degree)
    found = jnp.zeros((*places.shape[:2], picture.shape[2]), picture.dtype)
    for row, share in _taps(places[..., 1], h, degree):
        across = sum(picture[row, column] * weight[..., None] for column, weight in columns)
        found = found + across * share[..., None]
    return found


def _taps(places: Array, length: int, degree: int) -> list[tuple[Array, Array]]:
    """The coefficients that count at each place along one axis: which they are, and how much they count."""
    places = jnp.clip(places, 0, length - 1)
    whole = jnp.floor(places)
    first, period = whole.astype(jnp.int32) - (degree - 1) // 2, max(2 * (length - 1), 1)
    found = []
    for k, weight in enumerate(_basis(places - whole, degree)):
        turned = jnp.mod(first + k, period)
        found.append((jnp.minimum(turned, period - turned) if length > 1 else turned, weight))
    return found


def _basis(t: Array, degree: int) -> list[Array]:
    """The uniform B-splines that are not 0 at a share `t` of the way between two knots (Cox and de Boor's recursion)."""
    found = [jnp.ones_like(t)]
    for d in range(1, degree + 1):
        before, after = [jnp.zeros_like(t), *found], [*found, jnp.zeros_like(t)]
        found = [((t + (d - j)) * before[j] + (j + 1 - t) * after[j]) / d for j in range(d + 1)]
    return found


@cache
def _inverse(degree: int) -> np.ndarray:
    """The filter that undoes a B-spline's blur of its coefficients, as far as float32 can tell: (2 r + 1,)."""
    length = 256
    knots = np.array(_AT_KNOTS[degree], float)
    blur = knots / (2 * knots.sum() - knots[0])
    response = blur[0] + 2 * sum(b * np.cos(2 * np.pi * k * np.arange(length) / length) for k, b in enumerate(blur) if k)
    whole = np.fft.ifft(1 / response).real
    reach = int(np.flatnonzero(np.abs(whole[: length // 2]) > 1e-8)[-1])
    return np.concatenate([whole[reach:0:-1], whole[: reach + 1]])


def _coefficients(picture: Array, axis: int, degree: int) -> Array:
    """B-spline coefficients along one axis of a picture (H, W, C), which is mirrored at its outermost pixels."""
    taps = _inverse(degree)
    reach = len(taps) // 2
    widths = [(reach, reach) if k == axis else (0, 0) for k in range(3)]
    longer = jnp.pad(picture, widths, mode="reflect") if picture.shape[axis] > 1 else jnp.pad(picture, widths, mode="edge")
    length = picture.shape[axis]
    # A sum of shifted pictures: XLA's CPU backend takes seven times as long for a convolution of one channel.
    parts = [lax.slice_in_dim(longer, k, k + length, axis=axis) * float(tap) for k, tap in enumerate(taps)]
    return jnp.asarray(sum(parts))
