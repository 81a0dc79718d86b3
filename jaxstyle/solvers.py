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


class Memory(NamedTuple):
    """What L-BFGS with steps of length 1 remembers, for a point of n numbers and m slots, the next one always free.

    Attributes:
        grad: at the current point, in the shape of x; zero before the first evaluation.
        basis: (2m, n), the last changes of x, then those of the gradient, each a ring.
        products: (2m, 2m), inner products of the rows of `basis`.
        slopes: (2m,), inner products of the rows of `basis` with `grad`.
        rho: (m,), 1 / s.y of each pair, 0 for an empty slot.
        pairs: how many were stored so far, int32.
        gamma: the scale of the initial inverse Hessian.
    """

    grad: Array
    basis: Array
    products: Array
    slopes: Array
    rho: Array
    pairs: Array
    gamma: Array


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS with steps of length 1, one evaluation each, as torch.optim.LBFGS runs it.

    The first step has the L1 norm 1, and pairs with s.y <= 1e-10 are skipped. The two loops of algorithm 7.4 (Nocedal &
    Wright, Numerical Optimization, 2nd ed.) run on coefficients of the direction in the basis of all pairs and the gradient
    (Chen, Wang, Zhou, Large-scale L-BFGS using MapReduce, NIPS 2014): an iteration reads the history twice, as two matrix
    products, and writes one pair in place. Unlike torch's, which goes along the whole gradient when the first pair is skipped
    (to a loss of 1e16, from where it comes back in some tens of evaluations), it then repeats the first step's length.

    Attributes:
        history: pairs kept, each two arrays of the size of x.
    """

    history: int = 20

    def init(self, x: Array) -> State:
        m = self.history + 1
        zeros = partial(jnp.zeros, dtype=x.dtype)
        memory = Memory(
            jnp.zeros_like(x),
            zeros((2 * m, x.size)),
            zeros((2 * m, 2 * m)),
            zeros(2 * m),
            zeros(m),
            jnp.zeros((), jnp.int32),
            jnp.ones((), x.dtype),
        )
        return _start(x, memory)

    def _coefficients(self, memory: Memory) -> tuple[Array, Array]:
        """The quasi-Newton direction as coefficients of the rows of `basis` and of the gradient."""
        m = self.history + 1

        def pair(i: Array) -> tuple[Array, Array]:  # the slot of the i-th oldest pair, and its factor
            slot = (memory.pairs + 1 + i) % m
            return slot, memory.rho[slot]

        def backwards(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            rows, alphas = carry
            slot, rho = pair(self.history - 1 - i)
            alpha = rho * (memory.products[slot] @ rows - memory.slopes[slot])
            return rows.at[m + slot].add(-alpha), alphas.at[slot].set(alpha)

        def forwards(i: Array, rows: Array) -> Array:
            slot, rho = pair(i)
            beta = rho * (memory.products[m + slot] @ rows - memory.gamma * memory.slopes[m + slot])
            return rows.at[slot].add(alphas[slot] - beta)

        rows = jnp.zeros_like(memory.slopes)
        rows, alphas = lax.fori_loop(0, self.history, backwards, (rows, jnp.zeros_like(memory.rho)))
        return lax.fori_loop(0, self.history, forwards, memory.gamma * rows), -memory.gamma

    def step(self, fun: Function, state: State, *args: Any) -> State:
        memory: Memory = state.inner
        m, fresh = self.history + 1, state.fresh
        rows, steepest = self._coefficients(memory)
        direction = (rows @ memory.basis).reshape(state.x.shape) + steepest * memory.grad
        x = jnp.where(fresh, state.x, state.x + state.step * direction)
        value, grad = jax.value_and_grad(fun)(x, *args)
        ok = _finite(value, grad) & jnp.all(jnp.isfinite(x))

        grad = jnp.where(ok, grad, 0)
        restart = fresh | ~ok
        s, y = (jnp.where(restart, 0, new - old).ravel() for new, old in ((x, state.x), (grad, memory.grad)))
        slot = memory.pairs % m  # the free one: a pair that is not kept is overwritten by the next
        basis = memory.basis.at[slot].set(s).at[m + slot].set(y)
        found = lax.dot_general(basis, jnp.stack([s, y, grad.ravel()]), (((1,), (1,)), ((), ())), precision="highest")
        products = memory.products
        for row, column in ((slot, 0), (m + slot, 1)):
            products = products.at[row].set(found[:, column]).at[:, row].set(found[:, column])
        curvature, spread = found[slot, 1], found[m + slot, 1]
        keep = curvature > 1e-10
        curvature, spread = jnp.where(keep, curvature, 1), jnp.where(keep, spread, 1)
        inner = Memory(
            grad=grad,
            basis=basis,
            products=products,
            slopes=found[:, 2],
            rho=jnp.where(restart, 0, memory.rho.at[slot].set(1 / curvature)),
            pairs=jnp.where(restart, 0, memory.pairs + keep),
            gamma=jnp.where(restart, _scale(grad), jnp.where(keep, curvature / spread, memory.gamma)),
        )
        return _settle(state, x, value, grad, 1, inner, ok)


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
        return _start(x, (jnp.ones((), x.dtype), blank))

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
        return _settle(state, x, value, grad, new.num_fun_eval - old.num_fun_eval, (scale * rescale, inner), ok)


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
