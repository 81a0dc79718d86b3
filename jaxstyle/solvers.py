"""Minimisers behind one small protocol; the only module that imports jaxopt and optax. Nothing here knows what a style is.

    state = solver.init(x)                       # evaluates nothing
    state = solver.step(fun, state, *args)       # at least one evaluation of fun and its gradient; the first is at x itself

`fun(x, *args)` is a scalar function of one float array. `step` is pure: it can be jitted (donate the state), vmapped over
states, saved and loaded between steps. Work is counted in evaluations, one value with its gradient.

A value or gradient that is not finite never enters the state: the solver goes back to its best point, forgets its history
and halves its step.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from jaxstyle.errors import InputError, unknown

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # jaxopt announces on import that it is no longer maintained
    import jaxopt

Function = Callable[..., Array]


class State(NamedTuple):
    """A solver between two steps: a pytree of arrays.

    Attributes:
        x: the current point.
        value: fun(x); inf before the first step, and where `x` has to be evaluated again after a restart.
        evaluations: how often fun and its gradient were computed, int32.
        best_x, best_value: the point of the lowest finite value so far.
        fresh: whether the next step only evaluates fun at `x`, at the start and after a restart.
        step: factor on every step, 1 at first, halved by each restart.
        restarts: how often a value was not finite, int32.
        stationary: whether the gradient at `x` is exactly zero.
        inner: the method's own state.
    """

    x: Array
    value: Array
    evaluations: Array
    best_x: Array
    best_value: Array
    fresh: Array
    step: Array
    restarts: Array
    stationary: Array
    inner: Any


class Solver(Protocol):
    """What the loop needs of a solver."""

    def init(self, x: Array) -> State:
        """The state before anything is evaluated."""
        ...

    def step(self, fun: Function, state: State, *args: Any) -> State:
        """One iteration."""
        ...


def _start(x: Array, inner: Any) -> State:
    infinity, zero, one = jnp.asarray(jnp.inf, x.dtype), jnp.zeros((), jnp.int32), jnp.ones((), x.dtype)
    yes, no = jnp.array(True), jnp.array(False)
    state = State(x, infinity, zero, x, infinity, yes, one, zero, no, inner)
    # Copies, since a state is donated to its step and no buffer may be donated twice; of strong type, as step returns them.
    return jax.tree.map(lambda leaf: jnp.array(leaf, dtype=leaf.dtype), state)


def _settle(state: State, x: Array, value: Array, grad: Array, cost: Array | int, inner: Any, ok: Array) -> State:
    """The state after an iteration came to `x`; falls back to the best point unless `ok`."""
    better = ok & (value < state.best_value)
    best_x = jnp.where(better, x, state.best_x)
    return State(
        x=jnp.where(ok, x, best_x),
        value=jnp.where(ok, value, jnp.inf).astype(state.value.dtype),
        evaluations=state.evaluations + jnp.asarray(cost, jnp.int32),
        best_x=best_x,
        best_value=jnp.where(better, value, state.best_value),
        fresh=~ok,
        step=jnp.where(ok, state.step, state.step / 2),
        restarts=state.restarts + jnp.where(ok, 0, 1),
        stationary=ok & ~jnp.any(grad != 0),
        inner=inner,
    )


def _finite(value: Array, grad: Array) -> Array:
    return jnp.isfinite(value) & jnp.all(jnp.isfinite(grad))


def _scale(grad: Array) -> Array:
    """1 / |grad|_1, so that a first step along -grad * scale has the L1 norm 1; 1 for a zero gradient."""
    norm = jnp.abs(grad).sum()
    return jnp.where(norm > 0, 1 / norm, 1.0)


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS by jaxopt (Nocedal & Wright, Numerical Optimization, 2nd ed., algorithms 7.4 and 7.5).

    It sees the loss divided by the L1 norm of the first gradient, which makes its first step that of torch.optim.LBFGS, and
    skips pairs with s.y <= 1e-10 as that does.

    Attributes:
        linesearch: ``"none"``: steps of length 1 that cost one evaluation each; or jaxopt's ``"zoom"``,
            ``"backtracking"`` or ``"hager-zhang"``.
        history: pairs kept, each two arrays of the size of x.
    """

    linesearch: str = "none"
    history: int = 20

    def _jaxopt(self, fun: Callable, step: Array | None = None) -> jaxopt.LBFGS:
        search: dict[str, Any] = (
            dict(stepsize=lambda _: step) if self.linesearch == "none" else dict(linesearch=self.linesearch)
        )
        return jaxopt.LBFGS(fun, value_and_grad=True, history_size=self.history, tol=0.0, implicit_diff=False, **search)

    def init(self, x: Array) -> State:
        shapes = jax.eval_shape(self._jaxopt(lambda x: (x.sum(), x)).init_state, x)
        blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return _start(x, (jnp.ones((), x.dtype), blank))

    def step(self, fun: Function, state: State, *args: Any) -> State:
        fresh, (old_scale, old) = state.fresh, state.inner
        scale = jnp.where(fresh, 1.0, old_scale)

        def evaluate(x: Array) -> tuple[Array, Array]:
            value, grad = jax.value_and_grad(fun)(x, *args)
            return value * scale, grad * scale

        solver = self._jaxopt(evaluate, state.step)
        if self.linesearch == "none":  # a fresh state has a zero gradient, so that this evaluates fun at x
            x, new = solver.update(state.x, old)
            cost = 1
        else:

            def only_evaluate(x: Array) -> tuple[Array, Any]:
                value, grad = evaluate(x)
                return x, old._replace(value=value, grad=grad, num_fun_eval=old.num_fun_eval + 1)

            x, new = lax.cond(fresh, only_evaluate, lambda x: tuple(solver.update(x, old)), state.x)
            cost = new.num_fun_eval - old.num_fun_eval
        value, grad = new.value / scale, new.grad
        ok = _finite(value, grad) & jnp.all(jnp.isfinite(x))

        slot = old.iter_num % self.history
        rho = new.rho_history[slot]
        keep = ok & ~fresh & (rho > 0) & (rho * scale * 1e-10 < 1)
        restart = fresh | ~ok
        rescale = jnp.where(fresh, _scale(grad), 1.0)
        inner = new._replace(
            iter_num=jnp.where(restart, 0, jnp.where(keep, new.iter_num, old.iter_num)),
            value=new.value * rescale,
            grad=jnp.where(ok, grad * rescale, 0),
            s_history=new.s_history.at[slot].set(jnp.where(keep, new.s_history[slot], 0)),
            y_history=new.y_history.at[slot].set(jnp.where(keep, new.y_history[slot], 0)),
            rho_history=jnp.where(restart, 0, new.rho_history.at[slot].set(jnp.where(keep, rho, 0))),
            gamma=jnp.where(restart, 1.0, jnp.where(keep, new.gamma, old.gamma)),
        )
        return _settle(state, x, value, grad, cost, (scale * rescale, inner), ok)


