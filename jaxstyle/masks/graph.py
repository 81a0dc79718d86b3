"""Networks as lists of operations: read from the box, computed by JAX.

The files come from networks that others have trained and published as graphs; `weights/masks.py` converts them. Layout is NHWC,
kernels are HWIO.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxstyle.machine import tensor_file

Array = jax.Array
FORMAT = "jaxstyle-graph-1"
IMAGE = "image"
"""The name of the input in every graph."""
_LAYOUT = ("NHWC", "HWIO", "NHWC")
_CONSTANTS = ("kernel", "bias")


@dataclass(frozen=True)
class Operation:
    """One step.

    Attributes:
        kind: of `KINDS`.
        inputs: names of what goes in; results of earlier steps, or `IMAGE`.
        output: the name of its result.
        options: its keyword arguments.
    """

    kind: str
    inputs: tuple[str, ...]
    output: str
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Graph:
    """A network.

    Attributes:
        operations: in order.
        arrays: kernels and biases, float32, by OUTPUT.kernel and OUTPUT.bias.
        outputs: names of the results that are wanted.
    """

    operations: tuple[Operation, ...]
    arrays: Mapping[str, Any]
    outputs: tuple[str, ...]


def conv(
    x: Array,
    kernel: Array,
    bias: Array,
    *,
    stride: int = 1,
    padding: int | str = "SAME",
    dilation: int = 1,
    groups: int = 1,
) -> Array:
    """A convolution with its bias; `padding` is zeros on every side, or as TensorFlow's ``"SAME"`` has them."""
    around: Any = padding if isinstance(padding, str) else [(padding, padding)] * 2
    if groups == x.shape[-1] == kernel.shape[-1] and dilation == 1:
        return _depthwise(x, kernel, stride, around) + bias[None, None, None]
    if kernel.shape[:2] == (1, 1) and stride == groups == 1:
        return jnp.matmul(x, kernel[0, 0], precision=lax.Precision.HIGHEST) + bias[None, None, None]
    how: Any = dict(rhs_dilation=(dilation,) * 2, feature_group_count=groups, dimension_numbers=_LAYOUT)
    return (
        lax.conv_general_dilated(x, kernel, (stride,) * 2, around, precision=lax.Precision.HIGHEST, **how)
        + bias[None, None, None]
    )


def _depthwise(x: Array, kernel: Array, stride: int, padding: Any) -> Array:
    """Each channel by itself, as a sum over the kernel's places. With that, and 1x1 kernels as products, YuNet takes 0.5 in
    place of 2.2 seconds for 1280x1280 on two cores (AMD EPYC without AVX-512, jax 0.10.2)."""
    size = kernel.shape[:2]
    pads = lax.padtype_to_pads(x.shape[1:3], size, (stride, stride), padding) if isinstance(padding, str) else padding
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    rows, columns = ((length - k) // stride * stride + 1 for length, k in zip(x.shape[1:3], size, strict=True))
    places = [(i, j) for i in range(size[0]) for j in range(size[1])]
    return sum(x[:, i : i + rows : stride, j : j + columns : stride] * kernel[i, j, 0][None, None, None] for i, j in places)  # pyright: ignore[reportReturnType]


def transposed(x: Array, kernel: Array, bias: Array) -> Array:
    """A transposed convolution whose stride is its kernel's size, (n, n, C, C'): every place becomes n x n of them."""
    (batch, height, width, _), (n, _, _, channels) = x.shape, kernel.shape
    grown = jnp.einsum("bhwc,ijcd->bhiwjd", x, kernel, precision=lax.Precision.HIGHEST)
    return grown.reshape(batch, height * n, width * n, channels) + bias[None, None, None]


def max_pool(x: Array) -> Array:
    """Of 2x2 places; what is left over at the right and at the bottom is a place too."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "SAME")


def enlarge(x: Array, *, factor: int, method: str) -> Array:
    """Larger by a whole factor, ``"nearest"`` or ``"linear"``."""
    batch, height, width, channels = x.shape
    how: Any = dict(precision=lax.Precision.HIGHEST)
    return jax.image.resize(x, (batch, factor * height, factor * width, channels), method, **how)


def resize_like(x: Array, other: Array) -> Array:
    """At the height and width of another, bilinear."""
    shape = (x.shape[0], *other.shape[1:3], x.shape[3])
    return jax.image.resize(x, shape, "linear", antialias=False, precision=lax.Precision.HIGHEST)


KINDS: dict[str, Callable[..., Array]] = {
    "add": jnp.add,
    "concat": lambda *parts: jnp.concatenate(parts, axis=-1),
    "conv": conv,
    "enlarge": enlarge,
    "hard_swish": jax.nn.hard_swish,
    "max_pool": max_pool,
    "mean": lambda x: x.mean((1, 2), keepdims=True),
    "mul": jnp.multiply,
    "relu": jax.nn.relu,
    "resize_like": resize_like,
    "sigmoid": jax.nn.sigmoid,
    "transposed": transposed,
}


def run(graph: Graph, image: Array, arrays: Mapping[str, Array] | None = None) -> dict[str, Array]:
    """What a network says of an image, (1, H, W, 3): its outputs by name.

    Args:
        graph: static under `jax.jit`, but for its arrays.
        image: as the network expects it.
        arrays: those of the graph where they are traced.
    """
    known = graph.arrays if arrays is None else arrays
    values = {IMAGE: image}
    for step in graph.operations:
        constants = [known[name] for part in _CONSTANTS if (name := f"{step.output}.{part}") in known]
        values[step.output] = KINDS[step.kind](*(values[name] for name in step.inputs), *constants, **dict(step.options))
    return {name: values[name] for name in graph.outputs}


@lru_cache
def load(name: str) -> Graph:
    """A network of the box.

    Raises:
        WeightsError: where its file is missing from this installation, or damaged.
    """
    arrays, about = tensor_file.read_bundled(name, FORMAT)
    steps = tuple(
        Operation(kind, tuple(inputs), output, tuple(sorted(options.items())))
        for kind, inputs, output, options in json.loads(about["operations"])
    )
    found = {key: array.astype(np.float32) for key, array in arrays.items()}
    for key in [key for key in found if key.endswith(".scale")]:  # of each channel of a kernel
        found[key.replace(".scale", ".kernel")] *= found.pop(key)
    return Graph(steps, found, tuple(json.loads(about["outputs"])))
