"""Masks of films: steadied along the motion, found again after a stop, and black where nothing is found."""

from dataclasses import replace

import numpy as np
import pytest

from jaxstyle import Config
from jaxstyle.cli.places import SAMPLES
from jaxstyle.films.film import Frame
from jaxstyle.flow import optical
from jaxstyle.masks import film
from jaxstyle.masks.film import WINDOW, FilmMasks
from jaxstyle.masks.sources import FoundMask
from jaxstyle.masks.words import MaskWord
from jaxstyle.onepass.frames import FramePainter
from jaxstyle.onepass.regions import FrameOverlays, parse_overlays
from jaxstyle.pictures.read import Picture
from jaxstyle.plans.frames import FrameMasks, for_frame
from jaxstyle.plans.library import Library
from jaxstyle.plans.resolve import resolve
from jaxstyle.styles.apply import manner_of

FACES = MaskWord("faces")
SIZE = 48


@pytest.fixture
def found(monkeypatch):
    """What a detector says of each frame, known by the level of its first pixel: squares (left, top, side), or nothing."""
    squares = {}

    def lenient(picture, word, argument="region", value=None):
        levels = np.zeros((SIZE, SIZE), np.uint8)
        if square := squares.get(int(picture.rgb[0, 0, 0])):
            left, top, side = square
            levels[top : top + side, left : left + side] = 255
        return FoundMask(str(word), levels)

    monkeypatch.setattr(film, "lenient", lenient)
    return squares


def test_where_nothing_is_found_all_else_is_everything():
    grey = Picture(np.full((SIZE, SIZE, 3), 90, np.uint8))
    levels = [film.lenient(grey, MaskWord(*word)).levels for word in (("faces",), ("faces", True), ("background",))]
    assert [int(each.min()) for each in levels] == [int(each.max()) for each in levels] == [0, 255, 255]


@pytest.mark.usefixtures("moving")
def test_a_region_may_be_hidden_in_a_frame(found, tiny_styles):
    """A later region covers it there; a film goes on."""
    found.update({1: (0, 0, SIZE), 2: (30, 0, 10), 3: (30, 0, 10), 4: (30, 0, 10)})
    regions = [(square(4, 4, 10), "dashes"), ("faces", "keep")]
    overlays = parse_overlays(regions, lambda style: manner_of(tiny_styles, style, 1.0))
    over = FrameOverlays(overlays, (SIZE, SIZE), 0.0, False)
    pictures = frames(3)
    assert over.at(pictures[0]).parts[0][1].max() == 1
    assert over.at(pictures[1]).left.max() <= 0.51  # the median of nothing and all of it

    covered = FrameOverlays(overlays, (SIZE, SIZE), 0.0, False)
    hidden = covered.at(pictures[1])
    assert hidden.parts[0][1].max() == 0
    assert hidden.parts[1][1].min() == 1


@pytest.fixture
def moving(monkeypatch):
    """The motion is what the test says: pixels from a frame to the one before."""
    said = {"step": (0.0, 0.0)}

    def flows(frame, before, size):
        there = np.broadcast_to(np.float32(said["step"]), (SIZE, SIZE, 2))
        return there, -there

    monkeypatch.setattr(optical, "optical_flows", flows)
    return said


def frames(count):
    return [Picture(np.full((SIZE, SIZE, 3), number, np.uint8)) for number in range(count)]


def square(left, top, side):
    levels = np.zeros((SIZE, SIZE), np.uint8)
    levels[top : top + side, left : left + side] = 255
    return levels


@pytest.mark.usefixtures("moving")
def test_what_is_missed_twice_stays_and_what_is_wrong_twice_goes(found):
    found.update(dict.fromkeys(range(14), (10, 10, 20)))
    del found[5], found[6]
    found[11] = found[12] = (0, 0, 8)
    masks = FilmMasks()
    shown = [masks.find(frame, FACES).levels for frame in frames(14)]
    for levels in shown:
        np.testing.assert_array_equal(levels, square(10, 10, 20))


@pytest.mark.usefixtures("moving")
def test_a_film_without_faces_has_black_masks(found):
    masks = FilmMasks()
    assert not any(masks.find(frame, FACES).levels.any() for frame in frames(3))
    assert found == {}


