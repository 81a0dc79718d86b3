"""The pictures of a plan, read, each at its size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxstyle.errors import InputError, named
from jaxstyle.loss.presets import Objective
from jaxstyle.pictures.read import Picture
from jaxstyle.pictures.size import MAX_SIDE, MIN_SIDE, USUAL, Size, parse_size
from jaxstyle.plans.colours import Colours, seen
from jaxstyle.plans.config import Config
from jaxstyle.plans.library import Library
from jaxstyle.plans.loss import LossPlan
from jaxstyle.plans.numbers import number
from jaxstyle.plans.regions import MOST_FEATHER, Region, Regions, read_regions


@dataclass(frozen=True, eq=False)
class Inputs:
    """The pictures of a run.

    Attributes:
        content, styles: as the network sees them, at the size of the run; styles each at their own. With
            regions these styles are the rest's.
        own_styles: the styles before their colours were moved to the content's, where they are.
        original_content: the content with its colours, where they are put back at the end; else None.
        colours: whose the picture gets.
        init_picture: the one to start from; None unless the run begins with one.
        blend: each style's share; they add up to 1.
        regions: of the picture, with styles of their own; None where it has none.
    """

    content: Picture
    styles: tuple[Picture, ...]
    own_styles: tuple[Picture, ...]
    original_content: Picture | None
    colours: Colours
    init_picture: Picture | None
    blend: tuple[float, ...]
    regions: Regions | None

    @property
    def painted(self) -> tuple[Region, ...]:
        """The regions that are painted; where the picture has none, the whole of it as one."""
        return (Region(np.ones((1, 1)), self.styles, self.blend, ""),) if self.regions is None else self.regions.painted

    @property
    def style_shares(self) -> list[tuple[float, Picture]]:
        """The style pictures, each with its part of what is painted; they add up to 1."""
        areas = [float(region.mask.mean()) for region in self.painted]
        areas = areas if any(areas) else [1.0] * len(areas)  # in a frame of a film that is kept everywhere
        return [
            (area * share / sum(areas), style)
            for area, region in zip(areas, self.painted, strict=True)
            for share, style in zip(region.blend, region.styles, strict=True)
        ]


def read_inputs(
    picture: Picture,
    photograph: Any,
    styles: Sequence[Any],
    blend: tuple[float, ...],
    config: Config,
    loss: LossPlan,
    colours: Colours,
    sizes: tuple[Size, Size | None],
    library: Library,
    *,
    begun: bool,
) -> tuple[Inputs, dict[str, Any]]:
    """Reads the pictures beside a content that was read, and describes them for the record.

    Args:
        picture: the content.
        photograph: its source.
        styles: paths, PIL images or arrays.
        blend: their shares.
        config: what the user said.
        loss: what is minimised.
        colours: whose the picture gets.
        sizes: the wishes of `sizes_of`.
        library: where pictures that were read already are kept.
        begun: whether the run begins with a picture of its own.

    Returns:
        The pictures, and where all but the content came from, by role.
    """
    size, style_size = sizes
    style_size = _style_size(config, loss.objective, size, style_size, *picture.size)

    def fitted(source: Any) -> Picture:
        return _fitted(source, style_size, config, library)

    fitted_styles = tuple(map(fitted, styles))
    sources: dict[str, Any] = {"styles": [library.describe(source) for source in styles]}
    content_seen, styles_seen = seen(colours, picture, fitted_styles, library)
    regions = read_regions(
        config.regions,
        number(config.feather, "feather", least=0.0, most=MOST_FEATHER),
        picture,
        photograph,
        (styles_seen, blend),
        lambda source: seen(colours, picture, [fitted(source)], library)[1][0],
        library,
        stretched=(len(size.sides) == 2, len(style_size.sides) == 2),
        same_masks=loss.objective.guides == "mask",
    )
    if regions is not None:
        sources["regions"] = list(regions.sources)
    elif config.guides is not None:
        raise InputError("guides", config.guides, "is for regions, and there are none", f"give {named('regions')}")
    elif config.feather != Config.feather:
        raise InputError("feather", config.feather, "is for regions, and there are none", f"give {named('regions')}")
    first = library.fitted(config.init, "init", Size(picture.size)) if begun else None
    if begun:
        sources["init"] = library.describe(config.init)
    original = picture if colours.space else None
    return Inputs(content_seen, styles_seen, fitted_styles, original, colours, first, blend, regions), sources


def sizes_of(config: Config) -> tuple[Size, Size | None]:
    """The size of the picture, and that of the styles: by default the same wish, the longest side of two.

    None for the styles where the picture has its own size: they follow it.
    """
    size = Size((USUAL,), gentle=True) if config.size is None else parse_size(config.size)
    if config.style_size is not None:
        styles = parse_size(config.style_size, argument="style_size")
        if config.stroke is not None:
            problem = f"says the size of the styles, as {named('style_size')} does"
            raise InputError("stroke", config.stroke, problem, "give one of them")
        if not styles.sides:
            raise InputError(
                "style_size", config.style_size, "is not a size of styles", "leave it out, or give a number of pixels"
            )
        return size, styles
    if size.gentle or not size.sides:
        return size, None
    sides = size.sides if len(size.sides) == 1 else (max(size.sides),)
    return size, Size(sides, shorter=size.shorter, argument="style_size")


def _style_size(config: Config, objective: Objective, size: Size, wanted: Size | None, width: int, height: int) -> Size:
    """The size of the styles of a `width` x `height` picture whose wished `size` is known."""
    if config.stroke is not None:
        return _stroked(config, objective, size, width, height)
    if objective.style_fit == "content":
        return Size((width, height))
    return wanted or Size((max(width, height),), argument="style_size", gentle=True)


def _stroked(config: Config, objective: Objective, size: Size, width: int, height: int) -> Size:
    """The size of the styles of a `width` x `height` picture with a stroke: so many times that of the picture."""
    stroke = number(config.stroke, "stroke", least=0.0)
    if objective.style_fit == "content":
        problem = f"cannot be had with the preset {config.preset}, which gives styles the shape of the picture"
        raise InputError("stroke", config.stroke, problem, "leave it out, or give another preset")
    side = round(stroke * (min if size.shorter else max)(width, height))
    if not MIN_SIDE <= side <= MAX_SIDE:
        raise _wrong_stroke(config, f"makes styles of {side} pixels, and a side must have {MIN_SIDE} to {MAX_SIDE}")
    return Size((side,), shorter=size.shorter, argument="style_size", told=True)


def _fitted(source: Any, size: Size, config: Config, library: Library) -> Picture:
    """A style at its size; where it cannot have that, the error names what was given: the stroke, or the picture's size."""
    try:
        return library.fitted(source, "style", size)
    except InputError as error:
        if error.argument != "style_size" or config.style_size is not None:
            raise
        if config.stroke is None:
            problem, _, remedy = error.problem.replace("gives a picture", "gives a style").partition("; ")
            remedy = f"{remedy} ({named('style_size')}), or give another {named('size')}"
            raise InputError("size", config.size, problem, remedy) from error
        raise _wrong_stroke(config, f"makes styles of {size} pixels, of which one is too long for that") from error


def _wrong_stroke(config: Config, problem: str) -> InputError:
    return InputError("stroke", config.stroke, problem, "give a number nearer to 1")
