"""Generator and discriminator: the papers' counts, plain NumPy ones, and the forms in which pictures are painted."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.domains import model
from jaxstyle.domains.network import DomainNetwork
from jaxstyle.domains.widths import generator_widths, taps
from jaxstyle.network.convolution import Target, traced_for
from jaxstyle.onepass import inference, tiles
from jaxstyle.onepass.layers import conv_stride2
from tests.styles.test_model import numpy_convolution

WIDTH, BLOCKS = 3, 2
TINY = generator_widths(WIDTH, BLOCKS)
GENERATE = jax.jit(model.generate, static_argnums=1)


@pytest.fixture(scope="module")
def values():
    """Random values, biases too."""
    rng = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: jnp.asarray(rng.normal(0, 0.2, leaf.shape), jnp.float32),
        model.initial(model.Generator(TINY), [0], jnp.zeros((1, 16, 16, 3))),
    )


def count(module, example):
    shapes = jax.eval_shape(module.init, jax.random.key(0), example)
    return sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(shapes))


def test_counts_are_the_papers():
    assert count(model.Generator(generator_widths()), jnp.zeros((1, 256, 256, 3))) == 11_378_179
    assert count(model.Generator(generator_widths(blocks=6)), jnp.zeros((1, 128, 128, 3))) == 11_378_179 - 3 * 2 * 590_080
    assert count(model.Discriminator(), jnp.zeros((1, 256, 256, 3))) == 2_764_737


def numpy_generator(values, image):
    """Zhu et al.'s network with mirrored borders and nearest-neighbour upsampling, in float64; and what it has seen."""
    values, seen = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), values), {}

    def layer(x, name, stride=1, up=False, rectified=True):
        x = x.repeat(2, 0).repeat(2, 1) if up else x
        y = seen[name] = numpy_convolution(x, values[name]["kernel"], stride) + values[name]["bias"]
        y = (y - y.mean((0, 1))) / np.sqrt(y.var((0, 1)) + 1e-5)
        return np.maximum(y, 0) if rectified else y

    x = layer(2 * np.asarray(image, np.float64) - 1, "down1")
    x = layer(layer(x, "down2", 2), "down3", 2)
    for block in range(1, BLOCKS + 1):
        x = seen[f"block{block}_2"] = x + layer(layer(x, f"block{block}_1"), f"block{block}_2", rectified=False)
    x = layer(layer(x, "up1", up=True), "up2", up=True)
    x = numpy_convolution(x, values["up3"]["kernel"], 1) + values["up3"]["bias"]
    return (np.tanh(x)[: image.shape[0], : image.shape[1]] + 1) / 2, seen


@pytest.mark.parametrize("shape", [(16, 20), (17, 22)])
def test_the_generator_is_the_plain_network(rng, values, shape):
    image = rng.random((*shape, 3)).astype(np.float32)
    found, features = GENERATE(values, TINY, image[None])
    expected, seen = numpy_generator(values, image)
    np.testing.assert_allclose(found[0], expected, atol=2e-5)
    assert expected.std() > 0.05
    assert set(features) == {"picture", "down2", "down3", "block1_2"}
    np.testing.assert_allclose(features["picture"][0], 2 * image - 1, atol=1e-6)
    for tap in ("down2", "down3", "block1_2"):
        np.testing.assert_allclose(features[tap][0], seen[tap], atol=1e-4)
    alone = jax.jit(model.encode, static_argnums=1)(values, TINY, image[None])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), alone, features)


def test_taps_are_the_papers():
    """Its indices 0, 4, 8, 12, 16: the picture, both halvings, residual blocks 1 and 5."""
    assert taps(generator_widths()) == ("picture", "down2", "down3", "block1_2", "block5_2")


@pytest.mark.parametrize("shape", [(16, 20), (21, 18)])
def test_it_paints_as_it_was_trained_whole_and_strip_by_strip(rng, values, shape):
    """Where biases, factors and tanh are those of any network of one pass."""
    image = rng.random((*shape, 3)).astype(np.float32)
    expected = GENERATE(values, TINY, image[None])[0][0]
    widths, kernels, vector, _ = DomainNetwork({"a2b": values}, WIDTH, BLOCKS).styled("a2b")
    whole = jax.jit(lambda images, styles: inference.paint(widths, kernels, images, styles))(image[None], vector[None])[0]
    np.testing.assert_allclose(whole, expected, atol=2e-5)
    np.testing.assert_allclose(tiles.paint(kernels, widths, image, vector, rows=8), expected, atol=2e-5)


