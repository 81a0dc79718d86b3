"""The loop around a solver: compile once, step, measure on the canonical scale, report, stop with a reason in words.

Images are float RGB in [0, 1], (H, W, 3); what the solver moves is `variable`'s z.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
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
        image: gives the best image so far, float32 (H, W, 3) in [0, 1]; to be called within the callback, while it is there.
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
    losses: Losses
    evaluations: int
    stop_reason: str
    stopped_by_callback: bool
    trace: list[Entry]
    compile_seconds: float
    solve_seconds: float


@dataclass
class Stopwatch:
    """Compiles functions ahead of their first call and keeps count of the seconds."""

    seconds: float = 0.0

    def compile(self, function: Callable, *args: Any, donate: tuple[int, ...] = ()) -> Callable:
        """`function`, compiled for arguments like these."""
        began = time.perf_counter()
        compiled = jax.jit(function, donate_argnums=donate).lower(*args).compile()
        self.seconds += time.perf_counter() - began
        return compiled


def run(
    start: Array,
    params: Params,
    targets: Targets,
    canonical: Targets,
    *,
    objective: Objective,
    solver: Solver,
    evaluations: int,
    preconditioner: str = "none",
    precision: str = "float32",
    callback: Callback | None = None,
    stopwatch: Stopwatch | None = None,
) -> Outcome:
    """Minimises an objective over the pixels of an image.

    Args:
        start: (H, W, 3), RGB in [0, 1].
        params: the network.
        targets: of `objective`, in `precision`.
        canonical: the targets of the canonical objective, in float32; may be the same.
        objective: what to minimise.
        solver: how.
        evaluations: the budget; a line search may overrun it within its last step.
        preconditioner: key of `PRECONDITIONERS`; with ``"none"`` L-BFGS runs as torch's does.
        precision: of the convolutions within the solver; what is reported is measured in float32.
        callback: called after each accepted iterate (on an accelerator, once for several); a true answer stops the run.
        stopwatch: counts the seconds of compilation.

    Raises:
        JaxstyleError: where the loss is not finite at the start.
    """
    stopwatch = stopwatch or Stopwatch()

    def image_of(z: Array, start: Array) -> Array:
        return decode(z, start, preconditioner)

    def fun(z: Array, start: Array, params: Params, targets: Targets) -> Array:
        return total_loss(image_of(z, start), params, targets, objective=objective, precision=precision)

    def advance(state: State, *args: Any) -> tuple[State, tuple[Array, ...]]:
        state = solver.step(fun, state, *args)
        return state, (state.value, state.evaluations, state.restarts, state.stationary)

    def measure(z: Array, start: Array, params: Params, targets: Targets) -> Losses:
        return loss_parts(image_of(z, start), params, targets, objective=CANONICAL)

    state = jax.jit(solver.init)(jnp.zeros_like(start))
    step = stopwatch.compile(advance, state, start, params, targets, donate=(0,))
    measured = stopwatch.compile(measure, state.x, start, params, canonical)
    picture = stopwatch.compile(image_of, state.x, start)
    is_canonical = (objective, precision) == (CANONICAL, "float32")
    # Reading a number waits for the device: on an accelerator that is done for several steps at once.
    batch = 1 if jax.default_backend() == "cpu" else MEASURE_EVERY
    trace: list[Entry] = []
    pending: list[tuple[tuple[Array, ...], Array | None]] = []
    known, steps, reason, by_callback = 0, 0, "", False
    loss = float("inf")
    began = time.perf_counter()
    while not reason:
        state, report = step(state, start, params, targets)
        due = not is_canonical and steps % MEASURE_EVERY == 0
        pending.append((report, measured(state.x, start, params, canonical).total if due else None))
        steps += 1
        expected = known + len(pending) * max(1.0, known / steps)
        if len(pending) < batch and expected < evaluations:
            continue
        for (value, count, restarts, stationary), canonical_loss in jax.device_get(pending):
            known = int(count)
            if not np.isfinite(value):
                if not trace:
                    raise JaxstyleError(
                        "the loss is not finite at the starting image; lower the weights, or start from another image"
                    )
                if restarts > MOST_RESTARTS:
                    reason = f"the loss was not finite {int(restarts)} times although the step was halved each time"
                continue
            if is_canonical or canonical_loss is not None:
                loss = float(value if is_canonical else canonical_loss)
            shown = loss if is_canonical or canonical_loss is not None else None
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
            lambda best=best: np.clip(np.asarray(picture(best, start)), 0, 1),
        )
        if callback is not None and callback(progress) and not reason:
            reason, by_callback = f"stopped on request after {known} of {evaluations} evaluations", True
    final = jax.block_until_ready(measured(state.best_x, start, params, canonical))
    solve = time.perf_counter() - began
    return Outcome(picture(state.best_x, start), final, known, reason, by_callback, trace, stopwatch.seconds, solve)
