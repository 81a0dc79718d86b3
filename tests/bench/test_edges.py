"""What bench.studies.edges measures, on pictures made to have it and not to have it."""

import numpy as np
import pytest

from bench.studies.edges import along, frame, grid, outside, step


def test_a_frame_is_told_from_none(rng):
    image = rng.normal(0, 0.1, (64, 80, 3))
    assert frame(image, 4) < 0.1
    inside = np.zeros((64, 80), bool)
    inside[4:-4, 4:-4] = True
    image[~inside] += 0.2
    assert frame(image, 4) == pytest.approx(2, rel=0.2)


def test_a_step_at_one_side_is_told_from_a_slow_change(rng):
    image = rng.normal(0, 0.1, (64, 80, 3)) + np.linspace(0, 0.3, 80)[:, None]
    assert step(image) < 0.3
    image[:, -2:] += 0.3
    image[:, :2] += 0.3
    assert step(image) == pytest.approx(0.3 / image.std((0, 1)).mean(), rel=0.2)


def test_strokes_along_one_side_are_told_from_any_others(rng):
    image = rng.normal(0, 0.1, (64, 80, 3))
    assert along(image) == pytest.approx(1, rel=0.2)
    image[-6:] += rng.normal(0, 0.3, (6, 1, 1))
    assert along(image) > 2


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_grid_is_told_from_none(rng, period):
    image = rng.normal(0, 0.1, (64, 80, 3))
    assert grid(image, period) < 2
    image[:, np.arange(80) % period < period / 2] += 0.1
    assert grid(image, period) > 10


def test_values_outside_that_cluster_are_told_from_those_that_do_not(rng):
    image = np.full((64, 64, 3), 0.5)
    assert outside(image) == (0, 1)
    image[:8, :8] = 0
    share, together = outside(image)
    assert share == 1 / 64
    assert together > 40
    share, together = outside((rng.random((64, 64, 3)) > 0.1).astype(float) * 0.5)
    assert share == pytest.approx(0.1, rel=0.2)
    assert together == pytest.approx(1, rel=0.2)
