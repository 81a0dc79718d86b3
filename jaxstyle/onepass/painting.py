"""One picture through a network in one pass, whole or strip by strip, with its record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from numbers import Real
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from jax import Array

from jaxstyle.errors import InputError, unknown
from jaxstyle.machine import memory as machine
from jaxstyle.machine.compiler import Compiler
from jaxstyle.machine.folders import sha256
from jaxstyle.onepass import inference, tiles
from jaxstyle.onepass.layers import Widths
from jaxstyle.pictures.read import Picture, as_float, load
from jaxstyle.pictures.size import parse_size
from jaxstyle.pictures.spaces import with_colours_of
from jaxstyle.results import record
from jaxstyle.results.saving import Saved

SCHEMA = "jaxstyle-run-apply-1"
MEMORY = ("auto", "low")
IN_MEMORY = {"name": "a network in memory", "sha256": None}
"""What a run record says of a network that was never written."""
SLACK = 1.2
"""Bytes that a process holds for each one of the maps, as measured at 8192x6144: malloc keeps pages, and a file is written."""


@dataclass(frozen=True, eq=False)
class Painted(Saved):
    """A picture that a network has painted in one pass.

    Attributes:
        image: float32 (H, W, 3), RGB in [0, 1].
        record: the run record, as `save` writes it.
        alpha: (H, W) uint8 of the picture, put back when saved; None where it is opaque.
        notices: sentences about the input that the user should know.
        masks: that were found by their words, as PNG files.
    """

    image: np.ndarray
    record: dict[str, Any]
    alpha: np.ndarray | None
    notices: tuple[str, ...]
    masks: Mapping[str, bytes] = field(default_factory=dict)


class StyledNetwork(NamedTuple):
    """A network as it paints.

    Attributes:
        widths: its layers.
        kernels: of these.
        vector: the scales and shifts of the style, (`widths.style_size`,).
        margin: mirrored pixels that are painted on each side, and cut off.
    """

    widths: Widths
    kernels: Mapping[str, Array]
    vector: Array
    margin: int = 0


class Manner(NamedTuple):
    """How a network paints pictures.

    Attributes:
        network: with a style.
        strength: 0 is the picture, 1 what the network makes of it.
        plain: paints the picture itself as well as the network can: what that loses is put back in proportion. Where there is
            none, the painted picture is blended with the picture.
    """

    network: StyledNetwork
    strength: float = 1.0
    plain: StyledNetwork | None = None


@lru_cache(maxsize=4)
def _read(reader: Callable[[Path], Any], path: Path, stamp: int) -> tuple[Any, dict[str, Any]]:
    return reader(path).network, {"name": path.name, "sha256": sha256(path)}


def network_in(path: Path, reader: Callable[[Path], Any]) -> tuple[Any, dict[str, Any]]:
    """The network of a file, and what a run record says of it; the same file again costs nothing.

    Raises:
        WeightsError: where the file cannot be used.
    """
    return _read(reader, path, path.stat().st_mtime_ns if path.exists() else 0)


def check_strength(strength: float) -> None:
    """Raises an InputError for what is no number from 0 to 1."""
    if not isinstance(strength, Real) or not 0 <= strength <= 1:
        raise InputError("strength", strength, "must be a number from 0 to 1")


def fetched(picture: Any, size: int | str | None) -> Picture:
    """The picture that will be painted, at its size.

    Raises:
        InputError: for a picture that cannot be read, or a size that cannot be.
    """
    return load(picture, argument="picture", fit=None if size is None else parse_size(size).fit)


def check_memory(memory: str) -> bool:
    """Whether little memory is asked for; an InputError for an unknown word."""
    if memory not in MEMORY:
        raise unknown("memory", str(memory), MEMORY)
    return memory == "low"


def paint(
    styled: StyledNetwork, source: Picture, low: bool, compiler: Compiler, callback: Callable[[float], object]
) -> tuple[np.ndarray, int | None]:
    """The picture, float32 (H, W, 3), and how many rows a strip had, or None where it was painted whole.

    Raises:
        InputError: where it does not fit in memory even strip by strip; it names the largest size that does.
    """
    (width, height), widths, margin = source.size, styled.widths, styled.margin
    inner = slice(margin, -margin or None)
    framed = Picture(np.pad(source.rgb, ((margin, margin), (margin, margin), (0, 0)), "reflect"))
    if not low:
        given = (styled.kernels, as_float(framed)[None], np.asarray(styled.vector)[None])
        program = compiler.compile(partial(inference.paint, widths), *given, key=("one pass", widths))
        free = machine.available()
        if free is None or machine.working(program) <= free:
            painted = np.asarray(program(*given))[0]
            callback(1.0)
            return painted[inner, inner], None
        del given
    rows = tiles.strip_rows(widths, framed.size[0])
    needed = round(SLACK * tiles.host_bytes(widths, *framed.size)) + 2 * tiles.STRIP
    machine.check(width, height, needed, machine.host_available())
    painted = tiles.paint(styled.kernels, widths, framed.rgb, styled.vector, rows=rows, callback=callback, compiler=compiler)
    return painted[inner, inner], rows


def rendered(
    manner: Manner, source: Picture, low: bool, compiler: Compiler, callback: Callable[[float], object]
) -> tuple[np.ndarray, int | None]:
    """`paint` at the manner's strength."""
    image, rows = paint(manner.network, source, low, compiler, callback)
    if manner.strength == 1:
        return image, rows
    kept = paint(manner.plain, source, low, compiler, callback)[0] if manner.plain else None
    return _blended(image, source, kept, manner.strength), rows


