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
from jaxstyle.machine.allocator import give_back_pages
from jaxstyle.machine.compiler import Compiler
from jaxstyle.machine.devices import SingleDevice
from jaxstyle.network.vgg import Params
from jaxstyle.plans.method import Method
from jaxstyle.runs.inputs import StageInputs
from jaxstyle.runs.programs import StageFunctions, compile_stage
from jaxstyle.solvers.state import State

MEASURE_EVERY = 10
"""Iterates between two measurements of the canonical loss, where the solver sees another objective or precision."""
MOST_RESTARTS = 10
LARGEST_LOSS = 1e21
"""Loss at the start above which the square of its gradient is infinite in float32, and no solver moves."""
SETTLING_STEPS, LARGE_IMAGE = 4, 3 * 2**17
"""Steps after which freed memory is given back, where an image or a batch has at least so many numbers: what came to lie in the
gap of a step keeps the next one from fitting there. To fetch the pages anew is a tenth of an evaluation."""
STILL_EVALUATIONS = 25
"""Evaluations without any change of the loss, after which a run ends; L-BFGS shortens a bad step some ten times."""


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
        losses: gives the canonical losses of that image, before colours or a photograph are put over it, within the callback
            too; a third of an evaluation.
        size: (width, height) of the moment; losses at two sizes are not comparable.
        alpha: (H, W) uint8 of the content at that size; None where it is opaque.
    """

    evaluation: int
    evaluations: int
    loss: float
    seconds: float
    image: Callable[[], np.ndarray]
    losses: Callable[[], Losses]
    size: tuple[int, int]
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


class StageResult(NamedTuple):
    """What a stage ends with, and a whole run with its last stage.

    Attributes:
        image: the best one, unclipped, (H, W, 3).
        measure: gives its canonical losses, or None where there are none; called for the last stage of a run only.
        evaluations: so far, earlier stages included.
        stop_reason: a sentence.
        stopped_by_callback: whether the callback ended it.
        trace: one entry for each accepted iterate.
        seconds: so far, compilation left out.
        stages: size, metric and evaluations of each stage of a whole run.
    """

    image: Array
    measure: Callable[[], Losses | None]
    evaluations: int
    stop_reason: str
    stopped_by_callback: bool
    trace: list[TraceEntry]
    seconds: float
    stages: tuple[dict[str, Any], ...] = ()


@dataclass
class Member:
    """The course of one picture: a member of a batch, or the only one.

    Attributes:
        evaluations: so far, earlier stages included.
        loss: the latest canonical loss.
        reason: to stop, in words; empty until then.
        by_callback: whether the callback stopped it.
        failed: whether there is nothing to show.
        seconds: when it stopped.
        last_change: evaluations until what the solver sees changed last.
        trace: one entry for each accepted iterate of this stage.
    """

    evaluations: int = 0
    loss: float = float("inf")
    reason: str = ""
    by_callback: bool = False
    failed: bool = False
    seconds: float = 0.0
    last_change: int = 0
    trace: list[TraceEntry] = field(default_factory=list)

    def take(self, evaluations: int, report: Sequence[Any], loss: float | None, seconds: float) -> None:
        """Enters an iterate: evaluations, what `StageFunctions.step` reports of the state, and its canonical loss or None."""
        value, _, _, restarts, stationary, accepted = report
        self.evaluations = evaluations
        if not self.trace and np.isfinite(value) and value > LARGEST_LOSS:
            self.reason, self.failed = (
                f"the loss is {value:.3g} at the starting image, which is too large to compute with",
                True,
            )
            return
        if not np.isfinite(value):
            if not self.trace:
                self.reason, self.failed = "the loss is not finite at the starting image", True
            elif restarts > MOST_RESTARTS:
                self.reason = (
                    f"the loss was not finite {int(restarts)} times although the step was halved each time; try lower weights"
                )
            return
        if accepted and (not self.trace or float(value) != self.trace[-1].objective):
            self.last_change = self.evaluations
        elif self.evaluations - self.last_change >= STILL_EVALUATIONS:
            remedy = "try other weights, another start or another solver"
            self.reason = (
                f"the loss did not change in {self.evaluations - self.last_change} evaluations, and will not; {remedy}"
            )
        if not accepted:
            return
        self.loss = self.loss if loss is None else loss
        self.trace.append(TraceEntry(self.evaluations, loss, float(value), round(seconds, 4)))
        if stationary:
            self.reason = "the gradient is zero: no change of the image can lower the loss"

    def stop(self, budget: int) -> None:
        """Ends it on request."""
        if not self.reason:
            self.reason, self.by_callback = f"stopped on request after {self.evaluations} of {budget} evaluations", True


@dataclass
class StageState:
    """A stage between two steps, as data: from here it goes on as if nothing had been between.

    Attributes:
        state: of the solver, with a leading axis for a batch.
        members: the course of each picture; where there are fewer than the batch has, the rest only fill it.
        kept: of members that stopped while others go on, the best z in their rows, (N, H, W, 3); None before the first.
        steps: of the solver.
        seconds: since the first evaluation of the run began, compilation left out.
    """

    state: State
    members: list[Member]
    kept: Array | None = None
    steps: int = 0
    seconds: float = 0.0

    def best(self) -> Array:
        """The best z, (N, H, W, 3) or (H, W, 3): of members that stopped, when they did."""
        return self.state.best_x if self.kept is None else self.kept

    def settle(self, live: Sequence[int]) -> None:
        """Of members that stopped just now, notes when, and keeps the best where others go on."""
        done = [index for index in live if self.members[index].reason]
        for index in done:
            self.members[index].seconds = self.seconds
        best = self.state.best_x
        if not done or best.ndim == 3 or (self.kept is None and all(member.reason for member in self.members)):
            return
        rows = np.zeros((len(best), 1, 1, 1), bool)
        rows[done] = True
        # A copy in any case: the next step takes the state's own.
        self.kept = jnp.copy(best) if self.kept is None else jnp.where(rows, best, self.kept)


def run_stage(
    inputs: StageInputs,
    params: Params,
    method: Method,
    *,
    budgets: Sequence[int],
    spent: Sequence[tuple[int, float]] | None = None,
    callback: Callable[[list[Progress]], Any] | None = None,
    functions: StageFunctions | None = None,
    stage: StageState | None = None,
    keep: Callable[[StageState, str], None] | None = None,
) -> list[StageResult | JaxstyleError]:
    """Minimises an objective over the pixels of the members of a batch, or of one picture.

    All members step together until the last one has stopped; steps of a finished member are ignored.

    Args:
        inputs: where to begin and what to compare with; `start` is (N, H, W, 3), or (H, W, 3) for one picture.
        params: the network.
        method: what to minimise, and how.
        budgets: of evaluations, by member; a line search may overrun it within its last step. Where there are fewer than
            members, the rest only fill the batch.
        spent: evaluations and seconds of the runs so far, at other sizes; the budgets include them.
        callback: called after each accepted iterate (on an accelerator, once for several) with every member's progress; a
            true answer stops the run.
        functions: from `compile_stage` with inputs of these shapes; compiled here otherwise.
        stage: where this stage was left; by default it begins.
        keep: given the stage ``"going"`` on, before it is ``"stopped"`` by the callback, and when it has ``"ended"``; it must
            not hold on to the stage, whose arrays the next step takes.

    Returns:
        By member, its outcome, or an error where its loss is not finite at the start.
    """
    start = inputs.start
    if is_large := method.strips or start.size >= LARGE_IMAGE:
        give_back_pages()
    # A solver that sees more than the loss passes the loss itself on only where it has room for it.
    passed_on = method.has_metrics or inputs.anchor is None
    canonical = np.atleast_1d(method.is_canonical(inputs.weights)) & passed_on
    functions = functions or compile_stage(method, SingleDevice(), inputs, params, Compiler(), measured=not canonical.all())
    spent = spent or [(0, 0.0)] * len(budgets)
    if stage is None:
        began_with = [Member(evaluations) for evaluations, _ in spent]
        stage = StageState(functions.init(start), began_with, seconds=max(seconds for _, seconds in spent))
    members = stage.members
    # Reading a number waits for the device: on an accelerator that is done for several steps at once.
    batch = 1 if jax.default_backend() == "cpu" else MEASURE_EVERY
    pending: list[tuple[tuple[Array, ...], Array | None]] = []
    began = time.perf_counter() - stage.seconds

    def measured(z: Array) -> Losses:
        return functions.measure(z, inputs, params)

    def is_due(member: Member, index: int) -> bool:
        """Whether a member is within its budget after the steps that were not looked at yet."""
        before = spent[index][0]
        return (
            member.evaluations + len(pending) * max(1.0, (member.evaluations - before) / max(1, stage.steps)) < budgets[index]
        )

    while live := [index for index, member in enumerate(members) if not member.reason]:
        stage.state, report = functions.step(stage.state, inputs, params)
        due = not canonical.all() and stage.steps % MEASURE_EVERY == 0
        pending.append((report, measured(stage.state.x).total if due else None))
        stage.steps += 1
        if len(pending) < batch and all(is_due(members[index], index) for index in live):
            continue
        before = [len(member.trace) for member in members]
        for found, exact in jax.device_get(pending):
            rows = [np.atleast_1d(part) for part in found]
            for index in live:
                row = [part[index] for part in rows]
                loss = float(row[1]) if canonical[index] else None if exact is None else float(np.atleast_1d(exact)[index])
                if not members[index].reason:
                    members[index].take(spent[index][0] + int(row[2]), row, loss, time.perf_counter() - began)
        pending.clear()
        if method.strips or (is_large and stage.steps <= SETTLING_STEPS):
            give_back_pages()
        stage.seconds = time.perf_counter() - began
        for index in live:
            if not members[index].reason and members[index].evaluations >= budgets[index]:
                members[index].reason = f"the budget of {budgets[index]} evaluations is used up"
        stage.settle(live)
        accepted = before != [len(member.trace) for member in members]
        stopping = (
            accepted and callback is not None and bool(callback(_progress(stage, budgets, start, params, inputs, functions)))
        )
        if keep is not None and any(not member.reason for member in members):
            keep(stage, "stopped" if stopping else "going")
        if stopping:
            live = [index for index in live if not members[index].reason]
            for index in live:
                members[index].stop(budgets[index])
            stage.settle(live)
    if keep is not None:
        keep(stage, "ended")
    best = stage.best()
    images = functions.picture(best, inputs)
    measure = lru_cache(maxsize=1)(lambda: measured(best))

    def outcome(index: int, member: Member) -> StageResult | JaxstyleError:
        if member.failed:
            return JaxstyleError(f"{member.reason}; lower the weights, or start from another image")

        def losses() -> Losses:
            return measure() if start.ndim == 3 else jax.tree.map(lambda part: part[index], measure())

        image = images if start.ndim == 3 else images[index]
        return StageResult(image, losses, member.evaluations, member.reason, member.by_callback, member.trace, member.seconds)

    return [outcome(index, member) for index, member in enumerate(members)]


def _progress(
    stage: StageState,
    budgets: Sequence[int],
    start: Array,
    params: Params,
    inputs: StageInputs,
    functions: StageFunctions,
) -> list[Progress]:
    best = stage.state.best_x

    @lru_cache(maxsize=1)
    def images() -> np.ndarray:
        return np.clip(np.asarray(functions.picture(best, inputs)), 0, 1)

    @lru_cache(maxsize=1)
    def measured() -> Losses:
        return functions.measure(best, inputs, params)

    def image(index: int) -> np.ndarray:
        return images() if start.ndim == 3 else images()[index]

    def losses(index: int) -> Losses:
        return jax.tree.map(lambda part: float(part if start.ndim == 3 else part[index]), measured())

    size = (start.shape[-2], start.shape[-3])
    how = zip(stage.members, budgets, strict=False)
    return [
        Progress(member.evaluations, budget, member.loss, stage.seconds, partial(image, i), partial(losses, i), size)
        for i, (member, budget) in enumerate(how)
    ]
