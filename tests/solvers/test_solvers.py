"""The solvers against a plain NumPy L-BFGS, SciPy and optax's own loop, their counters, and the guard."""

from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.optimize

from jaxstyle.errors import InputError
from jaxstyle.solvers.lbfgs import LBFGS, Float16History
from jaxstyle.solvers.optax_solvers import Adam
from jaxstyle.solvers.registry import SOLVERS, make_solver

N = 24


def quadratic(x, matrix, vector):
    return 0.5 * x @ matrix @ x - vector @ x


@pytest.fixture
def problem(rng):
    basis, _ = np.linalg.qr(rng.normal(size=(N, N)))
    matrix = basis @ np.diag(np.geomspace(0.5, 50, N)) @ basis.T
    return jnp.asarray(matrix, jnp.float32), jnp.asarray(rng.normal(size=N), jnp.float32)


def steps(solver, fun, x, args, count):
    """The states after each of `count` jitted, donated steps."""
    step = jax.jit(lambda state, *args: solver.step(fun, state, *args), donate_argnums=0)
    state, states = solver.init(x), []
    for _ in range(count):
        state = step(state, *args)
        states.append(jax.tree.map(np.array, state._replace(inner=None)))
    assert step._cache_size() == 1, "the second step compiles nothing"
    return states


def power_of_two(length):
    return 2.0 ** np.round(np.log2(length)) if length > 0 else 1.0


def numpy_lbfgs(fun, x, history, count, guarded=False):
    """L-BFGS as torch.optim.LBFGS runs it: step 1, first step min(1, 1/|g|_1) -> 1/|g|_1, pairs with s.y <= 1e-10 skipped.

    Guarded: the first step is f / (2 |g|^2), and a step that makes the value over twice as large is shortened until it does
    not; such an evaluation repeats the value before.
    """
    value, grad = fun(x)
    values, pairs, fraction = [value], [], 1.0
    while len(values) < count:
        direction = -grad
        alphas = []
        for s, y in reversed(pairs):
            alphas.append(s @ direction / (s @ y))
            direction = direction - alphas[-1] * y
        if pairs:
            s, y = pairs[-1]
            direction = direction * (s @ y) / (y @ y)
        for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
            direction = direction + (alpha - y @ direction / (s @ y)) * s
        first = power_of_two(value / (2 * grad @ grad)) if guarded else 1 / np.abs(grad).sum()
        length = fraction * (1.0 if pairs else first)
        new = x + length * direction
        new_value, new_grad = fun(new)
        if guarded and new_value > 2 * value:
            slope, trial = direction @ grad, length
            least = -slope * trial / (2 * (new_value - value - slope * trial))
            fraction *= power_of_two(np.clip(least, 1 / 8, 1 / 2))
            values.append(value)
            continue
        fraction = 1.0
        s, y = new - x, new_grad - grad
        if s @ y > 1e-10:
            pairs = [*pairs, (s, y)][-history:]
        x, value, grad = new, new_value, new_grad
        values.append(value)
    return np.array(values)


@pytest.mark.parametrize("history", [2, 5, 30])
def test_lbfgs_is_the_plain_one(problem, history):
    matrix, vector = (np.asarray(a, np.float64) for a in problem)
    wanted = numpy_lbfgs(lambda x: (0.5 * x @ matrix @ x - vector @ x, matrix @ x - vector), np.zeros(N), history, 20)
    with jax.enable_x64(True):
        wide = [jnp.asarray(a) for a in (matrix, vector)]
        solver = make_solver("lbfgs-torch", history=history)
        got = [state.value for state in steps(solver, quadratic, jnp.zeros(N, jnp.float64), wide, 20)]
    np.testing.assert_allclose(got, wanted, rtol=1e-9)


