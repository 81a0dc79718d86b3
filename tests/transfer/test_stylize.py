"""Whole transfers through the Python interface, small, with a tiny network."""

import json
import time
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

import jaxstyle
from jaxstyle import InputError, JaxstyleError, stylize
from jaxstyle.cli.places import SAMPLES
from jaxstyle.loss.objective import TermWeights
from jaxstyle.loss.presets import CANONICAL, PRESETS
from jaxstyle.network.vgg import ARCHITECTURES
from jaxstyle.pictures.colour import smooth_colour
from jaxstyle.pictures.noise import GREY, soft_noise, white_noise
from jaxstyle.plans.config import Config
from jaxstyle.plans.loss import parse_layers
from jaxstyle.plans.method import Method
from jaxstyle.plans.resolve import resolve
from jaxstyle.runs.inputs import StageInputs
from jaxstyle.runs.loop import STILL_EVALUATIONS, Member, run_stage

pytestmark = pytest.mark.usefixtures("small_network")

CONTENT, STYLE = SAMPLES / "chelsea.jpg", SAMPLES / "swirls.jpg"
SMALL = dict(size=32, evaluations=12)


def test_the_result_is_what_its_record_says(tmp_path):
    result = stylize(CONTENT, STYLE, **SMALL)
    assert result.image.shape == (21, 32, 3)
    assert result.image.dtype == np.float32
    assert 0 <= result.image.min() <= result.image.max() <= 1
    result.save(tmp_path / "out.png")
    record = json.loads((tmp_path / "out.png.json").read_text())
    wanted = ("schema", "command", "config", "versions", "device", "network", "weights", "size", "evaluations")
    assert set(record) >= {*wanted, "stop_reason", "seconds", "loss", "trace"}
    assert record["size"] == [32, 21]
    assert record["style_sizes"] == [[32, 25]]
    assert record["config"]["evaluations"] == record["evaluations"] == 12
    assert record["stop_reason"] == "the budget of 12 evaluations is used up"
    assert set(record["loss"]) == {"total", "content", "style", "tv"}
    assert [entry["evaluation"] for entry in record["trace"]] == list(range(1, 13))
    assert record["loss"]["total"] == pytest.approx(min(entry["loss"] for entry in record["trace"]), rel=1e-5)
    with Image.open(tmp_path / "out.png") as image:
        np.testing.assert_array_equal(np.asarray(image), np.rint(result.image * 255))


def test_the_reported_loss_is_that_of_the_image_returned(tiny_params, rng):
    params = tiny_params
    content, style = (jnp.asarray(rng.random(shape), jnp.float32) for shape in ((24, 32, 3), (20, 20, 3)))
    johnson, reported = PRESETS["johnson"], replace(CANONICAL, padding="zero")
    make = jax.jit(jaxstyle.make_targets, static_argnames="objective")
    targets, canonical = (make(params, content, [style], objective=o.static) for o in (johnson, reported))
    method = Method(johnson, jaxstyle.make_solver("lbfgs"))
    task = StageInputs(content, targets, canonical, TermWeights.of(johnson))
    (outcome,) = run_stage(task, params, method, budgets=[15])
    loss = jax.jit(jaxstyle.total_loss, static_argnames="objective")
    again = float(loss(outcome.image, params, canonical, objective=reported))
    assert float(outcome.measure().total) == pytest.approx(again, rel=1e-5)
    objective = float(loss(outcome.image, params, targets, objective=johnson.static, weights=TermWeights.of(johnson)))
    assert min(entry.objective for entry in outcome.trace) == pytest.approx(objective, rel=1e-5)


@pytest.mark.slow
def test_what_is_reported_of_rounded_operands_is_measured_in_float32(monkeypatch):
    """At this size only an accelerator's direct convolution rounds."""
    exact = stylize(CONTENT, STYLE, metric="whitened", **SMALL)
    with monkeypatch.context() as patch:
        patch.setattr("jaxstyle.network.convolution.jax.default_backend", lambda: "gpu")
        rounded = stylize(CONTENT, STYLE, precision="bfloat16", metric="whitened", **SMALL)
    assert rounded.loss["total"] < rounded.trace[0].loss
    assert [entry.evaluation for entry in rounded.trace if entry.loss is not None] == [1, 10], "the second stage begins there"
    assert rounded.trace[0].loss == pytest.approx(exact.trace[0].loss, rel=1e-6)
    assert rounded.trace[0].objective == pytest.approx(exact.trace[0].objective, rel=0.02)
    assert rounded.trace[0].objective != pytest.approx(exact.trace[0].objective, rel=1e-6)


