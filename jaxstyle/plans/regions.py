"""Regions of a picture with styles of their own, from what the user said to arrays: `MASK=STYLE`, `MASK=STYLE:STYLEMASK`,
`MASK=keep`. A mask is a picture or a word, such as ``faces``.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from jaxstyle.errors import InputError, Plain
from jaxstyle.masks.sources import KEEP, FoundMask, MaskFiles, fixed, is_meant, keeps, meant, read_layers, read_mask
from jaxstyle.masks.words import MaskWord
from jaxstyle.pictures import masks
from jaxstyle.pictures.find import is_there, one
from jaxstyle.pictures.read import Picture
from jaxstyle.plans.library import Library

MOST_FEATHER = 50.0
"""Percent of the longest side."""
_FORMS = "MASK=STYLE, MASK=STYLE:STYLEMASK or MASK=keep"


@dataclass(frozen=True)
class RegionSpec:
    """A region as the user said it: sources of pictures (paths, PIL images, arrays), and words for masks.

    Attributes:
        mask: where it is.
        style: what it is painted like; None where the photograph is kept.
        style_mask: which part of the style; None for all of it.
    """

    mask: Any
    style: Any
    style_mask: Any = None

    @property
    def sources(self) -> dict[str, Any]:
        """All that is there, by role."""
        roles = {"mask": self.mask, "style": self.style, "style mask": self.style_mask}
        return {role: source for role, source in roles.items() if source is not None}


@dataclass(frozen=True, eq=False)
class Region:
    """A part of a picture with a style of its own.

    Attributes:
        mask: (H, W), how much of each place is its, float32; those of all regions and of what is kept add up to 1. (1, 1) where
            it is the whole picture.
        styles: pictures whose Gram matrices are mixed.
        blend: their shares.
        name: what it is called.
        style_mask: (H', W'), which part of them; None for all.
    """

    mask: np.ndarray
    styles: tuple[Picture, ...]
    blend: tuple[float, ...]
    name: str
    style_mask: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Regions:
    """The regions of a picture at one size.

    Attributes:
        painted: those with a style, the rest of the picture last where there is any.
        keep: (H, W), how much of each place is the photograph's; None where nothing is.
        key: what tells them from others, apart from the pictures' hashes.
        sources: of their masks and styles, for the record.
        notices: sentences for the user.
        files: masks that were found by their words, as files to keep beside the result, by the ends of their names.
    """

    painted: tuple[Region, ...]
    keep: np.ndarray | None
    key: tuple[Any, ...]
    sources: tuple[dict[str, Any], ...] = ()
    notices: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    _sizes: dict[tuple[int, int], "Regions"] = field(default_factory=dict)

    def at(self, size: tuple[int, int], fitted: Callable[[Picture], Picture]) -> "Regions":
        """The same at another (width, height), by area, the styles as `fitted` makes them; one object for each size."""
        if self.painted[0].mask.shape == size[::-1]:
            return self
        if size not in self._sizes:
            painted = [
                replace(each, mask=masks.resize(each.mask, *size), styles=tuple(map(fitted, each.styles)))
                for each in self.painted
            ]
            keep = None if self.keep is None else masks.resize(self.keep, *size)
            self._sizes[size] = replace(self, painted=tuple(painted), keep=keep, _sizes={})
        return self._sizes[size]

    def with_masks_of(self, other: "Regions") -> "Regions":
        """The same with the masks of others, of as many regions at another size."""
        height, width = self.painted[0].mask.shape
        painted = [
            replace(
                mine,
                mask=masks.resize(theirs.mask, width, height),
                style_mask=theirs.style_mask,
            )
            for mine, theirs in zip(self.painted, other.painted, strict=True)
        ]
        keep = None if other.keep is None else masks.resize(other.keep, width, height)
        return replace(self, painted=tuple(painted), keep=keep, _sizes={})

    @property
    def named(self) -> list[tuple[str, np.ndarray]]:
        """The names and masks of the regions, that which is kept among them."""
        kept = [] if self.keep is None else [(KEEP, self.keep)]
        return [*((region.name, region.mask) for region in self.painted), *kept]


def parse_regions(given: Any) -> list[RegionSpec]:
    """Regions as the user said them.

    Args:
        given: one text ``"MASK=STYLE"``, or a sequence of these and of tuples (mask, style) and (mask, style, style mask), of
            paths, PIL images or arrays; a mask may be a word.

    Raises:
        InputError: where one is neither, or a mask is neither a file nor a word.
    """
    if isinstance(given, str):
        return parse_regions([given])
    found = []
    for each in given if isinstance(given, list | tuple) else [given]:
        if isinstance(each, str):
            found.append(parse_region(each))
        elif isinstance(each, list | tuple) and len(each) in (2, 3):
            mask, style, *more = each
            kept = isinstance(style, str) and keeps(style)
            if kept and more:
                raise InputError("region", Plain(each), "has a style mask, but no style", f"give {_FORMS}")
            found.append(RegionSpec(mask, None if kept else style, *more))
        else:
            raise InputError("region", Plain(each), "is no region", f"give {_FORMS}, or a tuple of these pictures")
    return [
        RegionSpec(
            meant(spec.mask, argument="region"), one(spec.style, argument="region"), meant(spec.style_mask, argument="region")
        )
        for spec in found
    ]


def parse_region(text: str) -> RegionSpec:
    """A region from its text. Names may hold ``=`` and ``:``: a way to read it in which all files exist wins, else that
    in which the most do.

    Raises:
        InputError: where it has not the form ``MASK=STYLE``.
    """
    readings = [spec for spec in _readings(text) if all(spec.sources.values())]
    if not readings:
        raise InputError("region", text, "is not of the form MASK=STYLE", f"give {_FORMS}")

    def likelihood(spec: RegionSpec) -> tuple[bool, int]:
        there = [is_there(text) if role == "style" else is_meant(text) for role, text in spec.sources.items()]
        return all(there), sum(there)

    return max(readings, key=likelihood)  # the first of equals


def _readings(text: str) -> Iterator[RegionSpec]:
    """All ways to read a text, the likeliest first."""
    for place in [i for i, letter in enumerate(text) if letter == "="]:
        mask, style = text[:place].strip(), text[place + 1 :].strip()
        if keeps(style):
            yield RegionSpec(mask, None)
            continue
        if style.lower().startswith(f"{KEEP}:") and not os.path.exists(style):
            raise InputError("region", text, "has a mask of a style, but keeps the photograph", "give MASK=keep")
        colons = [i for i, letter in enumerate(style) if letter == ":"]
        drives = [i for i in colons if i and style[i - 1].isalpha() and (i == 1 or style[i - 2] == ":")]
        splits = {colon: RegionSpec(mask, style[:colon], style[colon + 1 :]) for colon in colons}
        yield from (splits[colon] for colon in colons if colon not in drives)
        yield RegionSpec(mask, style)
        yield from (splits[colon] for colon in drives)


def read_regions(
    given: Any,
    feather: float,
    content: Picture,
    photograph: Any,
    rest: tuple[Sequence[Picture], Sequence[float]],
    fitted: Callable[[Any], Picture],
    library: Library,
    *,
    stretched: tuple[bool, bool] = (False, False),
    same_masks: bool = False,
) -> Regions | None:
    """The regions of a picture; None where the user wants none.

    Args:
        given: as of `parse_regions`.
        feather: how far their edges run out, in percent of the picture's longest side.
        content: the photograph, at the size of the run.
        photograph: its source, in which words are looked for.
        rest: the styles of what no region covers, and their shares.
        fitted: a style's picture, from its source.
        library: describes sources.
        stretched: whether the picture, and the styles, may have lost their aspect, so that their masks need not have it.
        same_masks: whether a region's mask is its style's too where that has none.

    Raises:
        InputError, ImageError: where one is wrong, empty, hidden by others, or nothing is left to paint.
    """
    asked = parse_regions(given)
    if not asked:
        return None
    width, height = content.size
    layers = read_layers(
        [spec.mask for spec in asked],
        (width, height),
        partial(library.find_mask, photograph, lenient=library.lenient),
        feather=feather,
        argument="region",
        stretched=stretched[0],
        may_be_hidden=library.lenient,
    )
    found = {(number, "mask"): mask for number, mask in enumerate(layers.found) if mask is not None}
    notices, left = layers.notices, layers.left
    painted, keep = [], np.zeros((height, width), np.float32)
    for number, (spec, share) in enumerate(zip(asked, layers.shares, strict=True)):
        if spec.style is None:
            keep = keep + share
            continue
        style = fitted(spec.style)
        style_mask = share if same_masks else None
        if spec.style_mask is not None:
            look = partial(library.find_mask, spec.style)
            over, found_over = read_mask(spec.style_mask, style.size, look, argument="region")
            if found_over is not None:
                found[number, "style mask"] = found_over
            elif not stretched[1]:
                over.check_aspect(*style.size, "its style", "region")
            style_mask = over.share
            notices += over.notices
        name = Path(library.describe(spec.style)["path"]).name
        painted.append(Region(share, (style,), (1.0,), name, style_mask))
    if left.max() >= masks.LEAST or library.lenient:  # another frame may have a rest
        styles, blend = rest
        painted.append(Region(left, tuple(styles), tuple(blend), "the rest", left if same_masks else None))
    elif painted:
        notices.append("the regions cover the whole picture: nothing is painted in the first style")
    if not painted:
        raise InputError(
            "region", Plain(KEEP), "covers the whole photograph, and nothing is painted", "leave a part of it black"
        )
    files = MaskFiles()

    def described(number: int, role: str, source: Any) -> dict[str, str]:
        mask = found.get((number, role))
        return library.describe(source) if mask is None else files.describe(mask, number, role)

    sources = tuple(
        {**described(number, role, source), "region": number, "role": role}
        for number, spec in enumerate(asked)
        for role, source in spec.sources.items()
    )
    key = (feather, [list(spec.sources) for spec in asked])
    kept = keep if any(spec.style is None for spec in asked) else None
    return Regions(tuple(painted), kept, key, sources, tuple(dict.fromkeys(notices)), files)


class FrameRegions:
    """The regions of a film's frames, whose masks are words at least in part.

    Args:
        specs: what the user said.
        feather: how far edges run out, in percent of the longest side.
        first: the regions of the first frame, the rest of the picture among them.
        same_masks: whether a region's mask is its style's too where that has none.
    """

    def __init__(self, specs: Sequence[RegionSpec], feather: float, first: Regions, same_masks: bool):
        self._specs, self._feather, self._first, self._same_masks = specs, feather, first, same_masks
        height, width = first.painted[0].mask.shape
        self._sources = fixed([spec.mask for spec in specs], (width, height), argument="region")

    def at(self, frame: Picture, find: Callable[[MaskWord], FoundMask]) -> Regions:
        """Those of a frame of the same size; as many as of the first one, whatever is found."""
        how: Any = dict(feather=self._feather, argument="region", stretched=True, may_be_hidden=True)
        layers = read_layers(self._sources, frame.size, find, **how)
        each = [*zip(self._specs, layers.shares, strict=True)]
        shown = [(share, self._same_masks and spec.style_mask is None) for spec, share in each if spec.style is not None]
        kept = [share for spec, share in each if spec.style is None]
        painted = [
            replace(region, mask=mask, style_mask=mask if is_styles_too else region.style_mask)
            for region, (mask, is_styles_too) in zip(
                self._first.painted, [*shown, (layers.left, self._same_masks)], strict=True
            )
        ]
        return replace(self._first, painted=tuple(painted), keep=sum(kept) if kept else None, _sizes={})


def frame_regions(given: Any, feather: float, first: Regions | None, same_masks: bool) -> FrameRegions | None:
    """How a film's regions follow its frames; None where no mask is a word."""
    specs = parse_regions(given)
    if first is None or not any(isinstance(spec.mask, MaskWord) for spec in specs):
        return None
    return FrameRegions(specs, feather, first, same_masks)


def files_of(given: Any) -> list[str]:
    """The paths of all pictures of `parse_regions`."""
    sources = [source for spec in parse_regions(given) for source in spec.sources.values()]
    return [os.fspath(source) for source in sources if isinstance(source, str | os.PathLike)]


def specs_of_record(sources: Sequence[dict[str, Any]]) -> tuple[tuple[Any, ...], ...]:
    """Regions as tuples, as `Config.regions` takes them, from the sources of a record."""
    found: dict[int, dict[str, Any]] = {}
    for source in sources:
        found.setdefault(source["region"], {})[source["role"]] = source["path"]
    order = ("mask", "style", "style mask")
    return tuple(
        tuple(roles.get(role, KEEP) for role in order[: 3 if "style mask" in roles else 2])
        for _, roles in sorted(found.items())
    )
