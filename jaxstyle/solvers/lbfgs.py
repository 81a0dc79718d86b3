"""L-BFGS by jaxopt (Nocedal & Wright, Numerical Optimization, 2nd ed., algorithms 7.4 and 7.5): steps of length 1, or a line
search. jaxopt computes the direction, takes the step and keeps the pairs; this module adds what it lacks: a measured first
step, refused steps, pairs of negative curvature skipped, values that are not finite, and the count of evaluations.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

from jaxstyle.solvers.state import Function, State, finite, init_state, inverse_norm, update_state

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # jaxopt announces on import that it is no longer maintained
    import jaxopt

REFUSED = 2.0
"""A step to more than this many times the value before is taken back and shortened."""
SHORTEST = 1e-3
"""Below this length the direction is given up, and with it the pairs that it came from."""
LEAST_CURVATURE = 1e-10
"""A pair is kept where s.y is above this, as in torch.optim.LBFGS."""
LARGEST = 2.0**14
"""The power of two that the largest value of a pair is scaled to at most, where float16 ends at 2**16."""


def _blank(solver: jaxopt.LBFGS, x: Array) -> Any:
    """jaxopt's state before anything is evaluated: zeros, which stand for no pairs and no gradient."""
    shapes = jax.eval_shape(solver.init_state, x)
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)


def _is_kept(rho: Array, scale: Array | float = 1.0) -> Array:
    """Whether jaxopt's 1 / s.y of a pair, of a function times `scale`, is that of a pair to keep."""
    return (rho > 0) & (rho * scale * LEAST_CURVATURE < 1)


