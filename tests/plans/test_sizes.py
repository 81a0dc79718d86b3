"""The sizes of pictures and styles, as they are asked for and unasked; large files end to end; transparency on the way."""

import numpy as np
import pytest
from conftest import refusal
from PIL import Image

from jaxstyle import Config, estimate, stylize
from jaxstyle.batch.jobs import make_jobs
from jaxstyle.batch.run import plan_of
from jaxstyle.errors import InputError
from jaxstyle.pictures.size import parse_size
from jaxstyle.plans.library import Library
from jaxstyle.plans.resolve import resolve

pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")


def picture(width, height, seed=0):
    small = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


def sizes(content, style, **settings):
    """(width, height) of the picture and of the style."""
    plan = resolve(content, style, Config(**settings))
    return plan.content.size, plan.styles[0].size


@pytest.mark.parametrize(
    ("content", "style", "settings", "expected"),
    [
        ((120, 90), (48, 40), {}, ((120, 90), (48, 40))),  # nothing is enlarged
        ((120, 90), (600, 400), {}, ((120, 90), (120, 80))),  # the style's shapes are of the picture's size
        ((1200, 900), (600, 400), {}, ((512, 384), (512, 341))),
        ((1200, 900), (300, 200), {}, ((512, 384), (300, 200))),
        ((40, 30), (320, 40), {}, ((40, 30), (128, 16))),  # where the style's shorter side would be too short
        ((150, 90), (48, 40), {"size": "content"}, ((150, 90), (48, 40))),
        ((150, 90), (600, 400), {"size": "content"}, ((150, 90), (150, 100))),
        ((700, 90), (600, 400), {"size": "content"}, ((700, 90), (600, 400))),
        ((120, 90), (48, 40), {"size": 200}, ((200, 150), (200, 166))),  # asked for
        ((120, 90), (48, 40), {"size": "short:60"}, ((80, 60), (72, 60))),
        ((120, 90), (48, 40), {"style_size": 96}, ((120, 90), (96, 80))),
        ((120, 90), (48, 40), {"size": "content", "style_size": "30x20"}, ((120, 90), (30, 20))),
        ((120, 90), (48, 40), {"preset": "cysmith"}, ((120, 90), (120, 90))),  # whose styles have the picture's size
    ],
)
def test_sizes_of_pictures_and_styles(content, style, settings, expected):
    assert sizes(picture(*content), picture(*style, seed=1), **settings) == expected


@pytest.mark.parametrize(
    ("content", "style", "settings", "expected"),
    [
        ((120, 90), (600, 400), {"stroke": 1}, (120, 80)),  # as it is without
        ((120, 90), (600, 400), {"stroke": 0.5}, (60, 40)),
        ((1200, 900), (600, 400), {"stroke": 0.5}, (256, 170)),
        ((1200, 900), (600, 400), {"size": 240, "stroke": 2}, (480, 320)),
        ((1200, 900), (600, 400), {"size": "short:90", "stroke": 2}, (270, 180)),  # the shorter sides are compared
        ((1200, 900), (600, 400), {"size": "96x48", "stroke": 0.5}, (48, 32)),
        ((150, 90), (600, 400), {"size": "content", "stroke": 0.5}, (75, 50)),
        ((120, 90), (48, 40), {"stroke": 2}, (240, 200)),  # asked for, so enlarged
    ],
)
def test_a_stroke_is_the_size_of_the_style_relative_to_the_picture(content, style, settings, expected):
    plan = resolve(picture(*content), picture(*style, seed=1), Config(**settings))
    assert plan.styles[0].size == expected
    enlarged = f"style: enlarged from {style[0]}x{style[1]} to {expected[0]}x{expected[1]}, so its finest strokes are missing"
    assert plan.notices == ((enlarged,) if max(expected) > max(style) else ())
    half = plan.at(tuple(side // 2 for side in plan.content.size))
    assert half.styles[0].size == pytest.approx([side / 2 for side in expected], abs=1), "relative to the picture at every size"


def test_a_stroke_of_1_is_what_there_is_without():
    how = content, style = picture(120, 90), picture(600, 400, seed=1)
    assert resolve(*how, Config(stroke=1)).key == resolve(*how, Config()).key
    plain, stroked = (resolve(content, style, Config(size=size, stroke=s)) for size, s in [("short:90", None), ("short:90", 1)])
    np.testing.assert_array_equal(plain.styles[0].rgb, stroked.styles[0].rgb)


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({"stroke": 0}, ["makes styles of 0 pixels", "16 to 8192"]),
        ({"stroke": -1}, ["must be a number from 0"]),
        ({"stroke": "wide"}, ["is no number"]),
        ({"stroke": 2, "style_size": 64}, ["says the size of the styles", "give one of them"]),
        ({"stroke": 2, "preset": "cysmith"}, ["the preset cysmith", "another preset"]),
        ({"stroke": 0.1}, ["makes styles of 5 pixels", "16 to 8192", "nearer to 1"]),
        ({"stroke": 200}, ["makes styles of 10000 pixels", "nearer to 1"]),
        ({"stroke": 0.4}, ["makes styles of 20 pixels", "nearer to 1"]),  # whose shorter side would have 10
    ],
)
def test_strokes_that_are_refused(settings, parts):
    refusal(lambda: sizes(picture(50, 40), picture(80, 40), **settings), "stroke", *parts, kind=InputError)


