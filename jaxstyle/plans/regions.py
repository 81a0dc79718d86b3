"""Regions of a picture with styles of their own, from what the user said to arrays: `MASK=STYLE`, `MASK=STYLE:STYLEMASK`,
`MASK=keep`.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxstyle.errors import ImageError, InputError, Plain
from jaxstyle.pictures import masks
from jaxstyle.pictures.find import is_there, one
from jaxstyle.pictures.read import Picture
from jaxstyle.plans.library import Library

KEEP = "keep"
MOST_FEATHER = 50.0
"""Percent of the longest side."""
_FORMS = "MASK=STYLE, MASK=STYLE:STYLEMASK or MASK=keep"


@dataclass(frozen=True)
class RegionSpec:
    """A region as the user said it: sources of pictures (paths, PIL images, arrays).

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
    """

    painted: tuple[Region, ...]
    keep: np.ndarray | None
    key: tuple[Any, ...]
    sources: tuple[dict[str, Any], ...] = ()
    notices: tuple[str, ...] = ()
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

    @property
    def named(self) -> list[tuple[str, np.ndarray]]:
        """The names and masks of the regions, that which is kept among them."""
        kept = [] if self.keep is None else [(KEEP, self.keep)]
        return [*((region.name, region.mask) for region in self.painted), *kept]


def parse_regions(given: Any) -> list[RegionSpec]:
    """Regions as the user said them.

    Args:
        given: one text ``"MASK=STYLE"``, or a sequence of these and of tuples (mask, style) and (mask, style, style mask), of
            paths, PIL images or arrays.

    Raises:
        InputError: where one is neither.
    """
    if isinstance(given, str):
        return parse_regions([given])
    found = []
    for each in given if isinstance(given, list | tuple) else [given]:
        if isinstance(each, str):
            found.append(parse_region(each))
        elif isinstance(each, list | tuple) and len(each) in (2, 3):
            mask, style, *more = each
            keeps = isinstance(style, str) and _keeps(style)
            if keeps and more:
                raise InputError("region", Plain(each), "has a style mask, but no style", f"give {_FORMS}")
            found.append(RegionSpec(mask, None if keeps else style, *more))
        else:
            raise InputError("region", Plain(each), "is no region", f"give {_FORMS}, or a tuple of these pictures")
    return [
        RegionSpec(*(one(source, argument="region") for source in (spec.mask, spec.style, spec.style_mask))) for spec in found
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
        there = [is_there(source) for source in spec.sources.values()]
        return all(there), sum(there)

    return max(readings, key=likelihood)  # the first of equals


def _keeps(style: str) -> bool:
    return style == KEEP or (style.lower() == KEEP and not os.path.exists(style))


def _readings(text: str) -> Iterator[RegionSpec]:
    """All ways to read a text, the likeliest first."""
    for place in [i for i, letter in enumerate(text) if letter == "="]:
        mask, style = text[:place].strip(), text[place + 1 :].strip()
        if _keeps(style):
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
    (width, height), found, notices = content.size, [], list[str]()
    reach = feather / 100 * max(width, height)
    for spec in asked:
        mask = masks.load(spec.mask, (width, height), argument="region")
        if not stretched[0]:
            mask.check_aspect(width, height, "the picture", "region")
        found.append(mask)
        notices += mask.notices
    each, left = masks.layered([masks.soften(mask.share, reach) for mask in found])
    for mask, share in zip(found, each, strict=True):
        if share.max() < masks.LEAST:
            raise ImageError("region", mask.value, "lies under later regions everywhere", "give it after them, or leave it out")
    painted, keep = [], np.zeros((height, width), np.float32)
    for spec, share in zip(asked, each, strict=True):
        if spec.style is None:
            keep = keep + share
            continue
        style = fitted(spec.style)
        style_mask = share if same_masks else None
        if spec.style_mask is not None:
            over = masks.load(spec.style_mask, style.size, argument="region")
            if not stretched[1]:
                over.check_aspect(*style.size, "its style", "region")
            style_mask = over.share
            notices += over.notices
        name = Path(library.describe(spec.style)["path"]).name
        painted.append(Region(share, (style,), (1.0,), name, style_mask))
    if left.max() >= masks.LEAST:
        styles, blend = rest
        painted.append(Region(left, tuple(styles), tuple(blend), "the rest", left if same_masks else None))
    elif painted:
        notices.append("the regions cover the whole picture: nothing is painted in the first style")
    if not painted:
        raise InputError(
            "region", Plain(KEEP), "covers the whole photograph, and nothing is painted", "leave a part of it black"
        )
    sources = tuple(
        {**library.describe(source), "region": number, "role": role}
        for number, spec in enumerate(asked)
        for role, source in spec.sources.items()
    )
    key = (feather, [list(spec.sources) for spec in asked])
    return Regions(tuple(painted), keep if keep.any() else None, key, sources, tuple(dict.fromkeys(notices)))


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
