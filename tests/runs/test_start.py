"""Where runs begin: flat areas of a content have noise where that is wanted, and everything else is as it was."""

import numpy as np
import pytest
from PIL import Image

from jaxstyle import Config, InputError
from jaxstyle.cli.places import SAMPLES
from jaxstyle.pictures.colour import smooth_colour
from jaxstyle.pictures.flat import roughness
from jaxstyle.plans.resolve import resolve
from jaxstyle.runs.start import starting_image

pytestmark = pytest.mark.usefixtures("small_network")

CONTENT, STYLE = SAMPLES / "chelsea.jpg", SAMPLES / "swirls.jpg"


def start(content, style=STYLE, **options):
    plan = resolve(content, style, Config(**{"size": 64, "flat_noise": 0.5, **options}))
    return plan, np.asarray(starting_image(plan))


@pytest.fixture(scope="module")
def sky():
    """A photograph whose upper half is one colour, (64, 64, 3)."""
    picture = np.asarray(Image.open(CONTENT).resize((64, 64))).copy()
    picture[:32] = (150, 156, 164)
    return picture


def test_a_plain_sky_begins_with_noise_as_rough_as_stated(sky):
    plan, image = start(sky)
    wanted = 0.5 * roughness(plan.styles[0].rgb / 255).mean()
    assert roughness(image)[:16].mean() == pytest.approx(wanted, rel=0.2)
    np.testing.assert_array_equal(image[52:], smooth_colour(sky.astype(np.float32) / 255)[52:])
    _, other = start(sky, seed=5)
    np.testing.assert_array_equal(image, other)


def test_a_photograph_without_flat_areas_begins_as_it_is():
    plan, image = start(CONTENT)
    np.testing.assert_array_equal(image, smooth_colour(plan.content.rgb.astype(np.float32) / np.float32(255)))


def test_a_sky_can_be_left_as_it_is(sky):
    _, image = start(sky, flat_noise=0.0)
    np.testing.assert_array_equal(image, smooth_colour(sky.astype(np.float32) / np.float32(255)))


def test_a_little_of_the_style_is_a_little_noise(sky):
    for strength in (0.25, 1.0):
        plan, image = start(sky, flat_noise=1.0, strength=strength)
        wanted = strength * roughness(plan.styles[0].rgb / 255).mean()
        assert roughness(image)[:16].mean() == pytest.approx(wanted, rel=0.2)


def test_by_default_the_noise_is_as_rough_as_the_style_and_of_long_waves(sky):
    begun = resolve(sky, STYLE, Config(size=64)).start
    assert (begun.flat_noise, begun.flat_waves) == (1, 16)


def test_noise_that_no_run_begins_with_is_told_to_count_for_nothing(sky):
    assert start(sky, flat_noise=0.5)[0].notices == ()
    for options in (dict(init="noise"), dict(solver="lbfgs-torch"), dict(strength=0)):
        (notice,) = start(sky, flat_noise=0.5, **options)[0].notices
        assert notice == "`flat_noise` counts for nothing: it is for runs with a style that begin with the content"
        assert start(sky, flat_noise=0, **options)[0].notices == start(sky, flat_noise=1.0, **options)[0].notices == ()


@pytest.mark.parametrize(
    ("options", "part"),
    [(dict(init="noise"), 0), (dict(noise_ratio=0.25), 0.75), (dict(noise_ratio=1.0), 0), (dict(), 1)],
    ids=str,
)
def test_without_its_noise_a_start_is_what_it_has_of_the_picture(sky, options, part):
    """Its noise is grey in the mean: a finer size begins with that, and with what was painted in its place."""
    plan, _ = start(sky, **options)
    image = np.asarray(starting_image(plan, noisy=False))
    wanted = part * smooth_colour(sky.astype(np.float32) / 255) + (1 - part) * np.array((0.485, 0.458, 0.408))
    np.testing.assert_allclose(image, wanted, atol=1e-5)


def test_too_much_is_refused(sky):
    with pytest.raises(InputError, match=r"`flat_noise` \(=3\) must be a number from 0 to 2"):
        start(sky, flat_noise=3)


