"""Everything that a transfer can be told, as one frozen dataclass: the command line and the run record are made from it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax

from jaxstyle.convolution import PRECISIONS
from jaxstyle.errors import InputError, unknown
from jaxstyle.lbfgs import LBFGS
from jaxstyle.losses import CONTENT_SCALES, PRESETS, Objective
from jaxstyle.metric import METRICS
from jaxstyle.sizes import MIN_SIDE
from jaxstyle.solvers import SOLVERS, Solver, make_solver
from jaxstyle.variable import PRECONDITIONERS, check_preconditioner
from jaxstyle.vgg import ARCHITECTURES, POOLS, Architecture, check_tap

INITS = ("content", "noise", "style")
MEMORY = ("auto", "low")
HISTORY = {"auto": 2**30, "low": 2**28}
"""The most bytes that L-BFGS keeps of its course, by `Config.memory`."""
WORTH_WHITENING = 25
"""From so many evaluations the whitened metric ends lower: at 1.5 times the plain one's loss with 20, at 0.8 with 30."""
Layers = str | Sequence[str] | Mapping[str, float]


def _option(default: Any, text: str, metavar: str = "", choices: Any = ()) -> Any:
    return field(default=default, metadata={"help": text, "metavar": metavar, "choices": tuple(choices)})


@dataclass(frozen=True)
class Config:
    """How a picture is made. The fields' help texts stand in their metadata and on the command line."""

    size: int | str = _option(512, "longest side; short:N the shorter side; WxH exactly", "N|short:N|WxH")
    style_size: int | str | None = _option(
        None, "the same for the styles (default: as --size, each with its own aspect)", "N|short:N|WxH"
    )
    preset: str = _option("gatys-notebook", "whose convention of the loss", choices=PRESETS)
    content_layers: Layers | None = _option(None, "layers with optional weights (default: the preset's)", "TAP[=W],...")
    style_layers: Layers | None = _option(None, "layers with optional weights (default: the preset's)", "TAP[=W],...")
    content_weight: float | None = _option(None, "weight of the content term (default: the preset's)", "W")
    style_weight: float | None = _option(None, "weight of the style term (default: the preset's)", "W")
    tv_weight: float | None = _option(None, "weight of total variation (default: the preset's)", "W")
    content_scale: str | None = _option(
        None, "normalisation of the content term (default: the preset's)", choices=CONTENT_SCALES
    )
    pooling: str | None = _option(None, "how blocks are joined (default: the preset's)", choices=POOLS)
    blend: str | Sequence[float] | None = _option(None, "shares of several styles (default: equal)", "S,S,...")
    init: str | None = _option(None, "where to start (default: the preset's)", "content|noise|style|FILE")
    noise_ratio: float = _option(0.0, "share of noise mixed into the start", "R")
    noise_sigma: float = _option(0.1, "deviation of the noise around grey, where white is 1", "S")
    seed: int = _option(0, "of the noise", "N")
    solver: str = _option("lbfgs", "the minimiser", choices=SOLVERS)
    preconditioner: str | None = _option(
        None, "how the solver's variable is scaled (default: spectral; none for adam and lbfgs-torch)", choices=PRECONDITIONERS
    )
    metric: str | None = _option(
        None,
        f"how Gram matrices are compared on the way (default: whitened with lbfgs from {WORTH_WHITENING} evaluations)",
        choices=METRICS,
    )
    precision: str = _option("float32", "of the convolutions' operands; tf32 needs an NVIDIA GPU", choices=PRECISIONS)
    evaluations: int = _option(300, "how often loss and gradient are computed", "N")
    scales: int = _option(1, "sizes to go through, each twice the one before; a third of the evaluations are coarse", "N")
    history: int | None = _option(None, "pairs that L-BFGS keeps (default: 50, lbfgs-torch 100, at most 1 GiB)", "N")
    learning_rate: float = _option(10.0, "Adam's, in 8-bit levels", "R")
    memory: str = _option("auto", "low: strip by strip, a slower way; auto: where the picture would not fit", choices=MEMORY)
    devices: int = _option(1, "share the rows of one picture between so many devices", "N")
    network: str = _option("vgg19", "the feature network", choices=ARCHITECTURES)
    weights: str | None = _option(None, "a name from `jaxstyle weights list`, or a file", "NAME|FILE")


def objective_of(config: Config) -> Objective:
    """The objective that a configuration asks for.

    Raises:
        InputError: for an unknown preset, layer, pooling, network or scale, or a weight that is no number of at least 0.
    """
    if config.preset not in PRESETS:
        raise unknown("preset", config.preset, PRESETS)
    if config.network not in ARCHITECTURES:
        raise unknown("network", config.network, ARCHITECTURES)
    preset, architecture = PRESETS[config.preset], ARCHITECTURES[config.network]
    changes: dict[str, Any] = {}
    for name in ("content_layers", "style_layers"):
        if (given := getattr(config, name)) is not None:
            changes[name] = parse_layers(given, getattr(preset, name), architecture, name)
    for name in ("content_weight", "style_weight", "tv_weight"):
        if (given := getattr(config, name)) is not None:
            changes[name] = number(given, name, least=0.0)
    for name, known in (("content_scale", CONTENT_SCALES), ("pooling", POOLS)):
        if (given := getattr(config, name)) is not None:
            if given not in known:
                raise unknown(name, given, known)
            changes[name] = given
    objective = replace(preset, **changes)
    if not objective.content_weight and not objective.style_weight and not objective.tv_weight:
        raise InputError("style_weight", objective.style_weight, "leaves nothing to minimise", "one weight must be positive")
    return objective


