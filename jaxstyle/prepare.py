"""From what a user names to what a run needs: pictures at every size of the run, the network, compiled programs."""

from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import accumulate
from typing import Any

import jax
import jax.numpy as jnp

from jaxstyle import images, memory, pyramid, record
from jaxstyle.config import INITS, Config, check, check_init, objective_of, parse_blend, preconditioner_of, solver_of
from jaxstyle.errors import InputError, unknown
from jaxstyle.loop import Method, Programs, Stopwatch, compile_programs
from jaxstyle.losses import CANONICAL, Objective
from jaxstyle.objective import Targets, make_targets
from jaxstyle.sizes import MIN_SIDE, Size, parse_size
from jaxstyle.start import mix, white_noise
from jaxstyle.weights.load import Loaded, load


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything that a run needs, read and checked: pictures at their sizes, the network, what to minimise."""

    content: images.Picture
    styles: list[images.Picture]
    start: images.Picture | None
    loaded: Loaded
    objective: Objective
    sources: dict[str, Any]


def prepare(content: Any, style: Any, config: Config) -> Inputs:
    """Reads and checks all that `config` names, before anything is computed; `style` may be a list of styles.

    Raises:
        InputError (ImageError, WeightsError among them): one line that names the argument, its value and the remedy.
    """
    check(config)
    styles = list(style) if isinstance(style, list | tuple) else [style]
    if not styles:
        raise InputError("style", styles, "is empty", "give at least one style")
    blend = parse_blend(config.blend)
    if blend is not None and len(blend) != len(styles):
        raise InputError("blend", config.blend, f"must have one share for each style, {len(styles)} in all")
    objective = objective_of(config)
    init = config.init or objective.init
    check_init(init)
    size = parse_size(config.size)
    style_size = parse_size(config.style_size if config.style_size is not None else _beside(size), argument="style_size")
    loaded = load(config.weights, network=config.network)
    picture = images.load(content, argument="content")
    width, height = size.fit(*picture.size)
    pyramid.sizes(width, height, config.scales)
    found = []
    for source in styles:
        opened = images.load(source, argument="style")
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


@dataclass(frozen=True, eq=False)
class Stage:
    """A run's part at one size.

    Attributes:
        evaluations: the budget, that of the stages before included.
        start: where a run at this size alone would start, (H, W, 3).
        content, styles: (H, W, 3) each.
        make_targets, make_canonical: compiled, of (params, content, styles).
        method, programs: of `run`.
    """

    evaluations: int
    start: jax.Array
    content: jax.Array
    styles: list[jax.Array]
    make_targets: Any
    make_canonical: Any
    method: Method
    programs: Programs

    def memory(self, params: Any) -> int:
        """The most bytes that this stage takes at one time, beside the network and its own pictures."""
        step, fixed = self.programs.step, memory.size_of((params, self.start))
        preparing = [memory.working(program) for program in (self.make_targets, self.make_canonical)]
        return max(memory.held(step) + memory.working(step) - fixed, *preparing)

    def targets(self, params: Any) -> tuple[Targets, Targets]:
        """The targets of the method's objective, and the canonical ones."""
        own = self.make_targets(params, self.content, self.styles)
        canonical = own if self.method.is_canonical else self.make_canonical(params, self.content, self.styles)
        return own, canonical


def stages(inputs: Inputs, config: Config, watch: Stopwatch) -> list[Stage]:
    """Compiles a run, from its smallest size to the full one."""
    limits = accumulate(pyramid.budgets(config.evaluations, config.scales))
    sizes = pyramid.sizes(*inputs.content.size, config.scales)
    return [_stage(resized(inputs, *size), config, limit, watch) for size, limit in zip(sizes, limits, strict=True)]


def resized(inputs: Inputs, width: int, height: int) -> Inputs:
    """The same run with a content of another size, the styles along with it."""
    factor = width / inputs.content.size[0]

    def along(picture: images.Picture) -> images.Picture:
        return images.resize(picture, *(max(MIN_SIDE, round(side * factor)) for side in picture.size))

    def same(picture: images.Picture) -> images.Picture:
        return images.resize(picture, width, height)

    styles = [(same if inputs.objective.style_fit == "content" else along)(style) for style in inputs.styles]
    return replace(inputs, content=same(inputs.content), styles=styles, start=inputs.start and same(inputs.start))


def _stage(inputs: Inputs, config: Config, evaluations: int, watch: Stopwatch) -> Stage:
    params = inputs.loaded.params
    width, height = inputs.content.size
    method = Method(inputs.objective, solver_of(config, width, height), preconditioner_of(config), config.precision)
    content, styles = jnp.asarray(images.as_float(inputs.content)), [jnp.asarray(images.as_float(s)) for s in inputs.styles]

    def targets_of(objective: Objective, precision: str) -> tuple[Any, Any]:
        compute = partial(make_targets, objective=objective, blend=parse_blend(config.blend), precision=precision)
        return watch.compile(compute, params, content, styles), jax.eval_shape(compute, params, content, styles)

    make, shapes = targets_of(method.objective, method.precision)
    make_canonical, canonical = (make, shapes) if method.is_canonical else targets_of(CANONICAL, "float32")
    start = starting_image(inputs, config)
    programs = compile_programs(method, start, params, shapes, canonical, watch)
    return Stage(evaluations, start, content, styles, make, make_canonical, method, programs)