def test_masks_go_along_with_the_motion(found, moving):
    """The thing moves by 3 pixels a frame; where the detector misses it, its mask has moved all the same."""
    moving["step"] = (-3.0, 0.0)
    found.update({number: (6 + 3 * number, 10, 16) for number in range(5)})
    masks = FilmMasks()
    shown = [masks.find(frame, FACES).levels for frame in frames(6)]
    np.testing.assert_array_equal(shown[5], square(6 + 3 * 5, 10, 16))


def test_a_cut_forgets_what_was_before(found, monkeypatch):
    """Where the motion cannot be relied on, a mask is what is found."""
    rng = np.random.default_rng(0)

    def flows(frame, before, size):
        return (rng.uniform(-30, 30, (SIZE, SIZE, 2)).astype(np.float32) for _ in range(2))

    monkeypatch.setattr(optical, "optical_flows", flows)
    found.update({0: (0, 0, 10), 1: (0, 0, 10), 2: (30, 30, 10)})
    masks = FilmMasks()
    shown = [masks.find(frame, FACES).levels for frame in frames(3)]
    np.testing.assert_array_equal(shown[2], square(30, 30, 10))


@pytest.mark.usefixtures("moving")
def test_a_film_that_goes_on_finds_the_same_masks(found):
    rng = np.random.default_rng(1)
    found.update({number: tuple(rng.integers(2, 20, 3)) for number in range(10)})
    whole, pictures = FilmMasks(), frames(10)
    expected = [whole.find(frame, FACES).levels for frame in pictures]
    later = FilmMasks()
    for frame in pictures[7 - WINDOW : 7]:
        later.find(frame, FACES)
    for number in range(7, 10):
        np.testing.assert_array_equal(later.find(pictures[number], FACES).levels, expected[number])


@pytest.mark.usefixtures("moving")
def test_a_network_keeps_a_face_through_a_film(found, tiny_styles):
    found.update(dict.fromkeys((0, 1, 2, 4), (10, 10, 20)))
    manner = manner_of(tiny_styles, "dots", 1.0)

    def painter():
        overlays = parse_overlays("faces=keep", lambda style: manner_of(tiny_styles, style, 1.0))
        return FramePainter(manner, 1, False, None, FrameOverlays(overlays, (SIZE, SIZE), 0.0, False))

    pictures = frames(5)
    painted = [image for _, image in painter()(Frame(picture, number, 1) for number, picture in enumerate(pictures))]
    for number, image in enumerate(painted):
        np.testing.assert_allclose(image[10:30, 10:30], number / 255, atol=1e-6)
        assert np.abs(image[35:, 35:] - number / 255).max() > 0.05
    again = painter()
    again.recall(pictures[:3])
    rest = [image for _, image in again(Frame(picture, number, 1) for number, picture in enumerate(pictures[3:]))]
    np.testing.assert_array_equal(rest, painted[3:])


@pytest.mark.usefixtures("moving", "small_network")
def test_plans_of_frames_have_their_own_regions(found):
    """As many parts whether anything is found or not: one program paints all."""
    found.update({1: (10, 10, 20)})
    style = str(SAMPLES / "swirls.jpg")
    config = Config(size="content", evaluations=2, regions=("faces=keep", "not:faces=" + style), feather=0.0)
    pictures = frames(3)
    plan = resolve(pictures[0].rgb, style, config, Library(lenient=True))
    masks = FrameMasks(plan)
    assert masks.recalled == WINDOW
    plans = [for_frame(plan, picture, masks.at(picture)) for picture in pictures]
    assert [len(each.regions.painted) for each in plans] == [len(plan.regions.painted)] * 3
    np.testing.assert_array_equal(plans[0].regions.keep, 0)
    assert plans[1].regions.keep.max() > 0
    for each in plans:
        total = each.regions.keep + sum(region.mask for region in each.regions.painted)
        np.testing.assert_allclose(total, 1, atol=1e-6)
    keeping = replace(config, regions=("not:faces=keep",), strength=0.5)
    kept = resolve(pictures[0].rgb, style, keeping, Library(lenient=True))
    frame = for_frame(kept, pictures[0], FrameMasks(kept).at(pictures[0]))
    assert len(frame.regions.painted) == len(kept.regions.painted) == 1
    assert [share for share, _ in frame.style_shares] == [1.0]
    fixed = resolve(pictures[0].rgb, style, Config(size="content", regions=((square(4, 4, 9), "keep"),)), Library())
    assert FrameMasks(fixed).at(pictures[1]) is None
    assert FrameMasks(fixed).recalled == 0