def test_tf32_needs_a_gpu():
    with pytest.raises(InputError, match="`precision`.*GPU.*use float32 or bfloat16"):
        stylize(CONTENT, STYLE, precision="tf32")


QUICK = ("jaxstyle", "johnson")


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(p, marks=pytest.mark.slow) for p in PRESETS if p not in QUICK)])
def test_every_preset_lowers_its_own_loss(name):
    result = stylize(CONTENT, STYLE, preset=name, **SMALL)
    objectives = [entry.objective for entry in result.trace]
    assert min(objectives) < 0.9 * objectives[0]
    measured = [entry.evaluation for entry in result.trace if entry.loss is not None]
    assert measured == (list(range(1, 13)) if name in ("jaxstyle", "gatys-notebook") else [1, 11])


@pytest.mark.parametrize("solver", [*(pytest.param(s, marks=pytest.mark.slow) for s in ("lbfgs-zoom", "optax-lbfgs")), "adam"])
def test_every_solver_makes_a_picture(solver):
    result = stylize(CONTENT, STYLE, solver=solver, **SMALL)
    assert result.loss["total"] < result.trace[0].loss
    assert 12 <= result.evaluations < 12 + 31


def test_same_seed_same_bytes_other_seed_another_picture():
    one, same, other = (stylize(CONTENT, STYLE, init="noise", seed=seed, size=32, evaluations=4) for seed in (1, 1, 2))
    assert one.image.tobytes() == same.image.tobytes()
    assert np.abs(one.image - other.image).mean() > 0.05


@pytest.mark.parametrize("solver", ["lbfgs", "lbfgs-torch"])
def test_starts(tmp_path, solver):
    """As they are where torch's L-BFGS is replayed; elsewhere without fine colour."""
    picture, start = tmp_path / "start.png", []
    Image.fromarray(np.full((30, 40, 3), 128, np.uint8)).save(picture)

    def first(**options):
        start.clear()
        settings = dict(size=32, metric="plain", evaluations=2, solver=solver)
        stylize(CONTENT, STYLE, callback=lambda p: start.append(p.image()) or True, **settings, **options)
        return start[0]

    def resized(path, *sizes):
        image = Image.open(path).convert("RGB")
        for size in sizes:
            image = image.resize(size, Image.Resampling.BILINEAR)
        pixels = np.asarray(image, np.float32) / 255
        return pixels if solver == "lbfgs-torch" else smooth_colour(pixels)

    content = resized(CONTENT, (32, 21))
    np.testing.assert_allclose(first(init="content"), np.clip(content, 0, 1), atol=1e-6)
    np.testing.assert_allclose(first(init=str(picture)), 128 / 255, atol=1e-6)
    np.testing.assert_allclose(first(init="style"), np.clip(resized(STYLE, (32, 25), (32, 21)), 0, 1), atol=1e-6)
    noise = np.asarray((white_noise if solver == "lbfgs-torch" else soft_noise)((21, 32, 3), 5, 0.05))
    np.testing.assert_allclose(first(init="noise", seed=5, noise_sigma=0.05), np.clip(noise, 0, 1), atol=1e-6)
    mixed = first(init="content", noise_ratio=0.25, seed=5, noise_sigma=0.05)
    np.testing.assert_allclose(mixed, np.clip(0.25 * noise + 0.75 * content, 0, 1), atol=1e-6)


def test_noise_has_the_stated_mean_and_deviation():
    noise = np.asarray(white_noise((200, 300, 3), 0, 0.1))
    np.testing.assert_allclose(noise.mean((0, 1)), GREY, atol=2e-3)
    np.testing.assert_allclose(noise.std((0, 1)), 0.1, rtol=0.01)


def test_inputs_of_every_kind_give_the_same_picture():
    image = Image.open(CONTENT).convert("RGB")
    array = np.asarray(image)
    results = [stylize(c, STYLE, size=32, evaluations=2).image for c in (CONTENT, str(CONTENT), image, array)]
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


