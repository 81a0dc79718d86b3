"""What runs pictures of one size, compiled: targets and the programs of the loop, for one picture or a batch of members."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxstyle.loss.metric import Metric, for_style, is_plain, plain
from jaxstyle.loss.objective import Losses, Targets, TermWeights, content_target, loss_parts, mix_styles, style_target
from jaxstyle.loss.presets import Objective, canonical_of
from jaxstyle.loss.strength import balanced
from jaxstyle.machine import memory
from jaxstyle.machine.compiler import Compiler
from jaxstyle.machine.devices import Layout, SingleDevice, SpatialParallel, layouts_of
from jaxstyle.network.convolution import Target, traced_for
from jaxstyle.network.vgg import Params
from jaxstyle.pictures import read
from jaxstyle.pictures.waves import Waves
from jaxstyle.plans.library import Library
from jaxstyle.plans.method import Method
from jaxstyle.plans.plan import Plan
from jaxstyle.plans.regions import Regions
from jaxstyle.runs.guided import RegionTargets, sizes_of
from jaxstyle.runs.programs import Programs, Task, compile_programs

KEPT = 16
"""Targets that are kept for the members of a batch that share a content or a style."""

Styles = tuple[read.Picture, ...]


class TargetPrograms:
    """Compiles and computes the targets of an objective; those of a picture that comes again are not computed again."""

    def __init__(
        self,
        params: Params,
        objective: Objective,
        precision: str,
        layout: Layout,
        compiler: Compiler,
        *,
        strips: bool = False,
        algorithm: str | None = None,
    ):
        self._params, self._layout, self._compiler, self._algorithm = params, layout, compiler, algorithm
        how: Any = dict(objective=objective.form, precision=precision, strips=strips)
        self._key = (layout, algorithm, *how.values())
        self._functions = {"content": partial(content_target, **how), "style": partial(style_target, **how)}
        self._losses = lambda image, params, targets, weights: loss_parts(image, params, targets, weights=weights, **how)
        self.program = lru_cache(None)(self._program)
        self._found = lru_cache(KEPT)(self._compute)
        self._mixed, self._compared = lru_cache(KEPT)(self._mix), lru_cache(KEPT)(self._compare)
        self._scales = lru_cache(KEPT)(self._measure)
        self._regions = RegionTargets(params, objective, self._gram)

    def _program(self, part: str, width: int, height: int, guided: bool = False) -> Any:
        shapes = [jax.ShapeDtypeStruct((height, width, 3), jnp.float32)]
        shapes = self._layout.shapes([*shapes, self._regions.shapes(width, height, 1).maps] if guided else shapes)
        with traced_for(Target(algorithm=self._algorithm)):
            return self._compiler.compile(self._functions[part], self._params, *shapes, key=(part, *self._key))

    def _compute(self, part: str, picture: read.Picture) -> dict[str, jax.Array]:
        image = self._layout.put(jnp.asarray(read.as_float(picture)))
        return self.program(part, *picture.size)(self._params, image)

    def _gram(self, style: read.Picture, guides: dict[str, Any] | None = None) -> dict[str, jax.Array]:
        """The Gram matrices of a style, or with guides of its picture of what those leave."""
        if guides is None:
            return self._found("style", style)
        image, maps = jax.tree.map(jnp.asarray, (read.as_float(style), guides))
        return self.program("style", *style.size, True)(self._params, *self._layout.put([image, maps]))

    def shapes(self, plan: Plan) -> Targets:
        """Shapes of the targets of a plan, which its programs know; a style's Grams depend on no size."""
        content, style, *_ = (program.out_info for program in self.compile(plan))
        if plan.regions is None:
            return Targets(content, style)
        each: Any = {name: jax.ShapeDtypeStruct((plan.parts, *gram.shape[-2:]), gram.dtype) for name, gram in style.items()}
        return Targets(content, each, self._regions.shapes(*plan.content.size, plan.parts))

    def compile(self, plan: Plan) -> list[Any]:
        """The programs that a plan needs, compiled."""
        if plan.regions is None:
            styles = [self.program("style", *style.size) for style in plan.styles]
        else:
            styles = [self.program("style", *size, *[True] * guided) for size, guided in sizes_of(plan.regions)]
        return [self.program("content", *plan.content.size), *styles]

    def _mix(self, styles: tuple[read.Picture, ...], blend: tuple[float, ...]) -> dict[str, jax.Array]:
        return mix_styles([self._found("style", style) for style in styles], blend)

    def _compare(self, *style: Any) -> dict[str, Metric]:
        return for_style(self._mixed(*style))

    def _targets(self, content: read.Picture, styles: Styles, blend: tuple[float, ...], regions: Regions | None) -> Targets:
        features = self._found("content", content)
        if regions is not None:
            return Targets(features, *self._regions.targets(regions))
        return Targets(features, self._mixed(styles, blend))

    def __call__(self, plan: Plan) -> Targets:
        """The targets of a plan."""
        return self._targets(plan.content, plan.styles, plan.blend, plan.regions)

    def measuring(self, objective: Objective, width: int, height: int, targets: Targets) -> Any:
        """The program that gives the losses of a picture of this size with targets of these shapes, compiled."""
        image = jax.ShapeDtypeStruct((height, width, 3), jnp.float32)
        image, *rest = self._layout.shapes((image, targets, TermWeights.of(objective)))
        with traced_for(Target(algorithm=self._algorithm)):
            return self._compiler.compile(self._losses, image, self._params, *rest, key=("losses", *self._key))

    def _measure(
        self, content: read.Picture, styles: Styles, blend: tuple[float, ...], regions: Regions | None, objective: Objective
    ) -> tuple[float, float]:
        """What a strength goes by, both at a weight of 1: the content loss of the style pictures, weighted as they are blended
        and by the parts of their regions, and the style loss of the photograph."""
        targets = self._targets(content, styles, blend, regions)
        program = self.measuring(objective, *content.size, targets)
        weights = TermWeights.of(replace(objective, content_weight=1.0, style_weight=1.0))
        rest = self._layout.put((targets, weights))

        def losses(picture: read.Picture) -> Losses:
            pixels = read.as_float(read.resize(picture, *content.size))
            return program(self._layout.put(jnp.asarray(pixels)), self._params, *rest)

        pairs = regions.shares if regions else zip(blend, styles, strict=True)
        away = sum(share * float(losses(style).content) for share, style in pairs)
        return away, float(losses(content).style)

    def objective(self, plan: Plan) -> Objective:
        """A plan's; where the plan has a strength, with the weights that this means at the size of its content."""
        if plan.strength is None:
            return plan.objective
        content, style = self._scales(plan.content, plan.styles, plan.blend, plan.regions, plan.objective)
        return balanced(plan.objective, plan.strength, content_scale=content, style_scale=style)

    def is_flat(self, plan: Plan) -> bool:
        """Whether the metrics of a plan's style, or of all its regions' styles, are plain in any stage."""
        each = [self._compared(plan.styles, plan.blend)] if plan.regions is None else self._regions.each(plan.regions)
        return all(is_plain(metric) for metrics in each for metric in metrics.values())

    def metrics(self, plan: Plan, metric: str) -> dict[str, Metric]:
        """The metrics of a stage of a plan, by tap."""
        if plan.regions is not None:
            return self._regions.metrics(plan.regions, metric)
        if metric == "whitened":
            return self._compared(plan.styles, plan.blend)
        return {name: plain(len(gram)) for name, gram in self._mixed(plan.styles, plan.blend).items()}


