"""Guides and guided Gram matrices against loops in NumPy, against noise that must not be seen, and against the plain ones."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.loss import regions, strips
from jaxstyle.loss.metric import for_style, together
from jaxstyle.loss.objective import Targets, loss_in_metric_and_loss, loss_parts, make_targets, style_target, total_loss
from jaxstyle.loss.presets import CANONICAL, PRESETS
from jaxstyle.loss.regions import EXTENDED, guides_of, mask_pyramid
from jaxstyle.loss.terms import gram, guided_gram
from jaxstyle.network.vgg import features

TAPS = tuple(CANONICAL.style_layers)
FEW = replace(CANONICAL, style_layers=dict.fromkeys(("relu1_1", "relu3_1"), 1.0), content_layers={"relu2_1": 1.0})
"""An objective that compiles in a third of the time."""


def halves(height, width, count=2):
    """Vertical stripes, as many regions; they add up to 1."""
    masks = np.zeros((count, height, width), np.float32)
    for k in range(count):
        masks[k, :, k * width // count : (k + 1) * width // count] = 1
    return masks


def test_guided_grams_are_the_loop(rng):
    f, t = rng.normal(size=(5, 7, 4)), rng.random((5, 7, 3))
    wanted = np.zeros((3, 4, 4))
    for r, a, b, y, x in np.ndindex(3, 4, 4, 5, 7):
        wanted[r, a, b] += t[y, x, r] * f[y, x, a] * t[y, x, r] * f[y, x, b] / 35
    np.testing.assert_allclose(guided_gram(*map(jnp.float32, (f, t))), wanted, rtol=1e-5, atol=1e-6)


def test_the_gradient_is_the_derived_one(rng):
    f, t, g = (jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in ((5, 7, 4), (5, 7, 3), (3, 4, 4)))
    derived = jax.vjp(lambda f: jnp.einsum("hwc,hwd,hwr->rcd", f, f, t**2) / 35, f)[1](g)[0]
    np.testing.assert_allclose(jax.vjp(lambda f: guided_gram(f, t), f)[1](g)[0], derived, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(5, 7, 4), (64, 48, 64)])
def test_a_guide_of_ones_gives_the_plain_gram_exactly(rng, shape):
    """And its gradient, compiled or not."""
    f, g = (jnp.asarray(rng.normal(size=size), jnp.float32) for size in (shape, (shape[2], shape[2])))
    guide = jnp.ones((*shape[:2], 1))
    for wrapped in (lambda function: function, jax.jit):
        np.testing.assert_array_equal(wrapped(guided_gram)(f, guide)[0], wrapped(gram)(f))
        plain, guided = (
            wrapped(lambda f, g, function=function: jax.vjp(function, f)[1](g)[0])(f, given)
            for function, given in ((gram, g), (lambda f: guided_gram(f, guide), g[None]))
        )
        np.testing.assert_array_equal(guided, plain)


def test_a_mask_that_is_white_everywhere_changes_nothing(tiny_params, rng):
    how, (content, style, image) = "inside", (jnp.asarray(rng.random((40, 48, 3)), jnp.float32) for _ in range(3))
    plain = jax.jit(partial(make_targets, objective=FEW))(tiny_params, content, [style])
    white = np.ones((1, 40, 48), np.float32)
    guides = jax.tree.map(jnp.asarray, guides_of(white, FEW.style_layers, tiny_params.architecture, how))
    assert all((guide == 1).all() for guide in guides.maps.values())
    assert all((share == 1).all() for share in guides.shares.values())
    guided = Targets(plain.content, {name: matrix[None] for name, matrix in plain.style.items()}, guides)
    loss = jax.jit(jax.value_and_grad(partial(total_loss, objective=FEW)))
    (value, grad), (wanted, whole) = (loss(image, tiny_params, targets) for targets in (guided, plain))
    np.testing.assert_allclose(value, wanted, rtol=1e-6)
    np.testing.assert_allclose(grad, whole, rtol=1e-4, atol=1e-6 * np.abs(whole).max())
    masked = jax.jit(partial(style_target, objective=FEW))(tiny_params, style, guides.maps)
    for name, matrix in masked.items():
        np.testing.assert_array_equal(matrix[0], plain.style[name])


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_a_guide_inside_sees_nothing_else(tiny_params, rng, monkeypatch, pooling):
    """Found another way: noise outside the region leaves those features alone, bit for bit, and moves the others."""
    monkeypatch.setattr(regions, "EXTENDED", 0)
    mask = np.zeros((1, 90, 101), np.float32)
    mask[0, 9:80, 20:] = 1
    taps = tuple(tap for tap in tiny_params.architecture.taps if tap not in ("pool5", "relu5_1"))
    found = mask_pyramid(mask, taps, tiny_params.architecture, "inside")
    image = rng.random((90, 101, 3)).astype(np.float32)
    read = jax.jit(lambda image: features(tiny_params, image, taps, pooling=pooling))
    before, moved = read(image), {tap: np.zeros(guide.shape[:2], bool) for tap, guide in found.items()}
    for _ in range(8):
        other = np.where(mask[0, ..., None] == 1, image, rng.random(image.shape) * 3).astype(np.float32)
        for tap, value in read(other).items():
            moved[tap] |= np.any(np.asarray(value != before[tap]), -1)
    for tap, guide in found.items():
        assert set(np.unique(guide)) <= {0, 1}
        seen = guide[..., 0] == 0
        assert not moved[tap][~seen].any(), tap
        assert moved[tap][seen].mean() > (0.8 if tap.startswith("conv") else 0.5), tap  # a ReLU and a maximum hide some
    assert found["relu4_1"].any()


def test_an_extended_guide_is_a_dilation(tiny_params, rng, monkeypatch):
    mask = (rng.random((1, 66, 80)) < 0.99).astype(np.float32)
    extended = mask_pyramid(mask, ["relu2_1"], tiny_params.architecture, "inside")["relu2_1"][..., 0]
    monkeypatch.setattr(regions, "EXTENDED", 0)
    bare = mask_pyramid(mask, ["relu2_1"], tiny_params.architecture, "inside")["relu2_1"][..., 0]
    assert 0 < bare.mean() < extended.mean() < 1
    for y, x in np.ndindex(extended.shape):
        near = bare[max(0, y - EXTENDED) : y + EXTENDED + 1, max(0, x - EXTENDED) : x + EXTENDED + 1]
        assert extended[y, x] == near.max()


def test_guides_by_area_are_means_of_squares(tiny_params, rng):
    mask = rng.random((2, 37, 50)).astype(np.float32)
    found = mask_pyramid(mask, ("relu1_1", "relu3_1", "pool4"), tiny_params.architecture, "area")
    for tap, side in (("relu1_1", 1), ("relu3_1", 4), ("pool4", 16)):
        height, width = 37 // side, 50 // side
        squares = mask[:, : height * side, : width * side].reshape(2, height, side, width, side).astype(float).mean((2, 4))
        np.testing.assert_allclose(np.moveaxis(found[tap], -1, 0), squares, rtol=1e-5)


@pytest.mark.parametrize("how", ["area", "inside"])
def test_guides_are_normalised_and_shares_say_how_much_of_the_picture_they_are(tiny_params, how):
    masks = halves(64, 96, 3)
    masks[2] = 0
    found = guides_of(masks, TAPS, tiny_params.architecture, how)
    for tap, guide in found.maps.items():
        square = np.square(guide, dtype=float).mean((0, 1))
        np.testing.assert_allclose(square, found.shares[tap] > 0, rtol=1e-5)
        assert found.shares[tap][2] == 0
        assert np.isfinite(guide).all()
    np.testing.assert_allclose(found.shares["relu1_1"][:2], 1 / 3, atol=0.05)


def losses(rng, params, masks, *, held=False, objective=FEW, how="area"):
    """The loss of a picture with two regions in its metrics, with the gradient, the loss itself, and what they are made of."""
    content, image, *styles = (jnp.asarray(rng.random((*masks.shape[1:], 3)), jnp.float32) for _ in range(4))
    make = jax.jit(partial(make_targets, objective=objective))
    taps = tuple(objective.style_layers)
    guides = jax.tree.map(jnp.asarray, guides_of(masks, taps, params.architecture, how))
    each = [make(params, content, [style]) for style in styles]
    grams = [targets.style for targets in each]
    style = {name: jnp.stack([each[name] for each in grams]) for name in taps}
    targets = Targets(each[0].content, style, guides)
    metric = {name: together([for_style(each)[name] for each in grams]) for name in taps}

    def loss(image):
        return loss_in_metric_and_loss(metric, image, params, targets, strips=held, objective=objective)

    (value, plain), grad = jax.jit(jax.value_and_grad(loss, has_aux=True))(image)
    return (float(value), float(plain), grad), (image, targets, metric)


def test_the_loss_is_the_sum_over_regions(tiny_params, rng):
    masks = halves(64, 80)
    masks[1, 40:] = 0  # a part of the picture belongs to none
    (value, plain, _), (image, targets, metric) = losses(rng, tiny_params, masks)
    found = jax.jit(lambda image: features(tiny_params, image, (*targets.style, "relu2_1"), padding=FEW.padding))(image)
    (content,) = targets.content.values()
    measured = wanted = np.mean((np.asarray(found["relu2_1"], float) - np.asarray(content)) ** 2)
    for tap in targets.style:
        for r in range(2):
            guided = np.asarray(found[tap], float) * np.asarray(targets.guides.maps[tap][..., r : r + 1])
            flat = guided.reshape(-1, guided.shape[-1])
            difference = flat.T @ flat / len(flat) - np.asarray(targets.style[tap][r])
            basis, weights = (np.asarray(part[r], float) for part in metric[tap])
            factor = 1e3 * float(targets.guides.shares[tap][r]) / flat.shape[1] ** 2
            wanted += factor * np.mean(difference**2)
            measured += factor * np.mean(weights * (basis.T @ difference @ basis) ** 2)
    assert plain == pytest.approx(wanted, rel=1e-4)
    assert value == pytest.approx(measured, rel=1e-4)


@pytest.mark.slow
def test_strips_give_the_same(tiny_params, rng, monkeypatch):
    monkeypatch.setattr(strips, "VALUES", 1)
    monkeypatch.setattr(strips, "SIDE", 8)
    masks = np.clip(halves(107, 40, 3) + rng.normal(0, 0.2, (3, 107, 40)).astype(np.float32), 0, 1)
    held, whole = (losses(np.random.default_rng(0), tiny_params, masks[:2], held=held)[0] for held in (True, False))
    np.testing.assert_allclose(held[:2], whole[:2], rtol=1e-5)
    np.testing.assert_allclose(held[2], whole[2], rtol=1e-4, atol=1e-5 * np.abs(whole[2]).max())


@pytest.mark.slow
def test_an_empty_region_counts_nothing(tiny_params, rng):
    masks = halves(48, 64)
    masks[1] = 0
    masks[1, 20:24, 20:24] = 1  # no place of the deeper layers sees only this
    (value, _, grad), (_, targets, _) = losses(rng, tiny_params, masks, how="inside")
    shares = {tap: float(share[1]) for tap, share in targets.guides.shares.items()}
    assert shares["relu1_1"] > 0 == shares["relu3_1"]
    assert np.isfinite(value)
    assert np.isfinite(grad).all()


def test_cysmiths_style_masks(tiny_params, rng):
    """Its formula in NumPy: one mask multiplies a style's features and the image's, 1 / (4 N^2 M^2) sum((G - A)^2) of sums over
    all places, a fifth by layer weight and a fifth as their mean, and equal parts of two styles divided by two once more."""
    preset = PRESETS["cysmith"]
    masks = np.stack([halves(32, 48)[0], halves(32, 48)[1] * 0.5]).astype(np.float32)
    image, *styles = (jnp.asarray(rng.random((32, 48, 3)), jnp.float32) for _ in range(3))
    guides = jax.tree.map(jnp.asarray, guides_of(masks, TAPS, tiny_params.architecture, preset.guides))
    read = jax.jit(lambda picture: features(tiny_params, picture, (*TAPS, "conv4_2"), pooling="avg"))
    x, *others = map(read, (image, *styles))
    style = {tap: jnp.stack([guided_gram(each[tap], guides.maps[tap])[r] for r, each in enumerate(others)]) for tap in TAPS}
    targets = Targets({"conv4_2": x["conv4_2"]}, style, guides)
    value = jax.jit(partial(loss_parts, objective=preset))(image, tiny_params, targets).style

    total = 0.0
    for a, mask in zip(others, masks, strict=True):
        each_loss = 0.0
        for tap in TAPS:
            height, width, n = x[tap].shape
            small = mask.reshape(height, 32 // height, width, 48 // width).mean((1, 3))
            small = small / small.max()
            m = height * width
            masked = [(np.asarray(f[tap], float) * small[..., None]).reshape(m, n) for f in (a, x)]
            big_a, big_g = (f.T @ f for f in masked)
            each_loss += 0.2 * ((big_g - big_a) ** 2).sum() / (4 * n**2 * m**2)
        total += each_loss / 5 * 0.5
    assert float(value) == pytest.approx(1e4 * total / 2, rel=1e-4)
