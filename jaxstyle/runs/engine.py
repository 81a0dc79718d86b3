"""What runs pictures of one size, compiled: targets and the functions of a stage, for one picture or a batch of members."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from jaxstyle.loss.metric import Metric
from jaxstyle.loss.objective import TermWeights
from jaxstyle.loss.presets import Objective, canonical_of
from jaxstyle.loss.terms import Anchor
from jaxstyle.machine import memory
from jaxstyle.machine.compiler import Compiler
from jaxstyle.machine.devices import Layout, SingleDevice, SpatialParallel, layouts_of
from jaxstyle.network.vgg import Params
from jaxstyle.pictures.waves import Waves
from jaxstyle.plans.library import Library
from jaxstyle.plans.method import Method
from jaxstyle.plans.plan import Plan
from jaxstyle.runs.inputs import StageInputs, stack
from jaxstyle.runs.programs import StageFunctions, compile_stage
from jaxstyle.runs.strength import DerivedWeights
from jaxstyle.runs.targets import TargetCache, TargetCompiler


@dataclass(frozen=True, eq=False)
class Engine:
    """What runs pictures of one size, compiled. Made by `compile_engine`.

    Attributes:
        method: how an image is searched for.
        size: (width, height).
        members: how many pictures at once; None for one picture without a batch axis.
        layout: on which devices.
        params: the network, on them.
        own, canonical: what compiles the targets of the method's objective, and of the canonical loss; may be the same.
        functions: of a stage.
        held: waves that pictures keep as they start; None where all may change.
        anchored: whether pictures have an image to stay near.
    """

    method: Method
    size: tuple[int, int]
    members: int | None
    layout: Layout
    params: Params
    own: TargetCompiler
    canonical: TargetCompiler
    functions: StageFunctions
    held: Waves | None
    anchored: bool

    @cached_property
    def targets(self) -> TargetCache:
        """Targets of the method's objective."""
        return TargetCache(self.own)

    @cached_property
    def _canonical_targets(self) -> TargetCache:
        return self.targets if self.canonical is self.own else TargetCache(self.canonical)

    @cached_property
    def _weights(self) -> DerivedWeights:
        return DerivedWeights(self.own, self.targets)

    def objective(self, plan: Plan) -> Objective:
        """A plan's; where the plan has a strength, with the weights that this means at this size."""
        return self._weights.objective(plan)

    def inputs(
        self,
        plans: Sequence[Plan],
        starts: Sequence[jax.Array],
        metric: str = "plain",
        anchors: Sequence[Anchor | None] | None = None,
    ) -> StageInputs:
        """The arrays of a stage of these plans; where they are fewer than the members, the last one fills the batch.

        Args:
            starts: images to begin with, (H, W, 3).
            metric: key of `METRICS`.
            anchors: images to stay near, for an engine that is `anchored`; by default nothing is.
        """
        near = anchors or [self._no_anchor if self.anchored else None] * len(plans)
        given = zip(plans, starts, near, strict=True)
        each = [self._of_picture(plan, start, metric, anchor) for plan, start, anchor in given]
        inputs = self.layout.put(each[0] if self.members is None else stack(each, self.members))
        return inputs._replace(held=self.held, canonical=inputs.canonical or inputs.targets)

    @property
    def _no_anchor(self) -> Anchor:
        width, height = self.size
        blank = jnp.zeros((height, width, 1))
        return Anchor(jnp.zeros((height, width, 3)), blank, blank + 1)

    def _of_picture(self, plan: Plan, start: jax.Array, metric: str, anchor: Anchor | None) -> StageInputs:
        """Without what members share; `canonical` is None where those are the objective's own."""
        return StageInputs(
            start=start,
            targets=self.targets.targets(plan),
            canonical=None if self._canonical_targets is self.targets else self._canonical_targets.targets(plan),  # pyright: ignore
            weights=TermWeights.of(self.objective(plan)),
            metrics=self.targets.metrics(plan, metric) if self.method.has_metrics else None,
            chroma=jnp.asarray(plan.chroma, jnp.float32),
            anchor=anchor,
        )

    def memory(self, plan: Plan) -> int:
        """The most bytes that are held at one time for pictures like this plan's, the network and their files left out: by each
        device, or by all together where they are those of one CPU."""
        step, (width, height) = self.functions.step, self.size
        prepared = [program for part in {self.own, self.canonical} for program in part.programs(plan)]
        if plan.strength is not None:
            prepared.append(self.own.losses(width, height, self.own.shapes(plan)))
        preparing = [memory.working(program) for program in prepared]
        network = memory.size_of(self.params) if self.layout.count == 1 else 0  # a copy for each of several
        needed = max(memory.held(step) + memory.working(step) - network, *preparing)
        return needed * (self.layout.count if jax.default_backend() == "cpu" else 1)


def compile_engine(
    plan: Plan,
    compiler: Compiler,
    *,
    members: int | None = None,
    layout: Layout | None = None,
    measured: bool | None = None,
    anchored: bool = False,
) -> Engine:
    """Compiles what runs pictures of this plan's size by its method.

    Args:
        plan: an example; of its pictures only the sizes count.
        compiler: counts the seconds.
        members: how many pictures at once.
        layout: on which devices; one by default.
        measured: whether the canonical loss is needed along the way; by default where this plan's objective is another.
        anchored: whether pictures will have an image to stay near.
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
    own = canonical = TargetCompiler(known, method.objective, method.precision, *where, **how)
    if not method.shares_targets:
        canonical = TargetCompiler(known, canonical_of(method.objective), "float32", *where, **how)
    measured = not plan.is_canonical if measured is None else measured
    start, weight = (jax.ShapeDtypeStruct((height, width, channels), jnp.float32) for channels in (3, 1))
    targets = own.shapes(plan)
    metrics = {name: Metric(gram, gram) for name, gram in targets.style.items()} if method.has_metrics else None
    shapes: Any = StageInputs(
        start=start,  # pyright: ignore[reportArgumentType]
        targets=targets,
        canonical=canonical.shapes(plan),
        weights=TermWeights.of(plan.objective),
        metrics=metrics,
        chroma=weight if plan.regions else jax.ShapeDtypeStruct((), jnp.float32),  # pyright: ignore[reportArgumentType]
        anchor=Anchor(start, weight, weight) if anchored else None,  # pyright: ignore[reportArgumentType]
    )
    inputs = layout.shapes(shapes if members is None else shapes.stacked(members))._replace(held=held)
    functions = compile_stage(method, layout, inputs, params, compiler, measured=measured, algorithm=algorithm)
    if plan.strength is not None:
        own.losses(width, height, targets)
    return Engine(method, (width, height), members, layout, params, own, canonical, functions, held, anchored)


def compile_engines(
    plan: Plan,
    compiler: Compiler,
    *,
    members: int | None = None,
    layout: Layout | None = None,
    measured: bool | None = None,
    anchored: bool = False,
    library: Library | None = None,
) -> list[Engine]:
    """An engine for each size of a plan, from the smallest to the full one; by default on as many devices as it wants."""
    how: Any = dict(members=members, measured=measured, anchored=anchored)
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
        engines, needed = compiled(plan.with_fallback)
    return engines, needed, free