def test_alpha_is_put_back(tmp_path):
    rgba = np.dstack([np.asarray(Image.open(CONTENT).convert("RGB").resize((32, 21))), np.full((21, 32), 255, np.uint8)])
    rgba[:, :10, 3] = 40
    stylize(rgba, STYLE, size=32, evaluations=2).save(tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        assert image.mode == "RGBA"
        np.testing.assert_array_equal(np.asarray(image)[..., 3], rgba[..., 3])


def test_several_styles_blend_and_size_by_themselves():
    both = stylize(CONTENT, [STYLE, SAMPLES / "glass.jpg"], blend="3,1", style_size="short:20", **SMALL)
    assert both.record["style_sizes"] == [(25, 20), (25, 20)]
    assert len(both.record["inputs"]["styles"]) == 2
    paper = resolve(CONTENT, STYLE, Config(preset="gatys-paper", size=32))
    assert [style.size for style in paper.styles] == [(32, 21)]


def test_a_callback_can_stop_and_sees_what_a_user_wants_to_know():
    seen = []

    def callback(progress):
        seen.append(progress)
        return progress.evaluation == 4

    result = stylize(CONTENT, STYLE, size=32, evaluations=50, callback=callback)
    assert result.stopped_early
    assert result.evaluations == 4
    assert "stopped on request after 4 of 50" in result.stop_reason
    assert [p.evaluation for p in seen] == [1, 2, 3, 4]
    assert seen[-1].image().shape == (21, 32, 3)
    assert seen[0].seconds < seen[-1].seconds


def test_the_second_evaluation_compiles_nothing():
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: compiled.append(event) if event == "/jax/core/compile/backend_compile_duration" else None
    )
    counts = []
    settings = dict(size=33, evaluations=4, metric="whitened")
    stylize(CONTENT, STYLE, callback=lambda _: counts.append(len(compiled)) and False, **settings)
    assert len(compiled) > 0
    assert len(set(counts)) == 1


def test_nothing_to_improve_is_said():
    flat = np.zeros((32, 32, 3))  # differences of equal numbers other than zero may not vanish in fused arithmetic
    weights = dict(content_weight=0, style_weight=0, tv_weight=1)
    result = stylize(flat, STYLE, size="32x32", evaluations=20, metric="whitened", **weights)
    assert result.stop_reason == "the gradient is zero: no change of the image can lower the loss"
    assert result.evaluations == 2, "one in each metric"


def test_a_loss_that_is_not_finite_at_the_start_is_refused():
    with pytest.raises(JaxstyleError, match="not finite at the starting image"):
        stylize(CONTENT, STYLE, size=32, style_weight=1e38)


def test_the_canonical_loss_does_not_depend_on_the_preset():
    one, other = (
        stylize(CONTENT, STYLE, init="content", size=32, preset=preset, evaluations=1)
        for preset in ("gatys-notebook", "johnson")
    )
    assert other.loss["total"] == pytest.approx(one.loss["total"], rel=1e-5)
    assert other.trace[0].objective != pytest.approx(one.trace[0].objective, rel=0.1)


def test_layers_take_weights_from_the_user_or_the_preset():
    vgg = ARCHITECTURES["vgg19"]
    preset = {"relu1_1": 0.2, "relu2_1": 0.4}
    assert parse_layers("relu1_1,relu3_1", preset, vgg, "style_layers") == {
        "relu1_1": 0.2,
        "relu3_1": pytest.approx(0.3),
    }
    assert parse_layers({"relu5_1": 2}, preset, vgg, "style_layers") == {"relu5_1": 2.0}
    assert parse_layers(["pool2=0.5"], preset, vgg, "style_layers") == {"pool2": 0.5}
    result = stylize(CONTENT, STYLE, style_layers="relu2_1=3", content_layers="relu3_1", size=32, evaluations=2)
    assert result.record["objective"].style_layers == {"relu2_1": 3.0}