def check(config: Config) -> None:
    """Raises an InputError for whatever can be seen to be wrong before any file is opened."""
    objective_of(config)
    whole = {"evaluations": 1, "seed": 0, "scales": 1, "devices": 1} | ({} if config.history is None else {"history": 1})
    for name, low in whole.items():
        value = getattr(config, name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value < 2**31:
            raise InputError(name, value, f"must be a whole number from {low} to {2**31 - 1}")
    if config.scales > config.evaluations:
        raise InputError("scales", config.scales, f"must not be more than the {config.evaluations} evaluations")
    check_preconditioner(preconditioner_of(config))
    if (metric := metric_of(config)) not in METRICS:
        raise unknown("metric", metric, METRICS)
    if metric == "whitened" and config.solver != "lbfgs":
        raise InputError("metric", metric, f"is not for the solver {config.solver}", "give solver lbfgs or metric plain")
    for name, least, most in (("noise_ratio", 0.0, 1.0), ("noise_sigma", 0.0, 10.0)):
        number(getattr(config, name), name, least=least, most=most)
    if config.precision not in PRECISIONS:
        raise unknown("precision", config.precision, PRECISIONS)
    if config.precision == "tf32" and jax.default_backend() != "gpu":
        raise InputError("precision", "tf32", "needs an NVIDIA GPU", "use float32 or bfloat16")
    if config.memory not in MEMORY:
        raise unknown("memory", config.memory, MEMORY)
    if config.memory == "low" and config.devices != 1:
        raise InputError("memory", "low", "cannot be had where devices share one picture's rows", "give the one or the other")
    number(config.learning_rate, "learning_rate", least=0.0)
    solver_of(config, MIN_SIDE, MIN_SIDE)


def preconditioner_of(config: Config) -> str:
    """The preconditioner that a configuration asks for: as given, else what serves its solver."""
    return config.preconditioner or ("none" if config.solver in ("adam", "lbfgs-torch") else "spectral")


def metric_of(config: Config) -> str:
    """The metric of all stages but the last that a configuration asks for: as given, else what serves its run."""
    serves = config.solver == "lbfgs" and config.evaluations >= WORTH_WHITENING
    return config.metric or ("whitened" if serves else "plain")


def solver_of(config: Config, width: int, height: int) -> Solver:
    """The solver that a configuration asks for, for a picture of this size."""
    pair = 2 * 4 * 3 * width * height  # bytes
    usual = 100 if config.solver == "lbfgs-torch" else 50
    history = config.history or max(5, min(usual, HISTORY[config.memory] // pair))
    solver = make_solver(config.solver, history=history, learning_rate=config.learning_rate)
    return replace(solver, has_aux=True) if isinstance(solver, LBFGS) and metric_of(config) == "whitened" else solver


def number(value: Any, argument: str, *, least: float, most: float = float("inf")) -> float:
    """`value` as a finite float from `least` to `most`, or an InputError."""
    try:
        result = float(value)
    except (TypeError, ValueError):
        raise InputError(argument, value, "is no number") from None
    if not least <= result <= most or result == float("inf"):
        raise InputError(argument, value, f"must be a number from {least:g}" + (f" to {most:g}" if most < 1e300 else ""))
    return result


def parse_layers(given: Layers, preset: Mapping[str, float], architecture: Architecture, argument: str) -> dict[str, float]:
    """``"relu1_1,relu2_1=0.5"``, a sequence of names or a mapping -> {tap: weight}.

    A bare name takes the preset's weight of that tap, or the mean of the preset's weights.
    """
    if isinstance(given, Mapping):
        pairs = [(name, str(weight)) for name, weight in given.items()]
    else:
        names = given.split(",") if isinstance(given, str) else list(given)
        pairs = [(n.strip(), w.strip()) for n, _, w in (name.partition("=") for name in names) if n.strip()]
    if not pairs:
        raise InputError(argument, str(given), "names no layer", "such as relu1_1,relu2_1=0.5")
    usual = sum(preset.values()) / len(preset)
    layers = {}
    for name, weight in pairs:
        check_tap(name, architecture, argument)
        layers[name] = number(weight, f"{argument}: {name}", least=0.0) if weight else preset.get(name, usual)
    return layers


def parse_blend(given: str | Sequence[float] | None) -> list[float] | None:
    """``"0.7,0.3"`` or a sequence of numbers -> list of shares."""
    if given is None:
        return None
    parts = given.split(",") if isinstance(given, str) else given
    return [number(part, "blend", least=0.0) for part in parts]


def check_init(init: str) -> None:
    """Raises an InputError where `init` is neither a word that is known nor looks like a path."""
    if init not in INITS and not os.path.splitext(init)[1] and os.sep not in init and not os.path.exists(init):
        raise unknown("init", init, (*INITS, "a picture file"))
