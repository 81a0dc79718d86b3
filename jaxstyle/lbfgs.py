"""What a solver is between two steps, and L-BFGS with steps of length 1. Nothing here knows what a style is.

    state = solver.init(x)                       # evaluates nothing
    state = solver.step(fun, state, *args)       # at least one evaluation of fun and its gradient; the first is at x itself

`fun(x, *args)` is a scalar function of one float array; where a solver has an attribute `has_aux`, and it is true, of two
scalars: what is minimised, and what is passed on. `step` is pure: it can be jitted (donate the state), vmapped over
states, saved and loaded between steps. Work is counted in evaluations, one value with its gradient.

A value or gradient that is not finite never enters the state: the solver goes back to its best point, forgets its history
and halves its step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import Array, lax

Function = Callable[..., Array]


class State(NamedTuple):
    """A solver between two steps: a pytree of arrays.

    Attributes:
        x: the current point.
        value: fun(x); inf before the first step, and where `x` has to be evaluated again after a restart.
        aux: the second scalar that fun gave at `x`; the first again where it has no second.
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


def begin(x: Array, inner: Any) -> State:
    """The state before anything is evaluated."""
    infinity, zero, one = jnp.asarray(jnp.inf, x.dtype), jnp.zeros((), jnp.int32), jnp.ones((), x.dtype)
    yes, no = jnp.array(True), jnp.array(False)
    state = State(x, infinity, infinity, zero, x, infinity, yes, one, zero, no, yes, inner)
    # Copies, since a state is donated to its step and no buffer may be donated twice; of strong type, as step returns them.
    return jax.tree.map(lambda leaf: jnp.array(leaf, dtype=leaf.dtype), state)


def settle(
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
    """Whether a value and its gradient are."""
    return jnp.isfinite(value) & jnp.all(jnp.isfinite(grad))


def inverse_norm(grad: Array) -> Array:
    """1 / |grad|_1, so that a first step along -grad * scale has the L1 norm 1; 1 for a zero gradient."""
    norm = jnp.abs(grad).sum()
    return jnp.where(norm > 0, 1 / norm, 1.0)


def _power_of_two(length: Array) -> Array:
    """The nearest power of two, on a logarithmic scale; 1 for a length that is not positive and finite."""
    usable = (length > 0) & jnp.isfinite(length)
    return jnp.where(usable, jnp.exp2(jnp.round(jnp.log2(jnp.where(usable, length, 1)))), 1)


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
        length: of the next step along the direction, 1 unless the last one was refused.
    """

    grad: Array
    basis: Array
    products: Array
    slopes: Array
    rho: Array
    pairs: Array
    gamma: Array
    length: Array


REFUSED = 2.0
"""A step to more than so many times the value before is taken back and shortened."""
SHORTEST = 1e-3
"""Below this length the direction is given up, and with it the pairs that it came from."""


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS with steps of length 1, one evaluation each; made for losses, which are nowhere negative.

    The two loops of algorithm 7.4 (Nocedal & Wright, Numerical Optimization, 2nd ed.) run on coefficients of the direction in
    the basis of all pairs and the gradient (Chen, Wang, Zhou, Large-scale L-BFGS using MapReduce, NIPS 2014): an iteration
    reads the history twice, as two matrix products, and writes one pair in place. Pairs with s.y <= 1e-10 are skipped.

    The first step is value / (2 |g|^2) times the gradient g, half of Polyak's, which is right for a quadratic along its
    steepest axis. A step that makes the value more than `REFUSED` times as large is taken back, and the next evaluation lies
    where a parabola through both values and the slope has its least value, at 1/8 to 1/2 of the length. Both lengths are
    rounded to powers of two, so that the rounding of a sum does not set a run on another course.

    Unguarded it is torch.optim.LBFGS: no step is refused, and the first has the L1 norm 1, which says little of the curvature
    since the gradient hardly changes over it. Where torch goes along the whole gradient when the first pair is skipped (to a
    loss of 1e16, from where it comes back in some tens of evaluations), this repeats the first step's length.

    Attributes:
        history: pairs kept, each two arrays of the size of x.
        guarded: whether bad steps are refused and the first is measured by the value.
        has_aux: whether `fun` gives a second scalar.
    """

    history: int = 20
    guarded: bool = True
    has_aux: bool = False

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
            jnp.ones((), x.dtype),
        )
        return begin(x, memory)

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
        length = state.step * memory.length
        x = jnp.where(fresh, state.x, state.x + length * direction)
        evaluated, grad = jax.value_and_grad(fun, has_aux=self.has_aux)(x, *args)
        value, aux = evaluated if self.has_aux else (evaluated, evaluated)
        ok = finite(value, grad) & jnp.all(jnp.isfinite(x))
        refused, next_length = self._judge(state, length, value, jnp.vdot(direction, memory.grad), ok & ~fresh)
        forgotten = refused & (next_length < SHORTEST)

        before, after = (state.x, state.value, state.aux), (x, value, aux)
        x, value, aux = (jnp.where(refused, old, new) for old, new in zip(before, after, strict=True))
        grad = jnp.where(ok, jnp.where(refused, memory.grad, grad), 0)
        restart = fresh | ~ok | forgotten
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
        first = _power_of_two(value / (2 * jnp.vdot(grad, grad))) if self.guarded else inverse_norm(grad)
        inner = Memory(
            grad=grad,
            basis=basis,
            products=products,
            slopes=found[:, 2],
            rho=jnp.where(restart, 0, memory.rho.at[slot].set(1 / curvature)),
            pairs=jnp.where(restart, 0, memory.pairs + keep),
            gamma=jnp.where(restart, first, jnp.where(keep, curvature / spread, memory.gamma)),
            length=jnp.where(forgotten, 1, next_length),
        )
        return settle(state, x, value, grad, 1, inner, ok, refused, aux)

    def _judge(self, state: State, length: Array, value: Array, slope: Array, judged: Array) -> tuple[Array, Array]:
        """Whether a step of this length to this value is refused, and the length of the next one."""
        if not self.guarded:
            return jnp.array(False), jnp.ones_like(length)
        refused = judged & (value - state.value > (REFUSED - 1) * jnp.abs(state.value))
        least = -slope * length / (2 * (value - state.value - slope * length))  # of the parabola, in lengths
        return refused, jnp.where(refused, state.inner.length * _power_of_two(jnp.clip(least, 1 / 8, 1 / 2)), 1)
