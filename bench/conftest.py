"""Options, cases and the parts of a record that pytest-benchmark does not know."""

import importlib.util
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.cases import ACCELERATOR, FULL, QUICK, Profile, evaluations, precisions, solves, together
from bench.machine import describe
from bench.network_cases import paintings, rival_paintings, rival_trainings, trainings
from bench.report.data import SCHEMA
from bench.worker import ROOT, Failure, Worker

PROFILE = pytest.StashKey[Profile]()
DEVICES = pytest.StashKey[dict[str, Any]]()
CASES = pytest.StashKey[dict[str, dict[str, tuple[Any, list[str]]]]]()
FAILURES = pytest.StashKey[list[dict[str, str]]]()
SHARED = pytest.StashKey[dict[tuple[Any, ...], Worker]]()
BEGAN = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("jaxstyle")
    group.addoption("--quick", action="store_true", help="the short profile, under 4 minutes on 2 cores")
    group.addoption("--accelerator", action="store_true", help="one GPU against PyTorch on it, under 8 minutes")
    group.addoption("--side", type=int, help="pixels of the square that most cases share (256 quick, 512 otherwise)")
    group.addoption("--evaluations", type=int, help="of each whole picture (30 quick, 200 full, 300 accelerator)")
    group.addoption(
        "--rivals", action="store_true", help="also PyTorch, onnxruntime, pastiche and pystiche, where they are installed"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("filterwarnings", "default::pytest_benchmark.logger.PytestBenchmarkWarning")
    began = time.monotonic()
    if config.getoption("quick") and config.getoption("accelerator"):
        raise pytest.UsageError("--quick and --accelerator are two profiles: give one of them")
    profile = QUICK if config.getoption("quick") else ACCELERATOR if config.getoption("accelerator") else FULL
    changes = {name: value for name in ("side", "evaluations") if (value := config.getoption(name)) is not None}
    if any(value < 1 for value in changes.values()):
        raise pytest.UsageError(f"--side and --evaluations must be at least 1, got {changes}")
    if "evaluations" in changes:
        changes["rival_evaluations"] = changes["evaluations"]
    config.stash[PROFILE] = profile = replace(profile, **changes)
    try:
        with Worker("kernel:devices", {}) as worker:
            config.stash[DEVICES] = devices = worker.info
    except Failure as failure:
        raise pytest.UsageError(f"no device can be measured on: {failure}") from None
    platform = next(iter(devices))
    if platform == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # what PyTorch would otherwise choose
    found: dict[str, dict[Any, list[str]]] = {
        "evaluation": evaluations(profile, devices),
        "solve": solves(profile, platform),
        "together": together(profile, platform),
        "painting": paintings(profile, platform),
        "rival_painting": rival_paintings(profile, platform),
        "training": trainings(profile, devices),
        "rival_training": rival_trainings(profile, devices),
    }
    config.stash[CASES] = {kind: {case.name: (case, axes) for case, axes in cases.items()} for kind, cases in found.items()}
    config.stash[FAILURES], config.stash[SHARED], config.stash[BEGAN] = [], {}, began


def pytest_unconfigure(config: pytest.Config) -> None:
    for worker in config.stash.get(SHARED, {}).values():
        worker.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    profile = config.stash[PROFILE]
    rivals = profile.rivals or config.getoption("rivals")

    def is_wanted(item: pytest.Item) -> bool:
        empty = item.name.endswith("[NOTSET]")  # no case of this profile
        named = not profile.tests or item.name.partition("[")[0] in profile.tests
        return named and not empty and (rivals or not item.get_closest_marker("rival"))

    left_out = [item for item in items if not is_wanted(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if is_wanted(item)]
    if profile.tests:
        items.sort(key=lambda item: profile.tests.index(item.name.partition("[")[0]))


def pytest_runtest_setup(item: pytest.Item) -> None:
    limit = item.config.stash[PROFILE].seconds
    if limit and time.monotonic() - item.config.stash[BEGAN] > limit:
        pytest.skip(f"the {limit:g} seconds of this profile are over")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    profile, devices = metafunc.config.stash[PROFILE], metafunc.config.stash[DEVICES]
    cases = metafunc.config.stash[CASES]
    platform = next(iter(devices))
    for kind, named in cases.items():
        if kind in metafunc.fixturenames:
            metafunc.parametrize(kind, list(named), indirect=True)
    if "precision" in metafunc.fixturenames:
        metafunc.parametrize("precision", precisions(platform))
    if "variant" in metafunc.fixturenames:
        from bench.rivals import VARIANTS

        metafunc.parametrize("variant", VARIANTS.get(platform, VARIANTS["cpu"]))
    if "factor" in metafunc.fixturenames:
        metafunc.parametrize("factor", profile.rival_factors)
    if "budget" in metafunc.fixturenames:
        metafunc.parametrize("budget", profile.budgets)


def _cases(name: str) -> Any:
    """A fixture that gives the cases of one kind, each with its axes."""

    @pytest.fixture(name=name)
    def case(request: pytest.FixtureRequest) -> tuple[Any, list[str]]:
        return request.config.stash[CASES][name][request.param]

    return case


evaluation, solve, together_case = map(_cases, ("evaluation", "solve", "together"))
painting, training = map(_cases, ("painting", "training"))
rival_painting, rival_training = map(_cases, ("rival_painting", "rival_training"))


@pytest.fixture
def profile(request: pytest.FixtureRequest) -> Profile:
    """What was asked for."""
    return request.config.stash[PROFILE]


@pytest.fixture
def platform(request: pytest.FixtureRequest) -> str:
    """The best platform that is there."""
    return next(iter(request.config.stash[DEVICES]))


@pytest.fixture
def start(request: pytest.FixtureRequest) -> Callable[..., Worker]:
    """Starts a worker, with the environment that its case asks for, and ends it with the test; where the profile shares
    processes and the case needs none of its own, puts the case in one that is there."""
    is_shared, shared = request.config.stash[PROFILE].shared, request.config.stash[SHARED]

    def begin(job: str, case: dict[str, Any], *, platform: str = "", devices: int = 1, alone: bool = False) -> Worker:
        is_rival = "rivals:" in job
        needed = "onnxruntime" if "onnx" in job else "torch"
        if is_rival and importlib.util.find_spec(needed) is None:
            raise Failure("not installed", f"No module named {needed!r}")
        environment = {"JAX_PLATFORMS": platform} if platform == "cpu" else {}
        if platform == "cpu" and devices > 1:
            environment["JAX_NUM_CPU_DEVICES"] = str(devices)
        if alone or not is_shared:
            worker = Worker(job, case, **environment)
            request.addfinalizer(worker.close)
            return worker
        key = (is_rival, *environment.values())
        if key in shared and shared[key].is_alive:
            shared[key].prepare(job, case)
        else:
            shared[key] = Worker(job, case, **environment)
        return shared[key]

    return begin


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Any:
    """Keeps the reason of whatever was not measured; what cannot be had here is skipped, what broke fails."""
    report: pytest.TestReport = yield
    error = call.excinfo.value if call.excinfo else None
    if error is None or call.when == "teardown":
        return report
    kind, reason = ("error", f"{type(error).__name__}: {error}")
    if isinstance(error, Failure):
        kind, reason = error.kind, error.reason
        if kind in ("not installed", "out of memory"):
            report.outcome, report.longrepr = "skipped", (str(item.path), 0, f"{kind}: {reason}")
    elif isinstance(error, pytest.skip.Exception):
        kind, reason = "skipped", str(error)
    item.config.stash[FAILURES].append({"name": item.name, "kind": kind, "reason": (reason.splitlines() or [kind])[0][:300]})
    return report


@pytest.hookimpl
def pytest_benchmark_generate_machine_info(config: pytest.Config) -> dict[str, Any]:
    """In place of pytest-benchmark's, which names the host."""
    return describe() | {"devices": config.stash[DEVICES]}


@pytest.hookimpl
def pytest_benchmark_generate_commit_info(config: pytest.Config) -> dict[str, Any]:
    """The commit that was measured; nulls where there is no repository."""

    def git(*arguments: str) -> str | None:
        try:
            return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            return None

    changes = git("status", "--porcelain", "--untracked-files=no")
    return {
        "id": git("rev-parse", "HEAD"),
        "time": git("log", "-1", "--format=%cI"),
        "dirty": None if changes is None else bool(changes),
    }


def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """The profile, and what could not be measured."""
    output_json["schema"] = SCHEMA
    output_json["profile"] = {**config.stash[PROFILE].__dict__, "rivals": config.getoption("rivals")}
    output_json["failures"] = config.stash[FAILURES]
    names = {failure["name"] for failure in config.stash[FAILURES]}
    output_json["benchmarks"] = [bench for bench in output_json["benchmarks"] if bench["name"] not in names]
