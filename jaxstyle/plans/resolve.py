"""From what the user said (`Config`) to what will be done (`Plan`): defaults filled in, pictures read, every error raised.

An error is an `InputError` (`ImageError` and `WeightsError` among them): one line that names the argument, its value and what
would be right. Nothing is computed before all of this is known to be right.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jax

from jaxstyle.errors import InputError, Plain, named, unknown
from jaxstyle.loss.metric import METRICS
from jaxstyle.loss.objective import shares
from jaxstyle.loss.presets import PRESETS, Objective
from jaxstyle.loss.regions import GUIDES
from jaxstyle.loss.terms import CONTENT_SCALES
from jaxstyle.machine.devices import layout_of
from jaxstyle.network.borders import PADDINGS
from jaxstyle.network.convolution import PRECISIONS
from jaxstyle.network.vgg import POOLS, Architecture, check_tap
from jaxstyle.network.weights.load import load
from jaxstyle.pictures.find import expand, one
from jaxstyle.pictures.flat import WAVES
from jaxstyle.pictures.noise import CHROMA, check_seed
from jaxstyle.pictures.read import Picture
from jaxstyle.pictures.size import MAX_SIDE, MIN_SIDE, USUAL, Size, parse_size
from jaxstyle.plans import schedule
from jaxstyle.plans.colours import colours_of, seen
from jaxstyle.plans.config import INITS, MEMORY, QUALITIES, Config, Layers
from jaxstyle.plans.library import Library
from jaxstyle.plans.method import Method
from jaxstyle.plans.numbers import check_whole, number, numbers
from jaxstyle.plans.plan import Plan, Start
from jaxstyle.plans.preview import preview_of
from jaxstyle.plans.regions import MOST_FEATHER, read_regions
from jaxstyle.solvers.lbfgs import LBFGS
from jaxstyle.solvers.precondition import PRECONDITIONERS
from jaxstyle.solvers.registry import SOLVERS, make_solver
from jaxstyle.solvers.state import Solver

HISTORY = {"auto": 2**30, "low": 2**28}
"""The most bytes that L-BFGS keeps of its course, by `Config.memory`."""
FEWEST = 5
"""Pairs that it keeps at least; where so many are more than "low" allows, each takes half the bytes."""
WORTH_WHITENING = 25
"""From so many evaluations the whitened metric ends lower: at 1.5 times the plain one's loss with 20, at 0.8 with 30."""


def resolve(content: Any, style: Any, config: Config, library: Library | None = None) -> Plan:
    """The plan of one picture.

    Args:
        content: a path, a PIL image or an array; a path may be a pattern that one picture matches, and begin with ``~``.
        style: the same, or a list of them that are blended; a folder or a pattern stands for its pictures.
        config: all settings.
        library: where pictures that were read already are kept.

    Raises:
        InputError (ImageError, WeightsError among them): one line that names the argument, its value and the remedy.
    """
    library = library or Library()
    content, config = one(content, argument="content"), replace(config, init=one(config.init, argument="init"))
    styles = expand(style if isinstance(style, list | tuple) else [style], argument="style")
    if not styles:
        raise InputError("style", styles, "is empty", "give at least one style")
    evaluations, scales = _work(config)
    _check_choices(config)
    colours = colours_of(config)
    network = load(config.weights, network=config.network)
    objective = _objective(config, network.params.architecture)
    strength = _strength(config)
    blend = shares(numbers(config.blend, "blend"), len(styles), shown=config.blend)
    size, style_size = _sizes(config)
    picture = library.fitted(content, "content", size)
    width, height = picture.size
    first_metric = _metric(config, evaluations)
    start = _start(config, objective, strength)
    if scales is None:
        scales = _usual_scales(config, start, first_metric, evaluations, width, height)
    auto = scales == schedule.AUTO and colours.painted
    preview = _preview(content, style, config, library, width, height) if auto else None
    # After a preview so few evaluations in the whitened metric would bring back the photograph.
    metric = first_metric if preview is None else "plain"
    style_size = _style_size(config, objective, size, style_size, width, height)
    grey = colours.brightness_only
    method = _method(config, objective, metric, width, height, low=config.memory == "low", grey=grey)
    choice = config.memory == "auto" and config.devices == 1
    fallback = _method(config, objective, metric, width, height, low=True, grey=grey) if choice else None
    if preview is None:
        stages = schedule.stages(width, height, 1 if scales == schedule.AUTO else int(scales), evaluations, metric)
    else:
        stages = schedule.beyond(preview.stages, width, height, evaluations)
    stages = (schedule.at_once(stages) if strength == 0 else stages) if colours.painted else ()
    if stages:
        layout_of(width, height, config.devices)

    def fitted(source: Any) -> Picture:
        return _fitted(source, style_size, config, library)

    fitted_styles = tuple(map(fitted, styles))
    sources = {"content": library.describe(content), "styles": [library.describe(source) for source in styles]}
    content_seen, styles_seen = seen(colours, picture, fitted_styles, library)
    regions = read_regions(
        config.regions,
        number(config.feather, "feather", least=0.0, most=MOST_FEATHER),
        picture,
        (styles_seen, blend),
        lambda source: seen(colours, picture, [fitted(source)], library)[1][0],
        library,
        stretched=(len(size.sides) == 2, len(style_size.sides) == 2),
        same_masks=objective.guides == "mask",
    )
    if regions is not None:
        sources["regions"] = list(regions.sources)
    elif config.guides is not None:
        raise InputError("guides", config.guides, "is for regions, and there are none", f"give {named('regions')}")
    elif config.feather != Config.feather:
        raise InputError("feather", config.feather, "is for regions, and there are none", f"give {named('regions')}")
    first = None
    if start.kind == "picture":
        first = library.fitted(config.init, "init", Size((width, height)))
        sources["init"] = library.describe(config.init)
    return Plan(
        content=content_seen,
        styles=styles_seen,
        own_styles=fitted_styles,
        original_content=picture if colours.space else None,
        colours=colours,
        init_picture=first,
        blend=blend,
        regions=regions,
        start=start,
        network=network,
        objective=objective,
        strength=strength,
        method=method,
        fallback=fallback,
        stages=stages,
        preview=preview,
        devices=config.devices,
        sources=sources,
        config=config,
    )


