"""Reads, hashes and resizes pictures for the runs that share them: each once, as long as not too many others came between."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from jaxstyle.masks import film
from jaxstyle.masks.find import fit
from jaxstyle.masks.sources import FoundMask, find_mask
from jaxstyle.masks.words import MaskWord
from jaxstyle.pictures import read
from jaxstyle.pictures.read import Picture
from jaxstyle.pictures.size import Size
from jaxstyle.results.record import describe_source

MOST_BYTES = 2**28
"""Of the pictures that are kept at the sizes of the runs: 450 of 512x384, so that a batch reads each once."""
RESIZED = 64
"""How many pictures are kept at the sizes of stages, and how many with other colours."""


class Library:
    """The pictures of one or more runs.

    `resize` is that of `pictures.read`, and `made(function, *given)` is `function(*given)`. Both give the same object again
    while they keep it.

    Args:
        reading: told the path of each file before it is read.
        lenient: whether words of masks may find nothing in a photograph, as in the frames of a film.
    """

    def __init__(self, reading: Callable[[str], None] | None = None, *, lenient: bool = False) -> None:
        self._reading, self.lenient = reading, lenient
        self._masks: dict[Any, bytes] = {}
        self._searched: tuple[Any, Picture] | None = None
        self._sources: dict[Any, Any] = {}
        self._kept: dict[Any, Picture] = {}
        self._hash = lru_cache(None)(lambda key: describe_source(self._sources[key]))
        self.resize = lru_cache(RESIZED)(read.resize)
        self.made = lru_cache(RESIZED)(lambda function, *given: function(*given))

    def _key(self, source: Any) -> Any:
        key = os.fspath(source) if isinstance(source, str | os.PathLike) else id(source)
        self._sources[key] = source  # kept, so that no other object takes its id
        return key

    def describe(self, source: Any) -> dict[str, str]:
        """`describe_source` of a picture."""
        return self._hash(self._key(source))

    def fitted(self, source: Any, argument: str, size: Size) -> Picture:
        """A picture at a size, read no larger than that needs; the same object again while it is kept."""
        key = (self._key(source), argument, size)
        picture = self._kept.pop(key, None)
        if picture is None:
            if self._reading is not None and isinstance(source, str | os.PathLike):
                self._reading(os.fspath(source))
            picture = _load(source, argument, size)
        self._kept[key] = picture  # the latest comes last
        while sum(kept.rgb.nbytes for kept in self._kept.values()) > MOST_BYTES and len(self._kept) > 1:
            del self._kept[next(iter(self._kept))]
        return picture

    def find_mask(self, photograph: Any, word: MaskWord, *, lenient: bool = False) -> FoundMask:
        """The mask of a word in a photograph, which is looked through once.

        Args:
            photograph: a path, PIL image or array.
            word: what is looked for.
            lenient: whether it is no error where nothing is found, as in the frames of a film.

        Raises:
            ImageError: where nothing is found.
        """
        source = self._key(photograph)
        key = (source, word, lenient)
        if key not in self._masks:
            if self._searched is None or self._searched[0] != source:
                self._searched = (source, read.load(photograph, argument="region", fit=fit))
            picture = self._searched[1]
            value = os.fspath(photograph) if isinstance(photograph, str | os.PathLike) else None
            found = film.lenient(picture, word) if lenient else find_mask(picture, word, "region", value)
            self._masks[key] = found.png
        return FoundMask.of_png(str(word), self._masks[key])


def _load(source: Any, argument: str, size: Size) -> Picture:
    own: list[tuple[int, int]] = []

    def fit(width: int, height: int) -> tuple[int, int]:
        own.append((width, height))
        return size.fit(width, height)

    picture = read.load(source, argument=argument, fit=fit)
    if not size.told or max(picture.size) <= max(own[-1]):
        return picture
    (width, height), (to_width, to_height) = own[-1], picture.size
    name = f"{argument} {os.path.basename(source)}" if isinstance(source, str | os.PathLike) else argument
    notice = f"{name}: enlarged from {width}x{height} to {to_width}x{to_height}, so its finest strokes are missing"
    return replace(picture, notices=(*picture.notices, notice))
