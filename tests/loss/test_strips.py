"""Features and Gram matrices strip by strip are those of the whole picture, in less memory."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import random_params, write_random

from jaxstyle import Config, InputError, make_targets, stylize, total_loss
from jaxstyle.cli.places import SAMPLES
from jaxstyle.loss import strips
from jaxstyle.loss.presets import CANONICAL, Objective
from jaxstyle.machine import memory
from jaxstyle.network.vgg import Architecture, features
from jaxstyle.network.weights.registry import SCALES
from jaxstyle.plans.resolve import resolve
from jaxstyle.plans.solve import _method

LEAN = Architecture("lean", (1, 1, 1, 2, 1), (64,) * 5)
PICTURES = SAMPLES / "chelsea.jpg", SAMPLES / "swirls.jpg"


@pytest.fixture
def thin(monkeypatch):
    """Strips of as few rows as may be."""
    monkeypatch.setattr(strips, "VALUES", 1)
    monkeypatch.setattr(strips, "SIDE", 8)


SHAPES = [(16, 16, 3), (131, 20, 3), *(pytest.param(s, marks=pytest.mark.slow) for s in ((96, 17, 3), (159, 33, 3)))]


@pytest.mark.parametrize(
    ("pooling", "padding"), [("max", "zero"), ("avg", "reflect"), pytest.param("max", "replicate", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_tap_is_the_whole_pictures(tiny_params, rng, thin, shape, pooling, padding):
    how = dict(pooling=pooling, padding=padding)
    image = jnp.asarray(rng.random(shape), jnp.float32)
    taps = [tap for tap in tiny_params.architecture.taps if min(shape[:2]) >= 32 or tap != "pool5"]
    found, grams = jax.jit(lambda x: strips.features_and_statistics(tiny_params, x, taps, taps, strips=True, **how))(image)
    assert set(found) == set(grams) == set(taps)
    for tap, value in jax.jit(lambda x: features(tiny_params, x, taps, **how))(image).items():
        exact = np.asarray(value, np.float64).reshape(-1, value.shape[-1])
        np.testing.assert_allclose(found[tap], value, rtol=1e-5, atol=1e-5 * np.abs(value).max(), err_msg=tap)
        gram = exact.T @ exact / len(exact)
        rounding = np.finfo(np.float32).eps * gram.max()  # of entries whose terms cancel
        np.testing.assert_allclose(grams[tap], gram, rtol=2e-5, atol=max(1e-6, rounding), err_msg=tap)


@pytest.mark.parametrize(
    "layers",
    [
        ("relu1_1",),
        ("conv2_2", "pool2"),
        pytest.param(("relu2_1", "relu3_1", "conv4_2"), marks=pytest.mark.slow),
        pytest.param(("pool4", "relu5_1"), marks=pytest.mark.slow),
    ],
)
def test_the_gradient_is_the_whole_pictures(tiny_params, rng, thin, layers):
    """For tapped layers that end within any group of blocks; members of a batch are mapped over."""
    content, style, *images = (jnp.asarray(rng.random((107, 24, 3)), jnp.float32) for _ in range(4))
    weights = dict(content_layers=dict.fromkeys(layers, 1.0), style_layers=dict.fromkeys(layers, 1.0))
    objective = Objective(**weights, pooling="avg", padding="reflect")
    aimed = jax.jit(partial(make_targets, objective=objective), static_argnames="strips")
    targets = aimed(tiny_params, content, [style])

    def loss(image, strips):
        return total_loss(image, tiny_params, targets, objective=objective, strips=strips)

    def both(strips):
        return jax.jit(jax.vmap(jax.value_and_grad(lambda image: loss(image, strips))))(jnp.stack(images))

    (value, grad), (wanted, whole) = both(True), both(False)
    np.testing.assert_allclose(value, wanted, rtol=1e-5)
    np.testing.assert_allclose(grad, whole, rtol=1e-4, atol=1e-5 * np.abs(whole).max())
    held = aimed(tiny_params, content, [style], strips=True)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), held, targets)


@pytest.mark.optimized
@pytest.mark.slow
def test_strips_take_less_memory(thin):
    params = random_params(LEAN, SCALES["caffe"])
    image = jax.ShapeDtypeStruct((512, 32, 3), jnp.float32)

    def working(strips):
        def loss(image):
            return total_loss(image, params, make_targets(params, image, [image[::-1]], strips=strips), strips=strips)

        return memory.working(jax.jit(jax.grad(loss)).lower(image).compile())

    assert working(True) < working(False) / 2


@pytest.mark.slow
def test_a_run_that_does_not_fit_goes_strip_by_strip(monkeypatch, tmp_path):
    """By itself where it must; the picture is the same."""
    monkeypatch.setattr(strips, "VALUES", 1)
    monkeypatch.setattr(strips, "SIDE", 48)
    weights = write_random(tmp_path / "lean.safetensors", LEAN)
    settings = dict(size="160x192", evaluations=3, history=5, weights=weights)
    needed = []
    with monkeypatch.context() as patch:
        patch.setattr(memory, "check", lambda width, height, count, free: needed.append(count))
        whole = stylize(*PICTURES, **settings)
    assert not whole.record["memory"]["strips"]
    monkeypatch.setattr(memory, "available", lambda: int(0.8 * needed[0]))
    result = stylize(*PICTURES, **settings)
    assert result.record["memory"]["strips"]
    assert [e.loss for e in result.trace] == pytest.approx([e.loss for e in whole.trace], rel=1e-4)
    np.testing.assert_allclose(result.image, whole.image, atol=1e-3)


def test_strips_on_request():
    assert resolve(*PICTURES, Config(memory="low")).method.strips
    assert not resolve(*PICTURES, Config()).method.strips


@pytest.mark.parametrize(
    ("size", "low", "pairs", "halved"),
    [
        ((1024, 1024), True, 10, False),
        ((2048, 1536), True, 7, True),
        ((8192, 6144), True, 5, True),
        ((2048, 1536), False, 14, False),
    ],
)
def test_a_large_picture_keeps_its_pairs_in_half_the_bytes(size, low, pairs, halved):
    """Where five whole ones would be more than 2**28 bytes; of another solver never."""
    solver = _method(Config(), CANONICAL, "plain", *size, low=low, grey=False).solver
    assert (solver.history, solver.halved) == (pairs, halved)
    assert not _method(Config(solver="lbfgs-torch"), CANONICAL, "plain", *size, low=low, grey=False).solver.halved


def test_strips_and_shared_rows_exclude_each_other():
    with pytest.raises(InputError, match=r"`memory` \(='low'\) cannot be had where devices share one picture's rows"):
        stylize(*PICTURES, memory="low", devices=2)
    with pytest.raises(InputError, match=r"`memory` \(='lo'\) .*low"):
        stylize(*PICTURES, memory="lo")
