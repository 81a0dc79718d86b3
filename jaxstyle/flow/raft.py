"""RAFT-small (Teed & Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", ECCV 2020) as Flax modules, applied
purely.

Frames are float RGB in [0, 1], (N, H, W, 3); flow is (N, H, W, 2) in pixels, x before y: a place x of the first frame lies at
x + flow(x) in the second.

The values are those of the authors' program, by way of less work: correlation is linear, so that averages of features stand
for averages of correlations; and what the context adds to the gates of the recurrent unit is the same in every update.
"""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax

from jaxstyle.flow.fields import grid
from jaxstyle.network.convolution import conv3x3

STRIDE = 8
"""Pixels of a frame along a side for one place of the features."""
LEVELS = 4
"""Of the correlations: the features of the second frame, and their means over 2, 4 and 8 places along each side."""
RADIUS = 3
"""Correlations are looked up at so many places in each direction."""
HIDDEN, CONTEXT, FEATURES = 96, 64, 128
"""Channels."""
EPSILON = 1e-5
"""Added to a channel's variance."""
Parameters = Mapping[str, Mapping[str, Any]]
"""``{"features": ..., "context": ..., "update": ...}``: of each the Flax parameters of its convolutions, float32,
``{"kernel": (size, size, in, out), "bias": (out,)}``."""


