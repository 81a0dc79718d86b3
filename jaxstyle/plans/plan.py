"""What will be done to make one picture: every choice made, every picture read. `resolve` makes plans, everything else follows
them; nothing below looks at what the user said.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jaxstyle.loss.objective import TermWeights
from jaxstyle.loss.presets import LATER, Objective
from jaxstyle.pictures.read import Picture, as_float, off_white
from jaxstyle.pictures.size import MIN_SIDE
from jaxstyle.plans.colours import colourful, finished, idle
from jaxstyle.plans.config import Config
from jaxstyle.plans.inputs import Inputs
from jaxstyle.plans.library import Library
from jaxstyle.plans.loss import LossPlan
from jaxstyle.plans.solve import SolvePlan
from jaxstyle.results import record

LEAST_SEEN = 1 / 8
"""Share of a picture under a kept photograph from which it can be told by its 8 bits."""


def _as_known(objective: Objective) -> dict[str, Any]:
    """What a key has of an objective: not what all had when the first runs were kept."""
    first = {"padding": "zero", **LATER}
    return {name: value for name, value in record.plain(objective).items() if first.get(name) != value}


@dataclass(frozen=True, eq=False)
class Provenance:
    """Where a plan comes from, for the record.

    Attributes:
        sources: where the pictures came from, and their hashes.
        config: what the user said.
    """

    sources: dict[str, Any]
    config: Config


@dataclass(frozen=True, eq=False)
class Plan(Inputs, LossPlan, SolvePlan, Provenance):
    """One picture that will be made: its pictures, its loss, how it is searched for, and where all that comes from.

    Attributes:
        preview: the plan of the first stages, where they are a run of their own at a smaller size; else None.
    """

    preview: "Plan | None"

    @classmethod
    def of(cls, *parts: Inputs | LossPlan | SolvePlan | Provenance, preview: "Plan | None") -> "Plan":
        """The plan of its four parts."""
        return cls(**{name: value for part in parts for name, value in vars(part).items()}, preview=preview)

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
