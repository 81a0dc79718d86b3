"""What a GPU and a TPU get: the step of the default run, lowered for them here and read as StableHLO. Nothing is compiled."""

import re
from functools import cache
from math import prod
from typing import NamedTuple

import jax
import jax.numpy as jnp
import pytest
from jax import export

from jaxstyle.loss.metric import Metric
from jaxstyle.loss.objective import Targets, TermWeights, content_target, style_target
from jaxstyle.loss.presets import CANONICAL
from jaxstyle.network.convolution import Target, traced_for
from jaxstyle.network.vgg import ARCHITECTURES, Params
from jaxstyle.network.weights.registry import SCALES
from jaxstyle.plans.method import Method
from jaxstyle.runs.inputs import StageInputs
from jaxstyle.runs.programs import of_members, stage_functions
from jaxstyle.solvers.lbfgs import LBFGS

HEIGHT, WIDTH, MEMBERS = 32, 48, 2
BACKENDS = {"cuda": "gpu", "tpu": "tpu"}
VGG19 = ARCHITECTURES["vgg19"]
CONVOLUTIONS = {name: shape for name, shape in VGG19.shapes.items() if name <= "conv5_1"}  # of 16 the last three are not needed
CHANNELS = {tap: VGG19.shapes[tap.replace("relu", "conv")][-1] for tap in CANONICAL.style_layers}
PRECISION = {"float32": "HIGHEST", "tf32": "HIGH", "bfloat16": "DEFAULT"}
RARE = [("cuda", "tf32", MEMBERS), ("tpu", "float32", MEMBERS), ("tpu", "bfloat16", None)]
"""Cases of which the others hold all parts."""
CASES = [
    pytest.param(
        platform,
        precision,
        members,
        id=f"{platform}-{precision}-{'batch' if members else 'single'}",
        marks=[pytest.mark.slow] * ((platform, precision, members) in RARE),
    )
    for platform in BACKENDS
    for precision in PRECISION
    for members in (None, MEMBERS)
    if (platform, precision) != ("tpu", "tf32")  # which `resolve` refuses
]


class Operation(NamedTuple):
    """A convolution or a dot_general: shapes and element types of both operands and the result, and its precision."""

    shapes: tuple[tuple[int, ...], ...]
    types: tuple[str, ...]
    precision: str


def described(value):
    return jax.ShapeDtypeStruct(value.shape, value.dtype)


def network():
    """VGG-19 as shapes."""

    def layer(shape):
        return {"kernel": jax.ShapeDtypeStruct(shape, jnp.float32), "bias": jax.ShapeDtypeStruct(shape[-1:], jnp.float32)}

    return Params({name: layer(shape) for name, shape in VGG19.shapes.items()}, VGG19, SCALES["caffe"])


def arguments(method, members):
    """The step's arguments as shapes."""
    params, image = network(), jax.ShapeDtypeStruct((HEIGHT, WIDTH, 3), jnp.float32)
    parts = [jax.eval_shape(part, params, image) for part in (content_target, style_target)]
    metrics = {tap: Metric(gram, gram) for tap, gram in parts[1].items()}
    weights = jax.tree.map(described, TermWeights.of(CANONICAL))
    targets, chroma = Targets(*parts), jax.ShapeDtypeStruct((), jnp.float32)
    inputs = StageInputs(image, targets, targets, weights, metrics, chroma=chroma)
    run = stage_functions(method)
    if members:
        inputs, run = inputs.stacked(members), of_members(run)
    return run.step, (jax.eval_shape(run.init, inputs.start), inputs, params)


@cache
def lowered(platform, precision="float32", members=None, target=None):
    """The module of the default run's step, as text."""
    method = Method(CANONICAL.static, LBFGS(history=30, has_aux=True), "spectral", precision)
    step, shapes = arguments(method, members)
    with traced_for(target or Target(backend=BACKENDS[platform])):
        return export.export(jax.jit(step), platforms=[platform])(*shapes).mlir_module()


def operations(text, name):
    """Every operation of this name in a module."""
    found = []
    for line in re.findall(rf"stablehlo\.{name}[ (].*", text):
        signature = line.rpartition(" : (")[2].partition(" loc(")[0]
        types = [part.split("x") for part in re.findall(r"tensor<([^>]+)>", signature)]
        precision = re.search(r"precision(?:_config)? = \[(?:#stablehlo<precision )?([A-Z]+)", line)
        found.append(
            Operation(
                tuple(tuple(map(int, part[:-1])) for part in types),
                tuple(part[-1] for part in types),
                precision[1] if precision else "DEFAULT",
            )
        )
    return found


def ordinary(text):
    """Kernel shapes of the module's convolutions against those of the architecture, forwards and backwards."""
    found = sorted(operation.shapes[1] for operation in operations(text, "convolution"))
    return found == sorted([*CONVOLUTIONS.values(), *((3, 3, o, i) for _, _, i, o in CONVOLUTIONS.values())])


