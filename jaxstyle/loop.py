"""The loop around a solver: compile once, step, measure on the canonical scale, report, stop with a reason in words.

Images are float RGB in [0, 1], (H, W, 3); what the solver moves is `variable`'s z.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxstyle.errors import JaxstyleError
from jaxstyle.losses import CANONICAL, Objective
from jaxstyle.objective import Losses, Targets, loss_parts, total_loss
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
    """One accepted iterate. `loss` is canonical, None where it was not measured; `objective` is what the solver saw."""

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


@dataclass
class Stopwatch:
    """Compiles functions ahead of their first call and keeps count of the seconds."""

    seconds: float = 0.0

    def compile(self, function: Callable, *args: Any, donate: tuple[int, ...] = ()) -> Any:
        """`function`, compiled for arguments like these, which may be `jax.ShapeDtypeStruct`s."""
        began = time.perf_counter()
        compiled = jax.jit(function, donate_argnums=donate).lower(*args).compile()
        self.seconds += time.perf_counter() - began
        return compiled

    def compile_when_called(self, function: Callable, *args: Any) -> Callable:
        """The same, put off: for what only the end of a run needs, so that its beginning need not wait."""
        compiled = lru_cache(maxsize=1)(lambda: self.compile(function, *args))
        return lambda *given: compiled()(*given)


@dataclass(frozen=True)
class Method:
    """How an image is searched for.

    Attributes:
        objective: what to minimise.
        solver: how.
        preconditioner: key of `PRECONDITIONERS`; with ``"none"`` L-BFGS runs as torch's does.
        precision: of the convolutions within the solver; what is reported is measured in float32.
    """

    objective: Objective
    solver: Solver
    preconditioner: str = "none"
    precision: str = "float32"

    @property
    def is_canonical(self) -> bool:
        """Whether what the solver sees is what is reported."""
        return (self.objective, self.precision) == (CANONICAL, "float32")


class Programs(NamedTuple):
    """The compiled parts of a run, for one size."""

    init: Any
    step: Any
    measure: Any
    picture: Any


def compile_programs(method: Method, start: Any, params: Any, targets: Any, canonical: Any, stopwatch: Stopwatch) -> Programs:
    """Compiles a run for arguments like these, as `run` takes them; shapes are enough."""

    def image_of(z: Array, start: Array) -> Array:
        return decode(z, start, method.preconditioner)

    def fun(z: Array, start: Array, params: Params, targets: Targets) -> Array:
        image = image_of(z, start)
        return total_loss(image, params, targets, objective=method.objective, precision=method.precision)

    def advance(state: State, *args: Any) -> tuple[State, tuple[Array, ...]]:
        state = method.solver.step(fun, state, *args)
        return state, (state.value, state.evaluations, state.restarts, state.stationary)

    def measure(z: Array, start: Array, params: Params, targets: Targets) -> Losses:
        return loss_parts(image_of(z, start), params, targets, objective=CANONICAL)

    def init(start: Array) -> State:
        return method.solver.init(jnp.zeros_like(start))

    state = jax.eval_shape(init, start)
    measured = (state.x, start, params, canonical)
    return Programs(
        stopwatch.compile(init, start),
        stopwatch.compile(advance, state, start, params, targets, donate=(0,)),
        (stopwatch.compile_when_called if method.is_canonical else stopwatch.compile)(measure, *measured),
        stopwatch.compile(image_of, state.x, start),
    )


def run(
    start: Array,
    params: Params,
    targets: Targets,
    canonical: Targets,
    method: Method,
    *,
    evaluations: int,
    spent: tuple[int, float] = (0, 0.0),
    callback: Callback | None = None,
    programs: Programs | None = None,
) -> Outcome:
    """Minimises an objective over the pixels of an image.

    Args:
        start: (H, W, 3), RGB in [0, 1].
        params: the network.
        targets: of the method's objective, in its precision.
        canonical: the targets of the canonical objective, in float32; may be the same.
        method: what to minimise, and how.
        evaluations: the budget; a line search may overrun it within its last step.
        spent: evaluations and seconds of the run so far, at other sizes; the budget includes them.
        callback: called after each accepted iterate (on an accelerator, once for several); a true answer stops the run.
        programs: from `compile_programs` with the same arguments; compiled here otherwise.

    Raises:
        JaxstyleError: where the loss is not finite at the start.
    """
    programs = programs or compile_programs(method, start, params, targets, canonical, Stopwatch())
    state = programs.init(start)
    # Reading a number waits for the device: on an accelerator that is done for several steps at once.
    batch = 1 if jax.default_backend() == "cpu" else MEASURE_EVERY
    trace: list[Entry] = []
    pending: list[tuple[tuple[Array, ...], Array | None]] = []
    known, steps, reason, by_callback = spent[0], 0, "", False
    loss = float("inf")
    began = time.perf_counter() - spent[1]
    while not reason:
        state, report = programs.step(state, start, params, targets)
        due = not method.is_canonical and steps % MEASURE_EVERY == 0
        pending.append((report, programs.measure(state.x, start, params, canonical).total if due else None))
        steps += 1
        expected = known + len(pending) * max(1.0, (known - spent[0]) / steps)
        if len(pending) < batch and expected < evaluations:
            continue
        for (value, count, restarts, stationary), canonical_loss in jax.device_get(pending):
            known = spent[0] + int(count)
            if not np.isfinite(value):
                if not trace:
                    raise JaxstyleError(
                        "the loss is not finite at the starting image; lower the weights, or start from another image"
                    )
                if restarts > MOST_RESTARTS:
                    reason = f"the loss was not finite {int(restarts)} times although the step was halved each time"
                continue
            shown = float(value) if method.is_canonical else None if canonical_loss is None else float(canonical_loss)
            loss = loss if shown is None else shown
            trace.append(Entry(known, shown, float(value), round(time.perf_counter() - began, 4)))
            if stationary:
                reason = "the gradient is zero: no change of the image can lower the loss"
        pending.clear()
        if not reason and known >= evaluations:
            reason = f"the budget of {evaluations} evaluations is used up"
        best = state.best_x
        progress = Progress(
            known,
            evaluations,
            loss,
            time.perf_counter() - began,
            lambda best=best: np.clip(np.asarray(programs.picture(best, start)), 0, 1),
        )
        if callback is not None and callback(progress) and not reason:
            reason, by_callback = f"stopped on request after {known} of {evaluations} evaluations", True
    best, seconds = state.best_x, time.perf_counter() - began

    def measure() -> Losses:
        return programs.measure(best, start, params, canonical)

    return Outcome(programs.picture(best, start), measure, known, reason, by_callback, trace, seconds)
