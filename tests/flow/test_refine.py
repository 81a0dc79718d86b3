"""Refined flow, of films that are known exactly."""

import numpy as np
import pytest
from conftest import refusal
from scipy import ndimage

import jaxstyle
from bench.films import FILMS
from jaxstyle.errors import InputError
from jaxstyle.flow.refine import refine_flow

RNG = np.random.default_rng(2)


def pair(name):
    film = FILMS[name](120, 80, 3)
    later, earlier = (film.frame(k).astype(np.float32) / 255 for k in (2, 1))
    return later, earlier, film.motion(2, 1)


@pytest.mark.parametrize("name", ["pan", "zoom", "roll", "exposure"])
def test_flow_is_refined_to_parts_of_a_pixel(name):
    """From the true flow and a smooth error of up to a third of a pixel."""
    later, earlier, motion = pair(name)
    error = ndimage.gaussian_filter(RNG.normal(0, 1, motion.flow.shape), (9, 9, 0))
    begun = motion.flow + 0.3 * error / np.abs(error).max()
    found = np.asarray(refine_flow(later, earlier, begun))
    before, after = (np.median(np.hypot(*np.moveaxis(each - motion.flow, 2, 0))[10:-10, 10:-10]) for each in (begun, found))
    assert before > 0.05
    assert after < min(0.04, 0.5 * before)


def test_grain_before_a_still_camera_does_not_move():
    later, earlier, motion = pair("still")
    begun = ndimage.gaussian_filter(RNG.normal(0, 1, motion.flow.shape), (5, 5, 0)) * 2
    assert np.abs(begun).max() > 0.2
    found = np.asarray(refine_flow(later, earlier, begun))
    assert (found == 0).mean() > 0.9


def test_a_wrong_flow_is_changed_by_half_a_pixel_at_most():
    later, earlier, motion = pair("pan")
    begun = motion.flow + 3
    assert np.abs(np.asarray(refine_flow(later, earlier, begun)) - begun).max() <= 0.5 + 1e-5


def test_other_shapes_are_refused():
    frame = np.zeros((4, 5, 3))
    refusal(lambda: jaxstyle.refine_flow(frame, frame, np.zeros((4, 6, 2))), "first", "(4, 6, 3)", kind=InputError)
    refusal(lambda: jaxstyle.refine_flow(frame, frame[:3], np.zeros((4, 5, 2))), "second", "(4, 5, 3)", kind=InputError)
