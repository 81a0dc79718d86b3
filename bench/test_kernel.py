"""Kernel cases: an evaluation by device, resolution, precision, pooling, padding, algorithm and batch; the machine's rates."""

from dataclasses import asdict

from bench.records import describe_case, measure


def test_matrix_rate(benchmark, start, platform, profile, precision):
    case = {"precision": precision, "side": (8 if platform == "cpu" else 16) * profile.side}
    describe_case(benchmark, ["machine"], {**case, "platform": platform})
    worker = start("kernel:matrix_rate", case, platform=platform)
    measure(benchmark, worker.run, profile.rounds, worker.info["calls"])
    benchmark.extra_info.update({**worker.info, "peak": worker.peak()})


def test_bandwidth(benchmark, start, platform, profile):
    describe_case(benchmark, ["machine"], {"precision": "float32", "platform": platform})
    worker = start("kernel:bandwidth", {}, platform=platform)
    measure(benchmark, worker.run, profile.rounds, worker.info["calls"])
    benchmark.extra_info.update({**worker.info, "peak": worker.peak()})


def test_evaluation(benchmark, start, profile, evaluation):
    case, axes = evaluation
    describe_case(benchmark, axes, case)
    worker = start("kernel:evaluation", asdict(case), platform=case.platform, devices=case.devices)
    measure(benchmark, worker.run, profile.rounds, worker.info["calls"])
    benchmark.extra_info.update({**worker.info, "peak": worker.peak()})
