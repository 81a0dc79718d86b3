"""The mask of a word in a photograph."""

from typing import Any

import numpy as np

from jaxstyle.errors import ImageError, InputError
from jaxstyle.masks import faces, subjects
from jaxstyle.masks.edges import grown
from jaxstyle.masks.words import MOST_GROWN, NAMES, MaskWord, nearest_word, parse_word
from jaxstyle.pictures.find import one
from jaxstyle.pictures.masks import LEAST
from jaxstyle.pictures.read import Picture, load

LARGEST = faces.LARGEST
"""Pixels of the longest side of a mask: that of a larger photograph is smaller than it."""
FORMS = "faces, not:faces, faces+3% or faces-3%"
_NOTHING = {"faces": "no face", "people": "no people", "subject": "no subject", "background": "no subject"}


def make_mask(picture: Any, word: str) -> np.ndarray:
    """The mask of what a word names in a photograph.

    Args:
        picture: a path, a PIL image, or an array (H, W, 3): uint8, or float in [0, 1].
        word: ``"faces"``, ``"people"``, ``"subject"`` or ``"background"``; ``"not:faces"`` is all else, ``"faces+3%"`` has an
            edge that lies further out by 3 percent of the longest side.

    Returns:
        (H, W), uint8, 255 where a place belongs to it; at the photograph's size, or with 1280 pixels on its longest side where
        that is larger. `stylize` takes it as a region's mask.

    Raises:
        InputError: for another word.
        ImageError: where the photograph cannot be read, or has no such thing.
    """
    found = parse_word(word) if isinstance(word, str) else None
    if found is None:
        raise unknown_word("word", word)
    picture = one(picture, argument="picture")
    return mask_of(load(picture, argument="picture", fit=fit), found, argument="picture", value=picture)


def mask_of(picture: Picture, word: MaskWord, *, argument: str, value: Any) -> np.ndarray:
    """`make_mask` of a picture that was read; `argument` and `value` are what an error names."""
    if word.name == "faces":
        share = faces.ovals(faces.found(picture), picture.size)
    elif word.name == "people":
        share = subjects.people(picture)
    else:
        share = subjects.subject(picture)
    if share.max() < LEAST:
        shown = repr(value) if isinstance(value, str) else "the picture"
        remedy = "draw a mask by hand, or do without"
        raise ImageError(argument, str(word), f"finds {_NOTHING[word.name]} in {shown}", remedy)
    if word.name == "background":
        share = 1 - share
    share = grown(share, word.grown / 100 * max(picture.size))
    share = 1 - share if word.inverted else share
    levels = np.rint(share * 255).astype(np.uint8)
    if not levels.any():
        raise ImageError(argument, str(word), "leaves no place of the picture", "shrink it less")
    return levels


def fit(width: int, height: int) -> tuple[int, int]:
    """The size at which a photograph of `width` x `height` is searched."""
    scale = min(1, LARGEST / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def unknown_word(argument: str, text: Any) -> InputError:
    """The error for what is no word."""
    near = nearest_word(text) if isinstance(text, str) else None
    asked = parse_word(near) if near else None
    problem = "is no word for a mask" if argument == "word" else "is neither a file nor a word for a mask"
    if asked is not None and near in str(text):
        problem = f"is not of the form {FORMS}, with at most {MOST_GROWN:g}%"
        return InputError(argument, text, problem)
    hint = f"did you mean {near!r}? " if near else ""
    return InputError(argument, text, problem, f"{hint}known: {', '.join(NAMES)}")
