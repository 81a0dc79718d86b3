"""Four simulated devices, in a process of their own: the rows of one picture spread, and the members of a batch."""

import json
import os
import re
import subprocess
import sys

import jax
import numpy as np
import pytest

from jaxstyle.cli.places import SAMPLES
from jaxstyle.machine.devices import training_precision

SCRIPT = """
import json, re, sys
import jax, jax.numpy as jnp, numpy as np
import jaxstyle
from jaxstyle.network.convolution import convolution_algorithm
from jaxstyle.machine.compiler import Compiler
from jaxstyle.machine.devices import layout_of
from jaxstyle.plans.config import Config
from jaxstyle.runs.engine import compile_engines
from jaxstyle.plans import schedule
from jaxstyle.plans.resolve import resolve
from jaxstyle.network.weights import load

content, style = sys.argv[1:]
found = {"devices": len(jax.devices())}
params, rng = load.load().params, np.random.default_rng(0)
image, other = (jnp.asarray(rng.random((128, 96, 3)), jnp.float32) for _ in range(2))
targets = jaxstyle.make_targets(params, other, [other[:64]])
function = jax.value_and_grad(jaxstyle.total_loss)
value, grad = jax.jit(function)(image, params, targets)
layout = layout_of(96, 128, 4)
spread = layout.put(image), layout.replicate(params), layout.put(targets)
jax.clear_caches()
with convolution_algorithm("direct"):
    program = jax.jit(function).lower(*spread).compile()
value4, grad4 = program(*spread)
found["loss"] = abs(float(value4 / value) - 1)
found["gradient"] = float(jnp.abs(grad4 - grad).max() / jnp.abs(grad).max())
found["shards"] = [shard.data.shape for shard in grad4.addressable_shards]
found["collectives"] = sorted(set(re.findall(r" ((?:all|collective|reduce)-[a-z-]+)\\(", program.as_text())))

plan = resolve(np.asarray(image), np.asarray(other), Config(size="96x128", devices=4, history=7, metric="whitened"))
(engine,) = compile_engines(plan, Compiler())
found["step"] = [line for line in engine.functions.step.as_text().splitlines() if "[8," in line or "all-gather" in line]

settings = dict(size="64x64", evaluations=3)
alone = jaxstyle.stylize(content, style, **settings)
rows = jaxstyle.stylize(content, style, devices=4, **settings)
weighed = [jaxstyle.stylize(content, style, strength=0.5, devices=devices, **settings) for devices in (1, 4)]
found["weights"] = [result.record["objective"].content_weight for result in weighed]
found["rows"] = [abs(a.loss / b.loss - 1) for a, b in zip(rows.trace, alone.trace, strict=True)]
grey = [jaxstyle.stylize(content, style, devices=n, colors="content", **settings) for n in (1, 4)]
found["grey"] = float(np.abs(grey[0].image - grey[1].image).max())
left = np.repeat(np.where(np.arange(64) < 28, np.uint8(255), np.uint8(0))[None], 64, 0)
regions = dict(regions=[(left, content), (left.T, "keep")], **settings)
alone, rows = (jaxstyle.stylize(content, style, devices=devices, **regions) for devices in (1, 4))
found["regions"] = [abs(a.loss / b.loss - 1) for a, b in zip(rows.trace, alone.trace, strict=True)]
found["kept"] = bool((rows.image[:20] == alone.image[:20]).all())
schedule.PREVIEW = 32
scaled = [jaxstyle.stylize(content, style, devices=n, scales="auto", **settings) for n in (1, 4)]
found["stages"] = [stage["size"] for stage in scaled[1].record["stages"]]
found["scaled"] = [abs(a.loss / b.loss - 1) for a, b in zip(scaled[1].trace, scaled[0].trace, strict=True)]
batch = jaxstyle.stylize_batch(content, [style, content], seeds=3, noise_ratio=0.5, **settings)
member, same = batch[2], jaxstyle.stylize(content, style, seed=1, noise_ratio=0.5, **settings)
found["members"] = batch[0].record["batch"]["members"]
found["member"] = [abs(a.loss / b.loss - 1) for a, b in zip(member.trace, same.trace, strict=True)]
shapes = jax.eval_shape(jaxstyle.make_solver("lbfgs", history=5).init, image)
state = layout.shapes(shapes)
found["spread"] = [list(leaf.shape) for leaf in jax.tree.leaves(state) if not leaf.sharding.is_fully_replicated]
found["whole"] = [list(leaf.shape) for leaf in jax.tree.leaves(state) if leaf.sharding.is_fully_replicated]
for options in (dict(devices=5, size=64), dict(devices=4, size="64x80")):
    try:
        jaxstyle.stylize(content, style, **options)
    except jaxstyle.InputError as error:
        found.setdefault("errors", []).append(str(error))
print(json.dumps(found))
"""


