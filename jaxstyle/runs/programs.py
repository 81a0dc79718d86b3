"""The compiled programs of a run at one size, and the arrays that go into them (`Task`)."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxstyle.loss.metric import Metric
from jaxstyle.loss.objective import Losses, Targets, TermWeights, loss_parts, losses_in, total_loss
from jaxstyle.loss.presets import canonical_of
from jaxstyle.machine.compiler import Compiler
from jaxstyle.machine.devices import Layout
from jaxstyle.network.convolution import Target, current_target, traced_for
from jaxstyle.pictures.waves import Waves
from jaxstyle.plans.method import Method
from jaxstyle.solvers.precondition import decode
from jaxstyle.solvers.state import State


class Task(NamedTuple):
    """The arrays of a stage, for one picture or, with one more leading axis on each, for the members of a batch.

    Attributes:
        start: the image to begin with, (H, W, 3), RGB in [0, 1].
        targets: of the method's objective, in its precision.
        canonical: the targets of the canonical loss, in float32; may be the same.
        weights: of the objective's terms.
        metrics: of the differences of the style's Gram matrices, by tap; None for a solver without `has_aux`.
        held: waves that the images keep as they start, shared by the members; None where all may change.
        chroma: how readily the image's colours move beside its brightness, 0 to 1, (), or (H, W, 1) for regions.
    """

    start: Array
    targets: Targets
    canonical: Targets
    weights: TermWeights
    metrics: dict[str, Metric] | None = None
    held: Waves | None = None
    chroma: Array | np.float32 = np.float32(1)

    def advancing(self, params: Any) -> tuple[Any, ...]:
        """What `Programs.step` takes beside the state."""
        return *self.showing, params, self.targets, self.weights, self.metrics

    def measuring(self, params: Any) -> tuple[Any, ...]:
        """What `Programs.measure` takes beside z."""
        return *self.showing, params, self.canonical

    @property
    def showing(self) -> tuple[Any, ...]:
        """What `Programs.picture` takes beside z."""
        return self.start, self.chroma, self.held


class Programs(NamedTuple):
    """The parts of a run at one size, as pure functions or compiled.

    Attributes:
        init: start -> solver state.
        step: (state, *task.advancing(params)) -> (state, what the loop reads of it).
        measure: (z, *task.measuring(params)) -> `Losses`.
        picture: (z, *task.showing) -> image.
    """

    init: Callable
    step: Callable
    measure: Callable
    picture: Callable


def functions(method: Method) -> Programs:
    """The parts of a run of one picture, not compiled."""

    def picture(z: Array, start: Array, chroma: Array, held: Waves | None) -> Array:
        return decode(z, start, method.preconditioner, chroma=chroma, held=held, sparing=method.strips)

    def fun(z: Array, *args: Any) -> Any:
        *shown, params, targets, weights, metrics = args
        how: Any = dict(objective=method.objective, weights=weights, precision=method.precision, strips=method.strips)
        loss = partial(losses_in, metrics) if method.has_metrics else total_loss
        return loss(picture(z, *shown), params, targets, **how)

    def step(state: State, *args: Any) -> tuple[State, tuple[Array, ...]]:
        state = method.solver.step(fun, state, *args)
        return state, (state.value, state.aux, state.evaluations, state.restarts, state.stationary, state.accepted)

    def measure(z: Array, *args: Any) -> Losses:
        *shown, params, targets = args
        how: Any = dict(objective=canonical_of(method.objective), strips=method.strips)
        return loss_parts(picture(z, *shown), params, targets, **how)

    def init(start: Array) -> State:
        return method.solver.init(jnp.zeros_like(start[..., :1] if method.grey else start))

    return Programs(init, step, measure, picture)


def of_members(single: Programs) -> Programs:
    """The same for a batch: the network and what is held are shared, everything else has a leading axis."""
    shown = 0, 0, None
    return Programs(
        jax.vmap(single.init),
        jax.vmap(single.step, (0, *shown, None, 0, 0, 0)),
        jax.vmap(single.measure, (0, *shown, None, 0)),
        jax.vmap(single.picture, (0, *shown)),
    )


def compile_programs(
    method: Method,
    layout: Layout,
    task: Any,
    params: Any,
    compiler: Compiler,
    *,
    measured: bool,
    algorithm: str | None = None,
) -> Programs:
    """Compiles a run for a task like this; shapes are enough. A batch where `task.start` is (N, H, W, 3).

    Args:
        method, layout, params, compiler: see there.
        measured: whether the canonical loss will be needed along the way, or at the end only.
        algorithm: of every convolution; by default the fastest.
    """
    target = Target(current_target().backend, algorithm or current_target().algorithm)

    def traced(function: Callable) -> Callable:
        def inside(*args: Any) -> Any:
            with traced_for(target):  # a program may be compiled later, outside the caller's own `traced_for`
                return function(*args)

        return inside

    single = functions(method)
    run = Programs(*map(traced, of_members(single) if task.start.ndim == 4 else single))
    state = layout.shapes(jax.eval_shape(run.init, task.start))
    spread = layout.shardings(state)
    key = (method, layout, target)
    compile_measure = compiler.compile if measured else compiler.compile_when_called
    return Programs(
        compiler.compile(run.init, task.start, key=("init", *key), out=spread),
        compiler.compile(
            run.step, state, *task.advancing(params), key=("step", *key), donate=(0,), out=spread and (spread, None)
        ),
        compile_measure(run.measure, state.x, *task.measuring(params), key=("measure", *key)),
        compiler.compile(run.picture, state.x, *task.showing, key=("picture", *key)),
    )
