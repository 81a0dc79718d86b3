"""How a plan's image is searched for: where a run begins, by which method, at which sizes, in how many evaluations."""

import os
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxstyle.errors import InputError, Plain, named, unknown
from jaxstyle.loss.metric import METRICS
from jaxstyle.loss.presets import PRESETS, Objective
from jaxstyle.machine.devices import layout_of
from jaxstyle.network.convolution import PRECISIONS
from jaxstyle.pictures.flat import WAVES
from jaxstyle.pictures.noise import CHROMA, check_seed
from jaxstyle.plans import schedule
from jaxstyle.plans.config import INITS, MEMORY, QUALITIES, Config
from jaxstyle.plans.loss import LossPlan
from jaxstyle.plans.method import Method
from jaxstyle.plans.numbers import check_whole, number
from jaxstyle.plans.schedule import Stage
from jaxstyle.solvers.lbfgs import LBFGS
from jaxstyle.solvers.precondition import PRECONDITIONERS
from jaxstyle.solvers.registry import SOLVERS, make_solver
from jaxstyle.solvers.state import Solver

SHORT = 100
"""Evaluations of a short run, at most."""
HISTORY = {"auto": 2**30, "low": 2**28}
"""The most bytes that L-BFGS keeps of its course, by `Config.memory`."""
FEWEST = 5
"""Pairs that it keeps at least; where so many are more than "low" allows, each takes half the bytes."""
WORTH_WHITENING = 25
"""From so many evaluations the whitened metric ends lower: at 1.5 times the plain one's loss with 20, at 0.8 with 30."""


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


@dataclass(frozen=True, eq=False)
class SolvePlan:
    """How the image will be searched for.

    Attributes:
        start: where to begin.
        method: how.
        fallback: the method where that does not fit in memory; None where there is no choice.
        stages: sizes, metrics and evaluations.
        devices: that share the rows of the picture.
    """

    start: Start
    method: Method
    fallback: Method | None
    stages: tuple[Stage, ...]
    devices: int

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


class Effort(NamedTuple):
    """How long a run is.

    Attributes:
        evaluations: of all its sizes together.
        scales: the number of sizes, `schedule.AUTO`, or None where nobody says it.
    """

    evaluations: int
    scales: int | str | None


def plan_solve(
    config: Config,
    effort: Effort,
    loss: LossPlan,
    start: Start,
    size: tuple[int, int],
    preview: tuple[Stage, ...] | None,
    *,
    painted: bool,
    grey: bool,
) -> SolvePlan:
    """How to search for a picture of this size.

    Args:
        config: what the user said.
        effort: of it, checked.
        loss: what is minimised.
        start: where the run begins.
        size: (width, height) of the picture.
        preview: stages of its preview, where it begins with one.
        painted: whether there is a run at all.
        grey: whether only brightness is searched for.
    """
    evaluations, scales = effort
    width, height = size
    first_metric = _metric(config, loss.objective, evaluations)
    if scales is None:
        scales = _usual_scales(config, start, first_metric, evaluations, width, height)
    # After a preview so few evaluations in the whitened metric would bring back the photograph.
    metric = first_metric if preview is None else "plain"
    method = _method(config, loss.objective, metric, width, height, low=config.memory == "low", grey=grey)
    choice = config.memory == "auto" and config.devices == 1
    fallback = _method(config, loss.objective, metric, width, height, low=True, grey=grey) if choice else None
    if preview is None:
        stages = schedule.stages(width, height, 1 if scales == schedule.AUTO else int(scales), evaluations, metric)
    else:
        stages = schedule.beyond(preview, width, height, evaluations)
    stages = (schedule.at_once(stages) if loss.strength == 0 else stages) if painted else ()
    if stages:
        layout_of(width, height, config.devices)
    return SolvePlan(start, method, fallback, stages, config.devices)


def effort_of(config: Config) -> Effort:
    """How many evaluations and sizes the user asked for, checked."""
    if config.quality not in QUALITIES:
        raise unknown("quality", config.quality, QUALITIES)
    evaluations = QUALITIES[config.quality] if config.evaluations is None else config.evaluations
    check_whole(evaluations, "evaluations", 1)
    scales = config.scales
    if isinstance(scales, str) and scales != schedule.AUTO:
        try:
            scales = int(scales)
        except ValueError:
            raise InputError("scales", scales, f"is neither a whole number nor {schedule.AUTO}") from None
    if scales is None or scales == schedule.AUTO:
        return Effort(evaluations, scales)
    check_whole(scales, "scales", 1)
    if int(scales) > evaluations:
        raise InputError("scales", config.scales, f"must not be more than the {evaluations} evaluations")
    return Effort(evaluations, scales)


def _usual_scales(config: Config, start: Start, metric: str, evaluations: int, width: int, height: int) -> int:
    """Several where the metric makes something of few evaluations at each; a picture that is gone on from has its own size."""
    alone = config.solver != "lbfgs" or metric == "plain" or start.kind == "picture"
    return 1 if alone else schedule.usual_scales(width, height, evaluations)


