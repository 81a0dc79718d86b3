"""Weights from a strength: the ends, the balance, and what does not matter."""

from dataclasses import replace

import numpy as np
import pytest

from jaxstyle.loss.presets import PRESETS
from jaxstyle.loss.strength import balanced


@pytest.mark.parametrize("preset", PRESETS)
def test_ends_and_middle(preset):
    objective = PRESETS[preset]
    none, middle, all_of_it = (balanced(objective, s, content_scale=3e5, style_scale=7e3) for s in (0.0, 0.5, 1.0))
    assert (none.style_weight, none.tv_weight) == (0, 0)
    assert none.content_weight > 0
    assert all_of_it == replace(objective, content_weight=0.0)
    assert middle.style_weight * 7e3 == pytest.approx(5.04 * middle.content_weight * 3e5, rel=1e-3)
    assert middle.tv_weight * objective.style_weight == pytest.approx(objective.tv_weight * middle.style_weight, rel=1e-4)


def test_the_balance_moves_by_powers_and_goes_by_the_scales():
    def ratio(strength, content=1.0, style=1.0):
        found = balanced(PRESETS["gatys-notebook"], strength, content_scale=content, style_scale=style)
        return found.style_weight * style / (found.content_weight * content)

    for strength in (0.1, 0.3, 0.9):
        assert np.log(ratio(strength)) == pytest.approx(2 / 3 * np.log(strength) - 3 * np.log(1 - strength), abs=1e-4)
        assert ratio(strength, 1e6, 1e-3) == pytest.approx(ratio(strength), rel=1e-4)


def test_a_style_that_is_the_photograph_has_finite_weights():
    for scales in ((0.0, 0.0), (1e5, 0.0), (0.0, 1e5)):
        found = balanced(PRESETS["johnson"], 0.5, content_scale=scales[0], style_scale=scales[1])
        assert np.all(np.isfinite([found.content_weight, found.style_weight, found.tv_weight]))
