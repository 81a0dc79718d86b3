"""What this room asks of jaxopt, which is no longer maintained: a release or a JAX that changes any of it fails here first."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.solvers.registry import make_solver

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import jaxopt

HISTORY = 4
SCALE = np.array([1.0, 4.0, 9.0, 2.0, 7.0])
FIELDS = {"iter_num", "value", "grad", "aux", "s_history", "y_history", "rho_history", "gamma", "num_fun_eval"}
"""Of jaxopt's state, that `solvers/lbfgs` reads or writes."""


def bowl(x):
    """A value that is nowhere quadratic, and its gradient; jaxopt takes both at once, with a second value beside them."""
    value, grad = jax.value_and_grad(lambda x: jnp.sum(jnp.asarray(SCALE, x.dtype) * x**2 + x**4 / 4))(x)
    return (value, 2 * value), grad


def solver_of(length=0.1, **how):
    options = dict(
        value_and_grad=True, has_aux=True, tol=0.0, implicit_diff=False, history_size=HISTORY, stepsize=lambda _: length
    )
    return jaxopt.LBFGS(bowl, **(options | how))


@pytest.fixture(autouse=True)
def _doubles():
    with jax.enable_x64(True):
        yield


def two_loops(grad, pairs, gamma):
    """The direction of algorithm 7.4 of Nocedal & Wright, the pairs from old to new."""
    q, alphas = grad.copy(), []
    for s, y in reversed(pairs):
        alphas.append(s @ q / (s @ y))
        q -= alphas[-1] * y
    q *= gamma
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        q += (alpha - y @ q / (s @ y)) * s
    return -q


@pytest.mark.parametrize("jit", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_step_is_that_of_the_book(jit):
    """Its direction, its length, the slot that the pair goes to, gamma, and the count, while the ring goes round twice."""
    solver, x = solver_of(jit=jit), jnp.asarray(np.linspace(-2, 1.5, 5))
    state, pairs, gamma = solver.init_state(x), [], 1.0
    assert set(state._fields) >= FIELDS
    for number in range(2 * HISTORY + 2):
        wanted = np.asarray(x) + 0.1 * two_loops(np.asarray(state.grad), pairs, gamma)
        new_x, new = solver.update(x, state)
        np.testing.assert_allclose(new_x, wanted, rtol=1e-10, atol=1e-12)
        s, y = np.asarray(new_x - x), np.asarray(new.grad - state.grad)
        (value, aux), grad = bowl(new_x)
        np.testing.assert_allclose((new.value, new.aux), (value, aux), rtol=1e-12)
        np.testing.assert_allclose(new.grad, grad, rtol=1e-12)
        slot = number % HISTORY
        for name, kept in (("s_history", s), ("y_history", y), ("rho_history", 1 / (s @ y))):
            np.testing.assert_allclose(getattr(new, name)[slot], kept, rtol=1e-9, err_msg=name)
        gamma = s @ y / (y @ y)
        assert new.gamma == pytest.approx(gamma)
        assert (new.iter_num, new.num_fun_eval - state.num_fun_eval) == (number + 1, 1)
        pairs, x, state = [*pairs, (s, y)][-HISTORY:], new_x, new


def test_a_blank_state_stays_where_it_is():
    """A fresh run is a state of zeros: no gradient and no pairs, so that a step evaluates the start itself."""
    solver, x = solver_of(), jnp.asarray(np.linspace(-2, 1.5, 5))
    shapes = jax.eval_shape(solver.init_state, x)
    blank = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    same, state = solver.update(x, blank)
    np.testing.assert_array_equal(same, x)
    np.testing.assert_allclose(state.value, bowl(x)[0][0])


def test_a_pair_without_its_weight_counts_for_nothing():
    """`solvers/lbfgs` takes a pair out by rho = 0."""
    solver, x = solver_of(), jnp.asarray(np.linspace(-2, 1.5, 5))
    state = solver.init_state(x)
    for _ in range(2):
        x, state = solver.update(x, state)
    without = state._replace(rho_history=state.rho_history.at[0].set(0))
    slots = [(np.asarray(state.s_history[1]), np.asarray(state.y_history[1]))]
    wanted = np.asarray(x) + 0.1 * two_loops(np.asarray(state.grad), slots, float(state.gamma))
    np.testing.assert_allclose(solver.update(x, without)[0], wanted, rtol=1e-10)


@pytest.mark.parametrize("name", ["zoom", "backtracking", "hager-zhang"])
def test_a_line_search_lowers_the_value_and_counts(name):
    def plain(x):
        (value, _), grad = bowl(x)
        return value, grad

    how = dict(value_and_grad=True, tol=0.0, implicit_diff=False, history_size=HISTORY, linesearch=name)
    x = jnp.asarray(np.linspace(-2, 1.5, 5))
    solver = jaxopt.LBFGS(plain, **how)
    state = solver.init_state(x)
    before, counts = float(state.value), int(state.num_fun_eval)
    for _ in range(3):
        x, state = solver.update(x, state)
        assert state.value < before
        before = float(state.value)
    assert int(state.num_fun_eval) > counts
    assert make_solver(f"lbfgs-{name}").linesearch == name
