"""What films, a studio and researchers build on: a term of their own, a start of their own, other weights on the way."""

import os
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle import InputError, features, load_weights
from jaxstyle.cli.places import SAMPLES
from jaxstyle.loss import strips
from jaxstyle.loss.objective import TermWeights, total_loss
from jaxstyle.loss.presets import CANONICAL, PRESETS
from jaxstyle.loss.statistics import STATISTICS, Statistic
from jaxstyle.loss.terms import Anchor, anchor_loss, style_loss
from jaxstyle.machine.compiler import Compiler
from jaxstyle.pictures.read import as_float
from jaxstyle.plans.config import Config
from jaxstyle.plans.resolve import resolve
from jaxstyle.runs.engine import compile_engines
from jaxstyle.runs.loop import run_stage
from jaxstyle.runs.run import run_plans

CONTENT, STYLE = str(SAMPLES / "chelsea.jpg"), str(SAMPLES / "swirls.jpg")

pytestmark = pytest.mark.usefixtures("small_network")


def plan_of(**options):
    return resolve(CONTENT, STYLE, Config(**{"size": 32, "evaluations": 8, **options}))


def loss(engine, plan, image):
    targets = engine.targets.targets(plan)
    return float(total_loss(image, engine.params, targets, objective=plan.objective))


def near(image, weight):
    return Anchor(*map(jnp.asarray, (image, weight, np.ones_like(weight))))


def test_the_anchor_loss_and_its_gradient_against_numpy(rng):
    image, other = rng.random((2, 5, 4, 3))
    weight = rng.random((5, 4, 1))
    away = 255 * (image - other)
    assert float(anchor_loss(jnp.asarray(image), near(other, weight))) == pytest.approx(
        (weight * away**2).sum() / image.size, rel=1e-5
    )
    found = jax.grad(anchor_loss)(jnp.asarray(image), near(other, weight))
    np.testing.assert_allclose(found, 2 * 255 * weight * away / image.size, rtol=1e-4)


@pytest.mark.parametrize(
    ("strength", "options"), [(1e8, {}), pytest.param(1e6, {"solver": "adam", "evaluations": 25}, marks=pytest.mark.slow)]
)
def test_a_picture_stays_near_an_anchor_where_that_has_weight(strength, options):
    plan = plan_of(**options)
    (engine,) = compile_engines(plan, Compiler(), anchored=True)
    content = jnp.asarray(as_float(plan.content))
    weight = jnp.zeros((*content.shape[:2], 1)).at[:, :16].set(strength)
    (free,), (held,) = (
        run_plans([engine], [plan], starts=[content], anchors=[near(content, each)]) for each in (weight * 0, weight)
    )
    free_moved, held_moved = (np.abs(np.asarray(end.image) - content).mean((0, 2)) for end in (free, held))
    assert held_moved[:16].mean() < 0.6 * free_moved[:16].mean()
    seen = loss(engine, plan, held.image) + float(anchor_loss(held.image, near(content, weight)))
    assert min(entry.objective for entry in held.trace) == pytest.approx(seen, rel=1e-4)
    assert float(held.measure().total) == pytest.approx(loss(engine, plan, held.image), rel=1e-4), "reported without it"
    assert [entry.loss for entry in held.trace if entry.loss is not None]


def test_without_an_anchor_an_anchored_engine_makes_the_same_picture():
    plan = plan_of()
    images = [
        np.asarray(run_plans(compile_engines(plan, Compiler(), anchored=anchored), [plan])[0].image)
        for anchored in (False, True)
    ]
    np.testing.assert_allclose(images[0], images[1], atol=1e-3)


def test_a_run_begins_with_an_array(rgb):
    """Its first measurement is of that image."""
    plan = plan_of(evaluations=1)
    engines = compile_engines(plan, Compiler())
    start = jnp.asarray(as_float(plan.content))[::-1]
    (end,) = run_plans(engines, [plan], starts=[start])
    assert end.trace[0].loss == pytest.approx(loss(engines[0], plan, start), rel=1e-5)


def test_weights_change_on_the_way_and_nothing_is_compiled():
    plan, compiler = plan_of(), Compiler()
    (engine,) = compile_engines(plan, compiler)
    run = partial(run_stage, params=engine.params, method=engine.method, functions=engine.functions)
    inputs = engine.inputs([plan], [jnp.asarray(as_float(plan.content))])
    (begun,) = run(inputs, budgets=[6])
    before, seconds = float(begun.measure().content), compiler.seconds
    photograph = TermWeights.of(plan.objective)._replace(style=jax.tree.map(jnp.zeros_like, inputs.weights.style))
    steered = inputs._replace(start=begun.image, weights=photograph)
    (end,) = run(steered, budgets=[16], spent=[(begun.evaluations, begun.seconds)])
    assert float(end.measure().content) < 0.5 * before
    assert end.evaluations == 16
    assert compiler.seconds == seconds


