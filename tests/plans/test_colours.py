"""Whose colours a picture gets: what the network sees, what is put back, and that every way to run a plan does both."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import refusal
from PIL import Image

from jaxstyle import Config, InputError, estimate, stylize, stylize_batch
from jaxstyle.cli.main import main
from jaxstyle.cli.places import SAMPLES
from jaxstyle.machine.compiler import Compiler
from jaxstyle.pictures.matching import moments
from jaxstyle.pictures.read import as_float
from jaxstyle.pictures.spaces import SPACES, from_space, to_space
from jaxstyle.plans.colours import Colours
from jaxstyle.plans.config import COLORS
from jaxstyle.plans.library import Library
from jaxstyle.plans.resolve import resolve
from jaxstyle.runs.engine import compile_to_fit
from jaxstyle.runs.run import run_plans
from jaxstyle.runs.start import starting_image

pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")

CONTENT, STYLE, OTHER = (str(SAMPLES / f"{name}.jpg") for name in ("chelsea", "starry_night", "coffee"))
SMALL = dict(size=32, evaluations=12)
LUMA = np.array([0.299, 0.587, 0.114])


def plan(content=CONTENT, style=STYLE, **options):
    return resolve(content, style, Config(**{"size": 32, **options}))


def photo(size=(32, 21)):
    with Image.open(CONTENT) as image:
        return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR), float) / 255


def through_a_transparent_half():
    image = Image.open(CONTENT).resize((64, 42))
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save("half.png")
    return "half.png"


def inside(image):
    """Where no channel is cut off at black or white."""
    return ((image > 1e-4) & (image < 1 - 1e-4)).all(-1)


def test_by_default_nothing_is_changed():
    found = plan()
    assert found.colours == Colours("style", None, None)
    assert found.original_content is None
    assert found.content is not plan(colors="content").content
    assert not found.method.grey


def test_a_run_in_grey_sees_grey_pictures_of_the_contents_brightness():
    found = plan(style=[STYLE, OTHER], colors="content")
    for picture in (found.content, *found.styles):
        np.testing.assert_array_equal(picture.rgb, picture.rgb[..., :1].repeat(3, -1))
    np.testing.assert_allclose(found.content.rgb[..., 0], photo() @ LUMA, atol=1e-6)
    for picture in found.styles:
        np.testing.assert_allclose(picture.rgb.mean(), (photo() @ LUMA).mean(), atol=0.01)
        np.testing.assert_allclose(picture.rgb.std(), (photo() @ LUMA).std(), rtol=0.05)
    assert found.original_content.rgb.dtype == np.uint8


@pytest.mark.parametrize("init", ["content", "noise", "style", OTHER])
def test_a_run_in_grey_starts_in_grey(init):
    start = np.asarray(starting_image(plan(colors="content", init=init, noise_ratio=0.3)))
    np.testing.assert_array_equal(start, start[..., :1].repeat(3, -1))
    assert start.std() > 0.02


@pytest.mark.parametrize("match", ["mk", "pca", "cholesky"])
def test_colours_of_styles_are_moved_to_the_contents(match):
    found, before = plan(colors="content-histogram", color_match=match), plan()
    assert found.content.rgb is not None
    np.testing.assert_array_equal(found.content.rgb, before.content.rgb)
    wanted, got, was = (moments(as_float(p)) for p in (before.content, found.styles[0], before.styles[0]))
    for a, b, c in zip(wanted, got, was, strict=True):  # what is clipped is missing
        assert np.abs(a - b).max() < 0.1 * np.abs(a - c).max()


def test_transparent_pixels_have_no_colours():
    pixels = np.concatenate([np.full((32, 16, 3), 0.2), np.ones((32, 16, 3))], 1)
    pixels[:, :16] += np.random.default_rng(0).normal(0, 0.05, (32, 16, 3))
    alpha = np.concatenate([np.ones((32, 16, 1)), np.zeros((32, 16, 1))], 1)
    found = plan(np.concatenate([pixels, alpha], -1).clip(0, 1), colors="content-histogram").styles[0]
    np.testing.assert_allclose(found.rgb.mean((0, 1)), 0.2, atol=0.02)


@pytest.mark.parametrize(
    "options",
    [
        dict(colors="content"),
        dict(color_space="lab"),
        dict(colors="content", color_space="luv"),
        pytest.param(dict(colors="content", scales=2, size="32x32", evaluations=40), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_the_contents_colours_are_put_back_at_the_end_and_on_the_way(options):
    space, shown = options.get("color_space", "yuv"), []
    result = stylize(CONTENT, STYLE, **{**SMALL, **options}, callback=lambda p: shown.append(p.image()))
    assert len({image.shape for image in shown}) == options.get("scales", 1)
    for image in [result.image, *shown]:
        height, width, _ = image.shape
        content = photo((width, height)) if "size" not in options else photo((32, 32))[:: 32 // height, :: 32 // width]
        free = inside(image)
        assert free.mean() > 0.3
        kept, wanted = to_space(image, space)[free], to_space(content, space)[free]
        far = np.abs(kept[:, 1:] - wanted[:, 1:])
        assert (far.mean() if height == 16 else far.max()) < (0.05 if height == 16 else 2e-3) * (1 if space == "yuv" else 100)
    assert np.abs(result.image - photo((result.image.shape[1], result.image.shape[0]))).max() > 0.05


def test_nothing_but_brightness_is_ever_moved():
    found = plan(colors="content", evaluations=12)
    engines, _, _ = compile_to_fit(found, Compiler())
    (end,) = run_plans(engines, [found])
    assert end.image.shape == (21, 32, 3)
    assert np.ptp(np.asarray(end.image), -1).max() < 1e-6
    assert np.abs(np.asarray(end.image) - as_float(found.content)).max() > 0.05
    np.testing.assert_array_equal(found.finished(end.image), stylize(CONTENT, STYLE, colors="content", **SMALL).image)


def test_without_a_run_the_content_has_the_styles_colours():
    result = stylize(CONTENT, [STYLE, OTHER], blend="3,1", colors="style-only", **SMALL)
    assert (result.loss, result.evaluations, result.trace) == ({}, 0, [])
    assert result.stop_reason == "the colours were moved, and nothing was painted"
    found = plan(style=[STYLE, OTHER])
    means = [moments(as_float(style))[0] for style in found.styles]
    np.testing.assert_allclose(moments(result.image)[0], 0.75 * means[0] + 0.25 * means[1], atol=0.02)
    alone = stylize(CONTENT, STYLE, colors="style-only", **SMALL)
    covariance, wanted = moments(alone.image)[1], moments(as_float(found.styles[0]))[1]
    np.testing.assert_allclose(covariance, wanted, atol=0.1 * np.abs(wanted).max())


def test_without_a_run_what_is_of_the_run_is_told_to_count_for_nothing():
    assert plan(colors="style-only", color_match="pca", stroke=2.0, blend="1").notices == ()
    (notice,) = plan(colors="style-only", init="noise", style_weight=3.0).notices
    assert notice == "colors style-only paints nothing: `style_weight`, `init` count for nothing"
    assert plan(colors="style-only", seed=1).notices == ("colors style-only paints nothing: `seed` counts for nothing",)
    assert plan(colors="style", init="noise").notices == ()
    for colours in ("style", "style-only"):
        assert plan(style=[STYLE, OTHER], blend=np.array([3.0, 1.0]), colors=colours).notices == ()


EVERY = [dict(colors=name) for name in COLORS[1:]] + [dict(color_space="lab")]


@pytest.mark.slow
def test_strips_give_the_same():
    whole, strips = (stylize(CONTENT, STYLE, **SMALL, colors="content", memory=memory).image for memory in ("auto", "low"))
    np.testing.assert_allclose(whole, strips, atol=2e-3)


@pytest.mark.slow
def test_members_of_a_batch_are_the_single_runs():
    vary = {"colors": ["style", "content", "content-histogram", "style-only"]}
    results = stylize_batch([CONTENT, OTHER], STYLE, vary=vary, size=32, evaluations=3)
    for result, (content, colors) in zip(results, ((c, k) for c in (CONTENT, OTHER) for k in vary["colors"]), strict=True):
        alone = stylize(content, STYLE, colors=colors, size=32, evaluations=3)
        np.testing.assert_allclose(result.image, alone.image, atol=2e-3)
        assert result.record["batch"]["members"] == (
            1 if colors == "style-only" else 4 if "-" in colors or colors == "style" else 2
        )


def test_pictures_in_other_colours_are_made_once():
    library = Library()
    first, second = (resolve(CONTENT, STYLE, Config(size=32, colors="content", seed=seed), library) for seed in (0, 1))
    assert first.content is second.content
    assert first.styles == second.styles


def test_keys_differ():
    options = [{}, *EVERY, *(dict(colors="content", color_space=space) for space in SPACES[1:]), dict(color_space="yuv")]
    options += [
        dict(colors=kind, color_match=match) for kind in ("content-histogram", "style-only") for match in ("pca", "cholesky")
    ]
    keys = [plan(**one).key for one in options]
    assert len(set(keys)) == len(keys)
    assert plan(colors="content", color_space="yuv").key == plan(colors="content").key
    assert plan(colors="style-only", color_match="mk").key == plan(colors="style-only").key


@pytest.mark.parametrize(
    ("options", "argument", "said"),
    [
        (dict(colors="contents"), "colors", "did you mean 'content'?"),
        (dict(color_match="mp", colors="style-only"), "color_match", "known: mk, pca, cholesky"),
        (dict(color_space="hsv"), "color_space", "known: yuv, ycbcr, luv, lab"),
        (
            dict(strength=0.5, colors="style-only"),
            "strength",
            "weighs nothing with colors='style-only', which paints nothing; leave it out",
        ),
        (
            dict(color_match="mk"),
            "color_match",
            "moves nothing with colors='style'; give colors='content-histogram' or colors='style-only' with it",
        ),
        (dict(color_match="pca", colors="content"), "color_match", "moves nothing with colors='content'"),
        (
            dict(color_space="lab", colors="style-only"),
            "color_space",
            "would take the style's colours away again; leave it out",
        ),
    ],
)
def test_what_makes_no_sense_is_one_line(options, argument, said):
    refusal(lambda: plan(**options), argument, said, kind=InputError)


def test_no_estimate_of_what_takes_no_time():
    refusal(lambda: estimate(colors="style-only", size=32), "colors", "paints nothing", kind=InputError)


RUN = ["stylize", CONTENT, STYLE, "--size", "32", "-q"]


@pytest.mark.parametrize("options", [["--colors", "content"], ["--colors", "style-only"], ["--color-space", "luv"]], ids=str)
def test_commands_replay_and_go_on(capsys, options):
    assert (
        main(
            [
                *RUN,
                "-o",
                "x.png",
                "--evaluations",
                "4",
                "--metric",
                "plain",
                *options,
                "--keep-state",
                "--report",
                "--save-every",
                "2",
            ]
        )
        == 0
    )
    assert main(["replay", "x.png"]) == 0
    assert "the same picture again" in capsys.readouterr().err
    assert "chelsea.jpg" in Path("x.png.html").read_text()
    record = json.loads(Path("x.png.json").read_text())
    if "style-only" in options:
        assert record["loss"] == {}
        assert main(["continue", "x.png", "--evaluations", "5"]) == 2
        assert "nothing of it was painted" in capsys.readouterr().err
        return
    pixels = np.asarray(Image.open("x-00002.png"), float) / 255
    free = inside(pixels)
    space = record["colours"]["space"]
    for channel in (1, 2):
        wanted = to_space(photo(), space)[free][:, channel]
        np.testing.assert_allclose(to_space(pixels, space)[free][:, channel], wanted, atol=0.01 if space == "yuv" else 3)
    assert main([*RUN, "-o", "whole.png", "--evaluations", "7", "--metric", "plain", *options]) == 0
    assert main(["continue", "x.png", "--evaluations", "3", "-o", "y.png", "-q"]) == 0
    np.testing.assert_array_equal(np.asarray(Image.open("y.png")), np.asarray(Image.open("whole.png")))
    Path("x.png.state").unlink()
    assert main(["continue", "x.png", "--evaluations", "3", "-o", "z.png", "-q"]) == 0


@pytest.mark.slow
def test_a_sweep_of_all_of_them(capsys):
    command = [
        "sweep",
        CONTENT,
        STYLE,
        "--size",
        "32",
        "--evaluations",
        "2",
        "-o",
        "out",
        "--vary",
        f"colors={','.join(COLORS)}",
    ]
    assert main(command) == 0
    assert "4 of 4 pictures" in capsys.readouterr().err
    assert len(Path("out/results.csv").read_text().splitlines()) == 5
    assert main([*command, "--resume"]) == 0
    assert "4 of them from before" in capsys.readouterr().err


def test_transparency_and_pictures_without_colour():
    half = through_a_transparent_half()
    flat, flat_style = np.full((21, 32, 3), 0.4), np.full((25, 32, 3), 0.4)
    for options in EVERY:
        result = stylize(half, STYLE, **SMALL, **options)
        assert result.alpha is not None
        for content, style in ((half, STYLE), (flat, STYLE), (CONTENT, flat_style)):
            assert np.isfinite(stylize(content, style, size=32, evaluations=2, **options).image).all()


def test_cysmiths_original_colours():
    """Brightness of the result and colours of the content, in its four spaces."""
    image = np.random.default_rng(0).random((21, 32, 3)).astype(np.float32)
    for space in SPACES:
        found = plan(preset="cysmith", color_space=space)
        channels = np.concatenate([to_space(image, space)[..., :1], to_space(photo(), space)[..., 1:]], -1)
        np.testing.assert_allclose(found.finished(image), from_space(channels, space).clip(0, 1), atol=1e-4)
        np.testing.assert_array_equal(found.styles[0].rgb, plan(preset="cysmith").styles[0].rgb)


def test_what_is_put_back_changes_no_loss():
    without, with_colours = (stylize(CONTENT, STYLE, color_space=space, **SMALL) for space in (None, "lab"))
    assert with_colours.loss == without.loss
    assert np.abs(with_colours.image - without.image).max() > 0.05
