"""VGG feature extractors (Simonyan & Zisserman, ICLR 2015) as Flax modules, applied purely.

Images come in as float RGB in [0, 1], (H, W, 3) or (N, H, W, 3); the step to the network's own scale is data that travels
with its parameters. Features come out as a dict of named taps: ``conv1_1`` (before the ReLU), ``relu4_2``, ``pool3``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from jaxstyle.errors import InputError, unknown
from jaxstyle.network.borders import PADDINGS
from jaxstyle.network.convolution import PRECISIONS, average_pool, conv3x3, max_pool

POOLS = {"max": max_pool, "avg": average_pool}


@dataclass(frozen=True)
class Architecture:
    """A network like VGG: `depths[b]` convolutions of `widths[b]` channels in block b, each followed by a ReLU, each block by a
    pool."""

    name: str
    depths: tuple[int, ...]
    widths: tuple[int, ...] = (64, 128, 256, 512, 512)

    @property
    def shapes(self) -> dict[str, tuple[int, int, int, int]]:
        """Kernel shape (3, 3, in, out) by convolution name, in order of depth."""
        shapes, channels = {}, 3
        for block, (depth, width) in enumerate(zip(self.depths, self.widths, strict=True), 1):
            for index in range(1, depth + 1):
                shapes[f"conv{block}_{index}"] = (3, 3, channels, width)
                channels = width
        return shapes

    @property
    def taps(self) -> tuple[str, ...]:
        """Every tap, in order of depth."""
        names: list[str] = []
        for block, depth in enumerate(self.depths, 1):
            for index in range(1, depth + 1):
                names += [f"conv{block}_{index}", f"relu{block}_{index}"]
            names.append(f"pool{block}")
        return tuple(names)


ARCHITECTURES = {a.name: a for a in (Architecture("vgg16", (2, 2, 3, 3, 3)), Architecture("vgg19", (2, 2, 4, 4, 4)))}


@dataclass(frozen=True)
class InputScale:
    """The step from RGB in [0, 1] to a network's input: ``(image[..., order] - mean) * multiplier``, by channel."""

    order: tuple[int, int, int]
    mean: tuple[float, float, float]
    multiplier: tuple[float, float, float]


@partial(jax.tree_util.register_dataclass, data_fields=["layers"], meta_fields=["architecture", "scale"])
@dataclass(frozen=True)
class Params:
    """Parameters of one network: a pytree of arrays that carries, as static data, which network they belong to.

    Attributes:
        layers: Flax parameters, ``{"conv1_1": {"kernel": (3, 3, I, O), "bias": (O,)}, ...}``, float32.
        architecture: block depths and widths.
        scale: what the network expects as input.
    """

    layers: Mapping[str, Mapping[str, Array]]
    architecture: Architecture
    scale: InputScale


class Conv(nn.Module):
    """3x3 convolution with padding and a bias: (N, H, W, I) -> (N, H, W, O). It reads its parameters and makes none."""

    precision: str = "float32"
    padding: str = "zero"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel, bias = (self.get_variable("params", name) for name in ("kernel", "bias"))
        return jnp.asarray(conv3x3(x, kernel, self.precision, self.padding)) + bias[None, None, None]


class VGG(nn.Module):
    """The convolutional part of a VGG, on input that is already on the network's own scale."""

    architecture: Architecture
    pooling: str = "max"
    precision: str = "float32"
    padding: str = "zero"

    @nn.compact
    def __call__(self, x: Array, taps: tuple[str, ...], after: str = "") -> dict[str, Array]:
        """(N, H, W, C) -> {tap: (N, H', W', C')}; from what comes `after` a tap to the deepest of `taps`."""
        outputs: dict[str, Array] = {}
        names = self.architecture.taps
        first = names.index(after) + 1 if after else 0
        for name in names[first : max(map(names.index, taps), default=-1) + 1]:
            if name.startswith("conv"):
                x = Conv(self.precision, self.padding, name=name)(x)
            else:
                x = nn.relu(x) if name.startswith("relu") else POOLS[self.pooling](x)
            if name in taps:
                outputs[name] = x
        return outputs


def check_tap(tap: str, architecture: Architecture, argument: str) -> str:
    """Returns `tap`, or raises an InputError that names `argument` and the nearest tap."""
    if tap not in architecture.taps:
        raise unknown(argument, tap, architecture.taps)
    return tap


def check_reading(params: Params, image: Array, taps: Iterable[str], pooling: str, precision: str, padding: str) -> None:
    """Raises an InputError where `features` cannot read these taps of this image."""
    taps = [check_tap(tap, params.architecture, "taps") for tap in taps]
    asked = ("pooling", pooling, POOLS), ("precision", precision, PRECISIONS), ("padding", padding, PADDINGS)
    for name, given, known in asked:
        if given not in known:
            raise unknown(name, given, known)
    if image.ndim not in (3, 4) or image.shape[-1] != 3:
        raise InputError("image", image.shape, "must have the shape (H, W, 3) or (N, H, W, 3)")
    least = 32 if "pool5" in taps else 16
    if min(image.shape[-3:-1]) < least:
        raise InputError("image", image.shape, f"must be at least {least} pixels a side")


def scaled(params: Params, image: Array) -> Array:
    """An image, RGB in [0, 1], (..., 3), on a network's own input scale."""
    axes = tuple(range(image.ndim - 1))
    mean, multiplier = (jnp.asarray(v, image.dtype) for v in (params.scale.mean, params.scale.multiplier))
    return (image[..., params.scale.order] - jnp.expand_dims(mean, axes)) * jnp.expand_dims(multiplier, axes)


def activations(params: Params, x: Array, taps: Iterable[str], *, after: str = "", **how: Any) -> dict[str, Array]:
    """What `features` computes, from an input on the network's own scale, (N, H, W, 3), or from what it is `after` a tap.

    `how` is pooling, precision and padding, as of `features`."""
    network = VGG(params.architecture, **how)
    return network.apply({"params": params.layers}, x, tuple(taps), after)  # pyright: ignore[reportReturnType]


def features(
    params: Params,
    image: Array,
    taps: Iterable[str],
    *,
    pooling: str = "max",
    precision: str = "float32",
    padding: str = "zero",
) -> dict[str, Array]:
    """Activations of a network at named taps.

    Args:
        params: from `load_weights`.
        image: RGB in [0, 1], (H, W, 3) or (N, H, W, 3), at least 16 pixels a side (32 for ``pool5``).
        taps: names such as ``"relu4_2"``, ``"conv1_1"``, ``"pool3"``.
        pooling: ``"max"`` or ``"avg"``; odd sides are rounded down.
        precision: of the convolutions' operands: ``"float32"``, ``"tf32"`` (on NVIDIA GPUs; elsewhere as float32) or
            ``"bfloat16"``. Sums and features are float32 whatever it is.
        padding: what convolutions see beyond the border: ``"zero"``, as the network was trained; ``"reflect"`` or
            ``"replicate"``, its own rows and columns mirrored or repeated (PyTorch's ``padding_mode``).
            The default loss, `CANONICAL`, mirrors.

    Returns:
        By tap, (H', W', C) or (N, H', W', C), where H' = H // 2**(block - 1).

    Raises:
        InputError: for an unknown tap, pooling, precision or padding, or an image of another shape or too small.
    """
    taps = tuple(taps)
    check_reading(params, image, taps, pooling, precision, padding)
    x, how = scaled(params, image), dict(pooling=pooling, precision=precision, padding=padding)
    outputs = activations(params, x if image.ndim == 4 else x[None], taps, **how)
    return outputs if image.ndim == 4 else {name: value[0] for name, value in outputs.items()}
