"""One picture in one pass: `jaxstyle.apply_style`."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxstyle.errors import unknown
from jaxstyle.machine import memory as machine
from jaxstyle.machine.compiler import Compiler
from jaxstyle.network.weights.files import sha256
from jaxstyle.pictures.read import Picture, as_float, load
from jaxstyle.pictures.size import parse_size
from jaxstyle.pictures.spaces import check_space, with_colours_of
from jaxstyle.styles import inference, tiles
from jaxstyle.styles.network import PHOTOGRAPH, StyleNetwork, find, read
from jaxstyle.transfer import record
from jaxstyle.transfer.saving import Saved

SCHEMA = "jaxstyle-run-apply-1"
MEMORY = ("auto", "low")
SLACK = 1.2
"""Bytes that a process holds for each one of the maps, as measured at 8192x6144: malloc keeps pages, and a file is written."""


@dataclass(frozen=True, eq=False)
class Painted(Saved):
    """A picture that a style network has painted.

    Attributes:
        image: float32 (H, W, 3), RGB in [0, 1].
        record: the run record, as `save` writes it.
        alpha: (H, W) uint8 of the picture, put back when saved; None where it is opaque.
        notices: sentences about the input that the user should know.
    """

    image: np.ndarray
    record: dict[str, Any]
    alpha: np.ndarray | None
    notices: tuple[str, ...]


class Loaded(NamedTuple):
    """A network, and what a run record says of it; what was never written has no hash."""

    network: StyleNetwork
    name: str
    sha256: str | None


@lru_cache(maxsize=2)
def _read(path: Path, stamp: int) -> tuple[StyleNetwork, str]:
    return read(path).network, sha256(path)


def loaded(network: str | os.PathLike | StyleNetwork) -> Loaded:
    """A network by its name in the box or its file; the same file again costs nothing.

    Raises:
        InputError: for an unknown name.
        WeightsError: where the file cannot be used.
    """
    if isinstance(network, StyleNetwork):
        return Loaded(network, "a network in memory", None)
    path = find(network)
    held, digest = _read(path, path.stat().st_mtime_ns if path.exists() else 0)
    return Loaded(held, path.name, digest)


def apply_style(
    picture: Any,
    network: str | os.PathLike | StyleNetwork = "styles",
    *,
    style: str | int | Mapping[str, float],
    strength: float = 1.0,
    size: int | str | None = None,
    color_space: str | None = None,
    memory: str = "auto",
    callback: Callable[[float], object] = lambda share: None,
) -> Painted:
    """Paints a picture in a style that a network has learned (Johnson et al., ECCV 2016; Dumoulin et al., ICLR 2017).

    A second picture of the same size, in whatever style, compiles nothing.

    Args:
        picture: a path, a PIL image or an array, as `stylize` takes them.
        network: a name in the box (``"styles"``, ``"styles26"``), a file that `train` has written, or a network.
        style: its name or number; ``"a+b"`` or ``"a:3+b:1"`` is a blend, and so is a mapping of names to shares.
        strength: 0 is the photograph, 1 the style. A network that has learned to leave a photograph as it is goes from the one
            to the other itself, and what it loses of a photograph is put back in proportion, for which it runs twice; pictures
            of others are blended with the photograph.
        size: as `stylize` takes it; the picture's own by default.
        color_space: ``"yuv"``, ``"ycbcr"``, ``"luv"`` or ``"lab"``, in which the picture's own colours are put back; or None.
        memory: ``"auto"`` paints strip by strip where the whole picture would not fit, with the same result; ``"low"`` always.
        callback: told the share that is done.

    Raises:
        InputError (ImageError, WeightsError among them): one line that names the argument, its value and the remedy.
    """
    if memory not in MEMORY:
        raise unknown("memory", str(memory), MEMORY)
    check_space(color_space)
    found = loaded(network)
    vector = found.network.style(style, strength)
    fit = None if size is None else parse_size(size).fit
    source = load(picture, argument="picture", fit=fit)
    compiler, began = Compiler(), time.perf_counter()
    image, rows = _painted(found.network, source, vector, memory == "low", compiler, callback)
    if strength < 1:
        rest = np.float32(1 - strength)
        if found.network.has_strength:  # what the network loses of a photograph comes back as the style goes
            kept, _ = _painted(found.network, source, found.network.style(PHOTOGRAPH), memory == "low", compiler, callback)
            image = np.clip(image + rest * (as_float(source) - kept), 0, 1)
        else:
            image = image * np.float32(strength) + as_float(source) * rest
    if color_space is not None:
        image = with_colours_of(image, as_float(source), color_space)
    seconds = time.perf_counter() - began
    written = {
        "schema": SCHEMA,
        "command": None,
        "config": {"style": style, "strength": strength, "size": size, "color_space": color_space, "memory": memory},
        "inputs": {"picture": record.describe_source(picture)},
        "versions": record.versions(),
        "device": record.device(),
        "network": {"name": found.name, "sha256": found.sha256},
        "size": source.size,
        "seconds": {"compile": round(compiler.seconds, 3), "paint": round(seconds - compiler.seconds, 3)},
        "memory": {"strip_rows": rows, "peak": machine.peak()},
        "notices": source.notices,
    }
    return Painted(image, written, source.alpha, source.notices)


def _painted(
    network: StyleNetwork, source: Picture, vector: Array, low: bool, compiler: Compiler, callback: Callable[[float], object]
) -> tuple[np.ndarray, int | None]:
    """The picture, float32 (H, W, 3), and how many rows a strip had, or None where it was painted whole."""
    width, height = source.size
    margin, inner = (network.margin, network.margin), slice(network.margin, -network.margin or None)
    framed = Picture(np.pad(source.rgb, (margin, margin, (0, 0)), "reflect"))
    if not low:
        given = (network.kernels, jnp.asarray(as_float(framed))[None], vector[None])
        program = compiler.compile(partial(inference.paint, network.widths), *given, key=("styles", network.widths))
        free = machine.available()
        if free is None or machine.working(program) <= free:
            painted = np.asarray(program(*given))[0]
            callback(1.0)
            return painted[inner, inner], None
        del given
    rows = tiles.strip_rows(network.widths, framed.size[0])
    needed = round(SLACK * tiles.host_bytes(network.widths, *framed.size)) + 2 * tiles.STRIP
    machine.check(width, height, needed, machine.host_available())
    painted = tiles.paint(network.kernels, network.widths, framed.rgb, vector, rows=rows, callback=callback, compiler=compiler)
    return painted[inner, inner], rows