def convolved(x: Array, kernel: Array, stride: int = 1) -> Array:
    """A convolution with zeros beyond the border, a whole kernel around each place: (N, H, W, I) -> (N, H', W', O)."""
    size = kernel.shape[0]
    if size == 1:
        return jnp.einsum("nhwi,io->nhwo", x[:, ::stride, ::stride], kernel[0, 0], precision="highest")
    if size == 3 and stride == 1:
        return jnp.asarray(conv3x3(x, kernel))
    padding, layout = [(size // 2, size // 2)] * 2, ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, kernel, (stride,) * 2, padding, dimension_numbers=layout, precision="highest")


def with_bias(x: Array, bias: Array) -> Array:
    return x + bias[None, None, None]


class Conv(nn.Module):
    """`convolved` and a bias. It reads its parameters and makes none."""

    stride: int = 1

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel, bias = (jnp.asarray(self.get_variable("params", name)) for name in ("kernel", "bias"))
        return with_bias(convolved(x, kernel, self.stride), bias)


def standardised(x: Array) -> Array:
    """Instance normalisation: each channel of each picture at mean 0 and variance 1."""
    centred = x - x.mean((1, 2), keepdims=True)
    return centred * lax.rsqrt(jnp.square(centred).mean((1, 2), keepdims=True) + EPSILON)


class Bottleneck(nn.Module):
    """A residual block: three convolutions, of which the middle one has a quarter of the channels and the stride."""

    stride: int
    is_normalised: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = x
        for name, stride in (("conv1", 1), ("conv2", self.stride), ("conv3", 1)):
            y = nn.relu(self.normalised(Conv(stride, name=name)(y)))
        if self.stride > 1:
            x = self.normalised(Conv(self.stride, name="shortcut")(x))
        return nn.relu(x + y)

    def normalised(self, x: Array) -> Array:
        return standardised(x) if self.is_normalised else x


class Encoder(nn.Module):
    """Features of frames with values in [-1, 1]: (N, H, W, 3) -> (N, H / 8, W / 8, C); the sides are multiples of 8."""

    is_normalised: bool

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = Conv(2, name="conv1")(x)
        x = nn.relu(standardised(x) if self.is_normalised else x)
        for layer, stride in ((1, 1), (2, 2), (3, 2)):
            x = Bottleneck(stride, self.is_normalised, name=f"layer{layer}_0")(x)
            x = Bottleneck(1, self.is_normalised, name=f"layer{layer}_1")(x)
        return Conv(name="conv2")(x)


class Motion(nn.Module):
    """What an update knows of the motion: correlations (N, H, W, 196) and flow (N, H, W, 2) -> (N, H, W, 82)."""

    @nn.compact
    def __call__(self, correlations: Array, flow: Array) -> Array:
        seen = nn.relu(Conv(name="convc1")(correlations))
        moved = nn.relu(Conv(name="convf2")(nn.relu(Conv(name="convf1")(flow))))
        both = nn.relu(Conv(name="conv")(jnp.concatenate([seen, moved], 3)))
        return jnp.concatenate([both, flow], 3)


class FlowHead(nn.Module):
    """The change of the flow: (N, H, W, 96) -> (N, H, W, 2)."""

    @nn.compact
    def __call__(self, hidden: Array) -> Array:
        return Conv(name="conv2")(nn.relu(Conv(name="conv1")(hidden)))


def averaged(x: Array) -> Array:
    """Means over 2x2 places, an odd last row or column left out: (N, H, W, C) -> (N, H // 2, W // 2, C)."""
    n, h, w, c = x.shape
    return x[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, c).mean((2, 4))


def correlations(first: Array, second: Array) -> list[Array]:
    """All pairs by level, (N, H W, H_l, W_l), from features (N, H, W, C): scalar products over the root of C."""
    n, h, w, c = first.shape
    found, places = [], first.reshape(n, h * w, c) * c**-0.5
    for _ in range(LEVELS):
        found.append(jnp.einsum("npc,nyxc->npyx", places, second, precision="highest"))
        second = averaged(second)
    return found


def hats(centres: Array, length: int) -> Array:
    """Weights of linear interpolation at places around `centres`, (N, P) -> (N, P, 7, length); beyond the ends lie zeros."""
    around, at = (jnp.arange(*ends, dtype=centres.dtype) for ends in ((-RADIUS, RADIUS + 1), (0, length)))
    places = centres[..., None, None] + around[None, None, :, None]
    return jnp.maximum(1 - jnp.abs(places - at[None, None, None]), 0)


def looked_up(volumes: list[Array], places: Array) -> Array:
    """Correlations around the places (N, H, W, 2) of the second frame where those of the first are now thought to lie:
    (N, H, W, 4 * 49), of each level those of one column after the other."""
    n, h, w, _ = places.shape
    centres, found = places.reshape(n, h * w, 2), []
    for level, volume in enumerate(volumes):
        x, y = (hats(centres[..., axis] / 2**level, volume.shape[3 - axis]) for axis in (0, 1))
        rows = jnp.einsum("npyx,npjy->npjx", volume, y, precision="highest")
        found.append(jnp.einsum("npjx,npix->npij", rows, x, precision="highest").reshape(n, h, w, -1))
    return jnp.concatenate(found, 3)


def _between(length: int, longer: int, dtype: Any) -> Array:
    """The matrix (longer, length) of linear interpolation whose first and last places are those of the shorter."""
    places = jnp.arange(longer, dtype=dtype) * ((length - 1) / max(longer - 1, 1))
    return jnp.maximum(1 - jnp.abs(places[:, None] - jnp.arange(length, dtype=dtype)[None]), 0)


def enlarged(flow: Array) -> Array:
    """Flow of places, (N, H, W, 2), as flow of pixels, (N, 8 H, 8 W, 2)."""
    rows, columns = (_between(length, STRIDE * length, flow.dtype) for length in flow.shape[1:3])
    return jnp.einsum("Yy,Xx,nyxc->nYXc", rows, columns, flow * STRIDE, precision="highest")


def raft(params: Parameters, first: Array, second: Array, updates: int, *, both: bool = False) -> Array:
    """Flow from `first` to `second`, (N, H, W, 3) -> (N, H, W, 2); the sides are multiples of 8.

    Args:
        params: see `Parameters`.
        first, second: RGB in [0, 1].
        updates: of the flow, which is 0 at first.
        both: whether flow from `second` to `first` is found too, (2 N, H, W, 2): its features are the same.
    """
    n, _, _, _ = first.shape
    frames = 2 * jnp.concatenate([first, second]) - 1
    features: Any = Encoder(True).apply({"params": params["features"]}, frames)
    known: Any = Encoder(False).apply({"params": params["context"]}, frames if both else frames[:n])
    one, other = features[:n], features[n:]
    if both:
        one, other = features, jnp.concatenate([other, one])
    volumes = correlations(one, other)
    h, w = one.shape[1:3]
    start = jnp.broadcast_to(grid(h, w)[None], (len(one), h, w, 2))
    hidden, context = jnp.tanh(known[..., :HIDDEN]), nn.relu(known[..., HIDDEN:])

    update = params["update"]
    z, r, q = (update["gru"][f"conv{gate}"] for gate in "zrq")
    # Of each kernel the inputs are the hidden state, the context and the motion.
    inner, after = slice(HIDDEN), slice(HIDDEN + CONTEXT, None)
    whole = jnp.concatenate([gate["kernel"] for gate in (z, r, q)], 3)
    bias = jnp.concatenate([gate["bias"] for gate in (z, r, q)])
    constant = with_bias(convolved(context, whole[:, :, HIDDEN : HIDDEN + CONTEXT]), bias)
    opening, state = jnp.concatenate([z["kernel"], r["kernel"]], 3)[:, :, inner], q["kernel"][:, :, inner]
    from_motion = whole[:, :, after]

    def step(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        hidden, places = carry
        flow = places - start
        motion: Any = Motion().apply({"params": update["encoder"]}, looked_up(volumes, places), flow)
        added = constant + convolved(motion, from_motion)
        gates = nn.sigmoid(added[..., : 2 * HIDDEN] + convolved(hidden, opening))
        keep, reset = gates[..., :HIDDEN], gates[..., HIDDEN:]
        candidate = jnp.tanh(added[..., 2 * HIDDEN :] + convolved(reset * hidden, state))
        hidden = (1 - keep) * hidden + keep * candidate
        change: Any = FlowHead().apply({"params": update["flow_head"]}, hidden)
        return (hidden, places + change), None

    (_, places), _ = lax.scan(step, (hidden, start), None, length=updates)
    return enlarged(places - start)