def _metric(config: Config, objective: Objective, evaluations: int) -> str:
    """The metric of all stages but the last of the size at which there are so many evaluations."""
    worth = config.solver == "lbfgs" and objective.statistic == "gram" and evaluations >= WORTH_WHITENING
    metric = config.metric or ("whitened" if worth else "plain")
    if metric not in METRICS:
        raise unknown("metric", metric, METRICS)
    if metric == "whitened" and config.solver in SOLVERS and config.solver != "lbfgs":
        remedy = f"give {named('solver', 'lbfgs')} or {named('metric', 'plain')}"
        raise InputError("metric", metric, f"is not for the solver {config.solver}", remedy)
    if metric == "whitened" and objective.statistic != "gram":
        problem = f"is for Gram matrices, and the preset {config.preset} compares {objective.statistic}"
        raise InputError("metric", metric, problem, f"give {named('metric', 'plain')}")
    return metric


def check_choices(config: Config) -> None:
    """Raises an InputError for a choice of precision, memory or devices that cannot be had."""
    if config.precision not in PRECISIONS:
        raise unknown("precision", config.precision, PRECISIONS)
    if config.precision == "tf32" and jax.default_backend() != "gpu":
        raise InputError("precision", "tf32", "needs an NVIDIA GPU", "use float32 or bfloat16")
    if config.memory not in MEMORY:
        raise unknown("memory", config.memory, MEMORY)
    check_whole(config.devices, "devices", 1)
    if config.memory == "low" and config.devices != 1:
        raise InputError("memory", "low", "cannot be had where devices share one picture's rows", "give the one or the other")


def plan_start(config: Config, loss: LossPlan) -> Start:
    """Where a run begins."""
    objective, strength = loss.objective, loss.strength
    if not isinstance(config.init, str | os.PathLike | None):
        raise InputError("init", Plain(type(config.init).__name__), f"must be one of {', '.join(INITS)}, or a picture file")
    init = config.init or objective.init
    if init not in INITS and not os.path.splitext(init)[1] and os.sep not in init and not os.path.exists(init):
        raise unknown("init", init, (*INITS, "a picture file"))
    ratio = number(config.noise_ratio, "noise_ratio", least=0.0, most=1.0)
    sigma = number(config.noise_sigma, "noise_sigma", least=0.0, most=10.0)
    flat = number(config.flat_noise, "flat_noise", least=0.0, most=2.0)
    check_seed(config.seed)
    if strength == 0:
        return Start("content", 0.0, sigma, config.seed, smooth_colour=False, flat_noise=0.0)
    kind = init if init in INITS else "picture"
    # Without a style the content itself is the best picture, its fine colour too.
    smooth = config.solver != "lbfgs-torch" and objective.style_weight > 0
    ratio = 0.0 if kind == "noise" else ratio
    flat = flat * (1.0 if strength is None else strength) if smooth and kind == "content" else 0.0
    how: Any = dict(flat_waves=WAVES, tone=_tone(config, objective, strength), noise_chroma=CHROMA) if smooth else {}
    return Start(kind, ratio, sigma, config.seed, smooth_colour=smooth, flat_noise=flat, **how)


def _tone(config: Config, objective: Objective, strength: float | None) -> float:
    """How far a style of few colours takes the picture's away: wholly with the preset's weights or more of the style."""
    if strength is not None:
        return 1 - (1 - strength) ** 2
    usual = PRESETS[config.preset]
    if not (usual.style_weight and usual.content_weight):
        return 1.0
    style, content = objective.style_weight / usual.style_weight, objective.content_weight / usual.content_weight
    return 1.0 if style >= content else (style / content) ** (1 / 3)


def is_random(config: Config) -> bool:
    """Whether the seed matters to a run."""
    preset = PRESETS.get(config.preset)
    return "noise" in (config.init, None if config.init or preset is None else preset.init) or bool(config.noise_ratio)


def _method(config: Config, objective: Objective, metric: str, width: int, height: int, *, low: bool, grey: bool) -> Method:
    preconditioner = config.preconditioner or ("none" if config.solver in ("adam", "lbfgs-torch") else "spectral")
    if preconditioner not in PRECONDITIONERS:
        raise unknown("preconditioner", preconditioner, PRECONDITIONERS)
    most, pair = HISTORY["low" if low else "auto"], 2 * 4 * (1 if grey else 3) * width * height  # bytes
    halved = low and config.solver == "lbfgs" and FEWEST * pair > most
    usual = 100 if config.solver == "lbfgs-torch" else 30
    if config.history is not None:
        check_whole(config.history, "history", 1)
    history = config.history or max(FEWEST, min(usual, most // (pair // 2 if halved else pair)))
    rate = number(config.learning_rate, "learning_rate", least=0.0)
    solver: Solver = make_solver(config.solver, history=history, learning_rate=rate)
    if isinstance(solver, LBFGS):
        solver = replace(solver, has_aux=metric == "whitened", halved=halved)
    return Method(objective.static, solver, preconditioner, config.precision, low, grey)
