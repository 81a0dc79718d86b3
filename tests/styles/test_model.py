"""The transformation network against a plain NumPy one, and the counts of its papers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.network.convolution import Target, traced_for
from jaxstyle.onepass.layers import Widths, conv2d_reflect
from jaxstyle.styles.model import WIDTHS, initial, paint

TINY = Widths((4, 6, 8), 1, (6, 4))


def numpy_convolution(x, kernel, stride):
    """Mirrored borders, window by window: (H, W, I) -> (H', W', O)."""
    reach = kernel.shape[0] // 2
    x = np.pad(x, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], (0, 1))[::stride, ::stride]  # (H', W', I, k, k)
    return np.einsum("hwiab,abio->hwo", windows, kernel)


def numpy_network(kernels, widths, image, style):
    """Johnson's network with Dumoulin's normalisation, written from the papers, in float64."""
    kernels = {name: np.asarray(kernel, np.float64) for name, kernel in kernels.items()}
    style, place = np.asarray(style, np.float64), 0

    def layer(x, name, stride=1, up=False, rectified=True):
        nonlocal place
        x = x.repeat(2, 0).repeat(2, 1) if up else x
        y = numpy_convolution(x, kernels[name], stride)
        y = (y - y.mean((0, 1))) / np.sqrt(y.var((0, 1)) + 1e-5)
        scale, shift = style[place : place + y.shape[2]], style[place + y.shape[2] : place + 2 * y.shape[2]]
        place += 2 * y.shape[2]
        y = y * scale + shift
        return np.maximum(y, 0) if rectified else y

    x = layer(np.asarray(image, np.float64), "down1")
    x = layer(layer(x, "down2", 2), "down3", 2)
    for block in range(1, widths.blocks + 1):
        x = x + layer(layer(x, f"block{block}_1"), f"block{block}_2", rectified=False)
    x = layer(layer(x, "up1", up=True), "up2", up=True)
    x = layer(x, "up3", rectified=False)
    assert place == len(style)
    return (1 / (1 + np.exp(-x)))[: image.shape[0], : image.shape[1]]


def random_style(rng, widths):
    return jnp.asarray(widths.plain_style() + rng.normal(0, 0.3, widths.style_size), jnp.float32)


@pytest.mark.parametrize("shape", [(16, 20), (17, 22), (23, 19)])
def test_it_is_the_plain_network(rng, shape):
    kernels, style, image = initial(TINY, 0), random_style(rng, TINY), rng.random((*shape, 3))
    found = jax.jit(paint, static_argnums=1)(kernels, TINY, jnp.asarray(image[None], jnp.float32), style[None])
    np.testing.assert_allclose(found[0], numpy_network(kernels, TINY, image, style), atol=2e-5)


def test_counts_are_the_papers():
    """1,679,235 with biases and without a normalisation of the last layer (Johnson et al.); 3,206 a style (Dumoulin et al.)."""
    full = WIDTHS["full"]
    kernels = sum(int(np.prod(shape)) for shape in full.shapes.values())
    biases = sum(layer.outputs for layer in full.layers)
    assert kernels == 1_674_432
    assert kernels + biases + 2 * (biases - 3) == 1_679_235
    assert full.style_size == 3_206


def test_each_of_a_batch_has_its_own_style(rng):
    kernels, images = initial(TINY, 1), jnp.asarray(rng.random((2, 16, 24, 3)), jnp.float32)
    styles = jnp.stack([random_style(rng, TINY) for _ in range(2)])
    run = jax.jit(paint, static_argnums=1)
    both = run(kernels, TINY, images, styles)
    for i in range(2):
        alone = run(kernels, TINY, images[i : i + 1], styles[i : i + 1])
        np.testing.assert_allclose(both[i], alone[0], atol=1e-5)
    assert np.abs(both[0] - run(kernels, TINY, images[:1], styles[1:])[0]).mean() > 0.01


@pytest.mark.parametrize("shape", [(8, 10), (9, 10), (9, 11)])
def test_halving_on_a_cpu_is_the_strided_convolution(rng, shape):
    x = jnp.asarray(rng.normal(size=(1, *shape, 3)), jnp.float32)
    kernel = jnp.asarray(rng.normal(size=(3, 3, 3, 4)), jnp.float32)

    def run(x, kernel):
        return jnp.sum(jnp.sin(conv2d_reflect(x, kernel, 1 / 2, "float32")))

    blocks = jax.jit(jax.value_and_grad(run, (0, 1)))(x, kernel)
    with traced_for(Target("gpu")):
        strided = jax.jit(jax.value_and_grad(lambda *a: run(*a), (0, 1)))(x, kernel)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), blocks, strided)


def test_a_style_blends_linearly_in_its_vector(rng):
    one, other = (random_style(rng, TINY) for _ in range(2))
    parts = TINY.split(((one + other) / 2)[None])
    for name, (scale, shift) in parts.items():
        for half, a, b in zip((scale, shift), TINY.split(one[None])[name], TINY.split(other[None])[name], strict=True):
            np.testing.assert_allclose(half, (a + b) / 2, rtol=1e-6)