pytestmark = pytest.mark.slow  # half a minute of compiling for four devices


@pytest.fixture(scope="module")
def found(tmp_path_factory, small_weights):
    pictures = [str(SAMPLES / "chelsea.jpg"), str(SAMPLES / "swirls.jpg")]
    devices = {"JAX_NUM_CPU_DEVICES": "4", "JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "true"}
    environment = os.environ | devices | {"JAXSTYLE_WEIGHTS": str(small_weights)}
    command = [sys.executable, "-c", SCRIPT, *pictures]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path_factory.mktemp("devices"))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_rows_give_the_loss_and_gradient_of_one_device(found):
    assert found["devices"] == 4
    assert found["loss"] < 1e-5
    assert found["gradient"] < 1e-5
    assert found["shards"] == [[32, 96, 3]] * 4


def test_rows_exchange_halos_and_sums_only(found):
    """No device ever gathers activations."""
    assert {"collective-permute", "all-reduce"} <= set(found["collectives"])
    assert not [name for name in found["collectives"] if name.startswith(("all-gather", "all-to-all"))]


def test_rows_spread_the_solvers_images_and_pairs(found):
    assert sorted(found["spread"]) == sorted([[128, 96, 3]] * 3 + [[6, 128, 96, 3]] * 2)
    assert all(len(shape) < 2 for shape in found["whole"])


def test_the_solvers_history_stays_spread(found):
    """Eight slots of 7 pairs, a quarter of the rows each; only the preconditioner's transform gathers a picture."""
    assert any("f32[8,32,96,3]" in line for line in found["step"])
    assert not [line for line in found["step"] if "[8,128,96,3]" in line]
    gathered = [re.search(r"= \w+\[([\d,]*)\]", line)[1] for line in found["step"] if " all-gather(" in line]
    assert gathered
    assert max(np.prod([int(n) for n in shape.split(",")]) for shape in gathered) <= 128 * 96 * 3


def test_a_whole_run_on_rows(found):
    assert max(found["rows"]) < 1e-4


def test_the_weights_of_a_strength_are_measured_on_rows_too(found):
    one, four = found["weights"]
    assert four == pytest.approx(one, rel=1e-3)


def test_a_run_in_grey_on_rows(found):
    assert found["grey"] < 2e-3


def test_regions_on_rows(found):
    assert max(found["regions"]) < 1e-4
    assert found["kept"]


def test_a_small_size_that_cannot_be_shared_is_made_on_one_device(found):
    assert found["stages"] == [[32, 32], [64, 64]]
    assert max(found["scaled"]) < 1e-4


def test_members_spread_are_the_single_runs(found):
    assert found["members"] == 6
    assert max(found["member"]) < 1e-4


def test_what_cannot_be_spread_is_refused(found):
    assert found["errors"] == [
        "`devices` (=5) is more than the 4 that JAX finds here",
        "`size` (=64x80) cannot be shared by 4 devices: its height must be a multiple of 64; give 64x64 or 64x128",
    ]


def test_bfloat16_is_taken_where_the_hardware_has_it(monkeypatch):
    class Device:
        compute_capability = "9.0"

    monkeypatch.setattr(jax, "local_devices", lambda: [Device])
    found = {}
    for backend in ("gpu", "tpu", "cpu"):
        monkeypatch.setattr(jax, "default_backend", lambda backend=backend: backend)
        found[backend] = training_precision()
    assert found == {"gpu": "bfloat16", "tpu": "bfloat16", "cpu": "float32"}
    Device.compute_capability = "7.5"
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    assert training_precision() == "float32"