BAD = [
    (dict(size=0), "`size` (=0) must be at least 16"),
    (dict(presett="x"), "`option` (='presett') is unknown; did you mean 'preset'?"),
    (dict(evaluations=0), "`evaluations` (=0) must be a whole number from 1"),
    (dict(seed=-1), "`seed` (=-1) must be a whole number from 0"),
    (dict(style_weight=-1), "`style_weight` (=-1) must be a number from 0"),
    (dict(content_weight=0, style_weight=0), "leaves nothing to minimise"),
    (dict(style_layers=""), "`style_layers` (='') names no layer"),
    (dict(style_layers="relu1_1=x"), "`style_layers: relu1_1` (='x') is no number"),
    (dict(blend="1,1"), "`blend` (='1,1') must have one share for each style, 1 in all"),
    (dict(init="contnt"), "`init` (='contnt') is unknown; did you mean 'content'?"),
    (dict(init=np.zeros((20, 30, 3))), "`init` (=ndarray) must be one of content, noise, style, or a picture file"),
    (dict(init="missing.png"), "`init` (='missing.png') does not exist"),
    (dict(noise_ratio=2), "`noise_ratio` (=2) must be a number from 0 to 1"),
    (dict(metric="white"), "`metric` (='white') is unknown; did you mean 'whitened'?"),
    (dict(metric="whitened", solver="adam"), "`metric` (='whitened') is not for the solver adam; give solver='lbfgs' or"),
    (dict(content_scale="sum"), "`content_scale` (='sum') is unknown"),
    (
        dict(network="vgg16", weights="vgg16-full"),
        "`weights` (='vgg16-full') is not on this machine; run: jaxstyle weights fetch",
    ),
    (
        dict(network="vgg16"),
        "`weights` (='tiny.safetensors') holds tiny, but the network is vgg16; leave network out, or name",
    ),
    (dict(quality="god"), "`quality` (='god') is unknown; did you mean 'good'?"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=lambda v: str(v)[:30])
def test_bad_input_is_one_line_that_names_the_argument(options, message):
    began = time.perf_counter()
    with pytest.raises(InputError) as error:
        stylize(CONTENT, STYLE, **options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert time.perf_counter() - began < 5, "nothing was computed first"


def test_config_is_what_the_keywords_make():
    result = stylize(CONTENT, STYLE, config=Config(size=32, evaluations=3), evaluations=2)
    assert (result.record["config"].size, result.evaluations) == (32, 2)
    with pytest.raises(InputError, match="`style`"):
        stylize(CONTENT, [])


def test_large_weights_work_and_too_large_ones_are_told():
    """Squares of a gradient that large are infinite in float32: no solver moved."""
    result = stylize(CONTENT, STYLE, size=32, evaluations=20, metric="plain", style_weight=1e12)
    assert result.loss["style"] < 0.1 * result.trace[0].loss
    with pytest.raises(JaxstyleError, match=r"the loss is [\d.]+e\+\d+ at the starting image, .*too large.*lower the weights"):
        stylize(CONTENT, STYLE, size=32, evaluations=20, metric="plain", style_weight=1e20)


def test_a_run_whose_loss_does_not_change_ends_with_a_reason():
    def after(values):
        member = Member()
        for known, (value, accepted) in enumerate(values, 1):
            member.take(known, (value, value, known, 0, False, accepted), value, 0.0)
            if member.reason:
                return known, member.reason
        return None

    same = [(5.0, True)] * 60
    known, reason = after([(7.0, True), *same])
    assert known == 2 + STILL_EVALUATIONS
    assert reason.startswith(f"the loss did not change in {STILL_EVALUATIONS} evaluations")
    assert after([(7.0, True), *[(5.0, False)] * 60])[0] == 1 + STILL_EVALUATIONS
    assert after([(7.0, True), *same[: STILL_EVALUATIONS - 1], (4.0, True), *same[: STILL_EVALUATIONS - 1]]) is None


def test_there_may_be_nothing_to_do():
    """The content is the start, and nothing pulls it away."""
    content = np.asarray(Image.open(CONTENT).resize((32, 32)))
    result = stylize(content, STYLE, size="32x32", style_weight=0, evaluations=20, metric="whitened")
    assert result.stop_reason == "the gradient is zero: no change of the image can lower the loss"
    np.testing.assert_array_equal(np.rint(result.image * 255), content)
    assert all(np.isfinite(value) for value in result.loss.values())
