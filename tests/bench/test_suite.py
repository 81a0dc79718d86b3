"""The benchmark suite, at tiny sizes: its result against the schema, its failures, its rivals' arithmetic."""

import base64
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest
from PIL import Image

import bench.conftest as hooks
from bench import kernel, pictures
from bench.cases import ACCELERATOR, FULL, QUICK, evaluations, solves, together
from bench.records import turn_about
from bench.rivals import VARIANTS
from bench.worker import Failure, Worker
from jaxstyle import Config
from jaxstyle.plans.config import QUALITIES

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "bench" / "schema.json").read_text())
CPU = {"cpu": {"kinds": ["cpu"], "count": 1}}
GPU = {"gpu": {"kinds": ["Some GPU"], "count": 1}, **CPU}
SOME = "(matrix_rate and float32) or (test_evaluation and (32x32-cpu] or devices)) or (torch_evaluation and -1)"
SOME += " or (time_to_loss and 0.2)"
TORCH = """
import os
from pathlib import Path
imports = Path(__file__).parent / "imports"
imports.mkdir(exist_ok=True)
(imports / str(count := len(list(imports.iterdir())))).touch()
if count == 0:
    raise ImportError("torch is left out")
if count == 1:
    raise MemoryError("all is full")
if count == 2:
    raise ValueError("torn")
os.abort()
"""
"""A package that fails in another way each time that it is imported."""


