"""L-BFGS with a zoom line search, and Adam, both by optax."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from jaxstyle.solvers.state import Function, State, finite, init_state, inverse_norm, update_state


@dataclass(frozen=True)
class OptaxLBFGS:
    """L-BFGS by optax with its zoom line search, which tries the length 1 first."""

    history: int = 20

    @property
    def _optax(self) -> optax.GradientTransformationExtraArgs:
        search = optax.scale_by_zoom_linesearch(max_linesearch_steps=20, initial_guess_strategy="one")
        return optax.lbfgs(memory_size=self.history, linesearch=search)

    def init(self, x: Array) -> State:
        return init_state(x, (jnp.ones((), x.dtype), jnp.zeros_like(x), self._optax.init(x)))

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
        return update_state(state, x, value, grad, cost, (scale, grad, inner), ok)


@dataclass(frozen=True)
class Adam:
    """Adam by optax; `learning_rate` in the units of x."""

    learning_rate: float = 10.0

    def init(self, x: Array) -> State:
        return init_state(x, (jnp.zeros_like(x), optax.adam(self.learning_rate).init(x)))

    def step(self, fun: Function, state: State, *args: Any) -> State:
        solver = optax.adam(self.learning_rate)
        old_grad, old = state.inner
        updates, new = solver.update(old_grad, old)
        blank = solver.init(state.x)
        inner = jax.tree.map(lambda fresh, moved: jnp.where(state.fresh, fresh, moved), blank, new)
        x = jnp.where(state.fresh, state.x, state.x + state.step * jnp.asarray(updates))
        value, grad = jax.value_and_grad(fun)(x, *args)
        ok = finite(value, grad)
        return update_state(state, x, value, grad, 1, (jnp.where(ok, grad, 0), inner), ok)
