"""Kernel cases: an evaluation by device, resolution, precision, pooling, algorithm and batch; the machine's rates."""

from dataclasses import asdict

from bench.records import describe_case


def test_matrix_rate(benchmark, start, platform, profile, precision):
    describe_case(benchmark, ["machine"], {"precision": precision, "platform": platform})
    worker = start("kernel:matrix_rate", {"precision": precision}, platform=platform)
    benchmark.pedantic(worker.run, rounds=profile.rounds, iterations=1, warmup_rounds=1)
    benchmark.extra_info.update({**worker.info, "peak": worker.peak()})


def test_bandwidth(benchmark, start, platform, profile):
    describe_case(benchmark, ["machine"], {"precision": "float32", "platform": platform})
    worker = start("kernel:bandwidth", {}, platform=platform)
    benchmark.pedantic(worker.run, rounds=profile.rounds, iterations=1, warmup_rounds=1)
    benchmark.extra_info.update({**worker.info, "peak": worker.peak()})


def test_evaluation(benchmark, start, profile, evaluation):
    case, axes = evaluation
    describe_case(benchmark, axes, case)
    worker = start("kernel:evaluation", asdict(case), platform=case.platform, devices=case.devices)
    seconds = worker.info["seconds"]["first"]
    benchmark.pedantic(worker.run, rounds=profile.rounds, iterations=max(1, int(0.1 / seconds)), warmup_rounds=seconds < 5)
    benchmark.extra_info.update({**worker.info, "peak": worker.peak()})
