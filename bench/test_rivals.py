"""jaxstyle against other programs, turn about in one process order (A B A B): with the same weights, pictures and sizes."""

from dataclasses import asdict
from typing import Any

import pytest
from PIL import Image

from bench import commands
from bench.cases import Evaluation, Solve, side_of
from bench.pictures import PAIRS, sample
from bench.records import describe_case, turn_about

pytestmark = pytest.mark.rival


def test_torch_evaluation(benchmark, start, platform, profile, variant, factor):
    side = side_of(profile.side * factor)
    case = Evaluation(side, side, "float32" if variant == "compile" else variant, platform=platform)
    describe_case(benchmark, ["rival evaluation"], case)
    theirs = start("rivals:torch_evaluation", {"width": side, "height": side, "variant": variant}, platform=platform)
    ours = start("kernel:evaluation", asdict(case), platform=platform)
    found = turn_about(benchmark, ours.run, theirs.run, profile.rounds, (ours.info["calls"], theirs.info["calls"]))
    rival = {"name": f"PyTorch {variant}", **found, "info": theirs.info, "peak": theirs.peak()}
    benchmark.extra_info.update({**ours.info, "rival": rival, "peak": ours.peak()})


def test_torch_solve(benchmark, start, platform, profile):
    height = side_of(profile.side / 2)
    case = Solve(*PAIRS[0], side_of(height * 4 / 3), height, profile.evaluations, platform=platform)
    describe_case(benchmark, ["rival solve"], case)
    theirs = start("rivals:torch_solve", case.inputs | {"evaluations": profile.evaluations}, platform=platform)
    ours = start("solve:solve", case.inputs | {"options": case.options}, platform=platform)
    answers: dict[str, Any] = {}
    found = turn_about(
        benchmark, lambda: answers.update(ours=ours.run()), lambda: answers.update(theirs=theirs.run()), profile.repeats
    )
    rival = {"name": "PyTorch L-BFGS", **found, **answers["theirs"], "peak": theirs.peak()}
    benchmark.extra_info.update({**ours.info, **answers["ours"], "rival": rival, "peak": ours.peak()})


def test_time_to_loss(benchmark, start, platform, profile, budget):
    """jaxstyle as it comes, with fewer evaluations, against PyTorch's L-BFGS with all: who is at the other's loss, and when."""
    width, height = side_of(profile.side), side_of(profile.side * 3 / 4)
    case = Solve(*PAIRS[0], width, height, profile.rival_evaluations, platform=platform)
    describe_case(benchmark, ["rival time"], case)
    theirs = start("rivals:torch_solve", case.inputs | {"evaluations": case.evaluations}, platform=platform)
    options = {"size": f"{width}x{height}", "scales": 1, "evaluations": max(1, round(budget * case.evaluations))}
    ours = start("solve:solve", case.inputs | {"options": options}, platform=platform, alone=True)
    answers: dict[str, Any] = {}
    found = turn_about(benchmark, lambda: answers.update(ours=ours.run()), lambda: answers.update(theirs=theirs.run()), 1)
    rival = {"name": "PyTorch L-BFGS", **found, **answers["theirs"], "peak": theirs.peak()}
    benchmark.extra_info.update({**ours.info, **answers["ours"], "rival": rival, "peak": ours.peak()})


@pytest.mark.parametrize("program", ["pastiche", "pystiche"])
def test_command(benchmark, start, platform, profile, tmp_path, program):
    """Whole commands from the shell, equal in picture, size, layers and evaluations; jaxstyle with nothing compiled before."""
    height = side_of(profile.side / 2)
    case = Solve(*PAIRS[0], side_of(height * 4 / 3), height, profile.rival_evaluations, platform=platform)
    describe_case(benchmark, ["rival command"], case)
    content, style = (tmp_path / f"{name}.png" for name in ("content", "style"))
    for name, path in zip(PAIRS[0], (content, style), strict=True):
        Image.fromarray(sample(name, case.width, case.height)).save(path)
    weights = tmp_path / "vgg19.safetensors"
    start("solve:export", {"path": str(weights)}).close()
    outputs = [tmp_path / f"{name}.png" for name in ("ours", "theirs")]
    size, caches = f"{case.width}x{case.height}", iter(range(100))

    def ours() -> None:
        commands.jaxstyle(content, style, outputs[0], size, case.evaluations, tmp_path / f"cache{next(caches)}")

    def theirs() -> None:
        if program == "pastiche":
            commands.pastiche(content, style, outputs[1], case.evaluations)
        else:
            commands.pystiche(content, style, outputs[1], case.evaluations, weights)

    found = turn_about(benchmark, ours, theirs, profile.repeats)
    measured = [start("solve:measure", case.inputs | {"path": str(path)}).run() for path in outputs]
    parts = [{"loss": {"total": answer["loss"]}, "picture": answer["picture"]} for answer in measured]
    benchmark.extra_info.update({**parts[0], "rival": {"name": program, **found, **parts[1]}})