def test_pairs_in_half_the_bytes_are_rounded_ones(problem):
    """The first pair is float32's, rounded to float16's 11 bits; the minimum is found all the same."""
    fun, x = partial(quadratic, matrix=problem[0], vector=problem[1]), jnp.zeros(N)
    states = {}
    for halved in (False, True):
        solver = LBFGS(history=4, guarded=False, halved=halved)
        step = jax.jit(partial(solver.step, fun), donate_argnums=0)
        states[halved] = solver.init(x)
        for _ in range(2):
            states[halved] = step(states[halved])
    whole, halves = (states[halved].inner[0] for halved in (False, True))
    assert np.any(whole.s_history != 0)
    for name in ("s_history", "y_history"):
        bits, scales = getattr(halves, name)
        assert bits.dtype == jnp.uint16
        for slot, values in enumerate(np.asarray(getattr(whole, name))):
            power = np.float32(2.0 ** (14 - np.ceil(np.log2(np.abs(values).max() or 1.0))))
            rounded = (values * power).astype(np.float16).astype(np.float32) / power
            np.testing.assert_array_equal(Float16History((bits, scales))[slot], rounded, err_msg=name)
    least = quadratic(jnp.linalg.solve(*problem), *problem)
    for _ in range(38):
        states[True] = step(states[True])
    assert states[True].best_value == pytest.approx(float(least), rel=1e-4)


def test_lbfgs_skips_the_pairs_that_the_plain_one_skips():
    """A sum of cosines in a bowl: of the first 13 pairs two have negative curvature, and the ring of 5 goes round twice."""
    start = np.linspace(-2, 2.3, 7)

    def waves(x):
        return jnp.sum(jnp.cos(3 * x)) + 0.05 * jnp.sum(x**2)

    points = []

    def plain(x):
        points.append((x, -3 * np.sin(3 * x) + 0.1 * x))
        return np.sum(np.cos(3 * x)) + 0.05 * np.sum(x**2), points[-1][1]

    wanted = numpy_lbfgs(plain, start, 5, 14)
    curvatures = [(b[0] - a[0]) @ (b[1] - a[1]) for a, b in pairwise(points)]
    assert sum(c <= 1e-10 for c in curvatures) == 2
    with jax.enable_x64(True):
        states = steps(make_solver("lbfgs-torch", history=5), waves, jnp.asarray(start), (), 14)
    np.testing.assert_allclose([state.value for state in states], wanted, rtol=1e-6)


def kept(state):
    """s.y of the pairs that a state holds, in no order."""
    rho = state.inner[0].rho_history
    return np.sort(1 / rho[rho != 0])


@pytest.mark.parametrize("history", [1, 2, 3])
def test_a_pair_that_is_skipped_pushes_none_out(history):
    """A full ring before and after pairs of negative curvature holds the same newest pairs of those that count."""
    points, solver = [], make_solver("lbfgs-torch", history=history)

    def waves(x):
        return jnp.sum(jnp.cos(3 * x)) + 0.05 * jnp.sum(x**2)

    with jax.enable_x64(True):
        state = solver.init(jnp.asarray(np.linspace(-2, 2.3, 7)))
        step, gradient = jax.jit(lambda state: solver.step(waves, state)), jax.jit(jax.grad(waves))
        wanted, skipped = [], 0
        for _ in range(40):
            state = step(state)
            points.append((np.asarray(state.x), np.asarray(gradient(state.x))))
            if len(points) > 1:
                (x, grad), (new, new_grad) = points[-2:]
                curvature = (new - x) @ (new_grad - grad)
                skipped += curvature <= 1e-10 and len(wanted) >= history
                wanted += [curvature] if curvature > 1e-10 else []
            np.testing.assert_allclose(kept(state), np.sort(wanted[-history:]), rtol=1e-9)
    assert skipped > 0, "some pair is skipped while the ring is full"
    assert len(wanted) > 2 * history


def test_a_step_that_is_refused_keeps_the_pairs_and_the_point():
    solver, refused = make_solver("lbfgs", history=3), 0
    with jax.enable_x64(True):
        state = solver.init(jnp.array([-1.2, 1.0]))
        step = jax.jit(lambda state: solver.step(valley, state))
        for _ in range(30):
            before, state = state, step(state)
            if not state.accepted:
                refused += 1
                np.testing.assert_array_equal(kept(state), kept(before))
                np.testing.assert_array_equal(state.x, before.x)
                np.testing.assert_array_equal(state.inner[0].grad, before.inner[0].grad)
                assert state.value == before.value
                assert state.inner[1] < before.inner[1], "a shorter step comes next"
            elif before.evaluations > 1:
                newest = (state.x - before.x) @ (state.inner[0].grad - before.inner[0].grad)
                assert np.isclose(kept(state), newest, rtol=1e-6).any() == (newest > 1e-10)
    assert refused > 0


