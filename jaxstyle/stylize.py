"""One picture, from files to a result with its run record. Knows no maths: it loads, runs the loop, records, saves."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxstyle import images, outputs, record
from jaxstyle.config import INITS, Config, check, check_init, objective_of, parse_blend, preconditioner_of, solver_of
from jaxstyle.errors import InputError, unknown
from jaxstyle.loop import Callback, Entry, Stopwatch, run
from jaxstyle.losses import CANONICAL, Objective
from jaxstyle.objective import make_targets
from jaxstyle.sizes import Size, parse_size
from jaxstyle.start import mix, white_noise
from jaxstyle.weights.load import Loaded, load


@dataclass(frozen=True, eq=False)
class Result:
    """A finished picture.

    Attributes:
        image: float32 (H, W, 3), RGB in [0, 1].
        loss: canonical ``{"total", "content", "style", "tv"}`` of the image before clipping.
        evaluations: of loss and gradient, line-search trials included.
        stop_reason: a sentence.
        stopped_early: whether the callback ended the run.
        trace: one entry for each accepted iterate, the first of the starting image.
        record: the run record, as `save` writes it.
        alpha: (H, W) uint8 of the content, put back when saved; None where it is opaque.
        notices: sentences about the inputs that the user should know.
    """

    image: np.ndarray
    loss: dict[str, float]
    evaluations: int
    stop_reason: str
    stopped_early: bool
    trace: list[Entry]
    record: dict[str, Any]
    alpha: np.ndarray | None
    notices: tuple[str, ...]

    def save(self, path: str | os.PathLike) -> tuple[str, ...]:
        """Writes the picture, and the run record beside it as .json; each appears whole or not at all.

        Returns:
            Notices: sentences about what the format could not hold.

        Raises:
            ImageError: where the suffix is unknown or the folder cannot be written.
        """
        notices = outputs.save(path, self.image, alpha=self.alpha)
        outputs.write_atomically(Path(path).with_suffix(".json"), record.dumps(self.record).encode())
        return notices


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything that a run needs, read and checked: pictures at their sizes, the network, what to minimise."""

    content: images.Picture
    styles: list[images.Picture]
    start: images.Picture | None
    loaded: Loaded
    objective: Objective
    sources: dict[str, Any]


def prepare(content: Any, styles: Sequence[Any], config: Config) -> Inputs:
    """Reads and checks all that `config` names, before anything is computed.

    Raises:
        InputError (ImageError, WeightsError among them): one line that names the argument, its value and the remedy.
    """
    check(config)
    objective = objective_of(config)
    init = config.init or objective.init
    check_init(init)
    size = parse_size(config.size)
    style_size = parse_size(config.style_size if config.style_size is not None else _beside(size), argument="style_size")
    loaded = load(config.weights, network=config.network)
    picture = images.load(content, argument="content")
    width, height = size.fit(*picture.size)
    found = []
    for style in styles:
        opened = images.load(style, argument="style")
        fitted = (width, height) if objective.style_fit == "content" else style_size.fit(*opened.size)
        found.append(images.resize(opened, *fitted))
    sources = {"content": record.describe_source(content), "styles": [record.describe_source(s) for s in styles]}
    start = None
    if init not in INITS:
        start = images.resize(images.load(init, argument="init"), width, height)
        sources["init"] = record.describe_source(init)
    return Inputs(images.resize(picture, width, height), found, start, loaded, objective, sources)


def _beside(size: Size) -> str:
    """The styles' size where none is given: as the content's, their own aspect kept."""
    return str(max(size.sides)) if len(size.sides) == 2 else str(size)


def starting_image(inputs: Inputs, config: Config) -> jax.Array:
    """The image that the optimisation starts from, (H, W, 3), RGB in [0, 1]."""
    width, height = inputs.content.size
    init = config.init or inputs.objective.init
    if init == "noise":
        return white_noise((height, width, 3), config.seed, config.noise_sigma)
    picture = {"content": inputs.content, "style": inputs.styles[0]}.get(init, inputs.start)
    assert picture is not None
    start = jnp.asarray(images.as_float(images.resize(picture, width, height)))
    if config.noise_ratio:
        start = mix(start, white_noise(start.shape, config.seed, config.noise_sigma), config.noise_ratio)
    return start


