"""Steps of a training between two collections, against the same networks, losses and steps in plain PyTorch.

    python -m bench.studies.generators [--cases cut:64:32:1 ...] [--rounds 3] [--rivals]     # METHOD:SIZE:WIDTH:BATCH

Both take turns in one process, on as many threads as the process has cores. Counted are CPU seconds of a step, and seconds;
compilation is left out. PyTorch is measured with `--rivals`, where it is installed.
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import jaxstyle
from bench.machine import describe, in_words

CASES = ("cut:64:32:1", "cut:64:32:4", "cyclegan:64:32:1", "cut:128:64:1", "cyclegan:128:64:1")
BLOCKS = 9


class Torch:
    """The networks and steps of both papers as jaxstyle has them: mirrored borders, doubled before a convolution."""

    def __init__(self, method: str, size: int, width: int, batch: int) -> None:
        import torch  # pyright: ignore[reportMissingImports]
        from torch import nn  # pyright: ignore[reportMissingImports]

        self.torch: Any = torch
        self.nn: Any = nn
        self.method = method
        torch.set_num_threads(len(os.sched_getaffinity(0)))
        self.generators = [self.generator(width) for _ in range(2 if method == "cyclegan" else 1)]
        self.critics = [self.critic(width) for _ in self.generators]
        learned = [value for one in self.generators for value in one.parameters()]
        channels, units = (3, 2 * width, 4 * width, 4 * width, 4 * width), 4 * width
        self.heads = [nn.Sequential(nn.Linear(c, units), nn.ReLU(), nn.Linear(units, units)) for c in channels]
        if method == "cut":
            learned += [value for one in self.heads for value in one.parameters()]
        others = [value for one in self.critics for value in one.parameters()]
        self.optimizers = [torch.optim.Adam(values, 2e-4, (0.5, 0.999)) for values in (learned, others)]
        self.pictures = [torch.rand(batch, 3, size, size) * 2 - 1 for _ in range(2)]

    def generator(self, width: int) -> Any:
        nn = self.nn

        def layer(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> list[Any]:
            convolution = nn.Conv2d(inputs, outputs, size, stride, size // 2, padding_mode="reflect")
            return [convolution, nn.InstanceNorm2d(outputs), nn.ReLU()]

        class Block(nn.Module):
            def __init__(self, channels: int) -> None:
                super().__init__()
                self.inner = nn.Sequential(*layer(channels, channels), *layer(channels, channels)[:2])

            def forward(self, x: Any) -> Any:
                return x + self.inner(x)

        down = [*layer(3, width, 7), *layer(width, 2 * width, 3, 2), *layer(2 * width, 4 * width, 3, 2)]
        up = [nn.Upsample(scale_factor=2), *layer(4 * width, 2 * width), nn.Upsample(scale_factor=2), *layer(2 * width, width)]
        last = [*layer(width, 3, 7)[:1], nn.Tanh()]
        return nn.Sequential(*down, *(Block(4 * width) for _ in range(BLOCKS)), *up, *last)

    def critic(self, width: int) -> Any:
        nn, found, inputs = self.nn, [], 3
        for k, outputs in enumerate((width, 2 * width, 4 * width, 8 * width, 1)):
            found += [nn.Conv2d(inputs, outputs, 4, 2 if k < 3 else 1, 1)]
            found += [nn.InstanceNorm2d(outputs)] if 0 < k < 4 else []
            found += [nn.LeakyReLU(0.2)] if k < 4 else []
            inputs = outputs
        return nn.Sequential(*found)

    def made(self, generator: Any, x: Any, inner: bool = False) -> tuple[Any, list[Any]]:
        """What a generator makes, and features of the picture, both halvings, residual blocks 1 and 5; or these alone."""
        found = [x]
        for number, module in enumerate(generator):
            x = module(x)
            found += [x] if number in (3, 6, 9, 13) else []
            if inner and number == 13:
                break
        return x, found

    def contrast(self, before: list[Any], after: list[Any]) -> Any:
        functional, total = self.torch.nn.functional, 0.0
        for one, other, head in zip(after, before, self.heads, strict=True):
            places = self.torch.randperm(one.shape[2] * one.shape[3])[:256]
            query, key = (functional.normalize(head(x.flatten(2)[:, :, places].mT), dim=2) for x in (one, other.detach()))
            products = query @ key.detach().mT / 0.07
            wanted = self.torch.arange(len(places)).repeat(len(one))
            total = total + functional.cross_entropy(products.flatten(0, 1), wanted)
        return total / 5

    def step(self) -> None:
        """Generators, then discriminators."""
        torch, (a, b) = self.torch, self.pictures
        there, back = self.generators[0], self.generators[-1]
        for one in self.critics:
            one.requires_grad_(False)
        made, before = self.made(there, torch.cat([a, b]))
        fakes = [made[: len(a)]]
        if self.method == "cut":
            loss = self.contrast(before, self.made(there, made, inner=True)[1])
        else:
            again = back(torch.cat([b, a]))
            fakes.append(again[: len(b)])
            cycle = (back(fakes[0]) - a).abs().mean() + (there(fakes[1]) - b).abs().mean()
            loss = 10 * cycle + 5 * ((made[len(a) :] - b).abs().mean() + (again[len(b) :] - a).abs().mean())
        loss = loss + sum((critic(fake) - 1).square().mean() for critic, fake in zip(self.critics, fakes, strict=True))
        self.optimizers[0].zero_grad()
        loss.backward()
        self.optimizers[0].step()
        for one in self.critics:
            one.requires_grad_(True)
        told: Any = sum(
            (critic(true) - 1).square().mean() + critic(fake.detach()).square().mean()
            for critic, true, fake in zip(self.critics, (b, a), fakes, strict=False)
        )
        self.optimizers[1].zero_grad()
        (told / 2).backward()
        self.optimizers[1].step()


def cost(run: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    began = time.process_time()
    run()
    return time.process_time() - began


def ours(method: str, size: int, width: int, batch: int, rounds: int, between: Callable[[], Any]) -> tuple[float, float]:
    """CPU seconds and seconds of a step, the median of some; `between` is called after each report."""
    rng, found = np.random.default_rng(0), []
    pictures = [list(rng.integers(0, 256, (4, size, size, 3), dtype=np.uint8)) for _ in range(2)]
    last = [0.0, 0.0, 0.0]

    def callback(report: Any) -> bool:
        now = time.process_time(), time.perf_counter(), report.step
        found.append([(now[i] - last[i]) / (now[2] - last[2]) for i in (0, 1)])
        between()
        last[:] = time.process_time(), time.perf_counter(), report.step
        return len(found) > rounds

    how: Any = dict(method=method, size=size, width=width, blocks=BLOCKS, batch=batch, steps=10_000)
    jaxstyle.train_domains(pictures[0], pictures[1], callback=callback, **how)
    cpu, seconds = np.median(found[1:], 0)
    return float(cpu), float(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=CASES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rivals", action="store_true", help="also PyTorch, where it is installed")
    options = parser.parse_args()
    jaxstyle.keep_pages()
    print(in_words(describe()))
    print("| method | size | width | batch | jaxstyle, CPU s a step | PyTorch | ratio | jaxstyle, steps a second |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for case in options.cases:
        method, *numbers = case.split(":")
        size, width, batch = map(int, numbers)
        theirs: list[float] = []
        rival = None
        if options.rivals:
            try:
                rival = Torch(method, size, width, batch)
                rival.step()
            except ImportError:
                print("PyTorch is not installed, and is left out")
                options.rivals = False

        def turn(rival: Torch | None = rival, theirs: list[float] = theirs) -> None:
            if rival is not None:
                theirs.append(cost(rival.step))

        cpu, seconds = ours(method, size, width, batch, options.rounds, turn)
        other = f"{np.median(theirs):.2f} | {np.median(theirs) / cpu:.2f}" if theirs else " | "
        print(f"| {method} | {size} | {width} | {batch} | {cpu:.2f} | {other} | {1 / seconds:.3g} |", flush=True)


if __name__ == "__main__":
    main()