def test_styles_of_a_blend_have_one_stroke_and_a_batch_one_for_each():
    styles = [picture(60, 64, seed=1), picture(300, 150, seed=2)]
    plan = resolve(picture(50, 40), styles, Config(stroke=1.5))
    assert [style.size for style in plan.styles] == [(70, 75), (75, 37)]
    jobs = make_jobs([picture(50, 40)], [styles], vary={"stroke": [0.8, 1, 2]})
    plans = [plan_of(job, Library()) for job in jobs]
    assert [plan.styles[1].size for plan in plans] == [(40, 20), (50, 25), (100, 50)]
    assert plans[0].method == plans[1].method == plans[2].method, "they share their programs"


def test_sizes_that_are_refused():
    for bad in ("contents", "own", ""):
        refusal(lambda bad=bad: sizes(picture(50, 40), picture(50, 40), size=bad), "size", "'content'", kind=InputError)
    call = lambda: sizes(picture(50, 40), picture(50, 40), style_size="content")  # noqa: E731
    refusal(call, "style_size", "is not a size of styles", "leave it out", kind=InputError)
    refusal(lambda: estimate(size="content"), "size", "there is none", "give a content", kind=InputError)
    Image.new("1", (9000, 40)).save("long.png")
    said = "9000x40 pixels", "at most 8192"
    refusal(lambda: sizes("long.png", picture(50, 40), size="content"), "size", *said, kind=InputError)


def test_a_run_at_the_contents_own_size_and_its_record():
    content, style = picture(50, 40), picture(200, 170, seed=1)
    result = stylize(content, style, evaluations=1)
    assert result.image.shape == (40, 50, 3)
    assert result.record["size"] == (50, 40)
    assert result.record["style_sizes"] == [(50, 42)]
    assert result.record["config"].size is None
    plans = [resolve(content, style, Config(size=size, scales=2, evaluations=3)) for size in (None, "content", 50)]
    assert [plan.sizes for plan in plans] == [((25, 20), (50, 40))] * 3
    assert len({plan.key for plan in plans}) == 1
    guess = estimate(content, style, evaluations=1)
    assert (guess.size, guess.style_sizes) == ((50, 40), [(50, 42)])


def test_a_batch_has_a_size_for_each_content():
    contents = [picture(50, 40), picture(40, 50, seed=2)]
    jobs = make_jobs(contents, picture(60, 64, seed=1), vary={"size": ["content", 32]})
    plans = [plan_of(job, Library()) for job in jobs]
    assert [plan.content.size for plan in plans] == [(50, 40), (32, 25), (40, 50), (25, 32)]
    assert [plan.styles[0].size for plan in plans] == [(46, 50), (30, 32), (46, 50), (30, 32)]
    assert len({plan.key for plan in plans}) == 4


def test_a_large_file_gives_nearly_what_all_its_pixels_give():
    image = picture(2600, 2000)
    image.save("large.jpg", quality=95)
    large = Library().fitted("large.jpg", "content", parse_size(52))
    assert large.size == (52, 40)
    assert np.abs(large.rgb - np.asarray(image.resize((52, 40), Image.Resampling.BILINEAR), float)).mean() < 2


def test_a_library_reads_each_file_once_as_long_as_there_is_room(monkeypatch):
    picture(50, 40).save("a.png")
    picture(50, 40, seed=1).save("b.png")
    size, told = parse_size(32), []
    library = Library(told.append)
    first = library.fitted("a.png", "content", size)
    assert library.fitted("a.png", "content", size) is first
    library.fitted("b.png", "content", size)
    assert library.fitted("a.png", "content", size) is first
    assert told == ["a.png", "b.png"]
    monkeypatch.setattr("jaxstyle.plans.library.MOST_BYTES", 5000)
    picture(50, 40, seed=2).save("c.png")
    for name in "cacb":  # of 2400 bytes each: two are kept
        library.fitted(f"{name}.png", "content", size)
    assert told == ["a.png", "b.png", "c.png", "b.png"]


@pytest.mark.slow
def test_progress_tells_the_transparency_at_its_size():
    image, opaque, shapes = picture(50, 40), picture(50, 40, seed=1), []
    image.putalpha(Image.linear_gradient("L").resize(image.size))

    def note(progress):
        shapes.append((progress.image().shape[:2], progress.alpha.shape, int(progress.alpha.min()) < 20))

    result = stylize(image, opaque, scales=2, evaluations=4, callback=note)
    assert set(shapes) == {((h, w), (h, w), True) for h, w in [(20, 25), (40, 50)]}
    np.testing.assert_array_equal(result.alpha, np.asarray(image.getchannel("A")))
    stylize(opaque, image, scales=2, evaluations=4, callback=lambda progress: shapes.append(progress.alpha))
    assert shapes[-1] is None