def test_a_restart_forgets_the_pairs():
    solver, scale = make_solver("lbfgs", history=3), jnp.array([1.0, 2.0, 5.0, 9.0])
    step = jax.jit(lambda state, factor: solver.step(lambda x, factor: factor * (scale * x**2).sum() + 1, state, factor))
    state = solver.init(jnp.full(4, 30.0))
    for _ in range(5):
        state = step(state, 1.0)
    assert len(kept(state)) == 3
    broken = step(state, jnp.nan)
    assert len(kept(broken)) == 0
    assert (int(broken.restarts), bool(broken.fresh)) == (1, True)
    again = step(broken, 1.0)
    np.testing.assert_array_equal(again.x, state.best_x)
    assert len(kept(again)) == 0
    assert len(kept(step(again, 1.0))) == 1


def valley(v):
    """Rosenbrock's."""
    return 100 * (v[1] - v[0] ** 2) ** 2 + (1 - v[0]) ** 2


def test_the_guarded_one_takes_bad_steps_back():
    """Rosenbrock's valley, whose walls the quasi-Newton steps hit."""
    start = np.array([-1.2, 1.0])

    def plain(v):
        off = v[1] - v[0] ** 2
        return valley(v), np.array([-400 * v[0] * off - 2 * (1 - v[0]), 200 * off])

    wanted = numpy_lbfgs(plain, start, 5, 30, guarded=True)
    assert sum(a == b for a, b in pairwise(wanted)) > 0, "some step is refused"
    with jax.enable_x64(True):
        states = steps(make_solver("lbfgs", history=5), valley, jnp.asarray(start), (), 30)
    np.testing.assert_allclose([state.value for state in states], wanted, rtol=1e-6)
    assert [bool(state.accepted) for state in states[1:]] == [a != b for a, b in pairwise(wanted)]
    assert all(b <= 2 * a for a, b in pairwise(wanted))


@pytest.mark.parametrize("name", SOLVERS)
def test_every_solver_finds_scipys_minimum_and_counts_its_evaluations(problem, name):
    matrix, vector = (np.asarray(a, np.float64) for a in problem)
    wanted = scipy.optimize.minimize(
        lambda x: (0.5 * x @ matrix @ x - vector @ x, matrix @ x - vector), np.zeros(N), jac=True, method="L-BFGS-B"
    ).fun
    calls = []

    def counted(x, *args):
        value = quadratic(x, *args)
        jax.debug.callback(lambda _: calls.append(1), value)
        return value

    count = 2000 if name == "adam" else 60
    states = steps(make_solver(name, learning_rate=0.02), counted, jnp.zeros(N), problem, count)
    np.testing.assert_allclose(states[-1].best_value, wanted, rtol=1e-4)
    jax.effects_barrier()
    assert states[-1].evaluations == len(calls)
    assert states[0].evaluations == 1
    np.testing.assert_array_equal(states[0].x, np.zeros(N))
    if name in ("lbfgs", "lbfgs-torch", "adam"):
        assert states[-1].evaluations == count, "one evaluation per iteration"


def test_adam_is_optaxs_loop(problem):
    states = steps(Adam(0.05), quadratic, jnp.ones(N), problem, 15)
    solver = optax.adam(0.05)
    x, inner, evaluate = jnp.ones(N), solver.init(jnp.ones(N)), jax.jit(jax.value_and_grad(quadratic))
    for state in states:
        value, grad = evaluate(x, *problem)
        np.testing.assert_allclose(state.value, value, rtol=1e-5, atol=1e-6)
        updates, inner = solver.update(grad, inner)
        x = x + updates


def cliff(x, edge):
    """A bowl whose far side is not finite: log of a negative number."""
    return jnp.sum(x**2) - jnp.sum(jnp.log(x - edge))


