"""What a solver is between two steps. Nothing in this room knows what a style is.

    state = solver.init(x)                       # evaluates nothing
    state = solver.step(fun, state, *args)       # at least one evaluation of fun and its gradient; the first is at x itself

`fun(x, *args)` is a scalar function of one float array. Where a solver has a true attribute `has_aux`, it returns two scalars:
the one to minimise, and one to pass on. `step` is pure: jit it (donate the state), vmap it over states, save and load the
state between steps. Work is counted in evaluations: one value with its gradient.

A value or gradient that is not finite never enters the state: the solver goes back to its best point, forgets its history
and halves its step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array

Function = Callable[..., Array]


class State(NamedTuple):
    """A solver between two steps: a pytree of arrays.

    Attributes:
        x: the current point.
        value: fun(x); inf before the first step, and where `x` has to be evaluated again after a restart.
        aux: the second scalar of fun at `x`; the first one again where fun has no second.
        evaluations: how often fun and its gradient were computed, int32.
        best_x, best_value: the point of the lowest finite value so far.
        fresh: whether the next step only evaluates fun at `x`, at the start and after a restart.
        step: factor on every step, 1 at first, halved by each restart.
        restarts: how often a value was not finite, int32.
        stationary: whether the gradient at `x` is exactly zero.
        accepted: whether the last evaluation was at `x`; where it was not, its point was refused.
        inner: the method's own state.
    """

    x: Array
    value: Array
    aux: Array
    evaluations: Array
    best_x: Array
    best_value: Array
    fresh: Array
    step: Array
    restarts: Array
    stationary: Array
    accepted: Array
    inner: Any


class Solver(Protocol):
    """What the loop needs of a solver."""

    def init(self, x: Array) -> State:
        """The state before anything is evaluated."""
        ...

    def step(self, fun: Function, state: State, *args: Any) -> State:
        """One iteration."""
        ...


def init_state(x: Array, inner: Any) -> State:
    """The state before anything is evaluated."""
    infinity, zero, one = jnp.asarray(jnp.inf, x.dtype), jnp.zeros((), jnp.int32), jnp.ones((), x.dtype)
    yes, no = jnp.array(True), jnp.array(False)
    state = State(x, infinity, infinity, zero, x, infinity, yes, one, zero, no, yes, inner)
    # Copies: a state is donated to its step, and no buffer may be donated twice. Of strong type, as step returns them.
    return jax.tree.map(lambda leaf: jnp.array(leaf, dtype=leaf.dtype), state)


def update_state(
    state: State,
    x: Array,
    value: Array,
    grad: Array,
    cost: Array | int,
    inner: Any,
    ok: Array,
    refused: Array | bool = False,
    aux: Array | None = None,
) -> State:
    """The state after an iteration came to `x`, or stayed there where it `refused`; falls back to the best unless `ok`."""
    better = ok & (value < state.best_value)
    best_x = jnp.where(better, x, state.best_x)
    return State(
        x=jnp.where(ok, x, best_x),
        value=jnp.where(ok, value, jnp.inf).astype(state.value.dtype),
        aux=jnp.where(ok, value if aux is None else aux, jnp.inf).astype(state.value.dtype),
        evaluations=state.evaluations + jnp.asarray(cost, jnp.int32),
        best_x=best_x,
        best_value=jnp.where(better, value, state.best_value),
        fresh=~ok,
        step=jnp.where(ok, state.step, state.step / 2),
        restarts=state.restarts + jnp.where(ok, 0, 1),
        stationary=ok & ~jnp.any(grad != 0),
        accepted=~jnp.asarray(refused),
        inner=inner,
    )


def finite(value: Array, grad: Array) -> Array:
    """Whether a value and its gradient are finite."""
    return jnp.isfinite(value) & jnp.all(jnp.isfinite(grad))


def inverse_norm(grad: Array) -> Array:
    """1 / |grad|_1, so that a first step along -grad * scale has the L1 norm 1; 1 for a zero gradient."""
    norm = jnp.abs(grad).sum()
    return jnp.where(norm > 0, 1 / norm, 1.0)