@dataclass(frozen=True)
class OptaxLBFGS:
    """L-BFGS by optax with its zoom line search, which tries the length 1 first."""

    history: int = 20

    @property
    def _optax(self) -> optax.GradientTransformationExtraArgs:
        search = optax.scale_by_zoom_linesearch(max_linesearch_steps=20, initial_guess_strategy="one")
        return optax.lbfgs(memory_size=self.history, linesearch=search)

    def init(self, x: Array) -> State:
        return _start(x, (jnp.ones((), x.dtype), jnp.zeros_like(x), self._optax.init(x)))

    def step(self, fun: Function, state: State, *args: Any) -> State:
        old_scale, old_grad, old = state.inner

        def only_evaluate() -> tuple[Any, ...]:
            value, grad = jax.value_and_grad(fun)(state.x, *args)
            return state.x, value, grad, _scale(grad), self._optax.init(state.x), jnp.ones((), jnp.int32)

        def iterate() -> tuple[Any, ...]:
            def scaled(x: Array) -> Array:
                return fun(x, *args) * old_scale

            updates, new = self._optax.update(
                old_grad * old_scale,
                old,
                state.x,
                value=state.value * old_scale,
                grad=old_grad * old_scale,
                value_fn=scaled,
            )
            value, grad = (optax.tree.get(new, name) / old_scale for name in ("value", "grad"))
            cost = optax.tree.get(new, "num_linesearch_steps")
            return state.x + state.step * jnp.asarray(updates), value, grad, old_scale, new, jnp.asarray(cost, jnp.int32)

        x, value, grad, scale, inner, cost = lax.cond(state.fresh, only_evaluate, iterate)
        ok = _finite(value, grad) & jnp.all(jnp.isfinite(x))
        return _settle(state, x, value, grad, cost, (scale, grad, inner), ok)


@dataclass(frozen=True)
class Adam:
    """Adam by optax; `learning_rate` in the units of x."""

    learning_rate: float = 10.0

    def init(self, x: Array) -> State:
        return _start(x, (jnp.zeros_like(x), optax.adam(self.learning_rate).init(x)))

    def step(self, fun: Function, state: State, *args: Any) -> State:
        solver = optax.adam(self.learning_rate)
        old_grad, old = state.inner
        updates, new = solver.update(old_grad, old)
        blank = solver.init(state.x)
        inner = jax.tree.map(lambda fresh, moved: jnp.where(state.fresh, fresh, moved), blank, new)
        x = jnp.where(state.fresh, state.x, state.x + state.step * jnp.asarray(updates))
        value, grad = jax.value_and_grad(fun)(x, *args)
        ok = _finite(value, grad)
        return _settle(state, x, value, grad, 1, (jnp.where(ok, grad, 0), inner), ok)


SOLVERS: dict[str, Callable[..., Solver]] = {
    "lbfgs": LBFGS,
    "lbfgs-zoom": partial(LBFGS, "zoom"),
    "lbfgs-backtracking": partial(LBFGS, "backtracking"),
    "lbfgs-hager-zhang": partial(LBFGS, "hager-zhang"),
    "optax-lbfgs": OptaxLBFGS,
    "adam": Adam,
}


def make_solver(name: str, *, history: int = 20, learning_rate: float = 10.0) -> Solver:
    """A solver by name; `history` is read by the L-BFGS family, `learning_rate` by Adam."""
    if name not in SOLVERS:
        raise unknown("solver", name, SOLVERS)
    if history < 1:
        raise InputError("history", history, "must be at least 1")
    if not learning_rate > 0:
        raise InputError("learning_rate", learning_rate, "must be positive")
    return Adam(learning_rate) if name == "adam" else SOLVERS[name](history=history)
