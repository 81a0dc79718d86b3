"""Everything that the user can say about a transfer, as one frozen dataclass. The command line is made from it.

Nothing here is checked or filled in: `resolve` does that, once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from jaxstyle.errors import unknown
from jaxstyle.loss.metric import METRICS
from jaxstyle.loss.presets import PRESETS
from jaxstyle.loss.regions import GUIDES
from jaxstyle.loss.terms import CONTENT_SCALES
from jaxstyle.masks.words import WORDS
from jaxstyle.network.borders import PADDINGS
from jaxstyle.network.convolution import PRECISIONS
from jaxstyle.network.vgg import ARCHITECTURES, POOLS
from jaxstyle.pictures.matching import MATCHES
from jaxstyle.pictures.size import USUAL
from jaxstyle.pictures.spaces import SPACES
from jaxstyle.plans.schedule import PREVIEW, SMALLEST
from jaxstyle.solvers.precondition import PRECONDITIONERS
from jaxstyle.solvers.registry import SOLVERS

INITS = ("content", "noise", "style")
MEMORY = ("auto", "low")
COLORS = ("style", "content", "content-histogram", "style-only")
QUALITIES = {"draft": 30, "good": 60, "best": 300}
"""Evaluations of each quality; why, `bench/results/2026-11-26-quality-epyc-zen3-2-cores` shows."""
Layers = str | Sequence[str] | Mapping[str, float]

GROUPS = ("basics", "style and content", "start", "solver", "speed and memory")
"""Headings of the command line's help, in their order."""


