"""Masks as the user gives them, files and words alike, at the size of a picture."""

import hashlib
import io
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image

from jaxstyle.errors import ImageError
from jaxstyle.masks.find import mask_of, unknown_word
from jaxstyle.masks.words import MaskWord, nearest_word, parse_word
from jaxstyle.pictures import comment, masks
from jaxstyle.pictures.find import is_there, one
from jaxstyle.pictures.masks import Mask
from jaxstyle.pictures.paths import is_pattern
from jaxstyle.pictures.read import Picture

KEEP = "keep"
"""In place of a style: the photograph stays as it is."""


def keeps(style: str) -> bool:
    """Whether a text in a style's place says `KEEP`, and is no file's name."""
    return style == KEEP or (style.lower() == KEEP and not os.path.exists(style))


def is_meant(text: str) -> bool:
    """Whether a text in a mask's place is a file's name, or a word."""
    return parse_word(text) is not None or is_there(text)


@dataclass(frozen=True, eq=False)
class FoundMask:
    """A mask that was found by its word.

    Attributes:
        word: as it is typed.
        levels: (H, W), uint8.
    """

    word: str
    levels: np.ndarray

    @classmethod
    def of_png(cls, word: str, png: bytes) -> "FoundMask":
        """From its file."""
        with Image.open(io.BytesIO(png)) as picture:
            return cls(word, np.asarray(picture))

    @cached_property
    def png(self) -> bytes:
        """The file that is kept beside a result, so that a replay needs no detector."""
        encoded = io.BytesIO()
        Image.fromarray(self.levels).save(encoded, format="PNG", **comment.options("PNG", ""))
        return encoded.getvalue()

    @property
    def sha256(self) -> str:
        """Of the file."""
        return hashlib.sha256(self.png).hexdigest()

    @property
    def file_stem(self) -> str:
        """The word as a part of the name of a file."""
        return re.sub(r"[^a-z0-9+.]+", "-", self.word).strip("-")


class MaskFiles(dict[str, bytes]):
    """Masks that were found by their words, as files to keep beside a result, by the ends of their names."""

    def describe(self, mask: FoundMask, number: int, role: str) -> dict[str, str]:
        """Adds a mask, and says what a record says of it.

        Args:
            mask: of a region.
            number: of the region, from 0.
            role: of the mask: ``"mask"``, or ``"style mask"`` where it is the style's.
        """
        name = f"{role.replace(' ', '-')}-{mask.file_stem}.png"
        if self.setdefault(name, mask.png) != mask.png:
            self[name := f"{number + 1}-{name}"] = mask.png
        return {"path": name, "sha256": mask.sha256, "word": mask.word}


@dataclass(frozen=True, eq=False)
class Layers:
    """Masks over a picture, the later ones on top.

    Attributes:
        found: of each that is a word, what was found.
        shares: (H, W) each, what it gets of every place.
        left: (H, W), what none of them covers; all together are 1 at every place.
        notices: sentences for the user.
    """

    found: list[FoundMask | None]
    shares: list[np.ndarray]
    left: np.ndarray
    notices: list[str]


def meant(source: Any, *, argument: str) -> Any:
    """A mask's source: its `MaskWord` where it is a word and no file has that name, else as `pictures.find.one` gives it.

    Raises:
        InputError: where it is neither a file nor a word, but looks like a word.
    """
    if isinstance(source, str) and (word := parse_word(source)) is not None:
        return source if os.path.isfile(source) else word
    if isinstance(source, str) and not is_there(source):
        looks_like_one = nearest_word(source) is not None or not os.path.splitext(source)[1]
        if looks_like_one and not re.search(r"[/\\]", source) and not is_pattern(source):
            raise unknown_word(argument, source)
    return one(source, argument=argument)


def notice_of_file(source: Any, argument: str) -> str | None:
    """What the user should know where a file has the name of a word."""
    name = os.fspath(source) if isinstance(source, str | os.PathLike) else ""
    word = parse_word(os.path.basename(name))
    return f"{argument} {name}: the file of this name is the mask; to find {word.name}, rename it" if word else None


def find_mask(picture: Picture, word: MaskWord, argument: str, value: Any) -> FoundMask:
    """The mask of a word in a picture; errors name `argument`, and the picture as `value`."""
    return FoundMask(str(word), mask_of(picture, word, argument=argument, value=value))


def read_mask(
    source: Any, size: tuple[int, int], find: Callable[[MaskWord], FoundMask], *, argument: str
) -> tuple[Mask, FoundMask | None]:
    """A mask for a picture of this (width, height), and what was found where `source` is a word.

    Args:
        source: as `meant` gives it.
        size: (width, height) that is wanted.
        find: the mask of a word in the picture.
        argument: what the caller calls it, for errors.

    Raises:
        ImageError: as `pictures.masks.load` and `make_mask`.
    """
    if not isinstance(source, MaskWord):
        mask = masks.load(source, size, argument=argument)
        said = notice_of_file(source, argument)
        return (replace(mask, notices=(*mask.notices, said)) if said else mask), None
    found = find(source)
    as_read = np.repeat(found.levels[..., None], 3, -1)  # as its file is read again, to the last bit
    share = (as_read.astype(np.float32) / np.float32(255)).mean(-1, dtype=np.float32)
    return Mask(masks.resize(share, *size), found.levels.shape[::-1], found.word), found


def fixed(sources: Sequence[Any], size: tuple[int, int], *, argument: str) -> list[Any]:
    """Masks of a film's frames, of which those that are files are read once: words as they are, else (H, W), float32."""
    return [each if isinstance(each, MaskWord) else masks.load(each, size, argument=argument).share for each in sources]


def read_layers(
    sources: Sequence[Any],
    size: tuple[int, int],
    find: Callable[[MaskWord], FoundMask],
    *,
    feather: float,
    argument: str,
    stretched: bool = False,
    may_be_hidden: bool = False,
) -> Layers:
    """The masks of a picture's regions.

    Args:
        sources: one or more, as `meant` gives them.
        size: (width, height) of the picture.
        find: the mask of a word in it.
        feather: how far their edges run out, in percent of the longest side.
        argument: what the caller calls them, for errors.
        stretched: whether the picture may have lost its aspect, so that masks need not have it.
        may_be_hidden: whether one may lie under later ones everywhere, as in some frames of a film.

    Raises:
        ImageError: where one is wrong, empty or hidden by later ones.
    """
    read = [read_mask(source, size, find, argument=argument) for source in sources]
    for mask, found in read:
        if not stretched and found is None:
            mask.check_aspect(*size, "the picture", argument)
    shares, left = masks.layered([masks.soften(mask.share, feather / 100 * max(size)) for mask, _ in read])
    for (mask, found), share in zip(read, shares, strict=True):
        if not may_be_hidden and share.max() < masks.LEAST and (found is None or found.levels.any()):
            raise ImageError(argument, mask.value, "lies under later regions everywhere", "give it after them, or leave it out")
    return Layers([found for _, found in read], shares, left, [notice for mask, _ in read for notice in mask.notices])
