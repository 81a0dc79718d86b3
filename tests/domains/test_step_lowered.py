"""What a GPU gets of a training's step: lowered for it here and read as StableHLO. Nothing is compiled."""

import re

import jax
import jax.numpy as jnp
import pytest
from jax import export

from jaxstyle.domains.recipe import Recipe
from jaxstyle.domains.step import METHODS, TrainingData, init_state, step
from jaxstyle.network.convolution import Target, traced_for
from jaxstyle.training.photographs import Photographs


def lowered(method, precision):
    """The step of a small training, as text for an NVIDIA GPU."""
    recipe = Recipe(method, 4, 1, 64, pool=METHODS[method].POOL, precision=precision)
    pixels, sides = jax.ShapeDtypeStruct((5, 96, 96, 3), jnp.uint8), jax.ShapeDtypeStruct((5, 2), jnp.int32)
    photographs, hyperparameters = Photographs(pixels, sides), jax.eval_shape(lambda: recipe.hyperparameters)
    state, steps = jax.eval_shape(lambda: init_state(recipe)), jax.ShapeDtypeStruct((), jnp.float32)
    shapes = state, TrainingData(photographs, photographs, hyperparameters), steps
    with traced_for(Target(backend="gpu")):
        run = jax.jit(lambda *given: step(*given, recipe=recipe))
        return export.export(run, platforms=["cuda"])(*shapes).mlir_module()


def operands(text):
    """Element types of both operands and the result of every convolution."""
    found = []
    for line in re.findall(r"stablehlo\.convolution[ (].*", text):
        signature = line.rpartition(" : (")[2].partition(" loc(")[0]
        found.append(tuple(part.rpartition("x")[2] for part in re.findall(r"tensor<([^>]+)>", signature)))
    return found


@pytest.mark.parametrize(
    ("method", "precision", "kind"),
    [
        ("cut", "bfloat16", "bf16"),
        pytest.param("cyclegan", "bfloat16", "bf16", marks=pytest.mark.slow),
        pytest.param("cut", "float32", "f32", marks=pytest.mark.slow),
    ],
)
def test_every_convolution_has_the_operands_that_the_hardware_is_fast_with(method, precision, kind):
    text = lowered(method, precision)
    found = operands(text)
    assert len(found) > 50
    assert set(found) == {(kind, kind, kind)}
    assert "callback" not in text
    assert not re.findall(r"[<x]f64>", text)
