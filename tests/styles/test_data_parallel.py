"""Two simulated devices, in a process of their own, share the crops of a training's step."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = """
import json, re
from dataclasses import replace
import jax, jax.numpy as jnp, numpy as np
import jaxstyle
from jaxstyle.machine.compiler import Compiler
from jaxstyle.pictures.read import Picture
from jaxstyle.onepass.layers import Widths
from jaxstyle.training.photographs import stack_photographs
from jaxstyle.styles.step import OBJECTIVE, Recipe
from jaxstyle.styles.trainer import StyleTrainer

rng = np.random.default_rng(0)
pictures = [Picture(np.kron(rng.integers(0, 256, (6, 6, 3)), np.ones((8, 8, 1))).astype(np.uint8)) for _ in range(5)]
params, photographs = jaxstyle.load_weights(), stack_photographs(pictures[2:], 32)
objective = replace(OBJECTIVE, content_layers={"relu3_2": 1.0})
recipe = Recipe(Widths((4, 6, 8), 1, (6, 4)), objective, size=32, batch=2, warmup_steps=1)
found, states = {"devices": len(jax.devices())}, []
for devices in (1, 2):
    training = StyleTrainer(("a", "b"), pictures[:2], photographs, params, replace(recipe, devices=devices), steps=3)
    given = training.state, training.data, jnp.float32(3)
    if devices == 1:
        before = jax.tree.map(np.array, training.state.learned)
    key = (training.format, *training.step.keywords.items())  # the program that the training will run
    program = Compiler().compile(training.step, *given, key=key, donate=(0,)).as_text()
    shapes = re.findall(r"= \\w+\\[([\\d,]+)\\]\\S* convolution\\(.*dim_labels=(\\S+?)_", program)
    batches = [int(shape.split(",")[0]) for shape, labels in shapes if labels.startswith("b")]
    collectives = re.findall(r" ((?:all|collective)-[a-z-]+|reduce-scatter)\\(", program)
    moving = re.findall(r"= \\(?\\w+\\[([\\d,]*)\\]\\S*.* (?:all-gather|all-to-all|collective-permute)(?:-start)?\\(", program)
    sizes = [int(np.prod([int(n) for n in size.split(",") if n])) for size in moving]
    found[str(devices)] = {"batches": sorted(set(batches)), "collectives": sorted(set(collectives)), "sent": sizes}
    assert training.run()
    states.append(jax.tree.map(np.asarray, training.state))
    found[str(devices)]["held by"] = sorted({len(leaf.sharding.device_set) for leaf in jax.tree.leaves(training.state)})
    counts = np.diff([0, *(point[0] for point in training.curve)])  # how many steps make a point depends on the speed
    found[str(devices)]["loss"] = float(np.dot(counts, [point[1] for point in training.curve]) / 3)
one, two = (np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(state.learned)]) for state in states)
start = np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(before)])
found["moved"], found["apart"] = float(np.median(np.abs(one - start))), np.quantile(np.abs(one - two), (0.5, 0.99, 1)).tolist()
print(json.dumps(found))
"""

pytestmark = pytest.mark.slow  # of compiling for two devices


@pytest.fixture(scope="module")
def found(tmp_path_factory, small_weights):
    devices = {"JAX_NUM_CPU_DEVICES": "2", "JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "true"}
    environment = os.environ | devices | {"JAXSTYLE_WEIGHTS": str(small_weights)}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path_factory.mktemp("devices"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_two_devices_learn_what_one_does(found):
    """Adam's first steps are as large as its rate whatever a gradient's size: where one is nearly zero, rounding shows."""
    assert found["devices"] == 2
    assert found["2"]["held by"] == [2]
    np.testing.assert_allclose(found["2"]["loss"], found["1"]["loss"], rtol=1e-5)
    median, most, all_of_them = found["apart"]
    assert found["moved"] > 1e-3
    assert median < 1e-6
    assert most < 1e-4
    assert all_of_them < found["moved"]


def test_each_device_computes_its_crops_alone(found):
    """Convolutions see one crop of two on a device (other sizes are those of kernels' gradients). Between devices go sums of
    gradients, and the numbers by which crops and styles are drawn: less than a row of a crop."""
    alone, shared = found["1"], found["2"]
    assert alone["collectives"] == []
    assert "all-reduce" in shared["collectives"]
    assert max(shared["sent"], default=0) < 32 * 3
    assert 2 in alone["batches"]
    assert shared["batches"] == sorted({1, *alone["batches"]} - {2})
