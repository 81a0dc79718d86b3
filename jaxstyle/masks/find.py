"""The mask of a word in a photograph."""

from typing import Any

import numpy as np

from jaxstyle.errors import ImageError, InputError
from jaxstyle.masks import faces, subjects
from jaxstyle.masks.edges import grown
from jaxstyle.masks.words import MOST_GROWN, NAMES, MaskWord, nearest_word, parse_word
from jaxstyle.pictures.find import one
from jaxstyle.pictures.masks import LABELS, LEAST
from jaxstyle.pictures.read import Picture, load
from jaxstyle.pictures.size import Size

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
    return mask_of(load(picture, argument="picture", fit=fit), found, argument="word", value=picture)


def mask_of(picture: Picture, word: MaskWord, *, argument: str, value: Any) -> np.ndarray:
    """`make_mask` of a picture that was read; `argument` and `value` are what an error names."""
    share = found_share(picture, word)
    if share.max() < LEAST:
        shown = repr(value) if isinstance(value, str) else "the picture"
        remedy = "draw a mask by hand, or do without"
        raise ImageError(argument, str(word), f"finds {_NOTHING[word.name]} in {shown}", remedy)
    levels = levels_of(share, word)
    if levels.max() <= LABELS:  # as good as black, and no file that could be read again
        raise ImageError(argument, str(word), "leaves no place of the picture", "give another word or percentage")
    return levels


def found_share(picture: Picture, word: MaskWord) -> np.ndarray:
    """What a word's network finds, (H, W), float32; of ``background`` the subject. Zeros where that is nothing."""
    if word.name == "faces":
        return faces.ovals(faces.found(picture), picture.size)
    return subjects.people(picture) if word.name == "people" else subjects.subject(picture)


def levels_of(share: np.ndarray, word: MaskWord) -> np.ndarray:
    """The mask of a word, (H, W), uint8, from what was found."""
    share = 1 - share if word.name == "background" else share
    share = grown(share, word.grown / 100 * max(share.shape))
    return np.rint((1 - share if word.inverted else share) * 255).astype(np.uint8)


def fit(width: int, height: int) -> tuple[int, int]:
    """The size at which a photograph of `width` x `height` is searched."""
    return Size((LARGEST,), gentle=True).fit(width, height)


def unknown_word(argument: str, text: Any) -> InputError:
    """The error for what is no word."""
    near = nearest_word(text) if isinstance(text, str) else None
    asked = parse_word(near) if near else None
    problem = "is no word for a mask" if argument == "word" else "is neither a file nor a word for a mask"
    if asked is not None and near is not None and near in str(text):
        problem = f"is not of the form {FORMS}, with at most {MOST_GROWN:g}%"
        return InputError(argument, text, problem)
    hint = f"did you mean {near!r}? " if near else ""
    return InputError(argument, text, problem, f"{hint}known: {', '.join(NAMES)}")
