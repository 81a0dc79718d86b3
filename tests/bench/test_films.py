"""Films with exact flow: along it they change little, and by as much as was put in."""

import numpy as np
import pytest

from bench.films import FILMS, warping_error

OWN = {"pan": (0, 5), "zoom": (0, 5), "roll": (0, 5), "parallax": (0, 8), "exposure": (2, 20), "still": (25, 40)}
"""Squared levels from frame to frame: rounding, the edge of the occluder, 2% of brightness, twice the grain's variance."""


@pytest.mark.parametrize("name", FILMS)
def test_a_film_changes_along_its_flow_by_what_was_put_in(name):
    film = FILMS[name](96, 64, 3)
    frames, motions = zip(*film.shots(), strict=True)
    assert motions[0] is None
    low, high = OWN[name]
    assert low <= warping_error(frames, motions[1:]) < high
    assert warping_error(frames, [film.motion(2, 0)], 2) < (high if name != "exposure" else 4 * high)
    if name not in ("still", "exposure"):
        still = [motion._replace(flow=0 * motion.flow) for motion in motions[1:]]
        assert warping_error(frames, still) > 10 * high


def test_what_is_hidden_is_known():
    film = FILMS["parallax"](96, 64, 3)
    motion = film.motion(2, 1)
    speeds, counts = np.unique(np.round(motion.flow.reshape(-1, 2), 3), axis=0, return_counts=True)
    assert np.allclose(speeds, [[-3.2, 0.4], [1.3, 0]], atol=1e-3)
    assert counts.min() > 100
    hidden = ~motion.visible[..., 0]
    assert 0.02 < hidden[4:-4, 8:-8].mean() < 0.15
    background = np.isclose(motion.flow[..., 0], 1.3, atol=1e-3)
    assert background[4:-4, 8:-8][hidden[4:-4, 8:-8]].all()  # nothing hides the occluder
