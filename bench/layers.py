"""Milliseconds of each convolution of VGG-19 by each algorithm, forwards and backwards: what `convolution.choose` decides from.

    python -m bench.layers [--side 512] [--precision float32]

The algorithm that is chosen stands in brackets.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np

from bench.evaluation import timed
from bench.machine import describe
from jaxstyle.allocator import keep_pages
from jaxstyle.convolution import ALGORITHMS, choose
from jaxstyle.vgg import ARCHITECTURES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    keep_pages()
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    print(f"{options.side}x{options.side}, {options.precision}, median of {options.rounds}; {describe()}")
    seen = set()
    for name, (_, _, i, o) in ARCHITECTURES["vgg19"].shapes.items():
        side = options.side >> (int(name[4]) - 1)
        for direction, shape in (("forwards", (i, o)), ("backwards", (o, i))):
            if (side, *shape) in seen:
                continue
            seen.add((side, *shape))
            rng = np.random.default_rng(0)
            x = jnp.asarray(rng.random((1, side, side, shape[0])), jnp.float32)
            kernel = jnp.asarray(rng.normal(size=(3, 3, *shape)), jnp.float32)
            cases = {}
            for algorithm, convolve in ALGORITHMS.items():
                program = jax.jit(convolve, static_argnums=2).lower(x, kernel, options.precision).compile()
                cases[algorithm] = lambda n, p=program, x=x, k=kernel: [jax.block_until_ready(p(x, k)) for _ in range(n)]
            times = {algorithm: 1e3 * float(np.median(values)) for algorithm, values in timed(cases, options.rounds).items()}
            chosen = choose(jax.default_backend(), x.shape, shape[1])
            words = [f"[{a} {t:.1f}]" if a == chosen else f" {a} {t:.1f} " for a, t in times.items()]
            print(f"{name:<8} {direction:<10}{side:>5}² {shape[0]:>3} -> {shape[1]:<3} {'  '.join(words)}", flush=True)


if __name__ == "__main__":
    main()
