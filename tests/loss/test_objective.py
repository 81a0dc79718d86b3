"""Every loss against loops in plain NumPy, every preset against a value computed by hand from the original's formula."""

import re
from dataclasses import replace
from math import sqrt

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.errors import InputError, Plain
from jaxstyle.loss.objective import Targets, loss_parts, loss_terms, make_targets, shares, total_loss
from jaxstyle.loss.presets import PRESETS
from jaxstyle.loss.terms import CONTENT_SCALES, content_loss, gram, guided_gram, style_loss, total_variation
from jaxstyle.network.convolution import Target, traced_for
from jaxstyle.network.vgg import features


def raw_gram(f):
    """F F^T with loops: F has C rows and H*W columns."""
    h, w, c = f.shape
    g = np.zeros((c, c))
    for a in range(c):
        for b in range(c):
            for y in range(h):
                for x in range(w):
                    g[a, b] += float(f[y, x, a]) * float(f[y, x, b])
    return g


def test_gram_is_the_loop(rng):
    f = rng.normal(size=(5, 7, 4))
    np.testing.assert_allclose(gram(jnp.asarray(f, jnp.float32)), raw_gram(f) / 35, rtol=1e-5, atol=1e-6)


def test_gram_gradient_is_the_derived_one(rng):
    f, g = (jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in ((5, 7, 4), (4, 4)))  # g is not symmetric
    derived = jax.vjp(lambda f: jnp.einsum("hwc,hwd->cd", f, f) / 35, f)[1](g)[0]
    np.testing.assert_allclose(jax.vjp(gram, f)[1](g)[0], derived, rtol=1e-5, atol=1e-6)


# Into how many parts a GPU divides the places of two pictures, with 256 / 2 blocks for one: they divide the places, also where
# the sides are odd, and there are no more than places by channels. 130 channels are 3 x 3 tiles, so 14 are wanted for 16.
DIVIDED = {(64, 48, 4): 128, (37, 41, 4): 41, (61, 1, 4): 1, (5, 7, 64): 1, (128, 96, 130): 16}


