"""What will be done to make one picture: every choice made, every picture read. `resolve` makes plans, everything else follows
them; nothing below looks at what the user said.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jaxstyle.loss.objective import TermWeights
from jaxstyle.loss.presets import Objective
from jaxstyle.network.weights.load import Loaded
from jaxstyle.pictures.read import Picture, as_float, off_white
from jaxstyle.pictures.size import MIN_SIDE
from jaxstyle.plans.colours import Colours, colourful, finished, idle
from jaxstyle.plans.config import Config
from jaxstyle.plans.library import Library
from jaxstyle.plans.method import Method
from jaxstyle.plans.regions import Region, Regions
from jaxstyle.plans.schedule import Stage
from jaxstyle.results import record

LEAST_SEEN = 1 / 8
"""Share of a picture under a kept photograph from which it can be told by its 8 bits."""
SHORT = 100
"""Evaluations of a short run, at most."""


@dataclass(frozen=True)
class Start:
    """Where a run begins; `start` makes the image.

    Attributes:
        kind: ``"content"``, ``"noise"``, ``"style"`` or ``"picture"``.
        noise_ratio: share of noise mixed into a picture, 0 to 1.
        noise_sigma: deviation of the noise, where white is 1.
        seed: of the noise.
        smooth_colour: whether fine colour is taken away first, since the loss hardly sees it and no solver would.
        flat_noise: roughness of noise in flat areas of a content, relative to the style's; 0 for none.
        flat_waves: pixels; no wave of that noise is shorter. 0 for noise of all waves, as it once was.
        tone: 0 to 1, how far a style of few colours, such as an engraving, takes the picture's away: at the start and, since
            the loss hardly sees a faint colour, in the solver's moves.
        noise_chroma: deviation of the noise's colours over that of its brightness, where fine colour is taken away.
    """

    kind: str
    noise_ratio: float
    noise_sigma: float
    seed: int
    smooth_colour: bool
    flat_noise: float = 0.0
    flat_waves: float = 0.0
    tone: float = 0.0
    noise_chroma: float = 1.0

    @property
    def is_random(self) -> bool:
        """Whether the seed matters."""
        return self.kind == "noise" or bool(self.noise_ratio)


def _as_known(objective: Objective) -> dict[str, Any]:
    """What a key has of an objective: not that it sees zeros beyond the border, which all did when the first runs were kept."""
    return {name: value for name, value in record.plain(objective).items() if (name, value) != ("padding", "zero")}


@dataclass(frozen=True, eq=False)
class Plan:
    """One picture that will be made.

    Attributes:
        content, styles: as the network sees them, at the size of the run; styles each at their own. With
            regions these styles are the rest's.
        own_styles: the styles before their colours were moved to the content's, where they are.
        regions: of the picture, with styles of their own; None where it has none.
        original_content: the content with its colours, where they are put back at the end; else None.
        colours: whose the picture gets.
        init_picture: the one to start from; None unless `start` wants one.
        blend: each style's share; they add up to 1.
        start: where to begin.
        network: parameters of the feature network.
        objective: what to minimise, weights included.
        strength: 0 to 1, from which the weights are derived in place of the objective's; None where they are not.
        method: how.
        fallback: the method where that does not fit in memory; None where there is no choice.
        stages: sizes, metrics and evaluations.
        preview: the plan of the first stages, where they are a run of their own at a smaller size; else None.
        devices: that share the rows of the picture.
        sources: where the pictures came from and their hashes, for the record.
        config: what the user said, for the record.
    """

    content: Picture
    styles: tuple[Picture, ...]
    own_styles: tuple[Picture, ...]
    original_content: Picture | None
    colours: Colours
    init_picture: Picture | None
    blend: tuple[float, ...]
    regions: Regions | None
    start: Start
    network: Loaded
    objective: Objective
    strength: float | None
    method: Method
    fallback: Method | None
    stages: tuple[Stage, ...]
    preview: "Plan | None"
    devices: int
    sources: dict[str, Any]
    config: Config

    @property
    def painted(self) -> tuple[Region, ...]:
        """The regions that are painted; where the picture has none, the whole of it as one."""
        return (Region(np.ones((1, 1)), self.styles, self.blend, ""),) if self.regions is None else self.regions.painted

    @property
    def style_shares(self) -> list[tuple[float, Picture]]:
        """The style pictures, each with its part of what is painted; they add up to 1."""
        areas = [float(region.mask.mean()) for region in self.painted]
        return [
            (area * share / sum(areas), style)
            for area, region in zip(areas, self.painted, strict=True)
            for share, style in zip(region.blend, region.styles, strict=True)
        ]

    @property
    def chroma(self) -> float | np.ndarray:
        """How readily colours move beside brightness, 0 to 1: less so where the styles have few. (H, W, 1) for regions."""
        if not self.start.tone or self.colours.brightness_only:
            few: Any = 0.0 if self.regions is None else np.zeros_like(self.regions.painted[0].mask)
        elif self.regions is None:
            few = 1 - colourful(self.styles, self.blend)
        else:
            few = sum(each.mask * (1 - colourful(each.styles, each.blend)) for each in self.regions.painted)
        gain = 1 - self.start.tone * few
        return gain if self.regions is None else np.clip(gain, 0, 1)[..., None]

    @property
    def evaluations(self) -> int:
        """Of all stages."""
        return sum(stage.evaluations for stage in self.stages)

    @property
    def is_short(self) -> bool:
        """Whether it is over before code that is compiled with more care would pay."""
        return self.evaluations <= SHORT and self.method.precision == "float32"

    def share_of_work(self, evaluations: int) -> float:
        """How much of all work so many evaluations are, 0 to 1: each takes as long as its picture has pixels."""
        pixels = np.repeat([stage.pixels for stage in self.stages], [stage.evaluations for stage in self.stages])
        return float(pixels[:evaluations].sum() / max(1, pixels.sum()))

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """(width, height) of the stages, each once, from coarse to fine."""
        return tuple(dict.fromkeys(stage.size for stage in self.stages))

    @property
    def held(self) -> tuple[int, int] | None:
        """How many of its longest waves the picture keeps in the stages of its size; None where all may change."""
        return next((stage.held for stage in self.stages if stage.size == self.content.size), None)

    @property
    def is_canonical(self) -> bool:
        """Whether the loss is the reported one; where the weights are derived, they are not known before."""
        return self.strength is None and bool(self.method.is_canonical(TermWeights.of(self.objective)))

    @property
    def with_fallback(self) -> "Plan":
        """The same run by its fallback."""
        assert self.fallback is not None
        return replace(self, method=self.fallback, fallback=None)

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences about the pictures, and about options that count for nothing, that the user should know."""
        pictures = [self.content, *self.styles, *([self.init_picture] if self.init_picture else [])]
        pictures += [style for region in (self.regions.painted if self.regions else ()) for style in region.styles]
        said = [notice for picture in pictures for notice in picture.notices]
        said += self.regions.notices if self.regions else ()
        asked = self.config.flat_noise not in (0.0, Config.flat_noise)
        if self.colours.painted and asked and not self.start.flat_noise:
            said.append("`flat_noise` counts for nothing: it is for runs with a style that begin with the content")
        return tuple(dict.fromkeys([*said, *idle(self.colours, self.config)]))

    @property
    def key(self) -> str:
        """A hash of all that makes the picture, by which a rerun knows it; not of where its inputs lie."""
        hashes = {
            role: [source["sha256"] for source in (given if isinstance(given, list) else [given])]
            for role, given in self.sources.items()
        }
        method = replace(self.method, strips=False)
        start = self.start if self.start.is_random else replace(self.start, noise_sigma=0.0, seed=0, noise_chroma=1.0)
        start = start if start.flat_noise else replace(start, flat_waves=0.0)
        first = {"tone": 0.0, "noise_chroma": 1.0, "flat_waves": 0.0}  # of the first records, which did not tell
        known_start = {name: value for name, value in vars(start).items() if first.get(name) != value}
        stages = [stage[:3] for stage in self.stages]
        how = {**record.plain(method), "objective": _as_known(method.objective)}
        made = [_as_known(self.objective), type(method.solver).__name__, how, stages, known_start, self.blend, self.colours]
        made += [] if self.strength is None else [self.strength]
        made += [] if self.held is None else [self.held]
        made += [] if self.preview is None else [self.preview.key]
        sizes = [style.size for style in self.styles]
        known = [record.SCHEMA, made, sizes, hashes, self.network.sha256, *([self.regions.key] if self.regions else [])]
        text = json.dumps(record.plain(known), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def at(self, size: tuple[int, int], library: Library | None = None) -> "Plan":
        """The same run with a content of another size, the styles along with it; at the size of its preview that."""
        if self.preview is not None and size == self.preview.content.size:
            return self.preview
        resize = (library or Library()).resize
        factor = size[0] / self.content.size[0]

        def along(picture: Picture) -> Picture:
            return resize(picture, *(max(MIN_SIDE, round(side * factor)) for side in picture.size))

        def same(picture: Picture) -> Picture:
            return resize(picture, *size)

        to = same if self.objective.style_fit == "content" else along
        styles, own_styles = (tuple(map(to, each)) for each in (self.styles, self.own_styles))
        regions = self.regions and self.regions.at(size, to)
        init_picture, original = (each and same(each) for each in (self.init_picture, self.original_content))
        more: dict[str, Any] = dict(init_picture=init_picture, original_content=original, regions=regions)
        return replace(self, content=same(self.content), styles=styles, own_styles=own_styles, **more)

    def finished(self, image: Any) -> np.ndarray:
        """What an image of the run, (H, W, 3), is shown as, in [0, 1]: under the photograph, where a region keeps that."""
        shown = finished(self.colours, image, self.original_content)
        if (cover := self._cover) is None:
            return shown
        kept, share = cover
        return kept * share + shown * (1 - share)

    def uncovered(self, shown: Picture) -> Picture:
        """A picture of 8 bits as it lies under what a region keeps; the photograph itself where too little else is seen."""
        if (cover := self._cover) is None:
            return shown
        kept, share = cover
        below = (as_float(shown) - kept * share) / np.maximum(1 - share, LEAST_SEEN)
        return replace(shown, rgb=np.where(1 - share < LEAST_SEEN, kept, np.clip(below, 0, 1)).astype(np.float32))

    @property
    def _cover(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The photograph that lies over the picture, (H, W, 3), and its share of each place, (H, W, 1); None without one."""
        if self.regions is None or self.regions.keep is None:
            return None
        picture = self.original_content or self.content
        pixels = as_float(picture)
        return pixels if picture.alpha is None else off_white(pixels, picture.alpha), self.regions.keep[..., None]
