"""Coarse to fine: sizes and budgets by hand, the hand-over's algebra, and whole runs through several sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from jaxstyle import InputError, stylize
from jaxstyle.cli.places import SAMPLES
from jaxstyle.machine.compiler import Compiler
from jaxstyle.pictures.waves import Waves
from jaxstyle.plans import schedule
from jaxstyle.plans.config import Config
from jaxstyle.plans.resolve import resolve
from jaxstyle.runs.engine import Engine, compile_engines
from jaxstyle.runs.run import run_plans

pytestmark = pytest.mark.usefixtures("small_network")

CONTENT, STYLE = SAMPLES / "chelsea.jpg", SAMPLES / "swirls.jpg"


def test_sizes_halve_down_to_the_smallest_that_works():
    assert schedule.sizes(682, 512, 1) == [(682, 512)]
    assert schedule.sizes(682, 513, 3) == [(170, 128), (341, 256), (682, 513)]
    assert schedule.sizes(64, 33, 2) == [(32, 16), (64, 33)]
    with pytest.raises(InputError, match=r"`scales` \(=3\) is too many for 64x33 pixels; give at most 2"):
        schedule.sizes(64, 33, 3)


@pytest.mark.parametrize(
    ("evaluations", "scales", "wanted"),
    [(300, 1, [300]), (300, 2, [150, 150]), (300, 3, [75, 75, 150]), (60, 4, [15, 7, 7, 31])],
)
def test_budgets_add_up(evaluations, scales, wanted):
    assert schedule.budgets(evaluations, scales) == wanted


@pytest.mark.parametrize("evaluations", range(3, 12))
def test_every_size_gets_an_evaluation(evaluations):
    budgets = schedule.budgets(evaluations, 3)
    assert sum(budgets) == evaluations
    assert min(budgets) >= 1


@pytest.mark.parametrize(
    ("size", "scales"),
    [((383, 300), 1), ((384, 300), 2), ((512, 384), 2), ((767, 500), 2), ((768, 500), 3), ((2048, 1536), 4), ((8192, 6144), 4)],
)
def test_by_default_there_are_sizes_from_192_pixels_on(size, scales):
    assert schedule.usual_scales(*size, 60) == scales
    assert max(schedule.sizes(*size, scales)[0]) >= 192


def test_a_default_is_possible():
    assert schedule.usual_scales(1024, 20, 60) == 1, "half of it has too few rows"
    assert schedule.usual_scales(1024, 768, 2) == 2, "each size has an evaluation"


@pytest.mark.parametrize(
    ("options", "scales"),
    [({}, 2), (dict(scales=1), 1), (dict(evaluations=24), 1), (dict(metric="plain"), 1), (dict(solver="adam"), 1),
     (dict(init=str(CONTENT)), 1), (dict(init="noise"), 2), (dict(strength=0.5), 2)],
    ids=str,
)  # fmt: skip
def test_several_sizes_are_for_runs_that_whiten(options, scales):
    assert len(resolve(CONTENT, STYLE, Config(size=384, **options)).sizes) == scales


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
def test_the_finer_sizes_get_a_third_as_many_evaluations_or_a_sixth_each(size, evaluations):
    preview = schedule.stages(40, 30, 1, evaluations, "plain")
    stages = schedule.beyond(preview, *size, evaluations)
    assert stages[: len(preview)] == preview
    finer = [stage.evaluations for stage in stages[len(preview) :]]
    assert [stage.size for stage in stages[len(preview) :]] == schedule.preview_sizes(*size)[1:]
    assert min(finer) >= 1
    wanted = max(evaluations / 3, len(finer) * evaluations / 6)
    assert abs(sum(finer) - wanted) <= max(len(finer) / 2, len(finer) - wanted)
    assert {stage.held for stage in stages[len(preview) :]} == {(30, 22)}


def test_auto_is_what_the_size_makes_of_it(monkeypatch):
    def plan(**options):
        return resolve(CONTENT, STYLE, Config(**options))

    assert plan(size=384, scales="auto").key == plan(size=384, scales=1).key, "small pictures stay as they are"
    assert plan(size=64, scales="2").key == plan(size=64, scales=2).key, "as the command line gives it"
    monkeypatch.setattr(schedule, "PREVIEW", 32)
    large = plan(size=128, scales="auto", evaluations=60)
    assert [tuple(stage) for stage in large.stages] == [
        ((32, 21), "whitened", 45, None),
        ((32, 21), "plain", 15, None),
        ((64, 42), "plain", 10, (24, 16)),
        ((128, 85), "plain", 10, (24, 16)),
    ]
    assert large.key != plan(size=128, evaluations=60).key
    assert {stage.metric for stage in plan(size=128, scales="auto", evaluations=20).stages} == {"plain"}
    with pytest.raises(InputError, match=r"`scales` \(=-1\) must be a whole number from 1"):
        plan(scales="-1")
    with pytest.raises(InputError, match=r"`scales` \(='many'\) is neither a whole number nor auto"):
        plan(scales="many")
    for size in (dict(style_size=64), dict(stroke=0.25)):
        with pytest.raises(
            InputError, match=r"`scales` \(='auto'\) begins with a preview of 32 pixels, at which a side of a style"
        ):
            plan(size=128, scales="auto", **size)
    assert plan(size=128, scales="auto", colors="style-only").preview is None


@pytest.mark.parametrize(
    ("large", "small"),
    [
        (dict(size=128), dict(size=32)),
        (dict(size="short:85"), dict(size="short:21")),
        (dict(size="120x120"), dict(size="32x32")),
        (dict(size=128, style_size=96), dict(size=32, style_size=24)),
        (dict(size=128, style_size="short:80"), dict(size=32, style_size="short:20")),
        (dict(size=128, stroke=0.75), dict(size=32, stroke=0.75)),
        (dict(size=128, strength=0.5), dict(size=32, strength=0.5)),
        (dict(size=128, init="style", colors="content-histogram"), dict(size=32, init="style", colors="content-histogram")),
        (dict(), dict(size=32)),
    ],
    ids=str,
)
def test_the_preview_is_the_plan_of_its_size_alone(monkeypatch, large, small):
    """A picture that differed in a level of one pixel would go another way."""
    monkeypatch.setattr(schedule, "PREVIEW", 32)
    preview = resolve(CONTENT, STYLE, Config(scales="auto", **large)).preview
    alone = resolve(CONTENT, STYLE, Config(**small))
    assert preview.key == alone.key
    for one, other in zip((preview.content, *preview.styles), (alone.content, *alone.styles), strict=True):
        np.testing.assert_array_equal(one.rgb, other.rgb)


HELD = [
    pytest.param({}, id="plain"),
    pytest.param(dict(init="noise", seed=3), id="noise"),
    pytest.param(dict(colors="content"), id="brightness"),
    pytest.param(dict(memory="low"), id="strips"),
]


@pytest.mark.slow
@pytest.mark.parametrize("options", HELD)
def test_a_large_picture_is_its_preview(monkeypatch, options):
    """The course of the preview is that of its size alone, number by number, and its waves up to 3/8 are the picture's."""
    monkeypatch.setattr(schedule, "PREVIEW", 32)
    known = []

    def end(plan):
        engines = compile_engines(plan, Compiler())
        (outcome,) = run_plans(engines, [plan], callback=lambda progress: known.append(progress[0].image().shape[1]))
        return outcome

    alone = end(resolve(CONTENT, STYLE, Config(size=32, evaluations=30, **options)))
    known.clear()
    large = end(resolve(CONTENT, STYLE, Config(size=64, scales="auto", evaluations=30, **options)))
    assert known == sorted(known)
    assert set(known) == {32, 64}
    courses = [[(entry.evaluation, entry.objective) for entry in found.trace] for found in (large, alone)]
    assert courses[0][: len(courses[1])] == courses[1]
    assert large.evaluations == 40
    waves = [dctn(image, type=2, norm="forward", axes=(0, 1))[:8, :12] for image in (large.image, alone.image)]
    np.testing.assert_allclose(waves[0], waves[1], atol=2e-5)
    objectives = [objective for _, objective in courses[0][len(courses[1]) :]]
    assert min(objectives) < 0.9 * objectives[0]


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
        {"size": (18, 16), "metric": "whitened", "evaluations": 3},
        {"size": (36, 32), "metric": "whitened", "evaluations": 3},
        {"size": (72, 64), "metric": "whitened", "evaluations": 4},
        {"size": (72, 64), "metric": "plain", "evaluations": 2},
    ]
    assert sizes == [(16, 18, 3)] * 3 + [(32, 36, 3)] * 3 + [(64, 72, 3)] * 6
    assert [progress.evaluation for progress in seen] == [entry.evaluation for entry in result.trace] == list(range(1, 13))
    assert {progress.evaluations for progress in seen} == {12}
    assert [progress.size for progress in seen] == [shape[1::-1] for shape in sizes]
    seconds = [entry.seconds for entry in result.trace]
    assert seconds == sorted(seconds)
    assert result.stop_reason == "the budget of 12 evaluations is used up"
    assert result.loss["total"] == pytest.approx(min(entry.loss for entry in result.trace[10:]), rel=1e-5)


