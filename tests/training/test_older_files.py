"""Checkpoints from before settings and arrays had today's names: `memory`, `warming`, `critics`.

`recorded/` holds two trainings that were stopped after one of four steps.
"""

from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest
from conftest import TINY, random_params, refusal
from safetensors.numpy import load_file

from jaxstyle.domains.recipe import Recipe as DomainRecipe
from jaxstyle.domains.trainer import DomainTrainer
from jaxstyle.errors import InputError
from jaxstyle.machine.tensor_file import flatten
from jaxstyle.network.weights.registry import SCALES
from jaxstyle.onepass.layers import Widths
from jaxstyle.pictures.read import Picture
from jaxstyle.styles.step import OBJECTIVE, Recipe
from jaxstyle.styles.trainer import StyleTrainer
from jaxstyle.training.photographs import stack_photographs

RECORDED = Path(__file__).with_name("recorded")


def picture(number):
    y, x = np.mgrid[:36, :44]
    return Picture(np.stack([5 * x + number, 7 * y, x * y + 40 * number], -1).astype(np.uint8))


def trainer(name, **changes):
    """As it was when its checkpoint was recorded, but for `changes` of the recipe."""
    photographs = stack_photographs([picture(0), picture(1)], 32)
    if name == "cut":
        others = stack_photographs([picture(2), picture(3)], 32)
        return DomainTrainer(photographs, others, DomainRecipe("cut", 1, 1, 32, **changes))
    objective = replace(OBJECTIVE, content_layers={"relu3_2": 1.0})
    recipe = Recipe(Widths((2, 3, 4), 1, (3, 2)), objective, size=32, batch=2, **changes)
    return StyleTrainer(("stripes",), [picture(4)], photographs, random_params(TINY, SCALES["caffe"], seed=3), recipe)


@pytest.mark.parametrize("name", ["cut", "styles"])
def test_a_recorded_checkpoint_is_taken_up(name):
    path = RECORDED / f"{name}.part"
    found = trainer(name)
    assert found.resume(path)
    assert (int(found.state.step), found.steps, len(found.curve)) == (1, 4, 1)
    assert found.notices == []
    recorded = load_file(path)
    arrays = flatten(found.state, "state")
    assert len(arrays) == len(recorded) == len(jax.tree.leaves(found.state))
    assert ("state.nets.critics['b']['conv1']['kernel']" in recorded) == (name == "cut")
    for key, array in arrays.items():
        np.testing.assert_array_equal(array, recorded[key.replace("discriminators", "critics")], err_msg=key)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("cut", {"ema_decay": 0.99}, "ema_decay 0.999, not 0.99"),
        ("styles", {"ema_decay": 0.99, "warmup_steps": 5}, "warmup_steps 100, not 5, ema_decay 0.999, not 0.99"),
    ],
)
def test_settings_of_a_recorded_checkpoint_are_compared_by_their_new_names(name, change, words):
    found = trainer(name, **change)
    refusal(lambda: found.resume(RECORDED / f"{name}.part"), "resume", words, kind=InputError)
