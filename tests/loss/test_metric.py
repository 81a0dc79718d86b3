"""The whitened metric against SciPy's Sylvester equation, and what it does to a run: another way, to a lower loss."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from PIL import ImageColor

from jaxstyle import stylize
from jaxstyle.cli.places import SAMPLES
from jaxstyle.loss import metric
from jaxstyle.loss.objective import TermWeights, loss_in_metric_and_loss, loss_terms, make_targets, total_loss
from jaxstyle.loss.presets import CANONICAL
from jaxstyle.loss.terms import gram
from jaxstyle.plans import schedule
from jaxstyle.plans.config import Config
from jaxstyle.plans.resolve import resolve
from jaxstyle.plans.solve import WORTH_WHITENING

pytestmark = pytest.mark.usefixtures("small_network")

CONTENT, STYLE = SAMPLES / "chelsea.jpg", SAMPLES / "swirls.jpg"
C = 7


@pytest.fixture
def grams(rng):
    """A target of rank 5 in 7 channels, and a difference from it that moving features can make."""
    target, other = (np.asarray(gram(jnp.asarray(rng.normal(size=(1, n, C)), jnp.float32)), float) for n in (5, 40))
    return target, other - target


def potential(target, difference):
    """X with (S X + X S)/2 + FLOOR X = difference, S being the target with the mean variance 1."""
    half = target / np.trace(target) * C / 2 + metric.FLOOR / 2 * np.eye(C)
    return scipy.linalg.solve_sylvester(half, half, difference)


def test_whitened_is_the_inverse_of_how_features_move_grams(grams):
    target, difference = grams
    found = metric.whitened(jnp.asarray(target, jnp.float32))
    value, grad = jax.value_and_grad(lambda d: metric.mean_square(d, found))(jnp.asarray(difference, jnp.float32))
    solution = potential(target, difference)
    ratio = float(value) / ((difference * solution).sum() / C**2)  # but for one factor
    np.testing.assert_allclose(grad, ratio * 2 * solution / C**2, rtol=1e-4, atol=1e-4 * np.abs(grad).max())
    assert ratio == pytest.approx(metric.LEVEL, rel=1e-4)


def test_plain_is_the_mean_square_to_the_last_bit(grams):
    difference = jnp.asarray(grams[1], jnp.float32)
    assert metric.mean_square(difference, metric.plain(C)) == jnp.mean(difference**2)


@pytest.mark.parametrize("target", [np.zeros((C, C)), np.ones((C, C)), np.diag([1e12] + [1e-12] * (C - 1))])
def test_any_style_has_a_metric(target):
    found = metric.whitened(jnp.asarray(target, jnp.float32))
    assert all(np.isfinite(part).all() for part in found)
    assert (found.weights > 0).all()


def test_a_flat_style_has_the_plain_metric(rng):
    """One in which at every tap fewer than a third of the patterns are there; rounding makes no patterns."""
    basis, _ = np.linalg.qr(rng.normal(size=(12, 12)))

    def style(*counts):
        grams = ((basis[:, :n] * rng.uniform(0.5, 2, n)) @ basis[:, :n].T + 1e-7 * np.eye(12) for n in counts)
        return {f"tap{i}": jnp.asarray(gram, jnp.float32) for i, gram in enumerate(grams)}

    for flat, counts in ((True, (1, 3)), (True, (2,)), (False, (5, 1)), (False, (1, 12))):
        grams = style(*counts)
        for name, found in metric.for_style(grams).items():
            wanted = metric.plain(12) if flat else metric.whitened(grams[name])
            np.testing.assert_array_equal(found.weights, wanted.weights)


@pytest.mark.optimized
@pytest.mark.slow
def test_a_flat_style_ends_no_higher_than_in_the_plain_metric(monkeypatch):
    monkeypatch.delenv("JAXSTYLE_WEIGHTS")
    style, how = np.zeros((48, 64, 3), np.uint8), dict(size="64x48", evaluations=40)
    for colours in (["white"], ["black", "white"], ["red", "gold"]):
        for i, colour in enumerate(colours):
            style[:, i * 32 :] = ImageColor.getrgb(colour)
        whitened, plain = (stylize(CONTENT, style, metric=metric, **how).loss["total"] for metric in ("whitened", "plain"))
        assert whitened < 1.1 * plain, colours


@pytest.mark.slow
def test_only_the_styles_part_is_measured_otherwise(tiny_params, rng):
    content, style, image = (jnp.asarray(rng.random(shape), jnp.float32) for shape in ((19, 22, 3), (17, 16, 3), (19, 22, 3)))
    targets = make_targets(tiny_params, content, [style])
    twice = {name: metric.Metric(jnp.eye(len(g)), jnp.full(g.shape, 2.0)) for name, g in targets.style.items()}
    measured, loss = loss_in_metric_and_loss(twice, image, tiny_params, targets)
    style_part = sum(loss_terms(image, tiny_params, targets)["style"].values())
    np.testing.assert_allclose(loss, total_loss(image, tiny_params, targets), rtol=1e-6)
    np.testing.assert_allclose(measured, loss + style_part, rtol=1e-5)
    heavier = TermWeights.of(replace(CANONICAL, style_weight=3 * CANONICAL.style_weight))
    measured, _ = loss_in_metric_and_loss(twice, image, tiny_params, targets, weights=heavier)
    np.testing.assert_allclose(measured, loss + 5 * style_part, rtol=1e-5)


def test_the_last_quarter_goes_by_the_loss_itself():
    def stages(evaluations, scales, metric):
        return [stage[:3] for stage in schedule.stages(64, 48, scales, evaluations, metric)]

    full, half = (64, 48), (32, 24)
    assert stages(300, 1, "plain") == [(full, "plain", 300)]
    assert stages(300, 1, "whitened") == [(full, "whitened", 225), (full, "plain", 75)]
    assert stages(300, 2, "whitened") == [(half, "whitened", 150), (full, "whitened", 112), (full, "plain", 38)]
    assert stages(2, 2, "whitened") == [(half, "whitened", 1), (full, "whitened", 0), (full, "plain", 1)]


def test_short_runs_go_by_the_loss_itself_where_nothing_is_said():
    def metrics(**options):
        return [stage.metric for stage in resolve(CONTENT, STYLE, Config(size=32, **options)).stages]

    assert metrics(evaluations=WORTH_WHITENING - 1) == ["plain"]
    assert metrics(evaluations=WORTH_WHITENING) == ["whitened", "plain"]
    assert metrics(evaluations=2, metric="whitened") == ["whitened", "plain"]
    assert metrics(solver="adam") == ["plain"]


@pytest.mark.optimized
@pytest.mark.slow
@pytest.mark.parametrize("network", ["tiny", "vgg19"])
def test_a_whitened_run_comes_lower_in_as_many_evaluations(monkeypatch, network):
    if network == "vgg19":
        monkeypatch.delenv("JAXSTYLE_WEIGHTS")
    settings = dict(size="64x48", evaluations=60)
    seen = []
    way = stylize(CONTENT, STYLE, callback=lambda progress: seen.append(progress.loss), **settings)
    plain = stylize(CONTENT, STYLE, metric="plain", **settings)
    assert way.loss["total"] < 0.7 * plain.loss["total"]
    assert way.record["stages"] == [
        {"size": (64, 48), "metric": "whitened", "evaluations": 45},
        {"size": (64, 48), "metric": "plain", "evaluations": 15},
    ]
    assert plain.record["stages"] == [{"size": (64, 48), "metric": "plain", "evaluations": 60}]
    assert seen == [entry.loss for entry in way.trace], "the loss itself is known all the way"
    assert way.trace[0].loss == pytest.approx(plain.trace[0].loss, rel=1e-6)
    assert way.trace[0].objective != pytest.approx(way.trace[0].loss, rel=0.1)
    last = [entry for entry in way.trace if entry.evaluation > 45]
    assert [entry.loss for entry in last] == pytest.approx([entry.objective for entry in last], rel=1e-6)
    assert way.loss["total"] == pytest.approx(min(entry.loss for entry in last), rel=1e-5)


@pytest.mark.slow
def test_a_run_stopped_in_its_first_stage_is_measured():
    result = stylize(CONTENT, STYLE, size="64x48", evaluations=40, callback=lambda progress: progress.evaluation == 5)
    assert result.stop_reason == "stopped on request after 5 of 40 evaluations"
    assert result.loss["total"] == pytest.approx(result.trace[-1].loss, rel=1e-5)