@pytest.mark.slow
def test_a_run_that_is_stopped_early_still_gives_the_full_size():
    result = stylize(CONTENT, STYLE, size="36x32", evaluations=30, scales=2, callback=lambda progress: progress.evaluation == 3)
    assert result.stopped_early
    assert result.stop_reason == "stopped on request after 3 of 30 evaluations"
    assert result.image.shape == (32, 36, 3)
    assert result.evaluations == 4, "one more, to measure it"


@pytest.mark.slow
def test_a_finer_size_begins_without_noise(monkeypatch):
    """With what the first size made of it, enlarged."""
    begun, inputs = [], Engine.inputs

    def watch(engine, plans, starts, *rest):
        begun.append(np.asarray(starts[0]))
        return inputs(engine, plans, starts, *rest)

    monkeypatch.setattr(Engine, "inputs", watch)
    stylize(CONTENT, STYLE, size="64x64", evaluations=3, scales=2, init="noise", metric="plain")
    fine = [float(np.abs(np.diff(image, axis=1)).mean()) for image in begun]
    assert len(fine) == 2
    assert fine[1] < 0.75 * fine[0]


def test_the_work_of_coarse_evaluations_counts_by_their_pixels():
    made = resolve(CONTENT, STYLE, Config(size="64x64", evaluations=8, scales=2, metric="plain"))
    assert [stage.evaluations for stage in made.stages] == [4, 4]
    whole = 4 / 4 + 4
    assert [made.share_of_work(n) for n in (0, 4, 5, 8, 9)] == pytest.approx([0, 1 / whole, 2 / whole, 1, 1])


@pytest.mark.slow
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


def test_the_hand_over_puts_the_waves_of_a_preview_in(rng):
    start, image, finer = (jnp.asarray(rng.random(shape), jnp.float32) for shape in ((8, 6, 3), (8, 6, 3), (17, 12, 3)))
    held, waves = Waves.of((12, 17), (3, 4)), jnp.asarray(rng.random((4, 3, 3)), jnp.float32)
    without = schedule.hand_over(image, start, finer)
    np.testing.assert_array_equal(schedule.hand_over(image, start, finer, held, waves), held.put(waves, without))