def _option(
    group: str, default: Any, text: str, metavar: str = "", choices: Any = (), several: str = "", usual: str = ""
) -> Any:
    """A field; `several` names the flag that gives one of its values and may be repeated, `usual` is in words what None stands
    for, where that is not the preset's value."""
    about = {"group": group, "help": text, "metavar": metavar, "choices": tuple(choices), "several": several, "usual": usual}
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Config:
    """How a picture is made. The fields' help texts stand in their metadata and on the command line."""

    size: int | str | None = _option(
        "basics",
        None,
        "longest side; short:N the shorter side; WxH exactly; content: its own",
        "N|short:N|WxH|content",
        usual=f"its own, at most {USUAL}",
    )
    quality: str = _option(
        "basics", "good", f"evaluations of the loss, {', '.join(map(str, QUALITIES.values()))}", choices=QUALITIES
    )
    evaluations: int | None = _option("basics", None, "how many evaluations of the loss, in place of --quality", "N")
    strength: float | None = _option(
        "basics",
        None,
        "style from 0 (the photograph) to 1 (the style alone), comparable across pictures; replaces the two weights",
        "S",
        usual="fixed weights",
    )
    style_weight: float | None = _option("basics", None, "weight of the style term", "W")
    init: str | None = _option("basics", None, "where to start", "content|noise|style|FILE")

    preset: str = _option(
        "style and content",
        "jaxstyle",
        "convention of the loss; others have other defaults than those shown here",
        choices=PRESETS,
    )
    style_size: int | str | None = _option(
        "style and content", None, "size of the styles", "N|short:N|WxH", usual="as the picture, each with its own aspect"
    )
    stroke: float | None = _option(
        "style and content",
        None,
        "size of the styles relative to the picture: 2 makes larger strokes, 0.5 smaller ones",
        "S",
        usual="1, none enlarged",
    )
    blend: str | Sequence[float] | None = _option(
        "style and content", None, "shares of several styles", "S,S,...", usual="equal"
    )
    colors: str = _option(
        "style and content",
        "style",
        "whose colours; content paints brightness alone, content-histogram recolours the style first, style-only recolours the "
        "content and paints nothing",
        choices=COLORS,
    )
    color_match: str | None = _option(
        "style and content",
        None,
        "how content-histogram and style-only move colours",
        choices=MATCHES,
        usual="mk, Monge-Kantorovich",
    )
    color_space: str | None = _option(
        "style and content",
        None,
        "keep the result's brightness and take hue and saturation from the content, in this space",
        choices=SPACES,
        usual="yuv with --colors content, else the result's own colours",
    )
    content_weight: float | None = _option("style and content", None, "weight of the content term", "W")
    tv_weight: float | None = _option("style and content", None, "weight of total variation", "W")
    content_layers: Layers | None = _option("style and content", None, "layers with optional weights", "TAP[=W],...")
    style_layers: Layers | None = _option("style and content", None, "layers with optional weights", "TAP[=W],...")
    content_scale: str | None = _option("style and content", None, "normalisation of the content term", choices=CONTENT_SCALES)
    pooling: str | None = _option("style and content", None, "how the network halves its maps", choices=POOLS)
    padding: str | None = _option(
        "style and content",
        None,
        "what the network sees beyond the border: zeros, or the picture mirrored or repeated",
        choices=PADDINGS,
    )
    network: str | None = _option(
        "style and content", None, "the feature network", choices=ARCHITECTURES, usual="that of --weights"
    )
    regions: str | Sequence[Any] = _option(
        "style and content",
        (),
        "another style where MASK is white, or `keep` for the photograph itself; black is outside; a mask has its picture's "
        f"aspect, at any size, or is a word: {WORDS}; may be repeated, later ones on top",
        "MASK=STYLE[:STYLEMASK]|MASK=keep",
        several="region",
    )
    feather: float = _option(
        "style and content", 1.0, "soft edge around a region, in percent of the picture's longest side, 0 to 50", "P"
    )
    guides: str | None = _option(
        "style and content",
        None,
        "how masks weigh features: by their share of the region (area), only where they see nothing else (inside), or by "
        "neural-style-tf's rule (mask)",
        choices=GUIDES,
    )
    weights: str | None = _option(
        "style and content", None, "a name from `jaxstyle weights list`, or a file", "NAME|FILE", usual="vgg19"
    )

    seed: int = _option("start", 0, "of the noise", "N")
    noise_ratio: float = _option("start", 0.0, "share of noise mixed into the start", "R")
    noise_sigma: float = _option("start", 0.1, "deviation of the noise around grey, where white is 1", "S")
    flat_noise: float = _option(
        "start",
        1.0,
        "long waves of noise where the content is flat, 0 to 2 times as rough as the style, so that skies get its strokes; "
        "scaled by --strength",
        "R",
    )
    scales: int | str | None = _option(
        "start",
        None,
        "sizes to go through, each twice the one before, with half of the evaluations coarse; auto: the picture that --size "
        f"{PREVIEW} makes, then what only larger ones show, with a third as many evaluations more, or a sixth at each size",
        "N|auto",
        usual=f"as many as begin at {SMALLEST} pixels or more",
    )

    solver: str = _option("solver", "lbfgs", "the minimiser", choices=SOLVERS)
    preconditioner: str | None = _option(
        "solver",
        None,
        "how the solver's variable is scaled",
        choices=PRECONDITIONERS,
        usual="spectral; none for adam and lbfgs-torch",
    )
    metric: str | None = _option(
        "solver",
        None,
        "how Gram matrices are compared on the way",
        choices=METRICS,
        usual="whitened with lbfgs, except in very short runs",
    )
    history: int | None = _option(
        "solver", None, "pairs that L-BFGS keeps", "N", usual="30, lbfgs-torch 100, fewer in little memory"
    )
    learning_rate: float = _option("solver", 10.0, "Adam's, in 8-bit levels", "R")

    precision: str = _option(
        "speed and memory", "float32", "of the convolutions' operands; tf32 needs an NVIDIA GPU", choices=PRECISIONS
    )
    memory: str = _option(
        "speed and memory",
        "auto",
        "low works strip by strip, which is slower; auto does so where the picture would not fit whole",
        choices=MEMORY,
    )
    devices: int = _option("speed and memory", 1, "share the rows of one picture between this many devices", "N")


def make_config(config: Config | None = None, **changes: Any) -> Config:
    """A configuration with some fields changed; an unknown field is an InputError with the nearest one suggested."""
    known = [f.name for f in fields(Config)]
    for name in changes:
        if name not in known:
            raise unknown("option", name, known)
    return replace(config or Config(), **changes)
