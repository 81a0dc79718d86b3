"""Flow of films that are known exactly; sizes, both directions, and what is refused."""

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refusal
from PIL import Image

import jaxstyle
from bench.films import FILMS
from jaxstyle.errors import InputError


def errors(flow, motion) -> np.ndarray:
    """Distances of the flow from the true one, in pixels, where the things are seen in both frames."""
    return np.hypot(*np.moveaxis(np.asarray(flow) - motion.flow, 2, 0))[motion.visible[..., 0]]


@pytest.fixture(scope="module")
def shots():
    """Of films by name: two frames, the later one first, and the motion between them."""
    films = {name: FILMS[name](192, 128, 3) for name in ("zoom", "roll", "parallax")}
    return {name: (film.frame(2), film.frame(1), film.motion(2, 1)) for name, film in films.items()}


@pytest.mark.parametrize("name", ["zoom", "roll"])
def test_affine_pairs(shots, name):
    later, earlier, motion = shots[name]
    assert np.abs(motion.flow).max() > 1
    assert np.median(errors(jaxstyle.optical_flow(later, earlier), motion)) < 0.3


@pytest.mark.slow
def test_an_occluder(shots):
    later, earlier, motion = shots["parallax"]
    flow, back = jaxstyle.optical_flows(later, earlier)
    assert np.median(errors(flow, motion)) < 0.3
    trusted = np.asarray(jaxstyle.reliability(flow, back))
    assert trusted[motion.visible].mean() > 0.8
    assert trusted[~motion.visible].mean() < 0.25
    assert np.abs(np.asarray(back) - jaxstyle.optical_flow(earlier, later)).max() < 1e-3


@pytest.mark.slow
def test_flow_of_a_large_frame_is_that_of_a_small_one_scaled_up(shots):
    frames = [Image.fromarray(frame) for frame in shots["roll"][:2]]
    motion = shots["roll"][2].flow
    large = [frame.resize((384, 256), Image.Resampling.BICUBIC) for frame in frames]
    found = np.asarray(jaxstyle.optical_flow(*large, size=192))
    assert found.shape == (256, 384, 2)
    means = found.reshape(128, 2, 192, 2, 2).mean((1, 3)) / 2
    assert np.median(np.hypot(*np.moveaxis(means - motion, 2, 0))) < 0.3


def test_what_is_refused():
    frame = np.zeros((32, 32, 3), np.uint8)
    refusal(lambda: jaxstyle.optical_flow(frame, frame[:30]), "second", "32x30", "32x32 pixels", kind=InputError)
    refusal(lambda: jaxstyle.optical_flow(frame, frame, updates=0), "updates", "at least 1", kind=InputError)
    refusal(lambda: jaxstyle.optical_flow(frame, frame, size=64), "size", "at least 128", kind=InputError)
    refusal(lambda: jaxstyle.optical_flow(frame[..., :2], frame), "first", "wrong shape")
    refusal(lambda: jaxstyle.warp(frame, np.zeros((32, 31, 2))), "picture", "(32, 31, C)", kind=InputError)
    refusal(lambda: jaxstyle.warp(frame, np.zeros((32, 32))), "flow", "(H, W, 2)", kind=InputError)
    refusal(lambda: jaxstyle.warp(frame, jnp.zeros((32, 32, 2)), "cubi"), "kernel", "did you mean 'cubic'", kind=InputError)
    refusal(
        lambda: jaxstyle.reliability(np.zeros((9, 9, 2)), np.zeros((9, 8, 2))), "backward_flow", "(9, 9, 2)", kind=InputError
    )