@dataclass(frozen=True, eq=False)
class Engine:
    """What runs pictures of one size, compiled. Made by `compile_engine`.

    Attributes:
        method: how an image is searched for.
        size: (width, height).
        members: how many pictures at once; None for one picture without a batch axis.
        layout: on which devices.
        params: the network, on them.
        own, canonical: targets of the method's objective, and of the canonical loss.
        programs: of the loop.
        held: waves that pictures keep as they start; None where all may change.
    """

    method: Method
    size: tuple[int, int]
    members: int | None
    layout: Layout
    params: Params
    own: TargetPrograms
    canonical: TargetPrograms
    programs: Programs
    held: Waves | None

    def task(self, plans: Sequence[Plan], starts: Sequence[jax.Array], metric: str = "plain") -> Task:
        """The arrays of a stage of these plans; where they are fewer than the members, the last one fills the batch."""
        own = [self.own(plan) for plan in plans]
        shared = self.canonical is self.own
        canonical = own if shared else [self.canonical(plan) for plan in plans]
        weights = [TermWeights.of(self.own.objective(plan)) for plan in plans]

        def together(parts: list[Any]) -> Any:
            if self.members is None:
                return self.layout.put(parts[0])
            filled = [*parts, *parts[-1:] * (self.members - len(parts))]
            return self.layout.put(jax.tree.map(lambda *leaves: jnp.stack(leaves), *filled))

        targets = together(own)
        metrics = together([self.own.metrics(plan, metric) for plan in plans]) if self.method.has_metrics else None
        canonical = targets if shared else together(canonical)
        chroma = together([jnp.asarray(plan.chroma, jnp.float32) for plan in plans])
        return Task(together(list(starts)), targets, canonical, together(weights), metrics, self.held, chroma)

    def memory(self, plan: Plan) -> int:
        """The most bytes that are held at one time for pictures like this plan's, the network and their files left out: by each
        device, or by all together where they are those of one CPU."""
        step, (width, height) = self.programs.step, self.size
        prepared = [program for part in {self.own, self.canonical} for program in part.compile(plan)]
        if plan.strength is not None:
            prepared.append(self.own.measuring(plan.objective, width, height, self.own.shapes(plan)))
        preparing = [memory.working(program) for program in prepared]
        network = memory.size_of(self.params) if self.layout.count == 1 else 0  # a copy for each of several
        needed = max(memory.held(step) + memory.working(step) - network, *preparing)
        return needed * (self.layout.count if jax.default_backend() == "cpu" else 1)


