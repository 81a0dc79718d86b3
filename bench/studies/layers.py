"""Milliseconds of each convolution of VGG-19 by each algorithm, forwards and backwards: what `auto` chooses from.

    python -m bench.studies.layers [--size 512x512] [--precision float32]

Rounds alternate between the algorithms. The fastest stands in brackets; `auto` should be as fast as it.
"""

import argparse
import time
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np

import jaxstyle
from bench.kernel import network
from bench.machine import describe, in_words


def timed(cases: dict, rounds: int) -> dict[str, float]:
    """Median milliseconds of each, turn about; a turn takes a twentieth of a second or one run."""
    counts, times = {}, {name: [] for name in cases}
    for name, case in cases.items():
        case()
        began = time.perf_counter()
        case()
        counts[name] = max(1, int(0.05 / (time.perf_counter() - began)))
    for _ in range(rounds):
        for name, case in cases.items():
            began = time.perf_counter()
            for _ in range(counts[name]):
                case()
            times[name].append((time.perf_counter() - began) / counts[name])
    return {name: 1e3 * median(values) for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="512x512")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    jaxstyle.keep_pages()
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    print(f"{options.size}, {options.precision}, median of {options.rounds}; {in_words(describe())}")
    width, height = map(int, options.size.split("x"))
    convolve = {"auto": jaxstyle.conv3x3, **jaxstyle.ALGORITHMS}
    rng, seen = np.random.default_rng(0), set()
    for name, (_, _, i, o) in network().architecture.shapes.items():
        sides = height >> (int(name[4]) - 1), width >> (int(name[4]) - 1)
        for direction, shape in (("forwards", (i, o)), ("backwards", (o, i))):
            if (*sides, *shape) in seen:
                continue
            seen.add((*sides, *shape))
            x = jnp.asarray(rng.random((1, *sides, shape[0])), jnp.float32)
            kernel = jnp.asarray(rng.normal(size=(3, 3, *shape)), jnp.float32)
            cases = {}
            for algorithm, function in convolve.items():
                program = jax.jit(function, static_argnums=2).lower(x, kernel, options.precision).compile()
                cases[algorithm] = lambda p=program, x=x, k=kernel: jax.block_until_ready(p(x, k))
            times = timed(cases, options.rounds)
            best = min(jaxstyle.ALGORITHMS, key=times.__getitem__)
            words = [f"[{a} {t:.2f}]" if a == best else f" {a} {t:.2f} " for a, t in times.items()]
            layer = f"{sides[1]}x{sides[0]} {shape[0]} -> {shape[1]}"
            print(f"{name:<8} {direction:<10}{layer:<20}{'  '.join(words)}", flush=True)


if __name__ == "__main__":
    main()