def suite(path, *options, weights="", **environment):
    """Runs the suite on the CPU in a process of its own; what it wrote, and how it ended."""
    command = [sys.executable, "-m", "pytest", "bench", "-q", "--benchmark-only", "--side", "32", "--evaluations", "3"]
    kept = {name: value for name, value in os.environ.items() if name != "PYTEST_XDIST_WORKER"}  # where nothing is timed
    env = kept | {"JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "true", "JAXSTYLE_WEIGHTS": str(weights)}
    command += [f"--benchmark-json={path}", *options]
    done = subprocess.run(command, cwd=ROOT, env=env | environment, capture_output=True, text=True)
    assert path.exists(), done.stdout + done.stderr
    return json.loads(path.read_text()), done


@pytest.fixture(scope="module")
def quick(tmp_path_factory, small_weights):
    """A result of the whole quick profile, with a tiny network."""
    found, done = suite(tmp_path_factory.mktemp("bench") / "quick.json", "--quick", weights=small_weights)
    assert done.returncode == 0, done.stdout
    return found


@pytest.fixture(scope="module")
def some(tmp_path_factory, small_weights):
    """The same of the accelerator's, where PyTorch fails in every way, and how the suite ended."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "torch").mkdir()
    (folder / "torch" / "__init__.py").write_text(TORCH)
    options = "--accelerator", "-k", SOME
    return suite(folder / "some.json", *options, weights=small_weights, PYTHONPATH=str(folder), JAX_NUM_CPU_DEVICES="2")


def check(found):
    jsonschema.validate(found, SCHEMA)
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
            assert info["calls"] == bench["stats"]["iterations"] >= 1
            if not found["profile"]["shared"]:
                assert info["peak"]["host"] > info["memory"]["temporary"]


def axes(found):
    return {axis for bench in found["benchmarks"] for axis in bench["extra_info"]["axes"]}


@pytest.mark.slow
def test_the_whole_quick_profile(quick):
    assert not quick["failures"]
    check(quick)
    networks = {"painting", "training"}
    assert axes(quick) == {*QUICK.axes, *networks, "machine", "initialisation", "solver", "together", "command"}


@pytest.mark.slow
def test_the_whole_profile_of_an_accelerator(tmp_path, small_weights):
    found, done = suite(tmp_path / "accelerator.json", "--accelerator", weights=small_weights)
    assert done.returncode == 0, done.stdout
    check(found)
    assert axes(found) == {*ACCELERATOR.axes, "machine", "together"}
    sharded, whole = (
        next(b["extra_info"] for b in found["benchmarks"] if b["name"] == f"test_evaluation[16x16-cpu-batch8{more}]")
        for more in ("-devices2", "")
    )
    np.testing.assert_allclose(sharded["loss"]["total"], whole["loss"]["total"], rtol=1e-5)
    rivals = {failure["name"].partition("[")[0] for failure in found["failures"]}
    assert rivals <= {"test_torch_evaluation", "test_time_to_loss"}
    assert {failure["kind"] for failure in found["failures"]} <= {"not installed"}


@pytest.mark.slow
def test_an_accelerators_cases_share_a_process(some):
    found, _ = some
    check(found)
    names = {bench["name"]: bench for bench in found["benchmarks"]}
    cases = ("32x32-cpu", "16x16-cpu-batch8-devices2")
    assert set(names) == {"test_matrix_rate[float32]", *(f"test_evaluation[{case}]" for case in cases)}
    assert axes(found) == {"machine", "grid", "resolution", "precision", "devices"}
    first = names["test_matrix_rate[float32]"]["extra_info"]["peak"]
    assert first["host"] > 0
    assert names["test_evaluation[32x32-cpu]"]["extra_info"]["peak"] == {"host": None, "device": None}
    assert names["test_evaluation[16x16-cpu-batch8-devices2]"]["extra_info"]["device"]["count"] == 2


@pytest.mark.slow
def test_a_case_that_fails_is_recorded_and_the_suite_goes_on(some):
    found, done = some
    failures = {failure["name"]: (failure["kind"], failure["reason"]) for failure in found["failures"]}
    kinds = {name: kind for name, (kind, _) in failures.items()}
    assert kinds == {
        "test_time_to_loss[0.2]": "not installed",
        "test_torch_evaluation[float32-1]": "out of memory",
        "test_torch_evaluation[bfloat16-1]": "error",
        "test_torch_evaluation[compile-1]": "died",
    }
    reasons = [reason for _, reason in failures.values()]
    for wanted in ("torch is left out", "all is full", "ValueError: torn", "ended with -6"):
        assert any(wanted in reason for reason in reasons)
    assert done.returncode == 1
    assert "2 failed, 3 passed, 2 skipped" in done.stdout


@pytest.mark.slow
def test_the_schema_refuses_what_is_missing(quick, some):
    for path in (["machine_info", "versions", "jax"], ["commit_info", "id"], ["benchmarks", -1, "stats", "data"]):
        broken = json.loads(json.dumps(quick))
        place = broken
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, SCHEMA)
    broken = json.loads(json.dumps(some[0]))
    for bench in broken["benchmarks"]:
        bench["extra_info"].pop("flops", None)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA)


def test_a_worker_tells_why_it_cannot():
    with Worker("kernel:devices", {}, JAX_PLATFORMS="cpu", JAX_NUM_CPU_DEVICES="3") as worker:
        assert worker.info == {"cpu": {"kinds": ["cpu"], "count": 3}}
        assert worker.peak()["host"] > 0
        for job, case, kind in (
            ("kernel:check_memory", {"needed": 10**15, "platform": "cpu"}, "out of memory"),
            ("no_such_module:job", {}, "error"),
            ("kernel:matrix_rate", {"precision": 3, "more": 4}, "error"),
        ):
            with pytest.raises(Failure, match=kind):
                worker.prepare(job, case)
        worker.prepare("kernel:devices", {})
        assert worker.is_alive
        assert worker.peak() == {"host": None, "device": None}, "what several cases have held says nothing of one"
        worker._process.kill()
        with pytest.raises(Failure, match="died: the process ended with -9; the system may have run out of memory"):
            worker.run()
        assert not worker.is_alive
    with pytest.raises(Failure, match="error"):
        Worker("no_such_module:job", {})


def test_a_device_is_asked_for_no_more_than_it_has(monkeypatch):
    def device(**stats):
        return [SimpleNamespace(memory_stats=lambda: stats)]

    monkeypatch.setattr("bench.kernel.jax.devices", lambda: device(bytes_limit=100, bytes_in_use=30))
    kernel.check_memory(70, "gpu")
    with pytest.raises(MemoryError, match="needs"):
        kernel.check_memory(71, "gpu")
    monkeypatch.setattr("bench.kernel.jax.devices", lambda: device())
    kernel.check_memory(10**15, "gpu")  # of a device that does not say


def test_every_axis_compares_something():
    gpus = {"gpu": {"kinds": ["Some GPU"], "count": 4}, **CPU}
    for profile in (QUICK, FULL, ACCELERATOR):
        for devices in (CPU, gpus):
            found = evaluations(profile, devices)
            assert len({case.name for case in found}) == len(found)
            members = {axis: [c for c, axes in found.items() if axis in axes] for axes in found.values() for axis in axes}
            assert set(members) == set(profile.axes)
            least = {"device": len(devices)}
            assert all(len(cases) >= least.get(axis, 2) for axis, cases in members.items())
        pairs = {(case.content, case.style) for case in solves(profile, "cpu")}
        assert len(pairs) == (3 if profile is FULL else 1)
    assert {case.solver for case in solves(FULL, "cpu")} > {"torch-lbfgs", "adam", "lbfgs-zoom", "optax-lbfgs"}
    assert [case.devices for case, axes in evaluations(FULL, gpus).items() if "devices" in axes] == [1, 2, 4]


def test_a_gpu_has_all_its_precisions_at_every_size():
    grid = [case for case, axes in evaluations(ACCELERATOR, GPU).items() if "grid" in axes]
    wanted = [(side, precision) for side in (256, 512, 1024, 2048) for precision in ("float32", "tf32", "bfloat16")]
    assert [(case.width, case.precision) for case in grid] == wanted
    assert all(case.width == case.height and case.platform == "gpu" for case in grid)
    assert [(case.side, case.pictures) for case in together(ACCELERATOR, "gpu")] == [(256, 1), (256, 8)]
    assert set(VARIANTS["gpu"]) == {"float32", "tf32", "bfloat16", "compile"}
    assert ACCELERATOR.budgets[0] * ACCELERATOR.rival_evaluations == QUALITIES[Config().quality], "as jaxstyle comes"


def test_a_profile_begins_no_case_after_its_time():
    def item(**changes):
        return SimpleNamespace(
            config=SimpleNamespace(stash={hooks.PROFILE: replace(ACCELERATOR, **changes), hooks.BEGAN: -1e9})
        )

    with pytest.raises(pytest.skip.Exception, match="420 seconds of this profile are over"):
        hooks.pytest_runtest_setup(item())
    hooks.pytest_runtest_setup(item(seconds=1e12))
    hooks.pytest_runtest_setup(item(seconds=0))


def test_what_a_measurement_needs_fits_on_a_machine_without_a_network():
    needed = [ROOT / "pyproject.toml"]
    for folder in ("jaxstyle", "weights", "bench"):
        needed += [path for path in (ROOT / folder).rglob("*") if path.is_file() and "results" not in path.parts]
    assert sum(path.stat().st_size for path in needed) < 64 * 2**20


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


def test_torch_computes_the_same_loss_and_course(small_network):
    pytest.importorskip("torch", reason="torch is not installed")
    size = {"width": 48, "height": 32}
    usual = dict(precision="float32", algorithm="direct", pooling="max", padding="zero", batch=1, devices=1, memory="auto")
    usual["platform"] = "cpu"
    torch = {"variant": "float32", **size}
    with Worker("kernel:evaluation", size | usual) as ours, Worker("rivals:torch_evaluation", torch) as theirs:
        np.testing.assert_allclose(theirs.info["loss"]["total"], ours.info["loss"]["total"], rtol=1e-5)
        assert ours.run() == theirs.run() == {}
    inputs = {"content": "chelsea", "style": "swirls", **size}
    options = dict(size="48x32", evaluations=2, solver="lbfgs-torch", preset="gatys-notebook")
    with Worker("solve:solve", inputs | {"options": options}) as ours:
        course = ours.run()["trace"]
    with Worker("rivals:torch_solve", inputs | {"evaluations": 2}) as theirs:
        np.testing.assert_allclose([e[1] for e in theirs.run()["trace"]], [e[1] for e in course], rtol=1e-4)


def test_a_pictures_loss_is_measured_from_its_file(tmp_path, small_network):
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

    def pedantic(target, setup, rounds, iterations):
        for _ in range(rounds):
            setup()
            target()

    stats = SimpleNamespace(iterations=1, stats=SimpleNamespace(data=[2.0, 4.0]))
    benchmark = SimpleNamespace(pedantic=pedantic, stats=stats)
    found = turn_about(benchmark, lambda: calls.append("ours"), lambda: calls.append("theirs"), 2, (4, 2))
    assert calls == ["theirs", "ours"] * 2
    assert stats.stats.data == [0.5, 1.0], "seconds of one of four calls"
    assert stats.iterations == 4
    assert len(found["data"]) == 2
    np.testing.assert_allclose(median(found["ratios"]), median(a / b for a, b in zip((0.5, 1), found["data"], strict=True)))


def test_what_is_fast_is_called_several_times_in_a_round():
    made, waited = [], []
    calls, run = kernel.repeated(lambda: made.append(0) or len(made), waited.append)
    assert calls > 1
    assert (made, waited) == ([0], [1])
    run()
    assert len(made) == 1 + calls
    assert waited == [1, 1 + calls], "once, for the last"