def make_config(config: Config | None = None, **changes: Any) -> Config:
    """A configuration with some fields changed; an unknown field is an InputError with the nearest one suggested."""
    known = [f.name for f in fields(Config)]
    for name in changes:
        if name not in known:
            raise unknown("option", name, known)
    return replace(config or Config(), **changes)


def stylize(
    content: Any, style: Any, *, config: Config | None = None, callback: Callback | None = None, **options: Any
) -> Result:
    """Paints `content` in the style of `style` (Gatys, Ecker, Bethge, CVPR 2016).

    Args:
        content: a path, a PIL image, or an array: uint8, or float in [0, 1], (H, W), (H, W, 3) or (H, W, 4).
        style: the same, or a list of them whose Gram matrices are blended.
        config: all settings; the defaults otherwise.
        callback: called with a `Progress` after each accepted iterate; a true answer ends the run with the best image so far.
        **options: fields of `Config` to change, as in ``size=512, preset="johnson", seed=3``.

    Returns:
        The best image that was found, with its losses on the canonical scale and the run record.

    Raises:
        InputError (ImageError, WeightsError among them): one line that names the argument, its value and the remedy.
        JaxstyleError: where the loss is not finite at the starting image.
    """
    config = make_config(config, **options)
    styles = list(style) if isinstance(style, list | tuple) else [style]
    if not styles:
        raise InputError("style", styles, "is empty", "give at least one style")
    blend = parse_blend(config.blend)
    if blend is not None and len(blend) != len(styles):
        raise InputError("blend", config.blend, f"must have one share for each style, {len(styles)} in all")
    inputs = prepare(content, styles, config)
    params, objective = inputs.loaded.params, inputs.objective

    watch = Stopwatch()
    arrays = jnp.asarray(images.as_float(inputs.content)), [jnp.asarray(images.as_float(s)) for s in inputs.styles]

    def targets_of(objective: Objective, precision: str) -> Any:
        compute = partial(make_targets, objective=objective, blend=blend, precision=precision)
        return watch.compile(compute, params, *arrays)(params, *arrays)

    targets = targets_of(objective, config.precision)
    canonical = (objective, config.precision) == (CANONICAL, "float32")
    solver = solver_of(config, *inputs.content.size)
    outcome = run(
        starting_image(inputs, config),
        params,
        targets,
        targets if canonical else targets_of(CANONICAL, "float32"),
        objective=objective,
        solver=solver,
        evaluations=config.evaluations,
        preconditioner=preconditioner_of(config),
        precision=config.precision,
        callback=callback,
        stopwatch=watch,
    )
    loss = {name: float(value) for name, value in outcome.losses._asdict().items()}
    pictures = (inputs.content, *inputs.styles, *([inputs.start] if inputs.start else []))
    notices = tuple(dict.fromkeys(notice for picture in pictures for notice in picture.notices))
    written = {
        "schema": record.SCHEMA,
        "command": None,
        "config": config,
        "inputs": inputs.sources,
        "objective": objective,
        "versions": record.versions(),
        "device": record.device(),
        "network": params.architecture.name,
        "weights": {"name": inputs.loaded.name, "sha256": inputs.loaded.sha256},
        "solver": solver,
        "preconditioner": preconditioner_of(config),
        "size": inputs.content.size,
        "style_sizes": [picture.size for picture in inputs.styles],
        "evaluations": outcome.evaluations,
        "stop_reason": outcome.stop_reason,
        "seconds": {"compile": round(outcome.compile_seconds, 3), "solve": round(outcome.solve_seconds, 3)},
        "loss": loss,
        "notices": notices,
        "trace": [entry._asdict() for entry in outcome.trace],
    }
    image = np.clip(np.asarray(outcome.image), 0, 1)
    return Result(
        image,
        loss,
        outcome.evaluations,
        outcome.stop_reason,
        outcome.stopped_by_callback,
        outcome.trace,
        written,
        inputs.content.alpha,
        notices,
    )
