"""What a GPU and a TPU get of a training: its step, lowered for them here and read as StableHLO. Nothing is compiled."""

from dataclasses import replace
from functools import cache, partial

import jax
import jax.numpy as jnp
import pytest
from jax import export

from jaxstyle.loss.objective import TermWeights, style_target
from jaxstyle.network.convolution import Target, traced_for
from jaxstyle.styles.model import WIDTHS, initial
from jaxstyle.styles.step import OBJECTIVE, Learned, Recipe, TrainingData, init_state, step
from jaxstyle.training.photographs import Photographs
from tests.runs.test_lowering import BACKENDS, CHANNELS, callbacks, described, doubles, network, operations

STYLES, SIZE, BATCH = 3, 32, 2
PRECISION = {"float32": "HIGHEST", "tf32": "HIGH", "bfloat16": "DEFAULT"}
RARE = [pytest.param("cuda", precision, marks=pytest.mark.slow) for precision in ("float32", "tf32")]
CASES = [*RARE, ("cuda", "bfloat16"), ("tpu", "bfloat16")]


@cache
def lowered(platform, precision, backend=None):
    """The module of a step that makes crops, paints them, and goes down the gradient, as text."""
    recipe = Recipe(WIDTHS["half"], OBJECTIVE, SIZE, BATCH, precision=precision)
    params, float32 = network(), partial(jax.ShapeDtypeStruct, dtype=jnp.float32)
    grams = jax.eval_shape(partial(style_target, objective=OBJECTIVE), params, float32((SIZE, SIZE, 3)))
    photographs = Photographs(jax.ShapeDtypeStruct((4, 48, 64, 3), jnp.uint8), jax.ShapeDtypeStruct((4, 2), jnp.int32))
    grams, weights = jax.tree.map(lambda leaf: float32((STYLES, *leaf.shape)), (grams, TermWeights.of(OBJECTIVE)))
    learned = Learned(initial(recipe.widths, 0), jnp.ones((STYLES, recipe.widths.style_size)))
    state = jax.tree.map(described, init_state(learned, recipe))
    given = state, TrainingData(photographs, params, grams, weights, {}), float32(())
    with traced_for(Target(backend=backend or BACKENDS[platform])):
        return export.export(jax.jit(partial(step, recipe=recipe)), platforms=[platform])(*given).mlir_module()


@pytest.mark.slow
@pytest.mark.parametrize(("platform", "precision"), CASES)
def test_convolutions_have_the_operands_that_were_asked_for(platform, precision):
    """Those of the network that learns, with the gradients of their kernels, and the loss network's."""
    found = operations(lowered(platform, precision), "convolution")
    painter = len(WIDTHS["half"].layers)
    assert len(found) > 3 * painter + 13
    operand = "bf16" if precision == "bfloat16" else "f32"
    types = {operation.types[:2] for operation in found}
    assert types - {("f32", "f32")} if platform == "tpu" else types == {(operand, operand)}, "a TPU rounds those that are left"
    assert {operation.precision for operation in found} == {PRECISION[precision]}
    sizes = {operation.shapes[1][:2] for operation in found}
    assert {(3, 3), (9, 9)} <= sizes


@pytest.mark.parametrize(("platform", "precision"), CASES)
def test_gram_matrices_are_of_full_precision(platform, precision):
    found = operations(lowered(platform, precision), "dot_general")
    for channels in set(CHANNELS.values()):
        taps = list(CHANNELS.values()).count(channels)
        grams = [product for product in found if product.shapes[2][-2:] == (channels, channels)]
        assert len(grams) >= taps
        assert {product.shapes[2][0] for product in grams} == {BATCH}
    assert {product.types for product in found} == {("f32", "f32", "f32")}
    assert {product.precision for product in found} == {"HIGHEST"}


@pytest.mark.parametrize(("platform", "precision"), CASES)
def test_nothing_is_double_and_nothing_calls_back(platform, precision):
    text = lowered(platform, precision)
    assert not doubles(text)
    assert not callbacks(text)


@pytest.mark.slow
def test_what_is_traced_for_a_cpu_would_be_seen():
    found = operations(lowered("cuda", "bfloat16", "cpu"), "convolution")
    assert {operation.types[0] for operation in found} == {"f32"}


def test_an_average_and_the_moments_stay_float32():
    recipe = replace(Recipe(WIDTHS["slim"]), precision="bfloat16")
    learned = Learned(initial(recipe.widths, 0), jnp.ones((1, recipe.widths.style_size)))
    leaves = jax.tree.leaves(init_state(learned, recipe))
    assert {leaf.dtype.name for leaf in leaves} == {"float32", "int32"}
