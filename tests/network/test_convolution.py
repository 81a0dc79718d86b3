"""The convolution and the pools against JAX's own derivatives, SciPy's correlation and plain loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from scipy import ndimage

import jaxstyle
from jaxstyle.errors import InputError
from jaxstyle.network.convolution import ALGORITHMS, average_pool, choose, conv3x3, convolution_algorithm, max_pool

SHAPES = [(1, 16, 16, 3, 8), (2, 17, 23, 5, 7), (1, 1, 1, 4, 4), (3, 2, 5, 1, 1)]


def plain(x, kernel):
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def draw(rng, *shape):
    return jnp.asarray(rng.normal(size=shape), jnp.float32)


@pytest.mark.parametrize(("n", "h", "w", "i", "o"), SHAPES)
def test_values_are_scipys_cross_correlation(rng, n, h, w, i, o):
    x, kernel = draw(rng, n, h, w, i), draw(rng, 3, 3, i, o)
    given, weights, wanted = np.asarray(x, np.float64), np.asarray(kernel, np.float64), np.zeros((n, h, w, o))
    for b in range(n):
        for k in range(o):
            for c in range(i):
                wanted[b, ..., k] += ndimage.correlate(given[b, ..., c], weights[..., c, k], mode="constant")
    np.testing.assert_allclose(conv3x3(x, kernel), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("n", "h", "w", "i", "o"), [*SHAPES, pytest.param(2, 31, 30, 16, 24, marks=pytest.mark.slow), (1, 64, 66, 64, 128)]
)
def test_every_algorithm_is_the_direct_one_in_float32(rng, n, h, w, i, o):
    x, kernel, g = draw(rng, n, h, w, i), draw(rng, 3, 3, i, o), draw(rng, n, h, w, o)

    def all_of(conv):
        def run(x, kernel, g):
            value, pull = jax.vjp(conv, x, kernel)
            return value, *pull(g)

        return jax.jit(run)(x, kernel, g)

    wanted = all_of(plain)
    for algorithm in ALGORITHMS:
        with convolution_algorithm(algorithm):
            got = all_of(conv3x3)
        for mine, theirs in zip(got, wanted, strict=True):
            assert jnp.abs(mine - theirs).max() < 1e-5 * jnp.abs(theirs).max(), algorithm


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_is_exact_in_float64(rng, algorithm):
    with jax.enable_x64(True), convolution_algorithm(algorithm):
        x, kernel = jnp.asarray(rng.normal(size=(2, 11, 9, 5))), jnp.asarray(rng.normal(size=(3, 3, 5, 7)))
        np.testing.assert_allclose(conv3x3(x, kernel), plain(x, kernel), rtol=1e-6, atol=1e-6)


def bfloat16(x):
    """The nearest number with 8 significant bits, ties to even, by hand."""
    bits = np.asarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def test_the_direct_convolution_rounds_operands_on_an_accelerator(rng, monkeypatch):
    x, kernel, g = draw(rng, 2, 9, 8, 16), draw(rng, 3, 3, 16, 12), draw(rng, 2, 9, 8, 12)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    value, pull = jax.vjp(lambda x: conv3x3(x, kernel, "bfloat16"), x)
    wanted, wanted_pull = jax.vjp(lambda x: plain(x, bfloat16(kernel)), jnp.asarray(bfloat16(x)))
    for mine, theirs in ((value, wanted), (pull(g)[0], wanted_pull(jnp.asarray(bfloat16(g)))[0])):
        assert mine.dtype == jnp.float32
        np.testing.assert_allclose(mine, bfloat16(theirs), rtol=2**-7, atol=2**-8)  # the result is rounded, too
    exactly = str(jax.make_jaxpr(lambda x: conv3x3(x, kernel))(x))
    assert "HIGHEST" in exactly, "float32 may not become TF32"
    assert "HIGHEST" not in str(jax.make_jaxpr(lambda x: conv3x3(x, kernel, "tf32"))(x))


@pytest.mark.parametrize(("algorithm", "least", "most"), [("winograd2", 1e-3, 6e-3), ("winograd4", 3e-3, 2e-2)])
def test_rounded_winograd_errs_by_its_transforms_share(rng, algorithm, least, most):
    """Bounds around 3.8e-3 and 1.2e-2, found with the formulas in NumPy and operands rounded by hand."""
    x, kernel = draw(rng, 1, 32, 32, 64), draw(rng, 3, 3, 64, 64)
    with convolution_algorithm(algorithm):
        value = conv3x3(x, kernel, "bfloat16")
    error = float(jnp.linalg.norm(value - plain(x, kernel)) / jnp.linalg.norm(plain(x, kernel)))
    assert value.dtype == jnp.float32
    assert least < error < most


def test_the_choice():
    assert choose("gpu", (1, 512, 512, 256), 256) == "direct"
    assert choose("cpu", (1, 512, 512, 3), 64) == "direct"
    assert choose("cpu", (1, 128, 128, 256), 256) == "winograd4"
    assert choose("cpu", (4, 16, 16, 512), 512) == "winograd4", "a batch adds places"
    assert choose("cpu", (1, 16, 16, 512), 512) == "winograd2"
    assert choose("cpu", (1, 4, 4, 512), 512) == "direct"
    with pytest.raises(InputError, match="winograd4"), convolution_algorithm("winograd3"):
        pass


@pytest.mark.parametrize(("n", "h", "w", "i", "o"), [(2, 5, 7, 128, 256), (2, 5, 7, 128, 255)])
def test_the_gradient_of_a_wide_kernel_is_that_of_a_narrow_one(rng, n, h, w, i, o):
    x, kernel, g = draw(rng, n, h, w, i), draw(rng, 3, 3, i, o), draw(rng, n, h, w, o)

    def gradient(conv):
        return jax.jit(lambda x, kernel, g: jax.vjp(lambda k: conv(x, k), kernel)[1](g)[0])(x, kernel, g)

    found, wanted = gradient(conv3x3), gradient(plain)
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


def test_gradient_is_right_inside_loops_and_under_vmap(rng):
    x, kernel = draw(rng, 4, 9, 8, 3), draw(rng, 3, 3, 3, 3)

    def energy(conv):
        return lambda x: (conv(x[None], kernel) ** 2).sum()

    def descend(conv):
        return jax.jit(lambda x: lax.fori_loop(0, 3, lambda _, y: y - 1e-3 * jax.grad(energy(conv))(y), x))

    np.testing.assert_allclose(jax.vmap(descend(conv3x3))(x), jax.vmap(descend(plain))(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_members_of_a_vmap_share_one_convolution(rng, algorithm):
    x, kernel = draw(rng, 3, 2, 2, 9, 7, 4), draw(rng, 3, 3, 4, 5)

    def energy(conv):
        return lambda x: (conv(x, kernel) ** 2).sum()

    def over_members(conv):  # two mapped axes, forwards and backwards
        return jax.jit(jax.vmap(jax.vmap(jax.value_and_grad(energy(conv)))))

    with convolution_algorithm(algorithm):
        got, text = over_members(conv3x3)(x), str(jax.make_jaxpr(over_members(conv3x3))(x))
    for mine, wanted in zip(got, over_members(plain)(x), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-4, atol=1e-3)
    assert text.count("conv_general_dilated" if algorithm == "direct" else "dot_general") == (2 if algorithm == "direct" else 8)


def test_every_member_may_have_its_own_kernel(rng):
    x, kernels = draw(rng, 3, 1, 6, 7, 4), draw(rng, 3, 3, 3, 4, 5)
    for axes in ((0, 0), (None, 0)):
        given = x if axes[0] == 0 else x[0]
        np.testing.assert_allclose(
            *(jax.jit(jax.vmap(conv, axes))(given, kernels) for conv in (conv3x3, plain)), rtol=1e-4, atol=1e-4
        )


def test_a_frozen_kernel_costs_one_convolution_backwards(rng):
    x, kernel = draw(rng, 1, 16, 16, 8), draw(rng, 3, 3, 8, 8)
    text = str(jax.make_jaxpr(jax.grad(lambda x: (conv3x3(x, kernel) ** 2).sum()))(x))
    assert text.count("conv_general_dilated") == 2


@pytest.mark.parametrize("shape", [(1, 4, 6, 2), (2, 5, 7, 3), (1, 2, 3, 1)])
def test_pools_are_plain_loops(rng, shape):
    x = np.asarray(rng.normal(size=shape), np.float32)
    n, h, w, c = shape
    for pool, reduce in ((max_pool, np.max), (average_pool, np.mean)):
        wanted = np.zeros((n, h // 2, w // 2, c), np.float32)
        for i in range(h // 2):
            for j in range(w // 2):
                wanted[:, i, j] = reduce(x[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2], axis=(1, 2))
        np.testing.assert_allclose(pool(jnp.asarray(x)), wanted, rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 4, 6, 2), (2, 5, 7, 3)])
def test_max_pool_gradient_is_reduce_windows(rng, shape):
    x = draw(rng, *shape)

    def windowed(x):
        return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    g = draw(rng, *windowed(x).shape)
    np.testing.assert_array_equal(
        *(jax.jit(lambda x, g, pool=pool: jax.vjp(pool, x)[1](g)[0])(x, g) for pool in (max_pool, windowed))
    )


def test_max_pool_gradient_of_ties_goes_to_the_first():
    grad = jax.jit(jax.grad(lambda x: max_pool(x).sum()))(jnp.ones((1, 2, 4, 1)))
    np.testing.assert_array_equal(grad[0, ..., 0], [[1, 0, 1, 0], [0, 0, 0, 0]])


@pytest.mark.slow
def test_the_fast_network_is_the_direct_one(rng):
    """Features and the image gradient of the whole loss, on the bundled weights, within 1e-4 (relative, by norm)."""
    params = jaxstyle.load_weights()
    image, style = (jnp.asarray(rng.random((h, w, 3)), jnp.float32) for h, w in ((128, 140), (96, 128)))
    targets = jax.jit(jaxstyle.make_targets).lower(params, image[::-1], [style]).compile()(params, image[::-1], [style])
    taps = [f"relu{block}_1" for block in range(1, 6)]

    def evaluate():
        def both(image, params, targets):
            grad = jax.grad(jaxstyle.total_loss)(image, params, targets)
            return [*jaxstyle.features(params, image, taps).values(), grad]

        return jax.jit(both).lower(image, params, targets).compile()(image, params, targets)

    fast = evaluate()
    with convolution_algorithm("direct"):
        direct = evaluate()
    for mine, theirs in zip(fast, direct, strict=True):
        assert jnp.linalg.norm(mine - theirs) < 1e-4 * jnp.linalg.norm(theirs)
        assert (mine != theirs).any() or mine.shape[-1] == 64