class Float16History:
    """A ring of float32 arrays kept in float16 with a scale for each, half the bytes. jaxopt reads and writes it as it does an
    array.

    What is written waits until `parts` is asked for: an array that is read between two updates would be copied for them. From
    then on only what was written last is read.

    Attributes:
        parts: the bits as uint16, (K, ...), since XLA turns a whole array of short floats into float32 before a loop that reads
            it; and the scales, (K,), powers of two.
        at: what jaxopt writes through, as in ``ring.at[index].set(value)``.
        new: index and value that wait.
    """

    def __init__(self, kept: tuple[Array, Array], new: tuple[Any, Array] | None = None):
        self.kept, self.at, self.new = kept, _IndexUpdate(kept), new

    @classmethod
    def zeros(cls, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """The parts of a ring of zeros, of this shape with the K in front."""
        return jnp.zeros(shape, jnp.uint16), jnp.ones(shape[0])

    def __getitem__(self, index: Any) -> Array:
        if self.new is not None:
            return self.new[1]
        bits, scales = self.kept
        scale = scales[index]
        short = lax.bitcast_convert_type(bits[index], jnp.float16).astype(jnp.float32)
        return short * scale.reshape(scale.shape + (1,) * (short.ndim - scale.ndim))

    @property
    def parts(self) -> tuple[Array, Array]:
        """Bits and scales, with what waited."""
        if self.new is None:
            return self.kept
        (bits, scales), (index, value) = self.kept, self.new
        largest = jnp.max(jnp.abs(value))
        scale = jnp.where(largest > 0, jnp.exp2(jnp.ceil(jnp.log2(jnp.where(largest > 0, largest, 1)))) / LARGEST, 1)
        short = (value / scale).astype(jnp.float16)
        return bits.at[index].set(lax.bitcast_convert_type(short, jnp.uint16)), scales.at[index].set(scale)


class _IndexUpdate:
    def __init__(self, kept: tuple[Array, Array], index: Any = None):
        self.kept, self.index = kept, index

    def __getitem__(self, index: Any) -> "_IndexUpdate":
        return _IndexUpdate(self.kept, index)

    def set(self, value: Array) -> Float16History:
        return Float16History(self.kept, (self.index, value))


def _power_of_two(length: Array) -> Array:
    """The nearest power of two, on a logarithmic scale; 1 for a length that is not positive and finite."""
    usable = (length > 0) & jnp.isfinite(length)
    return jnp.where(usable, jnp.exp2(jnp.round(jnp.log2(jnp.where(usable, length, 1)))), 1)


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS with steps of length 1, one evaluation each; for losses, which are nowhere negative.

    The first step is value / (2 |g|^2) times the gradient g: half of Polyak's step, right for a quadratic along its steepest
    axis. A step that makes the value more than `REFUSED` times as large is taken back. The next evaluation then lies where a
    parabola through both values and the slope has its minimum, at 1/8 to 1/2 of the length. Both lengths are rounded to powers
    of two, so that the rounding of a sum does not set a run on another course.

    Unguarded it is torch.optim.LBFGS: no step is refused, and the first has the L1 norm 1. That step is tiny, so it says little
    of the curvature. Where torch follows the whole gradient after its first pair is skipped (to a loss of 1e16, from which it
    needs some tens of evaluations to come back), this repeats the first step's length.

    Attributes:
        history: pairs kept, each two arrays of the size of x.
        guarded: whether bad steps are refused and the first step is measured by the value.
        has_aux: whether `fun` returns a second scalar.
        halved: whether they are kept in float16 with a scale each, half the bytes; everything is computed in float32.
    """

    history: int = 20
    guarded: bool = True
    has_aux: bool = False
    halved: bool = False

    def _jaxopt(self, fun: Callable, length: Array | float) -> jaxopt.LBFGS:
        # One slot more than pairs: the next one is always free, so that a pair which is not kept overwrites none that is.
        # Within its own jit jaxopt could not take `Float16History`.
        options: dict[str, Any] = dict(stepsize=lambda _: length, history_size=self.history + 1, jit=not self.halved)
        return jaxopt.LBFGS(fun, value_and_grad=True, has_aux=True, tol=0.0, implicit_diff=False, **options)

    def init(self, x: Array) -> State:
        blank = _blank(self._jaxopt(lambda x: ((x.sum(), x.sum()), x), 1.0), x)
        if self.halved:
            blank = blank._replace(
                s_history=Float16History.zeros(blank.s_history.shape), y_history=Float16History.zeros(blank.y_history.shape)
            )
        return init_state(x, (blank, jnp.ones((), x.dtype)))

    def step(self, fun: Function, state: State, *args: Any) -> State:
        (old, length), fresh = state.inner, state.fresh
        if self.halved:
            old = old._replace(s_history=Float16History(old.s_history), y_history=Float16History(old.y_history))

        def evaluate(x: Array) -> tuple[tuple[Array, Array], Array]:
            found, grad = jax.value_and_grad(fun, has_aux=self.has_aux)(x, *args)
            return (found if self.has_aux else (found, found)), grad

        # Where the state is fresh its gradient is zero, and so the step: fun is evaluated at x itself.
        x, new = self._jaxopt(evaluate, state.step * length).update(state.x, old)
        value, grad = new.value, new.grad
        ok = finite(value, grad) & jnp.all(jnp.isfinite(x))
        refused, next_length = self._check_step(state, value, jnp.vdot(x - state.x, old.grad, precision="highest"), ok & ~fresh)
        forgotten = refused & (next_length < SHORTEST)
        restart = fresh | ~ok | forgotten

        slot = old.iter_num % (self.history + 1)
        free = (slot + 1) % (self.history + 1)
        keep = ~restart & ~refused & _is_kept(new.rho_history[slot])
        rho = new.rho_history.at[slot].set(jnp.where(keep, new.rho_history[slot], 0))
        rho = jnp.where(keep, rho.at[free].set(0), rho)

        before, after = (state.x, state.value, state.aux, old.grad), (x, value, new.aux, grad)
        x, value, aux, grad = (jnp.where(refused, a, b) for a, b in zip(before, after, strict=True))
        grad = jnp.where(ok, grad, 0)
        first = _power_of_two(value / (2 * jnp.vdot(grad, grad, precision="highest"))) if self.guarded else inverse_norm(grad)
        inner = new._replace(
            iter_num=jnp.where(restart, 0, old.iter_num + keep),
            value=value,
            grad=grad,
            aux=aux,
            s_history=_clear_rejected(new.s_history, slot, keep),
            y_history=_clear_rejected(new.y_history, slot, keep),
            rho_history=jnp.where(restart, 0, rho),
            gamma=jnp.where(restart, first, jnp.where(keep, new.gamma, old.gamma)),
        )
        if self.halved:
            inner = inner._replace(s_history=inner.s_history.parts, y_history=inner.y_history.parts)
        length = jnp.where(forgotten, 1, next_length)
        return update_state(state, x, value, grad, new.num_fun_eval - old.num_fun_eval, (inner, length), ok, refused, aux)

    def _check_step(self, state: State, value: Array, slope: Array, judged: Array) -> tuple[Array, Array]:
        """Whether the step to this value, along which the value first changed by `slope`, is refused; the next one's length."""
        length = state.inner[1]
        if not self.guarded:
            return jnp.array(False), jnp.ones_like(length)
        rise = value - state.value
        refused = judged & (rise > (REFUSED - 1) * jnp.abs(state.value))
        least = -slope / (2 * (rise - slope))  # of the parabola, in lengths of this step
        return refused, jnp.where(refused, length * _power_of_two(jnp.clip(least, 1 / 8, 1 / 2)), 1)


def _clear_rejected(history: Any, slot: Array, keep: Array) -> Any:
    """A ring of changes whose newest is zero unless it is kept: one that is not finite would poison the next direction."""
    return history.at[slot].set(jnp.where(keep, history[slot], 0))


@dataclass(frozen=True)
class SearchingLBFGS:
    """L-BFGS with a line search.

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
        return init_state(x, (jnp.ones((), x.dtype), _blank(self._jaxopt(lambda x: (x.sum(), x)), x)))

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
        keep = ok & ~fresh & _is_kept(new.rho_history[slot], scale)
        restart = fresh | ~ok
        rescale = jnp.where(fresh, inverse_norm(grad), 1.0)
        inner = new._replace(
            iter_num=jnp.where(restart, 0, jnp.where(keep, new.iter_num, old.iter_num)),
            value=new.value * rescale,
            grad=jnp.where(ok, grad * rescale, 0),
            s_history=_clear_rejected(new.s_history, slot, keep),
            y_history=_clear_rejected(new.y_history, slot, keep),
            rho_history=jnp.where(restart, 0, new.rho_history.at[slot].set(jnp.where(keep, new.rho_history[slot], 0))),
            gamma=jnp.where(restart, 1.0, jnp.where(keep, new.gamma, old.gamma)),
        )
        return update_state(state, x, value, grad, new.num_fun_eval - old.num_fun_eval, (scale * rescale, inner), ok)