def test_pixels_move_as_far_as_their_pace_lets_them():
    """Where it is hardly above 0 they stay, and the rest is what one step of the same direction makes it."""
    plan = plan_of(evaluations=2)
    (engine,) = compile_engines(plan, Compiler(), anchored=True)
    content = jnp.asarray(as_float(plan.content))
    weight = jnp.zeros((*content.shape[:2], 1))
    pace = jnp.ones_like(weight).at[:, :16].set(1e-4)
    (end,) = run_plans([engine], [plan], starts=[content], anchors=[Anchor(content, weight, pace)])
    moved = np.abs(np.asarray(end.image) - content).mean((0, 2))
    assert moved[:16].max() < 1e-3 * moved[16:].mean()
    assert [entry.objective for entry in end.trace][-1] < end.trace[0].objective


def moments(features):
    """Mean and mean square of each channel, (H, W, C) -> (2, C)."""
    return jnp.stack([features.mean((0, 1)), jnp.square(features).mean((0, 1))])


def guided_moments(features, guides):
    return jnp.stack([moments(features * guides[..., i, None]) for i in range(guides.shape[-1])])


@pytest.fixture
def by_moments(monkeypatch):
    """Another style loss, which is no more than this: the name of a preset."""
    another = Statistic(moments, guided_moments, lambda ours, wanted, _: style_loss(ours, wanted))
    monkeypatch.setitem(STATISTICS, "moments", another)
    monkeypatch.setitem(PRESETS, "moments", replace(CANONICAL, statistic="moments", content_weight=0.0))
    return "moments"


def moments_loss(image, style):
    """By NumPy of the features alone."""
    total, params = 0.0, load_weights(os.environ["JAXSTYLE_WEIGHTS"])
    taps = tuple(CANONICAL.style_layers)
    read = jax.jit(lambda params, picture: features(params, picture, taps, padding="reflect"))
    ours, wanted = (read(params, picture) for picture in (image, style))
    for tap in taps:
        away = [np.mean(np.asarray(ours[tap]) ** p, (0, 1)) - np.mean(np.asarray(wanted[tap]) ** p, (0, 1)) for p in (1, 2)]
        total += np.mean(np.square(away))
    return CANONICAL.style_weight * total


def test_another_style_loss_is_a_statistic_by_name(by_moments):
    plan = plan_of(preset=by_moments, evaluations=40)
    assert [stage.metric for stage in plan.stages] == ["plain"]
    (engine,) = compile_engines(plan, Compiler())
    content, style = (jnp.asarray(as_float(picture)) for picture in (plan.content, plan.styles[0]))
    assert loss(engine, plan, content) == pytest.approx(moments_loss(content, style), rel=1e-4)
    (end,) = run_plans([engine], [plan])
    assert moments_loss(end.image, style) < 0.1 * moments_loss(content, style)


@pytest.mark.slow
def test_another_style_loss_goes_with_regions_and_strips(by_moments, rng, monkeypatch):
    mask, of_style = (np.zeros(as_float(picture).shape[:2], np.uint8) for picture in (plan_of().content, plan_of().styles[0]))
    mask[:, 16:] = of_style[4:] = 255
    for region in ((mask, STYLE), (mask, STYLE, of_style)):
        plan = plan_of(preset=by_moments, regions=[region])
        (engine,) = compile_engines(plan, Compiler())
        (end,) = run_plans([engine], [plan])
        assert loss(engine, plan, end.image) < 0.5 * loss(engine, plan, jnp.asarray(as_float(plan.content)))
    monkeypatch.setattr(strips, "VALUES", 2**10)
    monkeypatch.setattr(strips, "SIDE", 16)
    params, image = load_weights(os.environ["JAXSTYLE_WEIGHTS"]), jnp.asarray(rng.random((160, 96, 3), np.float32))
    how = dict(statistic=STATISTICS[by_moments], padding="reflect")
    taps = ("relu1_1", "relu3_1")
    whole, tiled = (strips.features_and_statistics(params, image, (), taps, strips=each, **how)[1] for each in (False, True))
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-3), whole, tiled)


def test_the_whitened_metric_is_for_gram_matrices(by_moments):
    with pytest.raises(InputError, match="metric.*moments.*plain"):
        plan_of(preset=by_moments, metric="whitened", evaluations=30)
