"""Do the methods learn? On toy collections whose right answer is known; `bench/studies/domains.py` has longer runs."""

import numpy as np
import pytest

import jaxstyle
from bench.studies import domains


@pytest.mark.optimized
@pytest.mark.slow
def test_what_measures_it_tells_right_from_wrong():
    """The right answers pass; the picture as it is, one colour, and other pictures of B fail, each by what it lacks."""
    found = {name: domains.measured(images) for name, images in domains.references().items()}
    assert {name: domains.passes(one) for name, one in found.items()} == {
        "the right answer": True,
        "the picture as it is": False,
        "one colour, B's mean": False,
        "other pictures of B": False,
    }
    assert found["the picture as it is"]["gram"] == found["the picture as it is"]["colour"] == pytest.approx(1)
    assert found["one colour, B's mean"]["content"] == 0
    assert abs(found["other pictures of B"]["content"]) < 0.3
    assert found["the right answer"]["content"] > 0.98


@pytest.mark.optimized
@pytest.mark.slow
def test_cut_learns_its_toy_in_a_minute():
    """Enough for the bounds; the committed runs of both methods and other seeds (bench/results) are longer."""
    file, found = domains.train("cut", 0, 400)
    assert found["passes"], found["reached"]
    _, untrained = domains.train("cut", 0, 1)
    assert untrained["reached"]["colour"] > domains.COLOUR
    assert untrained["reached"]["content"] < domains.CONTENT
    assert np.isfinite(np.array(file.training["losses"][1:], float)).all()
    assert isinstance(file.network, jaxstyle.DomainNetwork)