def _work(config: Config) -> tuple[int, int | str | None]:
    """Evaluations, and the number of sizes, `schedule.AUTO`, or None where nobody says it."""
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
        return evaluations, scales
    check_whole(scales, "scales", 1)
    if int(scales) > evaluations:
        raise InputError("scales", config.scales, f"must not be more than the {evaluations} evaluations")
    return evaluations, scales


def _usual_scales(config: Config, start: Start, metric: str, evaluations: int, width: int, height: int) -> int:
    """Several where the metric makes something of few evaluations at each; a picture that is gone on from has its own size."""
    alone = config.solver != "lbfgs" or metric == "plain" or start.kind == "picture"
    return 1 if alone else schedule.usual_scales(width, height, evaluations)


def _preview(content: Any, style: Any, config: Config, library: Library, width: int, height: int) -> Plan | None:
    """The plan of the preview of a `width` x `height` picture; None where it needs none."""
    small = preview_of(config, width, height)
    try:
        return None if small is None else resolve(content, style, small, library)
    except InputError as error:
        # The size of the styles is told as the picture's where it follows from that.
        of_style = error.argument in ("style_size", "stroke") or isinstance(error.__cause__, InputError)
        if small is None or not of_style:
            raise
        problem = f"begins with a preview of {small.size} pixels, at which a side of a style has fewer than {MIN_SIDE}"
        remedy = f"give larger styles ({named('style_size')}, {named('stroke')}) or a number of scales"
        raise InputError("scales", schedule.AUTO, problem, remedy) from error


def _metric(config: Config, evaluations: int) -> str:
    """The metric of all stages but the last of the size at which there are so many evaluations."""
    metric = config.metric or ("whitened" if config.solver == "lbfgs" and evaluations >= WORTH_WHITENING else "plain")
    if metric not in METRICS:
        raise unknown("metric", metric, METRICS)
    if metric == "whitened" and config.solver in SOLVERS and config.solver != "lbfgs":
        remedy = f"give {named('solver', 'lbfgs')} or {named('metric', 'plain')}"
        raise InputError("metric", metric, f"is not for the solver {config.solver}", remedy)
    return metric


def _check_choices(config: Config) -> None:
    if config.precision not in PRECISIONS:
        raise unknown("precision", config.precision, PRECISIONS)
    if config.precision == "tf32" and jax.default_backend() != "gpu":
        raise InputError("precision", "tf32", "needs an NVIDIA GPU", "use float32 or bfloat16")
    if config.memory not in MEMORY:
        raise unknown("memory", config.memory, MEMORY)
    check_whole(config.devices, "devices", 1)
    if config.memory == "low" and config.devices != 1:
        raise InputError("memory", "low", "cannot be had where devices share one picture's rows", "give the one or the other")


def _objective(config: Config, architecture: Architecture) -> Objective:
    """The preset, with what the user changed."""
    if config.preset not in PRESETS:
        raise unknown("preset", config.preset, PRESETS)
    preset = PRESETS[config.preset]
    changes: dict[str, Any] = {}
    for name in ("content_layers", "style_layers"):
        usual = getattr(preset, name)
        changes[name] = parse_layers(
            usual if getattr(config, name) is None else getattr(config, name), usual, architecture, name
        )
    for name in ("content_weight", "style_weight", "tv_weight"):
        if (given := getattr(config, name)) is not None:
            changes[name] = number(given, name, least=0.0)
    for name, known in (("content_scale", CONTENT_SCALES), ("pooling", POOLS), ("padding", PADDINGS), ("guides", GUIDES)):
        if (given := getattr(config, name)) is not None:
            if given not in known:
                raise unknown(name, given, known)
            changes[name] = given
    objective = replace(preset, **changes)
    if not objective.content_weight and not objective.style_weight and not objective.tv_weight:
        raise InputError("style_weight", objective.style_weight, "leaves nothing to minimise", "one weight must be positive")
    return objective


def _strength(config: Config) -> float | None:
    if config.strength is None:
        return None
    for name in ("style_weight", "content_weight"):
        if getattr(config, name) is not None:
            problem = f"sets the weights, and so does {named(name)}"
            raise InputError("strength", config.strength, problem, "give the one or the other")
    return number(config.strength, "strength", least=0.0, most=1.0)


def _start(config: Config, objective: Objective, strength: float | None) -> Start:
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


def _sizes(config: Config) -> tuple[Size, Size | None]:
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
