"""Quality over time: whole pictures from every start and by every solver, and the command from the shell."""

import pytest

from bench import commands
from bench.pictures import PAIRS
from bench.records import describe_case


def test_solve(benchmark, start, solve):
    case, axes = solve
    describe_case(benchmark, axes, case)
    worker = start("solve:solve", case.inputs | {"options": case.options}, platform=case.platform)
    found = benchmark.pedantic(worker.run, rounds=1, iterations=1)
    benchmark.extra_info.update({**worker.info, **found, "peak": worker.peak()})


def test_together(benchmark, start, together):
    """Pictures a minute: several whole pictures as one batch."""
    case, axes = together
    describe_case(benchmark, axes, case)
    job = dict(side=case.side, pictures=case.pictures, evaluations=case.evaluations)
    worker = start("solve:together", job, platform=case.platform)
    found = benchmark.pedantic(worker.run, rounds=1, iterations=1)
    benchmark.extra_info.update({**worker.info, **found, "peak": worker.peak()})


@pytest.fixture(scope="module")
def caches(tmp_path_factory):
    """Folders of compiled programs; the last one is that of the last cold command."""
    return [tmp_path_factory.mktemp("compiled")]


@pytest.mark.parametrize("cache", ["import", "cold", "warm"])
def test_command(benchmark, profile, tmp_path, cache, caches):
    """Importing jaxstyle; the command to its first evaluation and its picture, with nothing compiled, and with everything."""
    size = f"{profile.side}x{max(16, profile.side * 3 // 4)}"
    options = ["-q", "--size", size, "--evaluations", "1", "--content", PAIRS[0][0], "--style", PAIRS[0][1]]
    arguments = ["-c", "import jaxstyle"] if cache == "import" else ["-m", "jaxstyle", "demo", *options]
    describe_case(benchmark, ["command"], {"what": cache, "size": size})

    def command() -> None:
        if cache == "cold":
            caches.append(caches[0] / str(len(caches)))
        out = [] if cache == "import" else ["-o", str(tmp_path / "out.png")]
        commands.run(*arguments, *out, JAXSTYLE_CACHE=str(caches[-1]))

    benchmark.pedantic(command, rounds=profile.repeats, iterations=1, warmup_rounds=cache == "warm" and len(caches) == 1)