def compile_engine(
    plan: Plan, compiler: Compiler, *, members: int | None = None, layout: Layout | None = None, measured: bool | None = None
) -> Engine:
    """Compiles what runs pictures of this plan's size by its method.

    Args:
        plan: an example; of its pictures only the sizes count.
        compiler: counts the seconds.
        members: how many pictures at once.
        layout: on which devices; one by default.
        measured: whether the canonical loss is needed along the way; by default where this plan's objective is another.
    """
    layout = layout or SingleDevice()
    method, (width, height) = plan.method, plan.content.size
    held = layout.replicate(None if plan.held is None else Waves.of((width, height), plan.held))
    rows = isinstance(layout, SpatialParallel)
    # XLA splits its own convolution by rows with halos, and Winograd's many shapes with copies of everything.
    algorithm = "direct" if rows else None
    params = layout.replicate(plan.network.params)
    # The pictures of a batch have their targets made one by one, on one device.
    where: Any = (layout, compiler) if rows else (SingleDevice(), compiler)
    known = params if rows else plan.network.params
    how: Any = dict(strips=method.strips, algorithm=algorithm)
    own = canonical = TargetPrograms(known, method.objective, method.precision, *where, **how)
    if not method.shares_targets:
        canonical = TargetPrograms(known, canonical_of(method.objective), "float32", *where, **how)
    weights = TermWeights.of(plan.objective)
    measured = not plan.is_canonical if measured is None else measured
    start: Any = jax.ShapeDtypeStruct((height, width, 3), jnp.float32)
    targets = own.shapes(plan)
    metrics = {name: Metric(gram, gram) for name, gram in targets.style.items()} if method.has_metrics else None
    shapes = Task(start, targets, canonical.shapes(plan), weights, metrics, chroma=jnp.asarray(plan.chroma, jnp.float32))
    if members is not None:
        shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct((members, *a.shape), a.dtype), shapes)
    task = layout.shapes(shapes)._replace(held=held)
    programs = compile_programs(method, layout, task, params, compiler, measured=measured, algorithm=algorithm)
    if plan.strength is not None:
        own.measuring(plan.objective, width, height, targets)
    return Engine(method, (width, height), members, layout, params, own, canonical, programs, held)


def compile_engines(
    plan: Plan,
    compiler: Compiler,
    *,
    members: int | None = None,
    layout: Layout | None = None,
    measured: bool | None = None,
    library: Library | None = None,
) -> list[Engine]:
    """An engine for each size of a plan, from the smallest to the full one; by default on as many devices as it wants."""
    how: Any = dict(members=members, measured=measured)
    layouts = [layout] * len(plan.sizes) if layout else layouts_of(plan.sizes, plan.devices)
    return [
        compile_engine(plan.at(size, library), compiler, layout=place, **how)
        for size, place in zip(plan.sizes, layouts, strict=True)
    ]


def compile_to_fit(
    plan: Plan, compiler: Compiler, *, lower: bool = True, library: Library | None = None, **how: Any
) -> tuple[list[Engine], int, int | None]:
    """`compile_engines`, by the plan's fallback where it has one and does not fit otherwise.

    Args:
        lower: False to leave it at the plan's own method.

    Returns:
        The engines, the bytes that they need, and those that are free; None where the device does not say.
    """

    def compiled(plan: Plan) -> tuple[list[Engine], int]:
        engines = compile_engines(plan, compiler, library=library, **how)
        return engines, max(engine.memory(plan.at(engine.size, library)) for engine in engines)

    (engines, needed), free = compiled(plan), memory.available()
    if lower and plan.fallback is not None and free is not None and needed > free:
        engines, needed = compiled(plan.low)
    return engines, needed, free
