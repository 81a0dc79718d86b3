"""Seconds of one evaluation (loss and image gradient, gatys-notebook objective), against PyTorch, in one run.

    python -m bench.evaluation                                  # 512x512, on this CPU or the accelerator that is there
    python -m bench.evaluation --sides 256 512 1024 --direct --step
    python -m bench.evaluation --sides 256 512 1024 2048 --precisions float32 tf32 bfloat16 \\
        --torch float32 tf32 bfloat16 compile

The last one is for a GPU: all sizes and precisions of both sides in one call. Turns alternate between the cases; medians are
printed with their range. The matrix rate's share counts the multiplications and additions of the convolutions and Grams as a
direct convolution makes them, over the rate of a large matrix product in the same precision, measured in the same run:
Winograd's algorithm can pass 100%. On a CPU PyTorch runs a second time in a process of its own, where it has the C library's
usual malloc: it is faster beside JAX, whose allocator setting it then shares.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from statistics import median
from typing import Any

import numpy as np

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
Once = Callable[[int], Any]  # runs a number of evaluations and waits for them


def multiplications(side: int) -> float:
    """Of one evaluation, each with its addition: every convolution and Gram forwards and backwards."""
    from jaxstyle.vgg import ARCHITECTURES

    total = 0.0
    for name, (_, _, i, o) in ARCHITECTURES["vgg19"].shapes.items():
        places = (side >> (int(name[4]) - 1)) ** 2
        if name[4] < "5" or name == "conv5_1":
            total += 2 * 9 * i * o * places
        if name.endswith("_1"):
            total += 2 * o * o * places
    return total


def ours(side: int, precision: str, algorithm: str | None = None, step: bool = False) -> tuple[Once, float]:
    """Runs evaluations, or whole steps of L-BFGS with 50 pairs; and the bytes of temporary memory."""
    import jax
    import jax.numpy as jnp

    import jaxstyle
    from jaxstyle import memory
    from jaxstyle.convolution import forced
    from jaxstyle.loop import Method, Stopwatch, compile_programs

    params = jaxstyle.load_weights()
    content, style = (jnp.asarray(picture(side, seed)) for seed in (0, 1))
    make_targets = jax.jit(partial(jaxstyle.make_targets, precision=precision))  # step by step it would take 24 GB at 2048
    targets = make_targets(params, content, [style])
    with forced(algorithm) if algorithm else nullcontext():
        if step:
            method = Method(jaxstyle.CANONICAL, jaxstyle.make_solver("lbfgs", history=50), "spectral", precision)
            programs = compile_programs(method, content, params, targets, targets, Stopwatch())
            state = [programs.init(content)]

            def steps(count: int) -> None:
                for _ in range(count):
                    state[0], _ = programs.step(state[0], content, params, targets)
                jax.block_until_ready(state[0])

            return steps, memory.working(programs.step)

        def loss(image: Any, params: Any, targets: Any) -> Any:
            return jaxstyle.total_loss(image, params, targets, precision=precision)

        function = jax.jit(jax.value_and_grad(loss)).lower(content, params, targets).compile()

    def evaluations(count: int) -> None:
        jax.block_until_ready([function(content, params, targets) for _ in range(count)][-1])

    return evaluations, memory.working(function)


def theirs(side: int, variant: str) -> Once:
    """The same in plain PyTorch, channels_last: float32, tf32, bfloat16 (autocast), or compile (float32, torch.compile)."""
    import torch  # pyright: ignore[reportMissingImports]
    from torch.nn import functional  # pyright: ignore[reportMissingImports]

    from jaxstyle import CANONICAL, load_weights

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = variant == "tf32"
    params: Any = load_weights()
    layers = {}
    for name, layer in params.layers.items():
        kernel, bias = np.asarray(layer["kernel"]).transpose(3, 2, 0, 1), np.array(layer["bias"])
        kernel = torch.from_numpy(kernel.copy()).to(device, memory_format=torch.channels_last)
        layers[name] = kernel, torch.from_numpy(bias).to(device)
    mean = torch.tensor(params.scale.mean, device=device).view(1, 3, 1, 1)

    def taps(image: Any) -> dict[str, Any]:
        x, found = (image[:, list(params.scale.order)] - mean) * 255, {}
        for tap in params.architecture.taps[: params.architecture.taps.index("relu5_1") + 1]:
            if tap.startswith("conv"):
                x = functional.conv2d(x, *layers[tap], padding=1)
            else:
                x = functional.relu(x) if tap.startswith("relu") else functional.max_pool2d(x, 2)
            found[tap] = x
        return found

    def gram(x: Any) -> Any:
        flat = x.flatten(2)[0]
        return (flat @ flat.T).float() / flat.shape[1]

    def tensor(seed: int) -> Any:
        image = torch.from_numpy(picture(side, seed)).permute(2, 0, 1)[None]
        return image.to(device).contiguous(memory_format=torch.channels_last)

    firsts = tuple(CANONICAL.style_layers)
    with torch.no_grad():
        content = taps(tensor(0))["relu4_2"]
        style = {tap: gram(x) for tap, x in taps(tensor(1)).items() if tap in firsts}

    def loss(image: Any) -> Any:
        with torch.autocast(device, torch.bfloat16, enabled=variant == "bfloat16"):
            found = taps(image)
            total = functional.mse_loss(found["relu4_2"].float(), content)
            for tap in firsts:
                total = total + 1e3 / found[tap].shape[1] ** 2 * functional.mse_loss(gram(found[tap]), style[tap])
        return total

    compute: Any = torch.compile(loss) if variant == "compile" else loss

    def evaluations(count: int) -> None:
        for _ in range(count):
            image = tensor(0).requires_grad_(True)
            compute(image).backward()
        if device == "cuda":
            torch.cuda.synchronize()

    return evaluations


def matrix_product(precision: str) -> Once:
    """Products of two square matrices, `SQUARE` a side."""
    import jax
    import jax.numpy as jnp

    dtype = jnp.bfloat16 if precision == "bfloat16" else jnp.float32
    a = jnp.ones((SQUARE, SQUARE), dtype)
    how: Any = dict(precision="highest" if precision == "float32" else None, preferred_element_type=jnp.float32)
    function = jax.jit(lambda a, b: jnp.matmul(a, b, **how))

    def products(count: int) -> None:
        jax.block_until_ready([function(a, a) for _ in range(count)][-1])

    return products


SQUARE = 4096


def picture(side: int, seed: int) -> np.ndarray:
    """Noise, (side, side, 3), float32 in [0, 1]."""
    return np.random.default_rng(seed).random((side, side, 3), np.float32)


def timed(cases: dict[str, Once], rounds: int) -> dict[str, list[float]]:
    """Seconds of one run of each case, `rounds` times, turn about; a turn takes a tenth of a second or one run."""
    counts = {}
    for name, case in cases.items():
        case(2)
        began = time.perf_counter()
        case(1)
        counts[name] = max(1, int(0.1 / (time.perf_counter() - began)))
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            began = time.perf_counter()
            case(counts[name])
            times[name].append((time.perf_counter() - began) / counts[name])
    return times


def add_torch(cases: dict[str, Once], side: int, variants: list[str]) -> None:
    """PyTorch's cases, or a line that says why one is missing."""
    for variant in variants:
        try:
            case = theirs(side, variant)
            case(1)
            cases[f"PyTorch {variant}"] = case
        except Exception as error:  # a rival that is missing or fails stops nobody
            print(f"PyTorch {variant}: {(str(error).splitlines() or ['failed'])[0][:90]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", type=int, nargs="+", default=[512])
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"])
    parser.add_argument("--torch", nargs="*", default=["float32"], metavar="VARIANT", help="float32 tf32 bfloat16 compile")
    parser.add_argument("--direct", action="store_true", help="also with lax.conv for every layer")
    parser.add_argument("--step", action="store_true", help="also a step of L-BFGS with 50 pairs, evaluation included")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only-torch", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_torch:
        (values,) = timed({"": theirs(options.sides[0], "float32")}, options.rounds).values()
        print(median(values))
        return
    from jaxstyle.allocator import keep_pages

    keep_pages()
    import jax

    from bench.machine import describe

    jax.config.update("jax_cpu_enable_async_dispatch", False)
    print(describe())
    products = timed({p: matrix_product(p) for p in options.precisions}, options.rounds)
    rates = {precision: 2 * SQUARE**3 / min(values) for precision, values in products.items()}
    print("matrix products: " + ", ".join(f"{p} {rate / 1e12:.3g} TFLOP/s" for p, rate in rates.items()))
    for side in options.sides:
        cases: dict[str, Once] = {}
        memory: dict[str, float] = {}
        wanted: list[tuple[str, tuple]] = [(f"jaxstyle {p}", (p,)) for p in options.precisions]
        wanted += [("jaxstyle float32, lax.conv", ("float32", "direct"))] if options.direct else []
        wanted += [("jaxstyle float32, L-BFGS step", ("float32", None, True))] if options.step else []
        for name, arguments in wanted:
            cases[name], memory[name] = ours(side, *arguments)
        add_torch(cases, side, options.torch)
        times = timed(cases, options.rounds)
        if "PyTorch float32" in cases and jax.default_backend() == "cpu":
            command = [sys.executable, "-m", "bench.evaluation", "--only-torch", "--sides", str(side)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            times["PyTorch float32, own process"] = [float(done.stdout.split()[-1])]
        base = median(times.get("PyTorch float32", times[wanted[0][0]]))
        print(f"\n{side}x{side}, median of {options.rounds} (range), share of {'PyTorch' if options.torch else 'the first'}")
        for name, values in times.items():
            seconds = median(values)
            line = f"{name:<31}{1e3 * seconds:9.2f} ms ({1e3 * min(values):.2f} to {1e3 * max(values):.2f})"
            line += f"  {seconds / base:5.2f}  {1e9 * seconds / side**2:6.0f} ns/pixel"
            if name in memory:
                share = multiplications(side) * 2 / seconds / rates[name.split()[1].rstrip(",")]
                line += f"  {memory[name] / side**2:6.0f} bytes/pixel  {share:5.0%} of the matrix rate"
            print(line, flush=True)


if __name__ == "__main__":
    main()
