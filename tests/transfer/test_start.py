"""Where runs begin: flat areas of a content have noise where that is wanted, and everything else is as it was."""

import numpy as np
import pytest
from PIL import Image

from jaxstyle import Config, InputError
from jaxstyle.cli.places import SAMPLES
from jaxstyle.pictures.colour import smooth_colour
from jaxstyle.pictures.flat import roughness
from jaxstyle.transfer.resolve import resolve
from jaxstyle.transfer.start import starting_image

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


@pytest.mark.parametrize(
    ("options", "flat_noise"),
    [(dict(), 1), (dict(evaluations=25), 1), (dict(evaluations=24), 0), (dict(metric="plain"), 0), (dict(solver="adam"), 0)],
    ids=str,
)
def test_there_is_noise_by_default_where_a_run_can_replace_it(sky, options, flat_noise):
    assert start(sky, flat_noise=None, **options)[0].start.flat_noise == flat_noise


def test_noise_that_no_run_begins_with_is_told_to_count_for_nothing(sky):
    assert start(sky, flat_noise=1.0)[0].notices == ()
    for options in (dict(init="noise"), dict(solver="lbfgs-torch"), dict(strength=0)):
        (notice,) = start(sky, flat_noise=1.0, **options)[0].notices
        assert notice == "`flat_noise` counts for nothing: it is for runs with a style that begin with the content"
        assert start(sky, flat_noise=None, **options)[0].notices == ()


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


def test_a_flat_style_adds_nothing(sky):
    _, image = start(sky, np.full((64, 64, 3), 200, np.uint8))
    np.testing.assert_allclose(image, smooth_colour(sky.astype(np.float32) / 255), atol=1e-4)
