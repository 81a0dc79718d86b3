"""Reads, hashes and resizes pictures for the runs that share them: each once, as long as few others came between."""

import os
from functools import lru_cache
from typing import Any

from jaxstyle.pictures import read
from jaxstyle.transfer.record import describe_source

ORIGINALS, RESIZED = 4, 64
"""How many pictures are kept: as they were read, and at the sizes of the runs."""


class Library:
    """The pictures of one or more runs."""

    def __init__(self) -> None:
        self._sources: dict[Any, Any] = {}
        self._hash = lru_cache(None)(lambda key: describe_source(self._sources[key]))
        self._read = lru_cache(ORIGINALS)(lambda key, argument: read.load(self._sources[key], argument=argument))
        self.resize = lru_cache(RESIZED)(read.resize)
        self._at = lru_cache(RESIZED)(lambda key, argument, w, h: read.resize(self._read(key, argument), w, h))
        self._size = lru_cache(None)(lambda key, argument: self._read(key, argument).size)

    def _key(self, source: Any) -> Any:
        key = os.fspath(source) if isinstance(source, str | os.PathLike) else id(source)
        self._sources[key] = source  # kept, so that no other object takes its id
        return key

    def describe(self, source: Any) -> dict[str, str]:
        """`describe_source` of a picture."""
        return self._hash(self._key(source))

    def size(self, source: Any, argument: str) -> tuple[int, int]:
        """(width, height) of a picture as it is."""
        return self._size(self._key(source), argument)

    def at(self, source: Any, argument: str, width: int, height: int) -> read.Picture:
        """A picture at a size; the same object again while it is kept."""
        return self._at(self._key(source), argument, width, height)
