"""Seconds per evaluation (loss and image gradient, Gatys' notebook objective, float32) against PyTorch, side by side.

    python -m bench.evaluation [--side 512] [--rounds 5]

Both sides get the same weights and picture sizes, and alternate within one process. PyTorch runs channels_last through oneDNN,
its fastest float32 layout here. jaxstyle runs as its command line does, with `keep_pages`. That is a property of the process:
PyTorch has the advantage of it too, and its number from a process of its own, as a user has it, stands beside that.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np


def ours(side: int, algorithm: str | None) -> Callable[[], float]:
    """One compiled evaluation that returns its seconds."""
    from contextlib import nullcontext

    import jax
    import jax.numpy as jnp

    import jaxstyle
    from jaxstyle.convolution import forced

    params = jaxstyle.load_weights()
    content, style = (jnp.asarray(picture(side, seed)) for seed in (0, 1))
    targets = jaxstyle.make_targets(params, content, [style])
    with forced(algorithm) if algorithm else nullcontext():
        function = jax.jit(jax.value_and_grad(jaxstyle.total_loss)).lower(content, params, targets).compile()

    def once() -> float:
        began = time.perf_counter()
        jax.block_until_ready(function(content, params, targets))
        return time.perf_counter() - began

    return once


def theirs(side: int) -> Callable[[], float]:
    """The same in plain PyTorch."""
    import torch  # pyright: ignore[reportMissingImports]
    from torch.nn import functional  # pyright: ignore[reportMissingImports]

    from jaxstyle import CANONICAL, load_weights

    params: Any = load_weights()
    layers = {}
    for name, layer in params.layers.items():
        kernel, bias = np.asarray(layer["kernel"]).transpose(3, 2, 0, 1), np.array(layer["bias"])
        layers[name] = torch.from_numpy(kernel.copy()).to(memory_format=torch.channels_last), torch.from_numpy(bias)
    mean = torch.tensor(params.scale.mean).view(1, 3, 1, 1)

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
        return flat @ flat.T / flat.shape[1]

    def tensor(seed: int) -> Any:
        return torch.from_numpy(picture(side, seed)).permute(2, 0, 1)[None].contiguous(memory_format=torch.channels_last)

    firsts = tuple(CANONICAL.style_layers)
    with torch.no_grad():
        content = taps(tensor(0))["relu4_2"]
        style = {tap: gram(x) for tap, x in taps(tensor(1)).items() if tap in firsts}

    def once() -> float:
        image = tensor(0).requires_grad_(True)
        began = time.perf_counter()
        found = taps(image)
        loss = functional.mse_loss(found["relu4_2"], content)
        for tap in firsts:
            loss = loss + 1e3 / found[tap].shape[1] ** 2 * functional.mse_loss(gram(found[tap]), style[tap])
        loss.backward()
        return time.perf_counter() - began

    return once


def picture(side: int, seed: int) -> np.ndarray:
    """Noise, (side, side, 3), float32 in [0, 1]."""
    return np.random.default_rng(seed).random((side, side, 3), np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only-torch", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_torch:
        once = theirs(options.side)
        print(median([once() for _ in range(options.rounds + 2)][2:]))
        return
    from jaxstyle.allocator import keep_pages

    keep_pages()
    from bench.machine import describe

    cases = {"jaxstyle": ours(options.side, None), "jaxstyle, direct convolution": ours(options.side, "direct")}
    try:
        cases["PyTorch, same process"] = theirs(options.side)
    except ImportError:
        print("PyTorch is not installed: no comparison (pip install torch)")
    times: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(options.rounds + 2):
        for name, once in cases.items():
            seconds = once()
            if turn >= 2:
                times[name].append(seconds)
    if "PyTorch, same process" in cases:
        command = [sys.executable, "-m", "bench.evaluation", "--only-torch"]
        command += ["--side", str(options.side), "--rounds", str(options.rounds)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        times["PyTorch, own process"] = [float(done.stdout.split()[-1])]
    print(f"{options.side}x{options.side}, float32, median of {options.rounds}; {describe()}")
    base = median(times["jaxstyle"])
    for name, values in times.items():
        spread = f" ({min(values):.3f} to {max(values):.3f})" if len(values) > 1 else ""
        print(f"{name:<32}{median(values):7.3f} s{spread:<20} jaxstyle takes {base / median(values):.2f} of it")


if __name__ == "__main__":
    main()
