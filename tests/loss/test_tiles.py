"""Maps, Gram matrices and distances over tiles are NumPy's of the whole; their gradient is that of the whole."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.loss.statistics import GRAM
from jaxstyle.loss.tiles import divided, over_tiles

HALO, STEP = 2, 2


def run(x):
    """A sum of three neighbours in both directions, zeros around them, and its means over 2x2 places."""
    padded = jnp.pad(x, ((1, 1), (1, 1), (0, 0)))
    rows = padded[:-2] + 2 * padded[1:-1] + 3 * padded[2:]
    sums = rows[:, :-2] - rows[:, 1:-1] + 2 * rows[:, 2:]
    height, width, _ = sums.shape
    even = sums[: height // 2 * 2, : width // 2 * 2].reshape(height // 2, 2, width // 2, 2, -1)
    return {"sums": sums, "means": even.mean((1, 3))}


@pytest.mark.parametrize("length", [1, 7, 12, 13, 30, 31])
@pytest.mark.parametrize("own", [2, 4, 8])
def test_every_place_is_answered_for_once(length, own):
    axis = divided(length, own, HALO, STEP)
    begins = np.array(axis.begins)
    assert np.all(begins % STEP == 0)
    assert begins[-1] + axis.window == length
    last = [min(first + axis.own, length) for first in axis.firsts]
    assert [place for first, end in zip(axis.firsts, last, strict=True) for place in range(first, end)] == list(range(length))
    for begin, first, end in zip(begins, axis.firsts, last, strict=True):
        assert begin <= max(0, first - HALO)
        assert begin + axis.window >= min(length, end + HALO)


@pytest.mark.parametrize("shape", [(30, 31, 2), *(pytest.param(s, marks=pytest.mark.slow) for s in ((21, 9, 2), (8, 27, 2)))])
def test_they_are_the_wholes(rng, shape):
    """Divided in both directions, in one; odd sides."""
    x = jnp.asarray(rng.normal(size=shape), jnp.float32)
    target, *weights = (jnp.asarray(rng.normal(size=run(x)[name].shape), jnp.float32) for name in ("sums", "means", "sums"))
    guide = jnp.asarray(rng.random((*shape[:2], 2)), jnp.float32)
    turn = jnp.asarray(rng.normal(size=(2, 2)), jnp.float32)
    axes = (divided(shape[0], 8, HALO, STEP), divided(shape[1], 6, HALO, STEP))
    assert any(len(axis.firsts) > 1 for axis in axes)

    def tiled(x):
        return over_tiles(run, x, axes, {"sums": 1, "means": 2}, ["sums", "means"], ["sums"], {"sums": target}, {}, GRAM)

    def guided(x):
        return over_tiles(run, x, axes, {"sums": 1, "means": 2}, [], ["sums"], {}, {"sums": guide}, GRAM)[1]["sums"]

    maps, matrices, distances = jax.jit(tiled)(x)
    wanted = {name: np.asarray(value, np.float64) for name, value in run(x).items()}
    for name, value in wanted.items():
        np.testing.assert_allclose(maps[name], value, atol=1e-5)
    flat = wanted["sums"].reshape(-1, 2)
    np.testing.assert_allclose(matrices["sums"], flat.T @ flat / len(flat), rtol=1e-5)
    np.testing.assert_allclose(distances["sums"], np.sum((wanted["sums"] - np.asarray(target)) ** 2), rtol=1e-5)

    regions = np.asarray(guide, np.float64).reshape(-1, 2)
    wanted = np.stack([(flat * region[:, None]).T @ (flat * region[:, None]) / len(flat) for region in regions.T])
    np.testing.assert_allclose(jax.jit(guided)(x), wanted, rtol=1e-4)

    def loss(x, found):
        maps, matrix, distance = found(x)
        parts = jnp.sum(maps["means"] * weights[0]), jnp.sum(maps["sums"] * weights[1]), jnp.sum(matrix * turn), distance
        return sum(parts, jnp.zeros(()))

    def whole(x):
        outputs = run(x)
        flat = outputs["sums"].reshape(-1, 2)
        return outputs, flat.T @ flat / len(flat), jnp.sum((outputs["sums"] - target) ** 2)

    def parts(x):
        maps, matrices, distances = tiled(x)
        return maps, matrices["sums"], distances["sums"]

    gradient = jax.jit(jax.grad(lambda x: loss(x, parts)))(x)
    exact = jax.jit(jax.grad(lambda x: loss(x, whole)))(x)
    np.testing.assert_allclose(gradient, exact, rtol=1e-4, atol=1e-5 * np.abs(exact).max())