def grams(text, members, parts=None):
    """How many products (places, C) x (places, C) -> (C, C) and how many (places, C) x (C, C), by tap; the first kind may be of
    `parts` of the places, by tap, at once."""
    lead = (members,) if members else ()
    products, counts = operations(text, "dot_general"), {}
    for tap, channels in CHANNELS.items():
        places = (HEIGHT >> int(tap[4]) - 1) * (WIDTH >> int(tap[4]) - 1)
        flat, square = (*lead, places, channels), (*lead, channels, channels)
        count = (parts or {}).get(tap, 1)
        part = flat if count == 1 else (*lead, count, places // count, channels)
        wanted = ((part, part, (*part[:-2], channels, channels)), (flat, square, flat))
        counts[tap] = tuple(sum(product.shapes == shapes for product in products) for shapes in wanted)
    return counts


PARTS = {"relu1_1": 24, "relu2_1": 3}
"""Into which a GPU divides the places of several pictures: no more than places by channels, 1536 / 64 and 384 / 128."""


def callbacks(text):
    return re.findall(r"custom_call @\w*callback\w*", text)


def doubles(text):
    return re.findall(r"[<x]f64>", text)


@pytest.mark.parametrize(("platform", "precision", "members"), CASES)
def test_convolutions_are_ordinary_ones_of_the_right_precision(platform, precision, members):
    text = lowered(platform, precision, members)
    found = operations(text, "convolution")
    assert len(found) == 2 * 13 == 2 * len(CONVOLUTIONS)
    assert ordinary(text)
    assert {operation.shapes[0][0] for operation in found} == {members or 1}, "a batch is convolved at once"
    assert {operation.precision for operation in found} == {PRECISION[precision]}
    operand = "bf16" if precision == "bfloat16" else "f32"
    result = "bf16" if (platform, precision) == ("cuda", "bfloat16") else "f32"  # XLA would widen a GPU's operands otherwise
    assert {operation.types for operation in found} == {(operand, operand, result)}


@pytest.mark.parametrize(("platform", "precision", "members"), CASES)
def test_all_products_are_of_full_precision(platform, precision, members):
    text = lowered(platform, precision, members)
    found = operations(text, "dot_general")
    parts = PARTS if platform == "cuda" and members else None
    assert grams(text, members, parts) == dict.fromkeys(CHANNELS, (1, 1)), "a Gram matrix and its gradient"
    lead = (members,) if members else ()
    for channels in set(CHANNELS.values()):
        square = (*lead, channels, channels)
        taps = list(CHANNELS.values()).count(channels)
        among = [product for product in found if sorted(map(prod, product.shapes)) == [prod(square)] * 3]
        assert len(among) == 4 * taps, "two of a metric and their gradients"
    assert sum(product.shapes[1] == (3, 3) for product in found) == 2, "from opponent colours to RGB, and back"
    assert {product.precision for product in found} == {"HIGHEST"}
    assert {product.types for product in found} == {("f32", "f32", "f32")}


@pytest.mark.parametrize(("platform", "precision", "members"), CASES)
def test_nothing_is_double_and_nothing_calls_back(platform, precision, members):
    text = lowered(platform, precision, members)
    assert not doubles(text)
    assert not callbacks(text)


def test_winograd_would_be_seen():
    text = lowered("cuda", target=Target(backend="gpu", algorithm="winograd4"))
    assert not ordinary(text)
    assert not operations(text, "convolution")


def test_what_is_traced_for_a_cpu_would_be_seen():
    text = lowered("cuda", "bfloat16", target=Target(backend="cpu", algorithm="direct"))
    assert ordinary(text)
    assert {operation.types for operation in operations(text, "convolution")} == {("f32", "f32", "f32")}
    assert not ordinary(lowered("cuda", target=Target(backend="cpu"))), "which here is Winograd in the wide layers"


def test_a_product_of_default_precision_would_be_seen():
    x = jax.ShapeDtypeStruct((HEIGHT * WIDTH, 64), jnp.float32)
    text = export.export(jax.jit(lambda x: x.T @ x), platforms=["cuda"])(x).mlir_module()
    assert [product.precision for product in operations(text, "dot_general")] == ["DEFAULT"]
    assert not any(pair == (1, 1) for pair in grams(text, None).values())


def test_doubles_and_callbacks_would_be_seen():
    def noisy(x):
        jax.debug.callback(print, x)
        return 2 * x

    x = jax.ShapeDtypeStruct((3,), jnp.float32)
    assert callbacks(jax.jit(noisy).lower(x).as_text())
    with pytest.raises(ValueError, match="platform"):  # and JAX lowers none for a platform that is not here
        export.export(jax.jit(noisy), platforms=["cuda"])(x)
    with jax.enable_x64(True):
        assert doubles(jax.jit(lambda x: 2.0 * x).lower(jax.ShapeDtypeStruct((3,), jnp.float64)).as_text())