@pytest.mark.optimized
@pytest.mark.parametrize(("shape", "parts"), DIVIDED.items())
def test_gram_of_two_pictures_in_parts_is_numpys(rng, shape, parts):
    """As a GPU makes it; with the gradients, which are those of one picture after the other."""
    f, g = (rng.normal(size=size).astype(np.float32) for size in ((2, *shape), (2, shape[2], shape[2])))
    flat = f.reshape(2, -1, shape[2]).astype(np.float64)
    each = [jax.vjp(gram, picture)[1](grad)[0] for picture, grad in zip(f, g, strict=True)]

    def both(f, g):
        value, pull = jax.vjp(jax.vmap(gram), f)
        return value, pull(g)[0]

    with traced_for(Target("gpu")):
        program = jax.jit(both).lower(f, g).compile()
    value, gradient = program(f, g)
    np.testing.assert_allclose(value, np.einsum("nmc,nmd->ncd", flat, flat) / flat.shape[1], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(gradient, each, rtol=1e-5, atol=1e-6)
    sums = re.findall(r"f32\[(?:2,)?(\d+),(\d+),(\d+)\]", program.as_text() or "")
    divided = {int(count) for count, *sides in sums if sides == [str(shape[2])] * 2}
    assert (parts in divided) == (parts > 1), "what is compiled has the parts, too"


def test_guided_grams_of_two_pictures_are_those_of_each(rng):
    f, t = (jnp.asarray(rng.random(size), jnp.float32) for size in ((2, 24, 32, 4), (2, 24, 32, 3)))
    with traced_for(Target("gpu")):
        both = jax.vmap(guided_gram)(f, t)
    np.testing.assert_allclose(both, [guided_gram(*each) for each in zip(f, t, strict=True)], rtol=1e-5)


def test_one_picture_is_summed_whole_and_so_are_all_on_a_cpu(rng):
    """A GPU's library divides one product itself."""
    f = jnp.asarray(rng.normal(size=(2, 64, 48, 4)), jnp.float32)
    for backend, function, given in (("gpu", gram, f[0]), ("cpu", gram, f[0]), ("cpu", jax.vmap(gram), f)):
        with traced_for(Target(backend)):
            assert "reduce" not in jax.jit(function).lower(given).as_text()


def test_total_variation_is_the_loop(rng):
    x = rng.random((6, 5, 3))
    absolute = half_squares = 0.0
    for i in range(6):
        for j in range(5):
            for c in range(3):
                v = 255 * x[i, j, c]
                if i < 5:
                    absolute += abs(255 * x[i + 1, j, c] - v)
                if j < 4:
                    absolute += abs(255 * x[i, j + 1, c] - v)
                if i < 5 and j < 4:
                    half_squares += ((255 * x[i + 1, j, c] - v) ** 2 + (255 * x[i, j + 1, c] - v) ** 2) / 2
    image = jnp.asarray(x, jnp.float32)
    np.testing.assert_allclose(total_variation(image, "absolute"), absolute, rtol=1e-5)
    np.testing.assert_allclose(total_variation(image, "half-squares"), half_squares, rtol=1e-5)


# One content layer and one style layer with features that can be written down: C = 2, M = 4.
F = np.array([[[1.0, 0.0], [2.0, 1.0]], [[0.0, 3.0], [1.0, 1.0]]])
P = np.array([[[0.0, 0.0], [2.0, 2.0]], [[1.0, 3.0], [1.0, 0.0]]])
SQUARES = 4.0  # sum((F - P)^2): 1 + 1 + 1 + 1
GRAM_F = np.array([[6.0, 3.0], [3.0, 11.0]])  # F F^T
GRAM_P = np.array([[6.0, 8.0 - 1.0], [8.0 - 1.0, 13.0]])  # P P^T
GRAM_SQUARES = (16 + 16 + 4) / 16  # sum((G/M - A/M)^2)


def test_the_hand_made_grams_are_right():
    np.testing.assert_allclose(raw_gram(F), GRAM_F)
    np.testing.assert_allclose(raw_gram(P), GRAM_P)


# Content and style term of each preset for the features above, from the originals' formulas (C = 2, M = 4).
BY_HAND = {
    "jaxstyle": (SQUARES / 8, 1e3 / 4 * GRAM_SQUARES / 4),
    "gatys-notebook": (SQUARES / 8, 1e3 / 4 * GRAM_SQUARES / 4),
    "gatys-paper": (SQUARES / 2, 1e3 * (1 / 5) * (36 / (4 * 2**2 * 4**2))),
    "johnson": (5 * SQUARES / 8, 100 * (36 / (2 * 4) ** 2) / 4),
    "cysmith": (5 * SQUARES / (2 * sqrt(2) * sqrt(4)), 1e4 * (0.2 / 5) * (36 / (4 * 2**2 * 4**2))),
    "pystiche": (SQUARES / 8, 1e3 / 5 * GRAM_SQUARES / 4),
}


@pytest.mark.parametrize("name", PRESETS)
def test_preset_is_its_originals_formula(name):
    objective = PRESETS[name]
    f, p = jnp.asarray(F, jnp.float32), jnp.asarray(P, jnp.float32)
    (content_weight,) = objective.content_layers.values()
    content = objective.content_weight * content_weight * content_loss(f, p, objective.content_scale)
    layer_weight = set(objective.style_layers.values())
    assert len(objective.style_layers) == 5
    assert len(layer_weight) == 1
    style = objective.style_weight * layer_weight.pop() * style_loss(gram(f), gram(p), objective.style_scale)
    np.testing.assert_allclose((content, style), BY_HAND[name], rtol=1e-5)


# Coefficient on mean((G/M - A/M)^2) of relu1_1 (C = 64) and relu5_1 (C = 512), where content is 1.0 * mean((F - P)^2),
# at 512x512 (conventions of the projects, computed elsewhere).
COEFFICIENTS = {
    "jaxstyle": (0.244, 0.00381),
    "gatys-notebook": (0.244, 0.00381),
    "johnson": (0.00488, 7.6e-5),
    "cysmith": (0.0276, 0.0276),
    "gatys-paper": (1e3 * 0.0125 / (512 * 512) * 8, 1e3 * 0.0125 / (512 * 512) * 8),
    "pystiche": (200, 200),
}


@pytest.mark.parametrize("name", PRESETS)
def test_preset_balances_style_against_content_as_its_original(name):
    objective = PRESETS[name]
    places = 64 * 64  # relu4_2 of a 512x512 picture
    content = objective.content_weight * CONTENT_SCALES[objective.content_scale](512, places) * 512 * places
    for channels, wanted in zip((64, 512), COEFFICIENTS[name], strict=True):
        if name == "gatys-paper":  # E_l = mean/4, w = 1/5; content is C*M/2 times the mean
            wanted = 1e3 / 20 / (512 * places / 2)
        layer = objective.style_layers["relu1_1"] * objective.style_weight
        matrices = jnp.ones((channels, channels)), jnp.zeros((channels, channels))
        style = layer * float(style_loss(*matrices, objective.style_scale))
        np.testing.assert_allclose(style / content, wanted, rtol=6e-3)


def test_cysmith_has_its_three_content_kernels():
    f, p = jnp.asarray(F, jnp.float32), jnp.asarray(P, jnp.float32)
    kernels = {"half-root": 1 / (2 * sqrt(2) * sqrt(4)), "mean": 1 / 8, "half-sum": 1 / 2}
    for scale, factor in kernels.items():
        np.testing.assert_allclose(content_loss(f, p, scale), factor * SQUARES, rtol=1e-6)


TARGETS = jax.jit(make_targets, static_argnames=("objective", "blend"))


@pytest.fixture(params=["gatys-notebook", "johnson", "cysmith", "gatys-paper"])
def case(request, tiny_params, rng):
    objective = PRESETS[request.param]
    content, style, image = (jnp.asarray(rng.random(s), jnp.float32) for s in ((19, 22, 3), (17, 16, 3), (19, 22, 3)))
    return objective, image, tiny_params, TARGETS(tiny_params, content, [style], objective=objective)


def test_total_is_the_sum_of_its_terms(case):
    objective, image, params, targets = case
    both = jax.jit(lambda *given: [function(*given, objective=objective) for function in (loss_terms, loss_parts)])
    terms, parts = both(image, params, targets)
    flat = [float(v) for part in terms.values() for v in part.values()]
    np.testing.assert_allclose(parts.total, sum(flat), rtol=1e-5)
    np.testing.assert_allclose(parts.total, parts.content + parts.style + parts.tv, rtol=1e-6)
    assert set(terms["style"]) == set(objective.style_layers)


def test_gradient_is_the_finite_difference_in_float64(case, rng):
    objective, image, params, targets = case
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), (image, params, targets))
        loss = jax.jit(jax.value_and_grad(lambda x: total_loss(x, *wide[1:], objective=objective)))
        _, grad = loss(wide[0])
        for seed in range(3):
            direction = jnp.asarray(np.random.default_rng(seed).normal(size=image.shape))
            h = 1e-7
            slope = (loss(wide[0] + h * direction)[0] - loss(wide[0] - h * direction)[0]) / (2 * h)
            np.testing.assert_allclose(jnp.vdot(grad, direction), slope, rtol=2e-6)