def rendered_all(manner: Manner, sources: Sequence[Picture], members: int, low: bool, compiler: Compiler) -> list[np.ndarray]:
    """Pictures of one size, `members` at once in one program, where that fits; as `rendered` makes each.

    Fewer pictures take the same program, and so do the last ones of a film.
    """
    if members == 1 or low or not (found := _together(manner.network, sources, members, compiler)):
        return [rendered(manner, source, low, compiler, lambda share: None)[0] for source in sources]
    if manner.strength == 1:
        return found
    kept = _together(manner.plain, sources, members, compiler) if manner.plain else [None] * len(sources)
    return [_blended(*three, manner.strength) for three in zip(found, sources, kept, strict=True)]


def _together(network: StyledNetwork, sources: Sequence[Picture], members: int, compiler: Compiler) -> list[np.ndarray]:
    """Pictures in one program; none where they do not fit in memory together."""
    padded = [*sources, *[sources[-1]] * (members - len(sources))]
    margin = network.margin
    inner = slice(margin, -margin or None)
    images = np.stack([as_float(source) for source in padded])
    images = np.pad(images, ((0, 0), (margin, margin), (margin, margin), (0, 0)), "reflect")
    given = (network.kernels, images, np.repeat(np.asarray(network.vector)[None], members, 0))
    program = compiler.compile(partial(inference.paint, network.widths), *given, key=("one pass", network.widths))
    free = machine.available()
    if free is not None and machine.working(program) > free:
        return []
    return list(np.asarray(program(*given))[: len(sources), inner, inner])


def _blended(image: np.ndarray, source: Picture, kept: np.ndarray | None, strength: float) -> np.ndarray:
    rest = np.float32(1 - strength)
    if kept is not None:  # what the network loses of a photograph comes back as the style goes
        return np.clip(image + rest * (as_float(source) - kept), 0, 1)
    return image * np.float32(strength) + as_float(source) * rest


def finished(
    image: np.ndarray,
    source: Picture,
    *,
    picture: Any,
    regions: Sequence[Mapping[str, Any]],
    network: Mapping[str, Any],
    config: Mapping[str, Any],
    began: float,
    compiler: Compiler,
    rows: int | None,
    notices: Sequence[str],
    masks: Mapping[str, bytes],
) -> Painted:
    """A painted picture, the source's colours put back where `config` has a ``"color_space"``, with its record.

    Args:
        image: as it was painted.
        source, picture: what was painted, read and as it was given.
        regions: what the record says of masks.
        network: its name and the hash of its file.
        config: what the caller asked for.
        began: when, by `time.perf_counter`; the `compiler`'s seconds lie in between.
        rows: of a strip.
        notices: for the user, beside the picture's.
        masks: that were found by their words, to keep beside the result.
    """
    if config["color_space"] is not None:
        image = with_colours_of(image, as_float(source), config["color_space"])
    seconds = perf_counter() - began
    written = {
        "schema": SCHEMA,
        "command": None,
        "config": config,
        "inputs": {"picture": record.describe_source(picture), **({"regions": regions} if regions else {})},
        "versions": record.versions(),
        "device": record.device(),
        "network": network,
        "size": source.size,
        "seconds": {"compile": round(compiler.seconds, 3), "paint": round(seconds - compiler.seconds, 3)},
        "memory": {"strip_rows": rows, "peak": machine.peak()},
        "notices": (*source.notices, *notices),
    }
    return Painted(image, written, source.alpha, (*source.notices, *notices), masks)
