"""The loop around a solver: compile once, step, measure on the canonical scale, report, stop with a reason in words.

Images are float RGB in [0, 1], (H, W, 3); what the solver moves is `variable`'s z. Several pictures of one shape can share the
loop as members of a batch: their arrays have a leading axis, (N, H, W, 3), the network is shared, and each member has its own
trace, best image, budget and reason to stop.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxstyle.compiler import Compiler
from jaxstyle.devices import Layout
from jaxstyle.errors import JaxstyleError
from jaxstyle.losses import CANONICAL, Objective
from jaxstyle.metric import Metric
from jaxstyle.objective import Losses, Targets, Weights, loss_parts, losses_in, total_loss
from jaxstyle.solvers import Solver, State
from jaxstyle.variable import decode
from jaxstyle.vgg import Params

MEASURE_EVERY = 10
"""Iterates between two measurements of the canonical loss, where the solver sees another objective or precision."""
MOST_RESTARTS = 10


@dataclass(frozen=True)
class Progress:
    """What a callback is told after an accepted iterate.

    Attributes:
        evaluation: evaluations so far, line-search trials included.
        evaluations: the budget.
        loss: the latest canonical loss.
        seconds: since the first evaluation began, compilation left out.
        image: gives the best image so far, float32 (H, W, 3) in [0, 1], at the size of the moment; to be called within the
            callback, while it is there.
    """

    evaluation: int
    evaluations: int
    loss: float
    seconds: float
    image: Callable[[], np.ndarray]


Callback = Callable[[Progress], Any]


class Entry(NamedTuple):
    """One accepted iterate. `loss` is canonical, None where it was not measured; `objective` is what the solver saw, in the
    metric of its stage."""

    evaluation: int
    loss: float | None
    objective: float
    seconds: float


class Outcome(NamedTuple):
    """What the loop ends with: the best image, unclipped (H, W, 3), its canonical losses, and how it went."""

    image: Array
    measure: Callable[[], Losses]
    evaluations: int
    stop_reason: str
    stopped_by_callback: bool
    trace: list[Entry]
    seconds: float

    @property
    def losses(self) -> Losses:
        """Measured when asked for: only the last size of a run needs it."""
        return self.measure()


@dataclass(frozen=True)
class Method:
    """How an image is searched for: everything about it that a compiled program depends on.

    Attributes:
        objective: what to minimise; its weights come as arrays, in `Task.weights`.
        solver: how; one that has `has_aux` is given the loss in the metrics of `Task` beside the loss itself.
        preconditioner: key of `PRECONDITIONERS`; with ``"none"`` L-BFGS runs as torch's does.
        precision: of the convolutions within the solver; what is reported is measured in float32.
        strips: whether features are computed strip by strip.
    """

    objective: Objective
    solver: Solver
    preconditioner: str = "none"
    precision: str = "float32"
    strips: bool = False

    @property
    def has_metrics(self) -> bool:
        """Whether the solver sees the loss in the metrics of `Task`."""
        return getattr(self.solver, "has_aux", False)

    def is_canonical(self, weights: Weights) -> np.ndarray:
        """Whether the loss, metrics apart, is what is reported, for weights of shape () or, of each member, (N,)."""
        if (self.objective.form, self.precision) != (CANONICAL.form, "float32"):
            return np.zeros(np.shape(weights.tv), bool)
        pairs = zip(*map(jax.tree.leaves, (weights, Weights.of(CANONICAL))), strict=True)
        return np.all([np.asarray(given) == np.asarray(wanted) for given, wanted in pairs], axis=0)

    @property
    def shares_targets(self) -> bool:
        """Whether the canonical loss compares with the same targets."""

        def read(objective: Objective) -> tuple[Any, ...]:
            return set(objective.content_layers), set(objective.style_layers), objective.pooling

        return (read(self.objective), self.precision) == (read(CANONICAL), "float32")


class Task(NamedTuple):
    """The arrays of a run, or of a batch with one more leading axis on each.

    Attributes:
        start: the image to begin with, (H, W, 3), RGB in [0, 1].
        targets: of the method's objective, in its precision.
        canonical: the targets of the canonical loss, in float32; may be the same.
        weights: of the objective's terms.
        metrics: of the differences of the style's Gram matrices, by tap; of no use to a solver without `has_aux`.
    """

    start: Array
    targets: Targets
    canonical: Targets
    weights: Weights
    metrics: dict[str, Metric] | None = None

    def advancing(self, params: Any) -> tuple[Any, ...]:
        """What `Programs.step` takes beside the state."""
        return self.start, params, self.targets, self.weights, self.metrics


class Programs(NamedTuple):
    """The compiled parts of a run, for one size and one number of members."""

    init: Any
    step: Any
    measure: Any
    picture: Any


def compile_programs(method: Method, layout: Layout, task: Any, params: Any, compiler: Compiler, *, measured: bool) -> Programs:
    """Compiles a run for a task like this; shapes are enough. A batch where `task.start` is (N, H, W, 3).

    `measured` says whether the canonical loss will be needed along the way, or at the end only.
    """

    def image_of(z: Array, start: Array) -> Array:
        return decode(z, start, method.preconditioner)

    def fun(z: Array, start: Array, params: Params, targets: Targets, weights: Weights, metrics: Any) -> Any:
        how: Any = dict(objective=method.objective, weights=weights, precision=method.precision, strips=method.strips)
        loss = partial(losses_in, metrics) if method.has_metrics else total_loss
        return loss(image_of(z, start), params, targets, **how)

    def advance(state: State, *args: Any) -> tuple[State, tuple[Array, ...]]:
        state = method.solver.step(fun, state, *args)
        return state, (state.value, state.aux, state.evaluations, state.restarts, state.stationary, state.accepted)

    def measure(z: Array, start: Array, params: Params, targets: Targets) -> Losses:
        return loss_parts(image_of(z, start), params, targets, objective=CANONICAL, strips=method.strips)

    def init(start: Array) -> State:
        return method.solver.init(jnp.zeros_like(start))

    if task.start.ndim == 4:
        advance = jax.vmap(advance, (0, 0, None, 0, 0, 0))
        measure = jax.vmap(measure, (0, 0, None, 0))
        init, image_of_all = jax.vmap(init), jax.vmap(image_of)
    else:
        image_of_all = image_of
    state = layout.shapes(jax.eval_shape(init, task.start))
    spread = layout.shardings(state)
    key = (method, layout)
    compile_measure = compiler.compile if measured else compiler.compile_when_called
    return Programs(
        compiler.compile(init, task.start, key=("init", *key), out=spread),
        compiler.compile(
            advance, state, *task.advancing(params), key=("advance", *key), donate=(0,), out=spread and (spread, None)
        ),
        compile_measure(measure, state.x, task.start, params, task.canonical, key=("measure", *key)),
        compiler.compile(image_of_all, state.x, task.start, key=("image", *key)),
    )


@dataclass
class _Course:
    """How one picture fares: a member of a batch, or the only one.

    Attributes:
        budget: of evaluations.
        before: evaluations at other sizes, which `known` includes.
        canonical: whether the run's own loss is what is reported.
        reason: to stop, in words; empty until then.
        error: where there is nothing to show.
    """

    budget: int
    before: int
    canonical: bool
    known: int = 0
    loss: float = float("inf")
    reason: str = ""
    by_callback: bool = False
    error: JaxstyleError | None = None
    trace: list[Entry] = field(default_factory=list)

    def take(self, report: Sequence[Any], measured: Any, seconds: float) -> None:
        """Enters an iterate: what `Programs.step` reports of the state, and its canonical loss or None."""
        value, loss, count, restarts, stationary, accepted = report
        self.known = self.before + int(count)
        if not np.isfinite(value):
            if not self.trace:
                self.reason = "the loss is not finite at the starting image"
                self.error = JaxstyleError(f"{self.reason}; lower the weights, or start from another image")
            elif restarts > MOST_RESTARTS:
                self.reason = f"the loss was not finite {int(restarts)} times although the step was halved each time"
            return
        if not accepted:
            return
        shown = float(loss) if self.canonical else None if measured is None else float(measured)
        self.loss = self.loss if shown is None else shown
        self.trace.append(Entry(self.known, shown, float(value), round(seconds, 4)))
        if stationary:
            self.reason = "the gradient is zero: no change of the image can lower the loss"

    def stop(self) -> None:
        """Ends it on request."""
        if not self.reason:
            self.reason, self.by_callback = f"stopped on request after {self.known} of {self.budget} evaluations", True


def run_members(
    task: Task,
    params: Params,
    method: Method,
    *,
    budgets: Sequence[int],
    spent: Sequence[tuple[int, float]] | None = None,
    callback: Callable[[list[Progress]], Any] | None = None,
    programs: Programs | None = None,
) -> list[Outcome | JaxstyleError]:
    """Minimises an objective over the pixels of the members of a batch, or of one picture.

    All members step together until the last one has stopped; what a stopped member does after that is not looked at.

    Args:
        task: where to begin and what to compare with; `start` is (N, H, W, 3), or (H, W, 3) for one picture.
        params: the network.
        method: what to minimise, and how.
        budgets: of evaluations, by member; a line search may overrun it within its last step. Where there are fewer than
            members, the rest only fill the batch.
        spent: evaluations and seconds of the runs so far, at other sizes; the budgets include them.
        callback: called after each accepted iterate (on an accelerator, once for several) with every member's progress; a
            true answer stops the run.
        programs: from `compile_programs` with a task of these shapes; compiled here otherwise.

    Returns:
        By member, its outcome, or an error where its loss is not finite at the start.
    """
    start = task.start
    canonical = np.atleast_1d(method.is_canonical(task.weights))
    programs = programs or compile_programs(method, Layout(), task, params, Compiler(), measured=not canonical.all())
    spent = spent or [(0, 0.0)] * len(budgets)
    before = [evaluations for evaluations, _ in spent]
    courses = [_Course(*each, known=each[1]) for each in zip(budgets, before, map(bool, canonical), strict=False)]
    outcomes: dict[int, Outcome | JaxstyleError] = {}
    state = programs.init(start)
    # Reading a number waits for the device: on an accelerator that is done for several steps at once.
    batch = 1 if jax.default_backend() == "cpu" else MEASURE_EVERY
    pending: list[tuple[tuple[Array, ...], Array | None]] = []
    steps = 0
    began = time.perf_counter() - max(seconds for _, seconds in spent)

    def outcome(index: int, best: Array, images: Array, measure: Callable[[], Losses]) -> Outcome | JaxstyleError:
        course = courses[index]
        if course.error is not None:
            return course.error

        def losses() -> Losses:
            return measure() if start.ndim == 3 else jax.tree.map(lambda part: part[index], measure())

        image = images if start.ndim == 3 else images[index]
        how = (course.known, course.reason, course.by_callback, course.trace, time.perf_counter() - began)
        return Outcome(image, losses, *how)

    while len(outcomes) < len(courses):
        live = [course for course in courses if not course.reason]
        state, report = programs.step(state, *task.advancing(params))
        due = not canonical.all() and steps % MEASURE_EVERY == 0
        pending.append((report, programs.measure(state.x, start, params, task.canonical).total if due else None))
        steps += 1
        ahead = [c.known + len(pending) * max(1.0, (c.known - c.before) / steps) < c.budget for c in live]
        if len(pending) < batch and all(ahead):
            continue
        for found, measured in jax.device_get(pending):
            rows = zip(*map(np.atleast_1d, found), strict=True)
            measures = [None] * len(courses) if measured is None else np.atleast_1d(measured)
            for course, row, loss in zip(courses, rows, measures, strict=False):
                if not course.reason:
                    course.take(row, loss, time.perf_counter() - began)
        pending.clear()
        for course in live:
            if not course.reason and course.known >= course.budget:
                course.reason = f"the budget of {course.budget} evaluations is used up"
        best = state.best_x
        if callback is not None and callback(_progress(courses, best, start, programs, time.perf_counter() - began)):
            for course in live:
                course.stop()
        if done := [i for i, course in enumerate(courses) if course.reason and i not in outcomes]:
            if len(outcomes) + len(done) < len(courses):
                best = jnp.copy(best)  # the next step takes the state's own
            images = programs.picture(best, start)
            measure = lru_cache(maxsize=1)(lambda best=best: programs.measure(best, start, params, task.canonical))
            outcomes |= {i: outcome(i, best, images, measure) for i in done}
    return [outcomes[i] for i in range(len(courses))]


def _progress(courses: list[_Course], best: Array, start: Array, programs: Programs, seconds: float) -> list[Progress]:
    @lru_cache(maxsize=1)
    def images() -> np.ndarray:
        return np.clip(np.asarray(programs.picture(best, start)), 0, 1)

    def image(index: int) -> np.ndarray:
        return images() if start.ndim == 3 else images()[index]

    return [Progress(c.known, c.budget, c.loss, seconds, partial(image, i)) for i, c in enumerate(courses)]
