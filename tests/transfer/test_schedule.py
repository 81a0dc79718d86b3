"""Coarse to fine: sizes and budgets by hand, the hand-over's algebra, and whole runs through several sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxstyle import InputError, stylize
from jaxstyle.cli.places import SAMPLES
from jaxstyle.transfer import schedule
from jaxstyle.transfer.config import Config
from jaxstyle.transfer.resolve import resolve

pytestmark = pytest.mark.usefixtures("small_network")

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


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((384, 288), [(384, 288)]),  # its own preview
        ((385, 288), [(256, 191), (385, 288)]),
        ((512, 384), [(256, 192), (512, 384)]),
        ((525, 700), [(192, 256), (525, 700)]),
        ((1000, 750), [(256, 192), (506, 379), (1000, 750)]),
        ((1024, 682), [(256, 170), (512, 341), (1024, 682)]),
        ((4096, 4096), [(256, 256), (512, 512), (1024, 1024), (2048, 2048), (4096, 4096)]),
        ((2000, 100), [(508, 25), (1008, 50), (2000, 100)]),  # where a preview's shorter side would be too short
    ],
)
def test_sizes_from_the_preview_to_the_full_one(size, wanted):
    assert schedule.preview_sizes(*size) == wanted


@pytest.mark.parametrize("size", [(400, 300), (1024, 768), (700, 4000)])
@pytest.mark.parametrize("evaluations", [1, 2, 3, 7, 30, 300])
def test_most_evaluations_are_the_previews_and_they_add_up(size, evaluations):
    counts = [count for _, count in schedule.from_preview(*size, evaluations)]
    assert sum(counts) == evaluations
    assert min(counts) >= 1
    assert evaluations < 2 * len(counts) or counts[0] >= 0.6 * evaluations


def test_a_preview_is_finished_before_it_is_enlarged():
    stages = [tuple(stage) for stage in schedule.preview_stages(1024, 768, 60, "whitened")]
    assert stages == [
        ((256, 192), "whitened", 30),
        ((256, 192), "plain", 10),
        ((512, 384), "plain", 10),
        ((1024, 768), "plain", 10),
    ]
    assert schedule.preview_stages(256, 192, 60, "whitened") == schedule.stages(256, 192, 1, 60, "whitened")


def test_auto_is_what_the_size_makes_of_it(monkeypatch):
    def plan(**options):
        return resolve(CONTENT, STYLE, Config(**options))

    assert plan(size=384, scales="auto").key == plan(size=384).key, "small pictures stay as they are"
    assert plan(size=64, scales="2").key == plan(size=64, scales=2).key, "as the command line gives it"
    monkeypatch.setattr(schedule, "PREVIEW", 32)
    large = plan(size=128, scales="auto", evaluations=60)
    wanted = [(32, "whitened"), (32, "plain"), (64, "plain"), (128, "plain")]
    assert [(stage.size[0], stage.metric) for stage in large.stages] == wanted
    assert large.key != plan(size=128, evaluations=60).key
    assert {stage.metric for stage in plan(size=128, scales="auto", evaluations=30).stages} == {"plain"}, "20 at the preview"
    assert [stage.evaluations for stage in plan(size=128, scales="auto", evaluations=1).stages] == [1]
    with pytest.raises(InputError, match=r"`scales` \(='many'\) is neither a whole number nor auto"):
        plan(scales="many")
    with pytest.raises(InputError, match=r"`scales` \(='auto'\) cannot be had where devices share one picture's rows"):
        plan(scales="auto", devices=2)


@pytest.mark.slow
def test_a_run_from_its_preview(monkeypatch):
    monkeypatch.setattr(schedule, "PREVIEW", 32)
    sizes = []
    result = stylize(
        CONTENT, STYLE, size=60, scales="auto", evaluations=40, callback=lambda p: sizes.append(p.image().shape[1])
    )
    assert sizes == [32] * 27 + [60] * 13
    assert [stage["evaluations"] for stage in result.record["stages"]] == [20, 7, 13]
    assert result.image.shape == (39, 60, 3)
    assert (result.evaluations, result.record["config"].scales) == (40, "auto")


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


@pytest.mark.slow
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


@pytest.mark.slow
def test_presets_that_fit_the_style_do_so_at_every_size():
    result = stylize(CONTENT, STYLE, preset="gatys-paper", size="36x32", evaluations=4, scales=2)
    assert result.record["style_sizes"] == [(36, 32)]
    jax.block_until_ready(result.image)


def test_more_scales_than_evaluations_are_refused():
    with pytest.raises(InputError, match="`scales`.*evaluations"):
        stylize(CONTENT, STYLE, evaluations=2, scales=3)