def test_objective_is_vmappable_and_a_static_argument(case):
    objective, image, params, targets = case
    jitted = jax.jit(total_loss, static_argnames="objective")
    images = jnp.stack([image, image[::-1]])
    together = jax.vmap(lambda x: jitted(x, params, targets, objective=objective))(images)
    for one, value in zip(images, together, strict=True):
        np.testing.assert_allclose(value, jitted(one, params, targets, objective=objective), rtol=1e-5)


def test_styles_blend_their_grams(tiny_params, rng):
    pictures = [jnp.asarray(rng.random(shape), jnp.float32) for shape in ((18, 18, 3), (20, 17, 3), (16, 33, 3))]
    targets = TARGETS(tiny_params, pictures[0], pictures[1:], blend=(3, 1))
    read = jax.jit(lambda picture: features(tiny_params, picture, list(targets.style), padding="reflect"))
    found = [read(picture) for picture in pictures[1:]]
    for tap, matrix in targets.style.items():
        one, other = (raw_gram(np.asarray(f[tap])) / (f[tap].shape[0] * f[tap].shape[1]) for f in found)
        np.testing.assert_allclose(matrix, 0.75 * one + 0.25 * other, rtol=1e-4, atol=1e-3)
    with pytest.raises(InputError, match="one share for each style, 2 in all"):
        TARGETS(tiny_params, pictures[0], pictures[1:], blend=(1,))
    with pytest.raises(InputError, match="positive sum"):
        TARGETS(tiny_params, pictures[0], pictures[1:], blend=(0, 0))


@pytest.mark.parametrize(
    ("blend", "styles", "wanted"),
    [
        (None, 1, (1,)),
        (None, 4, (0.25,) * 4),
        ([3, 1], 2, (0.75, 0.25)),
        ([0.3, 0.1], 2, (0.75, 0.25)),
        ((0, 5, 0), 3, (0, 1, 0)),
        ([1e-30, 1e-30], 2, (0.5, 0.5)),
        ([7], 1, (1,)),
    ],
)
def test_shares_are_scaled_to_the_sum_1(blend, styles, wanted):
    np.testing.assert_allclose(shares(blend, styles), wanted, rtol=1e-12)
    assert sum(shares(blend, styles)) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("blend", [[1, 1, 1], [], [0, 0], [2, -1], [float("nan"), 1], [-1, -1]])
def test_shares_that_are_none_are_refused(blend):
    with pytest.raises(InputError, match=r"^`blend` \(=what I wrote\) must "):
        shares(blend, 2, shown=Plain("what I wrote"))


def test_loss_is_zero_at_the_content_without_style(tiny_params, rng):
    content = jnp.asarray(rng.random((16, 16, 3)), jnp.float32)
    objective = replace(PRESETS["gatys-notebook"], style_weight=0.0)
    targets = TARGETS(tiny_params, content, [content], objective=objective)
    assert isinstance(targets, Targets)
    assert float(jax.jit(total_loss, static_argnames="objective")(content, tiny_params, targets, objective=objective)) == 0
