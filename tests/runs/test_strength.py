"""Strength: the photograph at 0, the style alone at 1, weights from measured losses between; all of it data of one program."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import jaxstyle
from jaxstyle import stylize, stylize_batch
from jaxstyle.cli.main import main
from jaxstyle.cli.places import SAMPLES
from jaxstyle.loss.presets import PRESETS
from jaxstyle.loss.strength import balanced
from jaxstyle.network.weights.load import load

pytestmark = pytest.mark.usefixtures("small_network")

CONTENT, STYLE, GLASS = (str(SAMPLES / f"{name}.jpg") for name in ("chelsea", "swirls", "glass"))
SMALL = dict(size=32, evaluations=6)


def pixels(path, *sizes):
    image = Image.open(path).convert("RGB")
    for size in sizes:
        image = image.resize(size, Image.Resampling.BILINEAR)
    return np.asarray(image)


SLOW = pytest.mark.slow
STARTS = [
    {},
    dict(init="noise"),
    pytest.param(dict(preset="johnson"), marks=SLOW),
    pytest.param(dict(scales=2, size="36x32"), marks=SLOW),
]


@pytest.mark.parametrize("options", STARTS, ids=str)
def test_0_is_the_photograph(options):
    result = stylize(CONTENT, STYLE, strength=0, **SMALL | options)
    height, width, _ = result.image.shape
    np.testing.assert_array_equal(np.rint(result.image * 255), pixels(CONTENT, (width, height)))
    assert result.stop_reason == "a strength of 0 is the photograph itself"
    assert (result.evaluations, result.loss["content"]) == (1, pytest.approx(0, abs=1e-6 * result.loss["style"]))


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["gatys-notebook", pytest.param("cysmith", marks=SLOW)])
def test_1_is_the_style_alone(preset):
    """The preset's own style weight, and no content."""
    one, other = (stylize(CONTENT, STYLE, preset=preset, **how, **SMALL) for how in (dict(strength=1), dict(content_weight=0)))
    np.testing.assert_array_equal(one.image, other.image)


@pytest.mark.parametrize("preset", ["gatys-notebook", pytest.param("johnson", marks=SLOW)])
def test_the_weights_follow_from_two_losses(preset):
    """They are what the public loss says of the pictures; as fixed weights they give the same picture."""
    how = dict(preset=preset, init="content", blend="3,1", **SMALL)
    result = stylize(CONTENT, [STYLE, GLASS], strength=0.4, **how)
    found, objective = result.record["objective"], PRESETS[preset]
    size = result.record["size"]
    sizes = [result.record["size"], *result.record["style_sizes"]]
    pictures = [jnp.asarray(pixels(p, s) / 255, jnp.float32) for p, s in zip((CONTENT, STYLE, GLASS), sizes, strict=True)]
    params = load().params
    make = jax.jit(partial(jaxstyle.make_targets, objective=objective, blend=(3, 1)))
    losses = jax.jit(partial(jaxstyle.loss_parts, objective=objective))
    targets = make(params, pictures[0], pictures[1:])
    squeezed = [jnp.asarray(pixels(p, s, size) / 255, jnp.float32) for p, s in zip((STYLE, GLASS), sizes[1:], strict=True)]
    one, other = (losses(picture, params, targets).content / objective.content_weight for picture in squeezed)
    style = losses(pictures[0], params, targets).style / objective.style_weight
    wanted = balanced(objective, 0.4, content_scale=float(0.75 * one + 0.25 * other), style_scale=float(style))
    for name in ("content_weight", "style_weight", "tv_weight"):
        assert getattr(found, name) == pytest.approx(getattr(wanted, name), rel=1e-3)
    weights = {name: getattr(found, name) for name in ("content_weight", "style_weight", "tv_weight")}
    fixed = stylize(CONTENT, [STYLE, GLASS], **weights, **how)
    np.testing.assert_array_equal(result.image, fixed.image)
    assert [entry.objective for entry in result.trace] == [entry.objective for entry in fixed.trace]


def test_another_strength_compiles_nothing():
    stylize(CONTENT, STYLE, strength=0.3, **SMALL)
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: compiled.append(event) if event == "/jax/core/compile/backend_compile_duration" else None
    )
    for strength in (0.0, 0.6, 1.0):
        stylize(CONTENT, STYLE, strength=strength, **SMALL)
    assert not compiled


@SLOW
def test_members_have_their_own():
    alone = [stylize(CONTENT, STYLE, strength=strength, **SMALL) for strength in (0.0, 0.6, 1.0)]
    together = stylize_batch(CONTENT, STYLE, vary={"strength": [0.0, 0.6, 1.0]}, batch_size=3, **SMALL)
    for member, single in zip(together, alone, strict=True):
        assert member.record["batch"]["members"] == 3
        assert member.record["objective"] == single.record["objective"]
        assert np.abs(member.image - single.image).max() < 2 / 255


@SLOW
def test_each_size_has_its_own_weights_of_one_balance_and_strips_have_the_same():
    how = dict(size="64x48", evaluations=6, scales=2, strength=0.5)
    result, strips = stylize(CONTENT, STYLE, **how), stylize(CONTENT, STYLE, memory="low", **how)
    coarse, full = result.record["stages"][0], result.record["stages"][-1]
    assert (coarse["size"], full["size"]) == ((32, 24), (64, 48))
    assert full["content_weight"] == result.record["objective"].content_weight != coarse["content_weight"]
    assert coarse["style_weight"] == full["style_weight"]
    assert strips.record["objective"].content_weight == pytest.approx(full["content_weight"], rel=1e-3)


@SLOW
def test_more_strength_is_less_content_and_more_style():
    # Mirrored, the style alone of this small network ends in a local minimum; VGG-19's does not.
    how = dict(preset="gatys-notebook", size=32, evaluations=25)
    results = stylize_batch(CONTENT, STYLE, vary={"strength": [0, 0.25, 0.5, 0.75, 1]}, **how)
    losses = np.array([[r.loss["content"], r.loss["style"]] for r in results])
    assert np.all(np.diff(losses[:, 0]) > 0)
    assert np.all(np.diff(losses[:, 1]) < 0)


def test_a_replay_is_the_same_picture(capsys, empty_folder):
    assert main(["stylize", CONTENT, STYLE, "-o", "x.png", "--size", "32", "--evaluations", "6", "--strength", "0.5"]) == 0
    assert main(["replay", "x.png"]) == 0
    assert "the same picture again" in capsys.readouterr().err


@SLOW
def test_a_row_of_strengths_is_made(capsys, empty_folder):
    assert main(["sweep", CONTENT, STYLE, "--vary", "strength=0,0.5,1", "--size", "32", "--evaluations", "6"]) == 0
    assert "3 of 3 pictures" in capsys.readouterr().err
