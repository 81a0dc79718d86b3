"""Regions of a picture that a network paints in other styles, or leaves as they are: `MASK=STYLE`, `MASK=keep`."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from typing import Any

import numpy as np

from jaxstyle.errors import InputError, Plain
from jaxstyle.machine.compiler import Compiler
from jaxstyle.masks.film import WINDOW, FilmMasks
from jaxstyle.masks.find import fit
from jaxstyle.masks.sources import KEEP, FoundMask, Layers, MaskFiles, find_mask, fixed, is_meant, keeps, meant, read_layers
from jaxstyle.masks.words import MaskWord
from jaxstyle.onepass.painting import Manner, rendered
from jaxstyle.pictures.masks import LEAST
from jaxstyle.pictures.read import Picture, as_float, load, off_white
from jaxstyle.results.record import describe_source

FEATHER, MOST_FEATHER = 1.0, 50.0
"""Percent of the longest side: by default, and at the most."""
FORMS = "MASK=STYLE or MASK=keep"


@dataclass(frozen=True, eq=False)
class Overlay:
    """A region.

    Attributes:
        mask: its source, or its word.
        manner: how it is painted; None where the photograph is kept.
    """

    mask: Any
    manner: Manner | None


@dataclass(frozen=True, eq=False)
class Overlays:
    """The regions of one picture.

    Attributes:
        parts: how each is painted, and its share of every place, (H, W).
        left: (H, W), what none of them covers.
        sources: for the record.
        files: masks that were found by their words, to keep beside the result.
        notices: sentences for the user.
    """

    parts: list[tuple[Manner | None, np.ndarray]]
    left: np.ndarray
    sources: list[dict[str, Any]]
    files: MaskFiles
    notices: list[str]


def parse_overlays(given: Any, manner_of: Callable[[Any], Manner]) -> list[Overlay]:
    """Regions as the user said them.

    Args:
        given: one text ``"MASK=STYLE"``, or a sequence of these and of tuples (mask, style); masks are paths, PIL images,
            arrays or words.
        manner_of: how the network paints in a style.

    Raises:
        InputError: where one is neither, has an unknown style, or a mask that is neither a file nor a word.
    """
    found = []
    for each in [given] if isinstance(given, str) else given:
        if isinstance(each, str):
            mask, style = _split(each)
        elif isinstance(each, list | tuple) and len(each) == 2:
            mask, style = each
        else:
            raise InputError("region", Plain(each), "is no region", f"give {FORMS}, or a tuple of a mask and a style")
        kept = isinstance(style, str) and keeps(style)
        try:
            manner = None if kept else manner_of(style)
        except InputError as error:
            if error.argument != "style":
                raise
            raise type(error)("region", error.value, error.problem) from None
        found.append(Overlay(meant(mask, argument="region"), manner))
    return found


def _split(text: str) -> tuple[str, str]:
    """Mask and style of a text; names may hold ``=``: where a mask is there, or is a word, that reading wins."""
    places = [i for i, letter in enumerate(text) if letter == "="]
    readings = [(text[:place].strip(), text[place + 1 :].strip()) for place in places]
    readings = [reading for reading in readings if all(reading)]
    if not readings:
        raise InputError("region", text, "is not of the form MASK=STYLE", f"give {FORMS}")
    return next((reading for reading in readings if is_meant(reading[0])), readings[0])


def mask_files(given: Any) -> list[str]:
    """The paths of all masks of `parse_overlays` that are files."""
    found = [_split(each)[0] if isinstance(each, str) else each[0] for each in ([given] if isinstance(given, str) else given)]
    sources = [meant(each, argument="region") for each in found]
    return [os.fspath(source) for source in sources if isinstance(source, str | os.PathLike)]


def check_feather(feather: Any) -> float:
    """A soft edge in percent; an InputError for what cannot be."""
    if not isinstance(feather, Real) or isinstance(feather, bool) or not 0 <= float(feather) <= MOST_FEATHER:
        raise InputError("feather", feather, f"must be a number from 0 to {MOST_FEATHER:g}")
    return float(feather)


def read_overlays(
    overlays: Sequence[Overlay], source: Picture, picture: Any, feather: float, stretched: bool
) -> Overlays | None:
    """The regions of a picture; None where it has none.

    Args:
        overlays: of `parse_overlays`.
        source: what is painted.
        picture: as it was given, in which words are looked for.
        feather: how far edges run out, in percent of the longest side.
        stretched: whether what is painted may have lost its aspect.

    Raises:
        ImageError: where a mask is wrong, empty or hidden, or a word finds nothing.
    """
    if not overlays:
        return None
    value = os.fspath(picture) if isinstance(picture, str | os.PathLike) else None

    @lru_cache
    def searched() -> Picture:
        return load(picture, argument="picture", fit=fit)

    @lru_cache
    def find(word: MaskWord) -> FoundMask:
        return find_mask(searched(), word, "region", value)

    how: Any = dict(feather=feather, argument="region", stretched=stretched)
    layers = read_layers([each.mask for each in overlays], source.size, find, **how)
    files, sources = MaskFiles(), []
    for number, (overlay, found) in enumerate(zip(overlays, layers.found, strict=True)):
        about = describe_source(overlay.mask) if found is None else files.describe(found, number, "mask")
        sources.append({**about, "region": number, "role": "mask"})
    parts = [(overlay.manner, share) for overlay, share in zip(overlays, layers.shares, strict=True)]
    if layers.left.max() < LEAST and all(manner is None for manner, _ in parts):
        raise InputError("region", Plain(KEEP), "covers the whole photograph, and nothing is painted", "leave a part of it out")
    return Overlays(parts, layers.left, sources, files, layers.notices)


def rendered_with(
    manner: Manner,
    overlays: Overlays | None,
    source: Picture,
    low: bool,
    compiler: Compiler,
    callback: Callable[[float], object],
) -> tuple[np.ndarray, int | None]:
    """`painting.rendered`, and the regions over it, which are painted apart and mixed by their masks."""
    if overlays is None:
        return rendered(manner, source, low, compiler, callback)
    passes, done = 1 + sum(each is not None for each, _ in overlays.parts), 0

    def one(how: Manner) -> tuple[np.ndarray, int | None]:
        nonlocal done
        found = rendered(how, source, low, compiler, lambda share: callback((done + share) / passes))
        done += 1
        return found

    image, rows = one(manner)
    return mixed(image, overlays, source, lambda how: one(how)[0]), rows


def mixed(image: np.ndarray, overlays: Overlays, source: Picture, paint: Callable[[Manner], np.ndarray]) -> np.ndarray:
    """A painted picture with its regions over it: each painted in its own manner, or the source itself."""
    found = image * overlays.left[..., None]
    for manner, share in overlays.parts:
        found = found + (_kept(source) if manner is None else paint(manner)) * share[..., None]
    return found


def _kept(source: Picture) -> np.ndarray:
    """The photograph as its colours were under its transparency, which is put back when it is saved."""
    pixels = as_float(source)
    return pixels if source.alpha is None else off_white(pixels, source.alpha)


class FrameOverlays:
    """The regions of a film's frames, in order; masks that are words are found in each.

    Args:
        overlays: one or more, of `parse_overlays`.
        size: (width, height) of the frames.
        feather: how far edges run out, in percent of the longest side.
        stretched: whether the frames may have another aspect than the film.

    Attributes:
        sources: for the record.

    Raises:
        ImageError: where a mask that is a file is wrong.
    """

    def __init__(self, overlays: Sequence[Overlay], size: tuple[int, int], feather: float, stretched: bool):
        self._overlays, self._feather, self._masks = overlays, feather, FilmMasks()
        sources = [each.mask for each in overlays]
        self._has_words = any(isinstance(mask, MaskWord) for mask in sources)
        blank = FoundMask("", np.zeros(size[::-1], np.uint8))
        read_layers(sources, size, lambda word: blank, feather=feather, argument="region", stretched=stretched)
        self._sources = fixed(sources, size, argument="region")
        self._layers = None if self._has_words else self._read(size, lambda word: blank)
        self.sources = [{**_described(mask), "region": number, "role": "mask"} for number, mask in enumerate(sources)]

    @property
    def recalled(self) -> int:
        """How many earlier frames a film that goes on needs."""
        return WINDOW if self._has_words else 0

    def at(self, frame: Picture) -> Overlays:
        """Those of a frame."""
        layers = self._layers or self._read(frame.size, lambda word: self._masks.find(frame, word))
        parts = [(each.manner, share) for each, share in zip(self._overlays, layers.shares, strict=True)]
        return Overlays(parts, layers.left, self.sources, MaskFiles(), [])

    def _read(self, size: tuple[int, int], find: Callable[[MaskWord], FoundMask]) -> Layers:
        how: Any = dict(feather=self._feather, argument="region", stretched=True, may_be_hidden=True)
        return read_layers(self._sources, size, find, **how)


def _described(mask: Any) -> dict[str, str]:
    return {"word": str(mask)} if isinstance(mask, MaskWord) else describe_source(mask)
