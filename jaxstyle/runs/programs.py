"""The functions of a stage, pure and compiled; what goes into them is a `StageInputs`."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxstyle.loss.objective import Losses, loss_in_metric_and_loss, loss_parts, total_loss
from jaxstyle.loss.presets import canonical_of
from jaxstyle.loss.terms import anchor_loss
from jaxstyle.machine.compiler import Compiler
from jaxstyle.machine.devices import Layout
from jaxstyle.network.convolution import Target, current_target, traced_for
from jaxstyle.plans.method import Method
from jaxstyle.runs.inputs import MEMBER_AXES, StageInputs
from jaxstyle.solvers.precondition import decode
from jaxstyle.solvers.state import State


class StageFunctions(NamedTuple):
    """The functions of a stage at one size, compiled or not; z is what the solver moves, `decode` makes the image of it.

    Attributes:
        init: start -> solver state.
        step: (state, inputs, params) -> (state, what the loop reads of it).
        measure: (z, inputs, params) -> `Losses`, canonical.
        picture: (z, inputs) -> image.
    """

    init: Callable
    step: Callable
    measure: Callable
    picture: Callable


def stage_functions(method: Method) -> StageFunctions:
    """The functions of a stage for one picture, not compiled."""

    def picture(z: Array, inputs: StageInputs) -> Array:
        how: Any = dict(chroma=inputs.chroma, held=inputs.held, sparing=method.strips)
        image = decode(z, inputs.start, method.preconditioner, **how)
        return image if inputs.anchor is None else inputs.start + inputs.anchor.pace * (image - inputs.start)

    def loss(z: Array, inputs: StageInputs, params: Any) -> Any:
        """What the solver sees, and beside it, where it `has_aux`, the loss itself."""
        how: Any = dict(objective=method.objective, weights=inputs.weights, precision=method.precision, strips=method.strips)
        image = picture(z, inputs)
        near = None if inputs.anchor is None else anchor_loss(image, inputs.anchor)
        if method.has_metrics:
            assert inputs.metrics is not None
            measured, total = loss_in_metric_and_loss(inputs.metrics, image, params, inputs.targets, **how)
            return measured if near is None else measured + near, total
        total = total_loss(image, params, inputs.targets, **how)
        return total if near is None else total + near

    def step(state: State, inputs: StageInputs, params: Any) -> tuple[State, tuple[Array, ...]]:
        state = method.solver.step(loss, state, inputs, params)
        return state, (state.value, state.aux, state.evaluations, state.restarts, state.stationary, state.accepted)

    def measure(z: Array, inputs: StageInputs, params: Any) -> Losses:
        how: Any = dict(objective=canonical_of(method.objective), strips=method.strips)
        return loss_parts(picture(z, inputs), params, inputs.canonical, **how)

    def init(start: Array) -> State:
        return method.solver.init(jnp.zeros_like(start[..., :1] if method.grey else start))

    return StageFunctions(init, step, measure, picture)


def of_members(single: StageFunctions) -> StageFunctions:
    """The same for a batch: the network and what is held are shared, everything else has a leading axis."""
    return StageFunctions(
        jax.vmap(single.init),
        jax.vmap(single.step, (0, MEMBER_AXES, None)),
        jax.vmap(single.measure, (0, MEMBER_AXES, None)),
        jax.vmap(single.picture, (0, MEMBER_AXES)),
    )


def compile_stage(
    method: Method,
    layout: Layout,
    inputs: Any,
    params: Any,
    compiler: Compiler,
    *,
    measured: bool,
    algorithm: str | None = None,
) -> StageFunctions:
    """Compiles a stage for inputs like these; shapes are enough.

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

    single = stage_functions(method)
    run = StageFunctions(*map(traced, of_members(single) if inputs.is_batch else single))
    state = layout.shapes(jax.eval_shape(run.init, inputs.start))
    spread = layout.shardings(state)
    key = (method, layout, target)
    compile_measure = compiler.compile if measured else compiler.compile_when_called
    stepped: Any = dict(donate=(0,), out=spread and (spread, None))
    return StageFunctions(
        compiler.compile(run.init, inputs.start, key=("init", *key), out=spread),
        compiler.compile(run.step, state, inputs, params, key=("step", *key), **stepped),
        compile_measure(run.measure, state.x, inputs, params, key=("measure", *key)),
        compiler.compile(run.picture, state.x, inputs, key=("picture", *key)),
    )
