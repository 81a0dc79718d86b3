"""Coarse to fine: sizes and budgets by hand, the hand-over's algebra, and whole runs through several sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxstyle import InputError, stylize
from jaxstyle.cli.single import SAMPLES
from jaxstyle.transfer import schedule

pytestmark = pytest.mark.usefixtures("small_network", "quickly_compiled")

CONTENT, STYLE = SAMPLES / "chelsea.jpg", SAMPLES / "swirls.jpg"


def test_sizes_halve_down_to_the_smallest_that_works():
    assert schedule.sizes(682, 512, 1) == [(682, 512)]
    assert schedule.sizes(682, 513, 3) == [(170, 128), (341, 256), (682, 513)]
    assert schedule.sizes(64, 33, 2) == [(32, 16), (64, 33)]
    with pytest.raises(InputError, match=r"`scales` \(=3\) is too many for 64x33 pixels; give at most 2"):
        schedule.sizes(64, 33, 3)


@pytest.mark.parametrize(("evaluations", "scales", "wanted"), [(300, 1, [300]), (300, 2, [100, 200]), (300, 3, [50, 50, 200])])
def test_budgets_add_up(evaluations, scales, wanted):
    assert schedule.budgets(evaluations, scales) == wanted


@pytest.mark.parametrize("evaluations", range(3, 12))
def test_every_size_gets_an_evaluation(evaluations):
    budgets = schedule.budgets(evaluations, 3)
    assert sum(budgets) == evaluations
    assert min(budgets) >= 1


def test_the_hand_over_adds_the_enlarged_change(rng):
    start, finer = (jnp.asarray(rng.random(shape), jnp.float32) for shape in ((8, 6, 3), (17, 12, 3)))
    np.testing.assert_array_equal(schedule.hand_over(start, start, finer), finer)
    change = 0.25 * jnp.arange(3.0)[None, None]  # a constant colour stays one under any interpolation
    np.testing.assert_allclose(schedule.hand_over(start + change, start, finer) - finer, change + 0 * finer, atol=1e-6)
    ramp = np.linspace(0, 1, 24, dtype=np.float32)[:, None, None] * np.ones((1, 24, 3), np.float32)
    small = Image.fromarray((255 * ramp).astype(np.uint8)).resize((12, 12), Image.Resampling.BOX)
    moved = schedule.hand_over(
        jnp.asarray(np.asarray(small), jnp.float32) / 255, jnp.zeros((12, 12, 3)), jnp.zeros((24, 24, 3))
    )
    np.testing.assert_allclose(moved[4:-4], ramp[4:-4], atol=0.01)


def test_a_run_through_three_sizes():
    sizes, seen = [], []

    def callback(progress):
        sizes.append(progress.image().shape)
        seen.append(progress)

    result = stylize(CONTENT, STYLE, size="72x64", evaluations=12, scales=3, metric="whitened", callback=callback)
    assert result.image.shape == (64, 72, 3)
    assert result.record["stages"] == [
        {"size": (18, 16), "metric": "whitened", "evaluations": 2},
        {"size": (36, 32), "metric": "whitened", "evaluations": 2},
        {"size": (72, 64), "metric": "whitened", "evaluations": 6},
        {"size": (72, 64), "metric": "plain", "evaluations": 2},
    ]
    assert sizes == [(16, 18, 3)] * 2 + [(32, 36, 3)] * 2 + [(64, 72, 3)] * 8
    assert [progress.evaluation for progress in seen] == [entry.evaluation for entry in result.trace] == list(range(1, 13))
    assert {progress.evaluations for progress in seen} == {12}
    seconds = [entry.seconds for entry in result.trace]
    assert seconds == sorted(seconds)
    assert result.stop_reason == "the budget of 12 evaluations is used up"
    assert result.loss["total"] == pytest.approx(min(entry.loss for entry in result.trace[10:]), rel=1e-5)


def test_a_run_that_is_stopped_early_still_gives_the_full_size():
    result = stylize(CONTENT, STYLE, size="36x32", evaluations=30, scales=2, callback=lambda progress: progress.evaluation == 3)
    assert result.stopped_early
    assert result.stop_reason == "stopped on request after 3 of 30 evaluations"
    assert result.image.shape == (32, 36, 3)
    assert result.evaluations == 4, "one more, to measure it"


def test_the_coarse_change_arrives_at_full_size():
    settings = dict(size="36x32", evaluations=30, metric="plain")
    both = stylize(CONTENT, STYLE, scales=2, callback=lambda progress: progress.evaluation == 12, **settings)
    alone = stylize(CONTENT, STYLE, callback=lambda progress: True, **settings)
    assert both.trace[10].evaluation == 11
    assert both.trace[10].loss < 0.9 * alone.trace[0].loss, "below where a run at this size alone starts"


def test_presets_that_fit_the_style_do_so_at_every_size():
    result = stylize(CONTENT, STYLE, preset="gatys-paper", size="36x32", evaluations=4, scales=2)
    assert result.record["style_sizes"] == [(36, 32)]
    jax.block_until_ready(result.image)


def test_more_scales_than_evaluations_are_refused():
    with pytest.raises(InputError, match="`scales`.*evaluations"):
        stylize(CONTENT, STYLE, evaluations=2, scales=3)
