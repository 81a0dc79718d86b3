"""What regions cost: CPU seconds and memory of an evaluation with 1, 2 and 4 of them against none, turn about.

    python -m bench.studies.regions [--size 256x256] [--rounds 3]

An evaluation is one step of the default solver. Regions are upright stripes. The peak is that of a process of its own for each.
"""

import argparse
import json
import subprocess
import sys
import time
from statistics import median
from typing import Any

import jax
import numpy as np

import jaxstyle
from bench.machine import describe, in_words
from bench.pictures import SAMPLES

COUNTS = (0, 1, 2, 4)
FEW = 6
"""Evaluations in a turn, the first of which is not counted."""


def run(count: int, size: str) -> tuple[list[float], float]:
    """CPU seconds of each evaluation, and the peak of this process in bytes."""
    masks = [np.zeros((64, 64), np.uint8) for _ in range(count)]
    for k, mask in enumerate(masks):
        mask[:, k * 64 // count : (k + 1) * 64 // count] = 255
    content, style, moments = SAMPLES / "chelsea.jpg", SAMPLES / "swirls.jpg", []

    def callback(_: object) -> None:
        moments.append(time.process_time())

    settings: Any = dict(size=size, evaluations=FEW, metric="plain", feather=0)
    result = jaxstyle.stylize(content, style, regions=[(mask, style) for mask in masks], callback=callback, **settings)
    return list(np.diff(moments)), result.record["memory"]["peak"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="256x256")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", type=int, help="only this many regions, once, as JSON")
    options = parser.parse_args()
    jaxstyle.keep_pages()
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    if options.one is not None:
        print(json.dumps(run(options.one, options.size)[1]))
        return
    print(f"{options.size}, median of {options.rounds} turns of {FEW - 1}; {in_words(describe())}")
    times = {count: [] for count in COUNTS}
    for _ in range(options.rounds):
        for count in COUNTS:
            times[count] += run(count, options.size)[0]
    for count in COUNTS:
        command = [sys.executable, "-m", "bench.studies.regions", "--size", options.size, "--one", str(count)]
        peak = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
        seconds = median(times[count])
        ratio = seconds / median(times[0])
        print(f"{count or 'no'} regions: {seconds:.3f} CPU s, {ratio:.2f} of none; peak {peak / 2**20:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
