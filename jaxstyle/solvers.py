"""Every minimiser by name; the only module that imports jaxopt and optax. What a solver is, `lbfgs` says."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from jaxstyle.errors import InputError, unknown
from jaxstyle.lbfgs import LBFGS, Function, Solver, State, begin, finite, inverse_norm, settle

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # jaxopt announces on import that it is no longer maintained
    import jaxopt


@dataclass(frozen=True)
class SearchingLBFGS:
    """L-BFGS by jaxopt with a line search (Nocedal & Wright, algorithms 7.4 and 7.5).

    It sees the loss divided by the L1 norm of the first gradient, so that the first length it tries is torch.optim.LBFGS'.

    Attributes:
        linesearch: jaxopt's ``"zoom"``, ``"backtracking"`` or ``"hager-zhang"``.
        history: pairs kept, each two arrays of the size of x.
    """

    linesearch: str
    history: int = 20

    def _jaxopt(self, fun: Callable) -> jaxopt.LBFGS:
        options: dict[str, Any] = dict(linesearch=self.linesearch, history_size=self.history)
        return jaxopt.LBFGS(fun, value_and_grad=True, tol=0.0, implicit_diff=False, **options)

    def init(self, x: Array) -> State:
        shapes = jax.eval_shape(self._jaxopt(lambda x: (x.sum(), x)).init_state, x)
        blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
        return begin(x, (jnp.ones((), x.dtype), blank))

    def step(self, fun: Function, state: State, *args: Any) -> State:
        fresh, (old_scale, old) = state.fresh, state.inner
        scale = jnp.where(fresh, 1.0, old_scale)

        def evaluate(x: Array) -> tuple[Array, Array]:
            value, grad = jax.value_and_grad(fun)(x, *args)
            return value * scale, grad * scale

        def only_evaluate(x: Array) -> tuple[Array, Any]:
            value, grad = evaluate(x)
            return x, old._replace(value=value, grad=grad, num_fun_eval=old.num_fun_eval + 1)

        x, new = lax.cond(fresh, only_evaluate, lambda x: tuple(self._jaxopt(evaluate).update(x, old)), state.x)
        value, grad = new.value / scale, new.grad
        ok = finite(value, grad) & jnp.all(jnp.isfinite(x))

        slot = old.iter_num % self.history
        rho = new.rho_history[slot]
        keep = ok & ~fresh & (rho > 0) & (rho * scale * 1e-10 < 1)
        restart = fresh | ~ok
        rescale = jnp.where(fresh, inverse_norm(grad), 1.0)
        inner = new._replace(
            iter_num=jnp.where(restart, 0, jnp.where(keep, new.iter_num, old.iter_num)),
            value=new.value * rescale,
            grad=jnp.where(ok, grad * rescale, 0),
            s_history=new.s_history.at[slot].set(jnp.where(keep, new.s_history[slot], 0)),
            y_history=new.y_history.at[slot].set(jnp.where(keep, new.y_history[slot], 0)),
            rho_history=jnp.where(restart, 0, new.rho_history.at[slot].set(jnp.where(keep, rho, 0))),
            gamma=jnp.where(restart, 1.0, jnp.where(keep, new.gamma, old.gamma)),
        )
        return settle(state, x, value, grad, new.num_fun_eval - old.num_fun_eval, (scale * rescale, inner), ok)


@dataclass(frozen=True)
class OptaxLBFGS:
    """L-BFGS by optax with its zoom line search, which tries the length 1 first."""

    history: int = 20

    @property
    def _optax(self) -> optax.GradientTransformationExtraArgs:
        search = optax.scale_by_zoom_linesearch(max_linesearch_steps=20, initial_guess_strategy="one")
        return optax.lbfgs(memory_size=self.history, linesearch=search)

    def init(self, x: Array) -> State:
        return begin(x, (jnp.ones((), x.dtype), jnp.zeros_like(x), self._optax.init(x)))

    def step(self, fun: Function, state: State, *args: Any) -> State:
        old_scale, old_grad, old = state.inner

        def only_evaluate() -> tuple[Any, ...]:
            value, grad = jax.value_and_grad(fun)(state.x, *args)
            return state.x, value, grad, inverse_norm(grad), self._optax.init(state.x), jnp.ones((), jnp.int32)

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
        ok = finite(value, grad) & jnp.all(jnp.isfinite(x))
        return settle(state, x, value, grad, cost, (scale, grad, inner), ok)


@dataclass(frozen=True)
class Adam:
    """Adam by optax; `learning_rate` in the units of x."""

    learning_rate: float = 10.0

    def init(self, x: Array) -> State:
        return begin(x, (jnp.zeros_like(x), optax.adam(self.learning_rate).init(x)))

    def step(self, fun: Function, state: State, *args: Any) -> State:
        solver = optax.adam(self.learning_rate)
        old_grad, old = state.inner
        updates, new = solver.update(old_grad, old)
        blank = solver.init(state.x)
        inner = jax.tree.map(lambda fresh, moved: jnp.where(state.fresh, fresh, moved), blank, new)
        x = jnp.where(state.fresh, state.x, state.x + state.step * jnp.asarray(updates))
        value, grad = jax.value_and_grad(fun)(x, *args)
        ok = finite(value, grad)
        return settle(state, x, value, grad, 1, (jnp.where(ok, grad, 0), inner), ok)


SOLVERS: dict[str, Callable[..., Solver]] = {
    "lbfgs": LBFGS,
    "lbfgs-torch": partial(LBFGS, guarded=False),
    "lbfgs-zoom": partial(SearchingLBFGS, "zoom"),
    "lbfgs-backtracking": partial(SearchingLBFGS, "backtracking"),
    "lbfgs-hager-zhang": partial(SearchingLBFGS, "hager-zhang"),
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