@pytest.mark.parametrize("options", [dict(solver="lbfgs-torch"), dict(style_weight=0), dict(strength=0)], ids=str)
def test_runs_that_replay_others_or_have_no_style_begin_with_the_photograph(sky, options):
    _, image = start(sky, **options)
    np.testing.assert_array_equal(image, sky.astype(np.float32) / np.float32(255))


def test_another_start_is_not_filled(sky, tmp_path):
    Image.fromarray(sky).save(tmp_path / "sky.png")
    _, image = start(sky, init=str(tmp_path / "sky.png"))
    np.testing.assert_array_equal(image, smooth_colour(sky.astype(np.float32) / 255))


def test_a_flat_style_adds_no_noise(sky):
    style = np.full((64, 64, 3), 200, np.uint8)
    np.testing.assert_allclose(start(sky, style)[1], start(sky, style, flat_noise=0)[1], atol=1e-4)


def grey_of(picture):
    return np.repeat(np.asarray(Image.fromarray(picture).convert("L"))[..., None], 3, -1)


def chroma(image):
    """Mean distance of the colours from grey, in levels."""
    return 255 * np.sqrt(((image - image.mean(-1, keepdims=True)) ** 2).sum(-1)).mean()


@pytest.mark.parametrize("init", ["content", "noise", "style", str(CONTENT)])
def test_a_run_in_a_grey_style_begins_grey(sky, init):
    plan, image = start(sky, grey_of(np.asarray(Image.open(STYLE).resize((64, 48)))), init=init)
    assert chroma(image) < 1e-3
    assert plan.chroma == pytest.approx(0, abs=1e-6)
    _, coloured = start(sky, STYLE, init=init)
    np.testing.assert_allclose(image.mean(-1), coloured.mean(-1), atol=0.02 if init == "content" else 1)


def test_a_style_of_few_colours_lends_them():
    """Its tint, and a share of the photograph's own that is at most its own."""
    picture = np.asarray(Image.open(STYLE).resize((64, 48)), float)
    sepia = picture.mean(-1, keepdims=True) * 0.8 + (30, 15, -20)
    _, image = start(CONTENT, np.uint8(np.clip(sepia, 0, 255)))
    tint = (image - image.mean(-1, keepdims=True)).mean((0, 1)) * 255
    np.testing.assert_allclose(tint, (21.7, 6.7, -28.3), atol=2)


def test_a_colourful_style_leaves_the_start_as_it_is():
    plan, image = start(CONTENT, flat_noise=0)
    np.testing.assert_array_equal(image, smooth_colour(plan.content.rgb.astype(np.float32) / np.float32(255)))
    assert plan.chroma == 1


@pytest.mark.parametrize(
    ("options", "tone"),
    [({}, 1), (dict(style_weight=2e3), 1), (dict(style_weight=125), 0.5), (dict(content_weight=8), 0.5),
     (dict(strength=0.5), 0.75), (dict(content_weight=0), 1),
     (dict(style_weight=0), 0), (dict(strength=0), 0), (dict(solver="lbfgs-torch"), 0)],
    ids=str,
)  # fmt: skip
def test_less_of_a_grey_style_takes_less_of_the_colours(sky, options, tone):
    grey = grey_of(np.asarray(Image.open(STYLE).resize((64, 48))))
    plan, image = start(sky, grey, flat_noise=0, **options)
    assert plan.start.tone == pytest.approx(tone)
    assert plan.chroma == pytest.approx(1 - tone)
    assert chroma(image) == pytest.approx((1 - tone) * chroma(start(sky, STYLE, flat_noise=0)[1]), rel=0.05, abs=1e-3)


def test_a_region_has_the_colours_of_its_own_style(sky):
    mask = np.zeros((64, 64), np.uint8)
    mask[:, :32] = 255
    grey = grey_of(np.asarray(Image.open(STYLE).resize((64, 48))))
    plan, image = start(sky, STYLE, regions=[(mask, grey)], flat_noise=0, feather=0)
    plain = smooth_colour(sky.astype(np.float32) / 255)
    assert chroma(image[:, :32]) < 1e-3
    np.testing.assert_allclose(image[:, 32:], plain[:, 32:], atol=1e-5)
    np.testing.assert_allclose(plan.chroma[:, :32], 0, atol=1e-6)
    np.testing.assert_allclose(plan.chroma[:, 32:], 1, err_msg="the other region's colours have to move")
