"""The loop around a solver, for one stage: step, measure on the canonical scale, report, stop with a reason in words.

Images are float RGB in [0, 1], (H, W, 3); what the solver moves is the preconditioned variable z. Several pictures of one shape
can share the loop as members of a batch: their arrays have a leading axis, (N, H, W, 3), the network is shared, and each member
has its own trace, best image, budget and reason to stop.
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

from jaxstyle.errors import JaxstyleError
from jaxstyle.loss.objective import Losses
from jaxstyle.machine.compiler import Compiler
from jaxstyle.machine.devices import Layout
from jaxstyle.network.vgg import Params
from jaxstyle.transfer.programs import Method, Programs, Task, compile_programs

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
        alpha: (H, W) uint8 of the content at that size; None where it is opaque.
    """

    evaluation: int
    evaluations: int
    loss: float
    seconds: float
    image: Callable[[], np.ndarray]
    alpha: np.ndarray | None = None


Callback = Callable[[Progress], Any]


class TraceEntry(NamedTuple):
    """One accepted iterate.

    Attributes:
        evaluation: the count so far, line-search trials and earlier stages included.
        loss: canonical; None where it was not measured.
        objective: what the solver saw, in the metric of its stage.
        seconds: since the first evaluation began.
    """

    evaluation: int
    loss: float | None
    objective: float
    seconds: float


class Outcome(NamedTuple):
    """What a stage ends with, and a whole run with its last stage.

    Attributes:
        image: the best one, unclipped, (H, W, 3).
        measure: gives its canonical losses; called for the last stage of a run only.
        evaluations: so far, earlier stages included.
        stop_reason: a sentence.
        stopped_by_callback: whether the callback ended it.
        trace: one entry for each accepted iterate.
        seconds: so far, compilation left out.
        stages: size, metric and evaluations of each stage of a whole run.
    """

    image: Array
    measure: Callable[[], Losses]
    evaluations: int
    stop_reason: str
    stopped_by_callback: bool
    trace: list[TraceEntry]
    seconds: float
    stages: tuple[dict[str, Any], ...] = ()


@dataclass
class _Member:
    """The course of one picture: a member of a batch, or the only one.

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
    trace: list[TraceEntry] = field(default_factory=list)

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
        self.trace.append(TraceEntry(self.known, shown, float(value), round(seconds, 4)))
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

    All members step together until the last one has stopped; steps of a finished member are ignored.

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
    members = [_Member(*each, known=each[1]) for each in zip(budgets, before, map(bool, canonical), strict=False)]
    outcomes: dict[int, Outcome | JaxstyleError] = {}
    state = programs.init(start)
    # Reading a number waits for the device: on an accelerator that is done for several steps at once.
    batch = 1 if jax.default_backend() == "cpu" else MEASURE_EVERY
    pending: list[tuple[tuple[Array, ...], Array | None]] = []
    steps = 0
    began = time.perf_counter() - max(seconds for _, seconds in spent)

    def outcome(index: int, best: Array, images: Array, measure: Callable[[], Losses]) -> Outcome | JaxstyleError:
        member = members[index]
        if member.error is not None:
            return member.error

        def losses() -> Losses:
            return measure() if start.ndim == 3 else jax.tree.map(lambda part: part[index], measure())

        image = images if start.ndim == 3 else images[index]
        how = (member.known, member.reason, member.by_callback, member.trace, time.perf_counter() - began)
        return Outcome(image, losses, *how)

    while len(outcomes) < len(members):
        live = [member for member in members if not member.reason]
        state, report = programs.step(state, *task.advancing(params))
        due = not canonical.all() and steps % MEASURE_EVERY == 0
        pending.append((report, programs.measure(state.x, start, params, task.canonical).total if due else None))
        steps += 1
        ahead = [c.known + len(pending) * max(1.0, (c.known - c.before) / steps) < c.budget for c in live]
        if len(pending) < batch and all(ahead):
            continue
        for found, measured in jax.device_get(pending):
            rows = zip(*map(np.atleast_1d, found), strict=True)
            measures = [None] * len(members) if measured is None else np.atleast_1d(measured)
            for member, row, loss in zip(members, rows, measures, strict=False):
                if not member.reason:
                    member.take(row, loss, time.perf_counter() - began)
        pending.clear()
        for member in live:
            if not member.reason and member.known >= member.budget:
                member.reason = f"the budget of {member.budget} evaluations is used up"
        best = state.best_x
        if callback is not None and callback(_progress(members, best, start, programs, time.perf_counter() - began)):
            for member in live:
                member.stop()
        if done := [i for i, member in enumerate(members) if member.reason and i not in outcomes]:
            if len(outcomes) + len(done) < len(members):
                best = jnp.copy(best)  # the next step takes the state's own
            images = programs.picture(best, start)
            measure = lru_cache(maxsize=1)(lambda best=best: programs.measure(best, start, params, task.canonical))
            outcomes |= {i: outcome(i, best, images, measure) for i in done}
    return [outcomes[i] for i in range(len(members))]


def _progress(members: list[_Member], best: Array, start: Array, programs: Programs, seconds: float) -> list[Progress]:
    @lru_cache(maxsize=1)
    def images() -> np.ndarray:
        return np.clip(np.asarray(programs.picture(best, start)), 0, 1)

    def image(index: int) -> np.ndarray:
        return images() if start.ndim == 3 else images()[index]

    return [Progress(c.known, c.budget, c.loss, seconds, partial(image, i)) for i, c in enumerate(members)]
