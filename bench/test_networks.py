"""Style networks: pictures in one pass, and steps of a training; other programs in turn with --rivals."""

from dataclasses import asdict

import pytest

from bench.records import describe_case, measure, turn_about


def test_painting(benchmark, start, profile, painting):
    case, axes = painting
    describe_case(benchmark, axes, asdict(case))
    worker = start("networks:painting", asdict(case), platform=case.platform)
    measure(benchmark, worker.run, profile.rounds, worker.info["calls"])
    benchmark.extra_info.update({**worker.info, "peak": worker.peak()})


def test_training(benchmark, start, profile, training):
    case, axes = training
    describe_case(benchmark, axes, asdict(case))
    worker = start("networks:training", case.job, platform=case.platform, devices=case.devices)
    measure(benchmark, worker.run, profile.rounds)
    benchmark.extra_info.update({**worker.info, "peak": worker.peak()})


@pytest.mark.rival
def test_onnx_painting(benchmark, start, profile, rival_painting):
    """Both on the same network, that of 26 styles."""
    case, axes = rival_painting
    describe_case(benchmark, axes, asdict(case))
    theirs = start("network_rivals:onnx_painting", {"width": case.width, "height": case.height}, platform=case.platform)
    ours = start("networks:painting", asdict(case), platform=case.platform)
    found = turn_about(benchmark, ours.run, theirs.run, profile.rounds, (ours.info["calls"], theirs.info["calls"]))
    rival = {"name": "onnxruntime", **found, "info": theirs.info, "peak": theirs.peak()}
    benchmark.extra_info.update({**ours.info, "rival": rival, "peak": ours.peak()})


@pytest.mark.rival
def test_torch_training(benchmark, start, profile, rival_training):
    case, axes = rival_training
    describe_case(benchmark, axes, asdict(case))
    theirs = start("network_rivals:torch_training", case.job, platform=case.platform)
    ours = start("networks:training", case.job, platform=case.platform)
    found = turn_about(benchmark, ours.run, theirs.run, profile.rounds, (1, theirs.info["calls"]))
    rival = {"name": "PyTorch", **found, "info": theirs.info, "peak": theirs.peak()}
    benchmark.extra_info.update({**ours.info, "rival": rival, "peak": ours.peak()})
