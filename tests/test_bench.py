"""The benchmark suite, at tiny sizes: its result against the schema, its failures, its rivals' arithmetic."""

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

import jsonschema
import numpy as np
import pytest
from PIL import Image

from bench import kernel, pictures
from bench.cases import FULL, QUICK, evaluations, solves
from bench.records import turn_about
from bench.worker import Failure, Worker

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "bench" / "schema.json").read_text())
FEW = "matrix_rate or bandwidth or (test_evaluation and (32x24 or 32x32-cpu])) or (test_solve and noise) or import"
FEW += " or (together and cpu-2)"


def suite(path, *options, **environment):
    """Runs the suite on the CPU in a process of its own; what it wrote, and how it ended."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "bench",
        "-q",
        "--benchmark-only",
        "--quick",
        "--side",
        "32",
        "--evaluations",
        "3",
    ]
    kept = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}  # where nothing is timed
    env = kept | {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "true"} | environment
    done = subprocess.run([*command, f"--benchmark-json={path}", *options], cwd=ROOT, env=env, capture_output=True, text=True)
    assert path.exists(), done.stdout + done.stderr
    return json.loads(path.read_text()), done


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A result of some of the quick profile."""
    path = tmp_path_factory.mktemp("bench") / "few.json"
    found, done = suite(path, "-k", FEW)
    assert done.returncode == 0, done.stdout
    return path, found


def check(found):
    jsonschema.validate(found, SCHEMA)
    assert not found["failures"]
    for bench in found["benchmarks"]:
        info = bench["extra_info"]
        if "picture" in info:
            image = Image.open(io.BytesIO(base64.b64decode(info["picture"])))
            assert image.size == (info["case"]["width"], info["case"]["height"])
            refused = info["evaluations"] - len(info["trace"])  # steps that the guarded L-BFGS took back
            assert info["evaluations"] == 3
            assert 0 <= refused <= (2 if info["case"]["solver"] == "lbfgs" else 0)
            if info["case"]["solver"] == "torch-lbfgs":
                assert info["config"]["solver"] == "lbfgs-torch"
            else:
                assert info["config"]["solver"] == info["case"]["solver"]
        if bench["name"].startswith("test_evaluation"):
            assert info["shapes"]["image"][-3:] == [info["case"]["height"], info["case"]["width"], 3]
            assert info["peak"]["host"] > info["memory"]["temporary"]


def test_a_result_is_as_the_schema_says(few):
    _, found = few
    check(found)
    names = {bench["name"] for bench in found["benchmarks"]}
    assert {"test_bandwidth", "test_evaluation[32x24-cpu]", "test_command[import]"} <= names


@pytest.mark.slow
def test_the_whole_quick_profile(tmp_path):
    found, done = suite(tmp_path / "quick.json")
    assert done.returncode == 0, done.stdout
    check(found)
    axes = {axis for bench in found["benchmarks"] for axis in bench["extra_info"]["axes"]}
    kernels = {"resolution", "precision", "pooling", "algorithm", "memory", "batch", "device", "devices"}
    assert axes == kernels | {"machine", "initialisation", "solver", "together", "command"}
    sharded = next(b["extra_info"] for b in found["benchmarks"] if b["extra_info"]["case"].get("devices") == 4)
    whole = next(b["extra_info"] for b in found["benchmarks"] if b["name"] == "test_evaluation[16x16-cpu-batch4]")
    np.testing.assert_allclose(sharded["loss"]["total"], whole["loss"]["total"], rtol=1e-5)


def test_the_schema_refuses_what_is_missing(few):
    _, found = few
    for path in (["machine_info", "versions", "jax"], ["commit_info", "id"], ["benchmarks", -1, "stats", "data"]):
        broken = json.loads(json.dumps(found))
        place = broken
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, SCHEMA)
    broken = json.loads(json.dumps(found))
    for bench in broken["benchmarks"]:
        bench["extra_info"].pop("flops", None)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA)


@pytest.mark.parametrize(
    ("source", "kind", "reason", "code"),
    [
        ("raise ImportError('torch is left out')", "not installed", "torch is left out", 0),
        ("raise MemoryError('all is full')", "out of memory", "all is full", 0),
        ("raise ValueError('torn')", "error", "ValueError: torn", 1),
        ("import os; os.abort()", "died", "ended with -6", 1),
    ],
)
def test_a_case_that_fails_is_recorded_and_the_suite_goes_on(tmp_path, source, kind, reason, code):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(source)
    options = ["--rivals", "-k", "bandwidth or (torch_evaluation and float32)"]
    found, done = suite(tmp_path / "out.json", *options, PYTHONPATH=str(tmp_path))
    jsonschema.validate(found, SCHEMA)
    assert done.returncode == code
    assert [bench["name"] for bench in found["benchmarks"]] == ["test_bandwidth"]
    (failure,) = found["failures"]
    assert failure["name"] == "test_torch_evaluation[float32-1]"
    assert failure["kind"] == kind
    assert reason in failure["reason"]


