"""Whose colours a picture gets: the pictures that the network sees for that, and what is done to a picture at the end."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from jaxstyle.errors import InputError, named, unknown
from jaxstyle.pictures.colour import OPPONENT, colourfulness
from jaxstyle.pictures.matching import MATCHES, match, moments
from jaxstyle.pictures.read import Picture, as_float
from jaxstyle.pictures.spaces import check_space, grey, with_colours_of
from jaxstyle.plans.config import COLORS, Config
from jaxstyle.plans.library import Library

ENOUGH = 2**18
"""Pixels of a style by which its colours are known."""


@dataclass(frozen=True)
class Colours:
    """Whose colours a picture gets.

    Attributes:
        kind: one of `COLORS`.
        match: how colours are moved, key of `MATCHES`; None where none are.
        space: where the content's colours are put back at the end, one of `spaces.SPACES`; None where they are not.
    """

    kind: str = "style"
    match: str | None = None
    space: str | None = None

    @property
    def brightness_only(self) -> bool:
        """Whether the run is in grey: the network sees brightness alone, and nothing else is moved."""
        return self.kind == "content"

    @property
    def painted(self) -> bool:
        """Whether there is a run at all; else the content's colours are moved and that is all."""
        return self.kind != "style-only"


_OF_COLOURS = {"size", "style_size", "stroke", "blend", "colors", "color_match"}
"""Options that count where nothing is painted."""


def colours_of(config: Config) -> Colours:
    """What the user said, checked."""
    kind = config.colors
    if kind not in COLORS:
        raise unknown("colors", kind, COLORS)
    if config.color_match is not None and config.color_match not in MATCHES:
        raise unknown("color_match", config.color_match, MATCHES)
    check_space(config.color_space)
    moved = kind in ("content-histogram", "style-only")
    if config.color_match is not None and not moved:
        remedy = f"give {named('colors', 'content-histogram')} or {named('colors', 'style-only')} with it"
        raise InputError("color_match", config.color_match, f"moves nothing with {named('colors', kind)}", remedy)
    if config.strength is not None and kind == "style-only":
        problem = f"weighs nothing with {named('colors', kind)}, which paints nothing"
        raise InputError("strength", config.strength, problem, "leave it out")
    if config.regions and kind == "style-only":
        raise InputError("colors", kind, "paints nothing, so regions have no styles", "leave one of both out")
    if config.color_space is not None and kind == "style-only":
        raise InputError("color_space", config.color_space, "would take the style's colours away again", "leave it out")
    space = config.color_space or ("yuv" if kind == "content" else None)
    return Colours(kind, (config.color_match or "mk") if moved else None, space)


def idle(colours: Colours, config: Config) -> list[str]:
    """A sentence about the options that were given and count for nothing, where nothing is painted."""
    if colours.painted:
        return []
    given = [f"`{f.name}`" for f in fields(Config) if f.name not in _OF_COLOURS and getattr(config, f.name) != f.default]
    verb = "counts" if len(given) == 1 else "count"
    return [f"colors {colours.kind} paints nothing: {', '.join(given)} {verb} for nothing"] if given else []


def seen(
    colours: Colours, content: Picture, styles: Sequence[Picture], library: Library
) -> tuple[Picture, tuple[Picture, ...]]:
    """The content and the styles as the network sees them.

    For a run in grey both are grey, and each style has the content's mean and deviation (Gatys et al., Preserving Color in
    Neural Artistic Style Transfer, 2016, section 4). Styles whose colours are moved have the content's mean and covariance.
    """
    if colours.brightness_only:
        content = library.made(_grey, content, colours.space)
        styles = [library.made(_grey_like, style, content, colours.space) for style in styles]
    elif colours.kind == "content-histogram":
        styles = [library.made(_like, style, content, colours.match) for style in styles]
    return content, tuple(styles)


def finished(colours: Colours, image: Any, photograph: Picture | None) -> np.ndarray:
    """What a run's image, (H, W, 3), is shown as: clipped to [0, 1], with the photograph's colours where they are put back."""
    image = np.clip(np.asarray(image), 0, 1)
    if colours.space is None or photograph is None:
        return image
    return with_colours_of(image, as_float(photograph), colours.space)


def recoloured(colours: Colours, content: Picture, styles: Sequence[Picture], blend: Sequence[float]) -> np.ndarray:
    """The content in the colours of the styles, float32 (H, W, 3) in [0, 1]; of several the mean by their shares."""
    assert colours.match is not None
    parts = (share * _matched(content, style, colours.match) for style, share in zip(styles, blend, strict=True))
    return np.clip(sum(parts, np.zeros((), np.float32)), 0, 1)


def _thinned(picture: Picture) -> Picture:
    """Every so many-th row and column of a large picture, whose moments would take more memory than its run in strips."""
    width, height = picture.size
    step = math.ceil(math.sqrt(width * height / ENOUGH))
    alpha = None if picture.alpha is None else picture.alpha[::step, ::step]
    return replace(picture, rgb=picture.rgb[::step, ::step], alpha=alpha)


def _of_styles(styles: Sequence[Picture], blend: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the opponent colours of styles, (3,) and (3, 3), weighted by their shares."""
    found = [moments(as_float(style) @ OPPONENT.T, style.alpha) for style in map(_thinned, styles)]
    mean, covariance = (sum(s * part for s, part in zip(blend, parts, strict=True)) for parts in zip(*found, strict=True))
    return np.asarray(mean), np.asarray(covariance)


def colourful(styles: Sequence[Picture], blend: Sequence[float]) -> float:
    """How colourful styles are that are blended by these shares, 0 (grey) to 1: `pictures.colour.colourfulness`."""
    return colourfulness(_of_styles(styles, blend)[1])


def toned(image: np.ndarray, styles: Sequence[Picture], blend: Sequence[float], tone: float) -> np.ndarray:
    """An image, (H, W, 3), whose colours are moved to the styles' by `tone` times what those lack to be colourful.

    Their mean becomes the styles', and their deviation from it at most the styles'; brightness stays. So a grey style and a
    tone of 1 make it grey, and a colourful style leaves it as it is.
    """
    wanted, covariance = _of_styles(styles, blend)
    if not (share := tone * (1 - colourfulness(covariance))):
        return image
    colours = image @ OPPONENT.T.astype(np.float32)
    mean, own = moments(colours)
    few = min(1.0, float(np.sqrt(np.trace(covariance[1:, 1:]) / max(np.trace(own[1:, 1:]), 1e-12))))
    moved = wanted[1:] + few * (colours[..., 1:] - mean[1:])
    colours[..., 1:] += share * (moved - colours[..., 1:])
    return colours @ OPPONENT.astype(np.float32)


def _matched(picture: Picture, other: Picture, method: str) -> np.ndarray:
    return match(as_float(picture), as_float(other), method, weights=picture.alpha, other_weights=other.alpha)


def _with(picture: Picture, pixels: np.ndarray) -> Picture:
    """The same picture with other pixels, (H, W, 3) or (H, W, 1), clipped to [0, 1]."""
    return replace(picture, rgb=np.clip(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), 0, 1).astype(np.float32))


def _grey(picture: Picture, space: str) -> Picture:
    return _with(picture, grey(as_float(picture), space))


def _grey_like(picture: Picture, other: Picture, space: str) -> Picture:
    """`picture` in grey, with the mean and deviation of `other`, which is grey."""
    level = grey(as_float(picture), space)
    return _with(picture, match(level, as_float(other)[..., :1], weights=picture.alpha, other_weights=other.alpha))


def _like(picture: Picture, other: Picture, method: str) -> Picture:
    return _with(picture, _matched(picture, other, method))
