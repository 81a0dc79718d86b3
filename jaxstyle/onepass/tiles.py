"""A picture of any size through a style network in bounded memory: exactly what the whole way gives, but for rounding.

Instance normalisation needs the mean and variance of the whole picture, so the network runs pass by pass over strips of rows.
A pass reads a stored map, normalises it, convolves it and stores what comes out, with the mean and variance of its channels
gathered strip by strip. Maps lie in the host's memory; the device holds one strip. Maps of the picture's own resolution are the
largest and are made anew by the pass that needs them in place of being stored.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, nn

from jaxstyle.machine.compiler import Compiler
from jaxstyle.onepass.inference import border, bordered, convolve
from jaxstyle.onepass.layers import Layer, Widths, amplification, middle

STEP = 4
"""Rows of the picture that make one of the deepest map: strips hold a multiple of them."""
STRIP = 2**28
"""Bytes that a strip may take on the device, about."""


class Moments(NamedTuple):
    """Of the channels of some places: how many, mean (C,), and sum of squared distances from it (C,)."""

    places: float
    mean: np.ndarray
    squares: np.ndarray

    def merged(self, other: "Moments") -> "Moments":
        """Of the places of both (Chan, Golub, LeVeque: Updating formulae for variances, 1979)."""
        places, apart = self.places + other.places, other.mean - self.mean
        mean = self.mean + apart * (other.places / places)
        return Moments(places, mean, self.squares + other.squares + apart**2 * (self.places * other.places / places))


class Pass(NamedTuple):
    """What is computed strip by strip.

    Attributes:
        source: the layer whose output is read, None for the picture.
        layers: what is computed from it, one layer or two.
        is_stored: whether the output of the last is kept, or its moments alone.
        adds: whether the source ends a residual block, whose input is added.
        keeps: whether the source begins a block, and is kept for its end.
    """

    source: Layer | None
    layers: tuple[Layer, ...]
    is_stored: bool
    adds: bool
    keeps: bool

    @property
    def kind(self) -> "Pass":
        """The same for passes that compute the same."""
        source = self.source and self.source._replace(name="", size=0, scale=0)
        return Pass(source, tuple(layer._replace(name="") for layer in self.layers), False, self.adds, self.keeps)


def passes(widths: Widths) -> list[Pass]:
    """All passes, in order: one for the output of each layer."""
    layers = widths.layers
    unstored, found = (layers[0], layers[-2]), []
    for k, layer in enumerate(layers):
        chain = (layers[k - 1], layer) if k and layers[k - 1] in unstored else (layer,)
        before = k - len(chain)
        source = layers[before] if before >= 0 else None
        adds = source is not None and source.name.endswith("_2")
        found.append(Pass(source, chain, layer not in unstored, adds, layer.name.endswith("_1")))
    return found


def heights(widths: Widths, height: int) -> dict[str, int]:
    """Rows of each layer's output."""
    found = {}
    for layer in widths.layers:
        height = -(-height // 2) if layer.scale == 1 / 2 else int(height * layer.scale)
        found[layer.name] = height
    return found


def needed(layer: Layer, first: int, count: int, height: int) -> np.ndarray:
    """The rows of a map of this height that a layer needs for so many rows of its output, from `first` on."""
    if layer.scale == 2:  # the doubled map is mirrored, and has its outermost rows twice
        return np.clip(np.arange(first // 2 - 1, (first + count) // 2 + 1), 0, height - 1)
    start, length = (2 * first, 2 * count - 1) if layer.scale == 1 / 2 else (first, count)
    rows, last = np.arange(start - border(layer), start + length + border(layer)), height - 1
    return last - np.abs(last - np.abs(rows))


Affine = tuple[Array, Array, Array]
"""The mean to take away, the factor and the shift of each channel, (C,)."""


def _normalised(x: Array, affine: Affine, is_rectified: bool) -> Array:
    mean, factor, shift = (part[None, None, None] for part in affine)
    x = (x - mean) * factor + shift
    return nn.relu(x) if is_rectified else x


def _strip(
    x: Array, added: Array | None, affines: list[Affine], kernels: list[Array], picked: Array | None, skip: Array, *, kind: Pass
) -> tuple[Array, Array | None, tuple[Array, Array]]:
    """One strip of a pass.

    Args:
        x, added: rows of the source, not normalised yet, and of the block's input, (1, R, W, C).
        affines: of the source or the picture, and of the first layer of two.
        kernels: of the layers.
        picked: the rows of the first layer's output that the second needs.
        skip: rows at the beginning that the strip before has counted.

    Returns:
        The output (1, R', W', O); the source normalised, where it is kept; mean and squares of the output's other rows, as in
        `Moments`.
    """
    x = _normalised(x, affines[0], kind.source is not None and kind.source.is_rectified)
    source = x = x if added is None else x + added
    for layer, kernel in zip(kind.layers, kernels, strict=True):
        if picked is not None and layer is kind.layers[-1]:
            x = jnp.take(_normalised(x, affines[-1], kind.layers[0].is_rectified), picked, axis=1)
        x = convolve(bordered(x, layer, (2,)), kernel, layer)
    counts = (jnp.arange(x.shape[1]) >= skip)[None, :, None, None]
    first = x[0, 0, 0]  # as `instance_norm` has it
    apart = x - first[None, None, None]
    mean = jnp.where(counts, apart, 0).sum((0, 1, 2)) / ((x.shape[1] - skip) * x.shape[2])
    squares = jnp.where(counts, jnp.square(apart - mean[None, None, None]), 0).sum((0, 1, 2))
    return x, source if kind.keeps else None, (first + mean, squares)


def strip_rows(widths: Widths, width: int) -> int:
    """Rows of a picture of this width in a strip that takes about `STRIP` bytes."""
    channels = max(3 * widths.down[0] + widths.down[1], 3 * widths.up[1] + widths.up[0])
    return max(2 * STEP, STRIP // (4 * channels * width) // STEP * STEP)


def host_bytes(widths: Widths, width: int, height: int) -> int:
    """Bytes of the maps that lie in the host's memory at once, with the picture that comes out."""
    second, inner, up = widths.down[1] / 4, widths.down[2] / 16, widths.up[0] / 4
    most = max(second + inner, 4 * inner, 2 * inner + up, up + 3)
    return int(4 * width * height * (most + 3))


class _Painting:
    """A picture on its way through the passes.

    Attributes:
        maps: outputs of layers that are still needed, (H, W, C) float32, not normalised.
        affine: of the picture, and of the layers whose moments are known.
        block: the input of the residual block of the moment.
    """

    def __init__(
        self, kernels: Mapping[str, Array], widths: Widths, image: np.ndarray, style: Array, rows: int, compiler: Compiler
    ):
        self.kernels, self.rows, self.compiler = kernels, rows, compiler
        self.style = {name: (scale[0], shift[0]) for name, (scale, shift) in widths.split(style[None]).items()}
        self.heights = heights(widths, image.shape[0])
        self.full = self.heights[widths.layers[-1].name]
        self.maps: dict[str | None, np.ndarray] = {None: image}
        ends = np.stack([image.min((0, 1)), image.max((0, 1))])[None]  # a picture of the same range
        centre = middle(_rows(ends, np.arange(1)))[0, 0, 0]
        self.affine: dict[str | None, Affine] = {None: (centre, jnp.ones_like(centre), jnp.zeros_like(centre))}
        self.block: np.ndarray | None = None

    def run(self, one: Pass, callback: Callable[[float], object]) -> None:
        """Makes a pass; the callback is told which share of it is done."""
        last, name = one.layers[-1], one.source and one.source.name
        source, tall = self.maps[name], self.heights[last.name]
        count = min(tall, self.rows * tall // self.full)
        out = begins = moments = None
        for begun in range(0, tall, count):
            first = min(begun, tall - count)  # the last strip goes back, so as to be as high as the others
            y, normal, found = self._strip(one, source, first, count, begun - first)
            if one.is_stored:
                out = np.empty((tall, *y.shape[1:]), np.float32) if out is None else out
                out[first : first + count] = y
            if normal is not None:
                begins = np.empty(source.shape, np.float32) if begins is None else begins
                begins[first : first + count] = normal[1:-1]
            moments = found if moments is None else moments.merged(found)
            callback((first + count) / tall)
        assert moments is not None
        scale, shift = self.style[last.name]
        if last.is_normalised:
            factor = scale * amplification(jnp.asarray(moments.squares / moments.places, jnp.float32))
            self.affine[last.name] = jnp.asarray(moments.mean, jnp.float32), factor, shift
        else:
            self.affine[last.name] = jnp.zeros_like(shift), scale, shift
        self.block = begins if one.keeps else self.block
        if out is not None:
            del self.maps[name]
            self.maps[last.name] = out

    def _strip(
        self, one: Pass, source: np.ndarray, first: int, count: int, skip: int
    ) -> tuple[np.ndarray, np.ndarray | None, Moments]:
        begins, last = one.layers[0], one.layers[-1]
        picked = None
        if begins is last:
            rows = needed(last, first, count, len(source))
        else:  # the first layer's rows in one piece, as many for every strip, from which the second's are picked
            tall = self.heights[begins.name]
            wanted = needed(last, first, count, tall)
            length, start = len(wanted) + len(wanted) % 2, wanted.min()
            if begins.scale == 2:  # it gives pairs of rows, so the first must be the first of a pair
                length, start = length + border(last) % 2 * 2, start - start % 2
            length = min(tall, length)
            start = min(start, tall - length)
            picked, rows = jnp.asarray(wanted - start), needed(begins, start, length, len(source))
        x, added = _rows(source, rows), None
        if one.adds:
            assert self.block is not None
            added = _rows(self.block, rows)
        affines = [self.affine[layer and layer.name] for layer in (one.source, *one.layers[:-1])]
        given = (x, added, affines, [self.kernels[layer.name] for layer in one.layers], picked, jnp.int32(skip))
        program = self.compiler.compile(partial(_strip, kind=one.kind), *given, key=(one.kind,))
        y, normal, (mean, squares) = program(*given)
        moments = Moments((count - skip) * y.shape[2], np.asarray(mean, np.float64), np.asarray(squares, np.float64))
        return np.asarray(y)[0], None if normal is None else np.asarray(normal)[0], moments

    def image(self, height: int, width: int) -> np.ndarray:
        """The picture, once all passes are made: the last map, normalised, through a sigmoid."""
        ((name, raw),) = self.maps.items()
        mean, factor, shift = map(np.asarray, self.affine[str(name)])
        found = np.empty((height, width, 3), np.float32)
        for row, values in zip(found, raw, strict=False):
            row[:] = 1 / (1 + np.exp(-((values[:width] - mean) * factor + shift)))
        return found


def _rows(array: np.ndarray, rows: np.ndarray) -> Array:
    """Rows of a map or a picture as floats, (1, R, W, C)."""
    found = array[rows][None]
    return jnp.asarray(found.astype(np.float32) / 255 if found.dtype == np.uint8 else found)


def paint(
    kernels: Mapping[str, Array],
    widths: Widths,
    image: np.ndarray,
    style: Array,
    *,
    rows: int | None = None,
    callback: Callable[[float], object] = lambda share: None,
    compiler: Compiler | None = None,
) -> np.ndarray:
    """What `layers.forward` gives of one picture.

    Args:
        kernels, widths: of the network.
        image: (H, W, 3), uint8, or float in [0, 1].
        style: (`widths.style_size`,).
        rows: of the picture, in a strip; a multiple of `STEP`.
        callback: told the share that is done.
        compiler: counts the seconds that compiling takes.

    Returns:
        float32 (H, W, 3) in [0, 1].
    """
    painting = _Painting(kernels, widths, image, style, rows or strip_rows(widths, image.shape[1]), compiler or Compiler())
    steps = passes(widths)
    for number, one in enumerate(steps):
        painting.run(one, lambda share, number=number: callback((number + share) / len(steps)))
    return painting.image(*image.shape[:2])
