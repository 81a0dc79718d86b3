"""Compiles what a run needs at one size: targets, and the programs of the loop, for one picture or the members of a batch."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxstyle import images, memory
from jaxstyle.compiler import Compiler
from jaxstyle.config import parse_blend
from jaxstyle.convolution import convolution_algorithm
from jaxstyle.devices import Layout, Rows
from jaxstyle.loop import Method, Programs, Task, compile_programs
from jaxstyle.losses import CANONICAL, Objective
from jaxstyle.metric import Metric, plain, whitened
from jaxstyle.objective import Targets, Weights, content_target, mix_styles, style_target
from jaxstyle.prepare import Inputs
from jaxstyle.vgg import Params

KEPT = 16
"""Targets that are kept for the members of a batch that share a content or a style."""


class Targeting:
    """Compiles and computes the targets of an objective; those of a picture that comes again are not computed again."""

    def __init__(
        self, params: Params, objective: Objective, precision: str, layout: Layout, compiler: Compiler, *, strips: bool = False
    ):
        self._params, self._layout, self._compiler = params, layout, compiler
        how: Any = dict(objective=objective.form, precision=precision, strips=strips)
        self._how = (layout, *how.values())
        self._functions = {"content": partial(content_target, **how), "style": partial(style_target, **how)}
        self.program = lru_cache(None)(self._program)
        self._found = lru_cache(KEPT)(self._compute)
        self._mixed, self._compared = lru_cache(KEPT)(self._mix), lru_cache(KEPT)(self._compare)

    def _program(self, part: str, width: int, height: int) -> Any:
        image = self._layout.shapes(jax.ShapeDtypeStruct((height, width, 3), jnp.float32))
        return self._compiler.compile(self._functions[part], self._params, image, key=(part, *self._how))

    def _compute(self, part: str, picture: images.Picture) -> dict[str, jax.Array]:
        image = self._layout.put(jnp.asarray(images.as_float(picture)))
        return self.program(part, *picture.size)(self._params, image)

    def shapes(self, width: int, height: int) -> Targets:
        """Shapes of the targets of a picture of this size; a style's Grams depend on no size."""
        image = jax.ShapeDtypeStruct((height, width, 3), jnp.float32)
        return Targets(*(jax.eval_shape(self._functions[part], self._params, image) for part in ("content", "style")))

    def compile(self, run: Inputs) -> list[Any]:
        """The programs that a run needs, compiled."""
        return [self.program("content", *run.content.size), *(self.program("style", *style.size) for style in run.styles)]

    def _mix(self, styles: tuple[images.Picture, ...], blend: tuple[float, ...] | None) -> dict[str, jax.Array]:
        return mix_styles([self._found("style", style) for style in styles], blend)

    def _compare(self, *style: Any) -> dict[str, Metric]:
        return {name: whitened(gram) for name, gram in self._mixed(*style).items()}

    def __call__(self, run: Inputs) -> Targets:
        """The targets of a run."""
        return Targets(self._found("content", run.content), self._mixed(*_style_of(run)))

    def metrics(self, run: Inputs, metric: str) -> dict[str, Metric]:
        """The metrics of a stage of a run, by tap."""
        if metric == "whitened":
            return self._compared(*_style_of(run))
        return {name: plain(len(gram)) for name, gram in self._mixed(*_style_of(run)).items()}


def _style_of(run: Inputs) -> tuple[Any, ...]:
    blend = parse_blend(run.config.blend)
    return tuple(run.styles), blend and tuple(blend)


@dataclass(frozen=True, eq=False)
class Engine:
    """What runs pictures of one size, compiled.

    Attributes:
        method: how an image is searched for.
        size: (width, height).
        members: how many pictures at once; None for one picture without a batch axis.
        layout: on which devices.
        params: the network, on them.
        own, canonical: targets of the method's objective, and of the canonical loss.
        programs: of the loop.
    """

    method: Method
    size: tuple[int, int]
    members: int | None
    layout: Layout
    params: Params
    own: Targeting
    canonical: Targeting
    programs: Programs

    def task(self, runs: Sequence[Inputs], starts: Sequence[jax.Array], metric: str = "plain") -> Task:
        """The arrays of a stage of so many runs; where they are fewer than the members, the last one fills the batch."""
        own = [self.own(run) for run in runs]
        shared = self.canonical is self.own
        canonical = own if shared else [self.canonical(run) for run in runs]
        weights = [Weights.of(run.objective) for run in runs]

        def together(parts: list[Any]) -> Any:
            if self.members is None:
                return self.layout.put(parts[0])
            filled = [*parts, *parts[-1:] * (self.members - len(parts))]
            return self.layout.put(jax.tree.map(lambda *leaves: jnp.stack(leaves), *filled))

        targets = together(own)
        metrics = together([self.own.metrics(run, metric) for run in runs]) if self.method.has_metrics else None
        return Task(together(list(starts)), targets, targets if shared else together(canonical), together(weights), metrics)

    def memory(self, runs: Sequence[Inputs]) -> int:
        """The most bytes that are held at one time for these runs, beside the network and their own pictures: by each device,
        or by all together where they are those of one CPU."""
        step = self.programs.step
        width, height = self.size
        start = 3 * 4 * width * height * (self.members or 1) // self.layout.count
        parts = {self.own, self.canonical}
        preparing = [memory.working(program) for part in parts for run in runs for program in part.compile(run)]
        network = memory.size_of(self.params) if self.layout.count == 1 else 0  # a copy for each of several
        needed = max(memory.held(step) + memory.working(step) - network - start, *preparing)
        return needed * (self.layout.count if jax.default_backend() == "cpu" else 1)


def compile_engine(
    run: Inputs, compiler: Compiler, *, members: int | None = None, layout: Layout | None = None, measured: bool | None = None
) -> Engine:
    """Compiles what runs pictures of this run's size by its method.

    Args:
        run: an example; of its pictures only the sizes count.
        compiler: counts the seconds.
        members: how many pictures at once.
        layout: on which devices; one by default.
        measured: whether the canonical loss is needed along the way; by default where this run's objective is another.
    """
    layout = layout or Layout()
    method, (width, height) = run.method, run.content.size
    spread = layout if isinstance(layout, Rows) else Layout()  # the pictures of a batch have their targets made one by one
    params = layout.put_whole(run.loaded.params)
    # XLA splits its own convolution by rows with halos, and Winograd's many shapes with copies of everything.
    with convolution_algorithm("direct") if isinstance(layout, Rows) else nullcontext():
        known = params if spread is layout else run.loaded.params
        own = Targeting(known, method.objective, method.precision, spread, compiler, strips=method.strips)
        canonical = own
        if not method.shares_targets:
            canonical = Targeting(known, CANONICAL, "float32", spread, compiler, strips=method.strips)
        weights = Weights.of(run.objective)
        measured = not method.is_canonical(weights) if measured is None else measured
        start: Any = jax.ShapeDtypeStruct((height, width, 3), jnp.float32)
        targets = own.shapes(width, height)
        metrics = {name: Metric(gram, gram) for name, gram in targets.style.items()} if method.has_metrics else None
        shapes = Task(start, targets, canonical.shapes(width, height), weights, metrics)
        if members is not None:
            shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct((members, *a.shape), a.dtype), shapes)
        programs = compile_programs(method, layout, layout.shapes(shapes), params, compiler, measured=measured)
        for part in dict.fromkeys((own, canonical)):
            part.compile(run)
    return Engine(method, (width, height), members, layout, params, own, canonical, programs)