@pytest.mark.parametrize("name", SOLVERS)
def test_what_is_not_finite_never_enters_the_state(name):
    # 1/|g|_1 is a small step, but curvature measured far out makes the next ones jump over the edge.
    start, edge = jnp.full(4, 30.0), jnp.full(4, -0.001)
    states = steps(make_solver(name, learning_rate=40.0), cliff, start, (edge,), 60)
    for state in states:
        assert np.isfinite(state.x).all()
        assert np.isfinite(state.best_x).all()
    accepted = [state.value for state in states if np.isfinite(state.value)]
    assert states[-1].best_value == min(accepted)
    assert states[-1].best_value < accepted[0] / 2
    if name == "adam":
        assert states[-1].restarts > 0
        assert states[-1].step == 0.5 ** states[-1].restarts


def test_a_restart_goes_back_to_the_best_point_and_halves_the_step():
    states = steps(make_solver("lbfgs"), lambda x, a: jnp.where(x[0] < a, jnp.nan, (x**2).sum()), jnp.full(3, 5.0), (4.9,), 8)
    bad = [i for i, state in enumerate(states) if not np.isfinite(state.value)]
    assert bad
    first = states[bad[0]]
    np.testing.assert_array_equal(first.x, first.best_x)
    assert first.step == 0.5
    assert first.restarts == 1


def test_a_nan_at_the_start_is_reported():
    (state,) = steps(make_solver("lbfgs"), lambda x: x.sum() * jnp.nan, jnp.ones(3), (), 1)
    assert not np.isfinite(state.value)
    assert state.restarts == 1


def test_a_zero_gradient_is_stationary():
    for name in ("lbfgs", "adam", "lbfgs-zoom"):
        (state,) = steps(make_solver(name), lambda x: (x**2).sum(), jnp.zeros(3), (), 1)
        assert state.stationary


@pytest.mark.parametrize("name", ["lbfgs", "lbfgs-torch"])
def test_steps_can_be_vmapped(problem, name):
    solver = make_solver(name)
    starts = jnp.stack([jnp.zeros(N), jnp.ones(N), jnp.arange(N) / N])
    together = jax.vmap(solver.init)(starts)
    step = jax.jit(jax.vmap(lambda state: solver.step(quadratic, state, *problem)))
    for _ in range(10):
        together = step(together)
    for i, start in enumerate(starts):
        alone = steps(solver, quadratic, start, problem, 10)[-1]
        np.testing.assert_allclose(together.value[i], alone.value, rtol=1e-4)


def test_members_that_refuse_restart_and_go_on_do_so_alone():
    def walled(v):
        return jnp.where(v[0] > 4, jnp.nan, valley(v))

    solver, starts = make_solver("lbfgs", history=5), np.array([[-1.2, 1.0], [3.9, 20.0], [0.0, 0.0]])
    with jax.enable_x64(True):
        together = jax.vmap(solver.init)(jnp.asarray(starts))
        step = jax.jit(jax.vmap(lambda state: solver.step(walled, state)))
        courses = []
        for _ in range(25):
            together = step(together)
            courses.append((np.asarray(together.value), np.asarray(together.accepted)))
        alone = [steps(solver, walled, jnp.asarray(start), (), 25) for start in starts]
    for i, states in enumerate(alone):
        np.testing.assert_allclose([value[i] for value, _ in courses], [state.value for state in states], rtol=1e-6)
        assert [accepted[i] for _, accepted in courses] == [bool(state.accepted) for state in states]
    assert sum(not state.accepted for state in alone[0]) > 0
    assert [states[-1].restarts > 0 for states in alone] == [False, True, False]


def test_bad_arguments_are_named():
    with pytest.raises(InputError, match=r"`solver` \(='lbgfs'\) is unknown; did you mean 'lbfgs'"):
        make_solver("lbgfs")
    with pytest.raises(InputError, match="history"):
        make_solver("lbfgs", history=0)
    with pytest.raises(InputError, match="learning_rate"):
        make_solver("adam", learning_rate=0.0)