def numpy_discriminator(values, image):
    x = 2 * np.asarray(image, np.float64) - 1
    for k, stride in enumerate([2, 2, 2, 1, 1]):
        kernel, bias = (np.asarray(values[f"conv{k + 1}"][name], np.float64) for name in ("kernel", "bias"))
        x = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (4, 4), (0, 1))[::stride, ::stride]
        x = np.einsum("hwiab,abio->hwo", windows, kernel) + bias
        if 0 < k < 4:
            x = (x - x.mean((0, 1))) / np.sqrt(x.var((0, 1)) + 1e-5)
        x = np.where(x > 0, x, 0.2 * x) if k < 4 else x
    return x


@pytest.mark.parametrize("shape", [(32, 40), (37, 43)])
def test_the_discriminator_is_the_plain_network(rng, shape):
    image = rng.random((*shape, 3)).astype(np.float32)
    values = model.initial(model.Discriminator(WIDTH), [1], jnp.zeros((1, 32, 32, 3)))
    values = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(0, 0.2, leaf.shape), jnp.float32), values)
    found = jax.jit(model.score, static_argnums=1)(values, WIDTH, image[None])[0]
    np.testing.assert_allclose(found, numpy_discriminator(values, image), atol=1e-4)


def test_a_score_depends_on_70x70_pixels(monkeypatch):
    """Exactly, where nothing is normalised over the picture: the pixels to which a score in the middle has a gradient."""
    monkeypatch.setattr(model, "instance_norm", lambda x: x)
    values = jax.tree.map(jnp.ones_like, model.initial(model.Discriminator(1), [0], jnp.zeros((1, 32, 32, 3))))

    def middle(image):
        scores = model.score(values, 1, image)
        return scores[0, scores.shape[1] // 2, scores.shape[2] // 2, 0]

    support = np.abs(jax.jit(jax.grad(middle))(jnp.ones((1, 160, 160, 3))))[0].sum(-1) > 0
    rows, columns = (np.flatnonzero(support.any(axis)) for axis in (1, 0))
    assert rows[0] > 0
    assert rows[-1] < 159
    assert support.sum() == len(rows) * len(columns) == 70 * 70


@pytest.mark.parametrize("sides", [(10, 12), (11, 13)])
def test_a_kernel_of_four_halves_on_a_cpu_as_strided(rng, sides):
    x = jnp.asarray(rng.normal(size=(1, *sides, 3)), jnp.float32)
    kernel = jnp.asarray(rng.normal(size=(4, 4, 3, 4)), jnp.float32)

    def run(x, kernel):
        return jnp.sum(jnp.sin(conv_stride2(x, kernel, "float32")))

    blocks = jax.jit(jax.value_and_grad(run, (0, 1)))(x, kernel)
    with traced_for(Target("gpu")):
        strided = jax.jit(jax.value_and_grad(lambda *a: run(*a), (0, 1)))(x, kernel)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), blocks, strided)


def test_heads_give_vectors_of_length_one(rng):
    features = {"down2": jnp.asarray(rng.normal(size=(2, 5, 6)), jnp.float32), "picture": jnp.ones((2, 5, 3))}
    values = model.initial(model.Heads(8), [0], {tap: x[0] for tap, x in features.items()})
    project = jax.jit(model.project, static_argnums=1)
    found = project(values, 8, features)
    first, second = (values[f"down2_{k}"] for k in (1, 2))
    plain = np.maximum(features["down2"] @ first["kernel"], 0) @ second["kernel"]
    length = np.sqrt(np.square(plain).sum(-1, keepdims=True) + 1e-8)
    np.testing.assert_allclose(found["down2"], plain / length, atol=1e-5)
    larger = project(jax.tree.map(lambda leaf: 10 * leaf, values), 8, features)
    np.testing.assert_allclose(np.linalg.norm(larger["down2"], axis=-1), 1, atol=1e-3)


def test_heads_without_an_active_unit_have_a_gradient():
    features = {"picture": jnp.ones((2, 3))}
    values = jax.tree.map(jnp.zeros_like, model.initial(model.Heads(4), [0], features))
    gradient = jax.jit(jax.grad(lambda features: model.project(values, 4, features)["picture"].sum()))(features)
    assert np.isfinite(gradient["picture"]).all()


def test_first_values_are_a_function_of_the_seed():
    one, same, other = (
        model.initial(model.Generator(TINY), seed, jnp.zeros((1, 16, 16, 3))) for seed in ([1, 2], [1, 2], [2, 2])
    )
    jax.tree.map(np.testing.assert_array_equal, one, same)
    kernel = np.asarray(one["block1_1"]["kernel"])
    assert np.abs(kernel - other["block1_1"]["kernel"]).max() > 0.01
    assert kernel.std() == pytest.approx(0.02, rel=0.1)
    assert not np.asarray(one["block1_1"]["bias"]).any()