def test_a_worker_tells_why_it_cannot():
    for job, case, kind in (
        ("kernel:check_memory", {"needed": 10**15, "platform": "cpu"}, "out of memory"),
        ("no_such_module:job", {}, "error"),
        ("kernel:matrix_rate", {"precision": 3, "more": 4}, "error"),
    ):
        with pytest.raises(Failure, match=kind):
            Worker(job, case)
    with Worker("kernel:devices", {}, JAX_PLATFORMS="cpu", JAX_NUM_CPU_DEVICES="3") as worker:
        assert worker.info == {"cpu": {"kinds": ["cpu"], "count": 3}}
        worker._process.kill()
        with pytest.raises(Failure, match="died: the process ended with -9; the system may have run out of memory"):
            worker.run()


def test_every_axis_compares_something():
    cpu = {"cpu": {"kinds": ["cpu"], "count": 1}}
    gpu = {"gpu": {"kinds": ["Some GPU"], "count": 4}, **cpu}
    for profile in (QUICK, FULL):
        for devices in (cpu, gpu):
            found = evaluations(profile, devices)
            assert len({case.name for case in found}) == len(found)
            members = {axis: [c for c, axes in found.items() if axis in axes] for axes in found.values() for axis in axes}
            least = {"device": len(devices)}
            assert all(len(cases) >= least.get(axis, 2) for axis, cases in members.items())
        pairs = {(case.content, case.style) for case in solves(profile, "cpu")}
        assert len(pairs) == (1 if profile is QUICK else 3)
    assert {case.solver for case in solves(FULL, "cpu")} > {"torch-lbfgs", "adam", "lbfgs-zoom", "optax-lbfgs"}
    assert [case.devices for case, axes in evaluations(FULL, gpu).items() if "devices" in axes] == [1, 2, 4]


@pytest.mark.parametrize(("side", "gigaflop"), [(256, 95), (512, 379), (1024, 1515), (2048, 6059)])
def test_operations_are_those_of_the_convolutions_and_a_little_more(side, gigaflop):
    """A table of convolutions alone, and for the Grams one product of (C, places) and (places, C) each way."""
    grams = sum(2 * 2 * c * c * (side >> block) ** 2 for block, c in enumerate((64, 128, 256, 512, 512)))
    np.testing.assert_allclose(kernel.direct_flops(side, side) - grams, gigaflop * 1e9, rtol=0.005)


def test_every_tool_gets_the_same_pixels():
    image = pictures.sample("chelsea", 40, 32)
    assert image.shape == (32, 40, 3)
    assert image.dtype == np.uint8
    decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(pictures.encoded(image / np.float32(255))))))
    assert np.abs(decoded.astype(int) - image).mean() < 8
    assert pictures.noise(5, 4, 0).shape == (4, 5, 3)


def test_torch_computes_the_same_loss_and_course():
    pytest.importorskip("torch", reason="torch is not installed")
    size = {"width": 48, "height": 32}
    usual = dict(precision="float32", algorithm="direct", pooling="max", batch=1, devices=1, memory="auto", platform="cpu")
    torch = {"variant": "float32", **size}
    with Worker("kernel:evaluation", size | usual) as ours, Worker("rivals:torch_evaluation", torch) as theirs:
        np.testing.assert_allclose(theirs.info["loss"]["total"], ours.info["loss"]["total"], rtol=1e-5)
        assert ours.run() == theirs.run() == {}
    inputs = {"content": "chelsea", "style": "swirls", **size}
    options = dict(size="48x32", evaluations=2, solver="lbfgs-torch")
    with Worker("solve:solve", inputs | {"options": options}) as ours:
        course = ours.run()["trace"]
    with Worker("rivals:torch_solve", inputs | {"evaluations": 2}) as theirs:
        np.testing.assert_allclose([e[1] for e in theirs.run()["trace"]], [e[1] for e in course], rtol=1e-4)


def test_a_pictures_loss_is_measured_from_its_file(tmp_path):
    from bench import solve

    pixels = pictures.sample("chelsea", 32, 32)
    Image.fromarray(pixels).save(tmp_path / "same.png")
    _, run = solve.measure("chelsea", "chelsea", 32, 32, str(tmp_path / "same.png"))
    assert run()["loss"] < 1e-3
    Image.fromarray(pixels[:16]).save(tmp_path / "other.png")
    _, run = solve.measure("chelsea", "chelsea", 32, 32, str(tmp_path / "other.png"))
    with pytest.raises(ValueError, match="32x16, not 32x32"):
        run()


def test_rounds_of_both_sides_alternate():
    calls = []

    class Benchmark:
        class stats:
            class stats:
                data = (2.0, 4.0)

        def pedantic(self, target, setup, rounds, iterations, warmup_rounds):
            for _ in range(warmup_rounds + rounds):
                setup()
                target()

    found = turn_about(Benchmark(), lambda: calls.append("ours"), lambda: calls.append("theirs"), 2, warmup_rounds=1)
    assert calls == ["theirs", "ours"] * 3
    assert len(found["data"]) == 2
    np.testing.assert_allclose(median(found["ratios"]), median(a / b for a, b in zip((2, 4), found["data"], strict=True)))
