"""Does a network between two collections learn? On toy collections for which the right answer is known.

    python -m bench.studies.domains --method cut --seeds 0 1 [--steps 1500] -o results    # minutes on one core each
    python -m bench.studies.domains --report results                                      # trainings in a folder as a report

A picture of A is a smooth field of blobs in one palette. One of B is such a field in another palette, under a fixed texture of
strokes. No picture of A has its pair in B. So what a network makes of a field is right where it looks like B, in colours
and Gram matrices, and where the field that is read from it by B's palette is the one that was put in.
"""

import argparse
import json
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

import jaxstyle
from bench.machine import describe, in_words

SIDE = 64
"""Pixels of a picture."""
PERIOD = 6
"""Pixels of the strokes' texture."""
PALETTES = {
    "a": np.array([[0.10, 0.15, 0.45], [0.35, 0.55, 0.85], [0.95, 0.95, 0.80]]),
    "b": np.array([[0.20, 0.10, 0.08], [0.70, 0.30, 0.12], [0.95, 0.75, 0.30]]),
}
"""Colours of a field at 0, 1/2 and 1."""
LEARNED, HELD_OUT = 100, 24
"""Pictures of each collection that are learned from, and those by which is measured."""
SETTINGS: dict[str, Any] = dict(size=48, width=12, blocks=2, learning_rate=5e-4)
TAPS = ("relu1_1", "relu2_1")
GRAM, COLOUR, CONTENT = 0.5, 0.5, 0.9
"""What a network must reach: distances from B as shares of those of A, at most, and the correlation of the fields, at least."""


def field(seed: int) -> np.ndarray:
    """Some blobs, (SIDE, SIDE) in [0, 1]."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    found = np.zeros((SIDE, SIDE))
    for _ in range(5):
        (across, down), width = rng.random(2), rng.uniform(0.08, 0.2)
        blob = rng.uniform(0.5, 1) * np.exp(-((x - across) ** 2 + (y - down) ** 2) / (2 * width**2))
        found = np.maximum(found, blob)
    return found


def picture(name: str, seed: int) -> np.ndarray:
    """One of collection ``"a"`` or ``"b"``, float32 (SIDE, SIDE, 3) in [0, 1]; of the same field where the seed is the same."""
    values, palette = field(seed), PALETTES[name]
    image = np.stack([np.interp(values, [0, 0.5, 1], channel) for channel in palette.T], -1)
    if name == "b":
        y, x = np.mgrid[0:SIDE, 0:SIDE] + PERIOD * np.random.default_rng((seed, 1)).random((2, 1, 1))
        image += 0.2 * (np.sin(2 * np.pi * x / PERIOD) * np.sin(2 * np.pi * y / PERIOD))[..., None]
    return np.clip(image, 0, 1).astype(np.float32)


def collection(name: str, first: int, count: int) -> list[np.ndarray]:
    """Pictures of consecutive seeds."""
    return [picture(name, first + i) for i in range(count)]


def held_out(name: str, other: bool = False) -> list[np.ndarray]:
    """Pictures that no training sees: those of A that are made into B, and of B two sets of other fields."""
    return collection(name, {"a": 10_000, "b": 20_000}[name] + 1000 * other, HELD_OUT)


def read_field(image: np.ndarray) -> np.ndarray:
    """The field of a picture of B: the mean over a period of the texture, and the nearest colour of the palette."""
    kernel = np.ones(PERIOD) / PERIOD
    for axis in (0, 1):
        image = np.apply_along_axis(lambda line: np.convolve(line, kernel, "valid"), axis, image)
    levels = np.linspace(0, 1, 101)
    colours = np.stack([np.interp(levels, [0, 0.5, 1], channel) for channel in PALETTES["b"].T], -1)
    return levels[np.square(image[..., None, :] - colours).sum(-1).argmin(-1)]


def content(made: list[np.ndarray], seeds: range) -> float:
    """Mean correlation of the fields in what was made with those that were put in; 0 for one without a field."""
    found = []
    trim = slice(PERIOD // 2, SIDE - PERIOD + 1 + PERIOD // 2)
    for image, seed in zip(made, seeds, strict=True):
        told, true = read_field(image).ravel(), field(seed)[trim, trim].ravel()
        found.append(np.corrcoef(told, true)[0, 1] if told.std() > 1e-6 else 0.0)
    return float(np.mean(found))


@cache
def _network() -> tuple[Any, Callable[..., Any]]:
    return jaxstyle.load_weights(), jax.jit(
        lambda params, image: {tap: jaxstyle.gram(x) for tap, x in jaxstyle.features(params, image, taps=TAPS).items()}
    )


def grams(images: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Mean Gram matrices."""
    params, measure = _network()
    found = [measure(params, jnp.asarray(image)) for image in images]
    return {tap: np.mean([one[tap] for one in found], 0) for tap in TAPS}


def apart_in_grams(images: list[np.ndarray], others: list[np.ndarray]) -> float:
    """Distance of mean Gram matrices, as a share of the second's, root mean square over the taps."""
    one, other = grams(images), grams(others)
    return float(np.sqrt(np.mean([np.square(one[t] - other[t]).sum() / np.square(other[t]).sum() for t in TAPS])))


def apart_in_colours(images: list[np.ndarray], others: list[np.ndarray]) -> float:
    """Distance of the distributions of colours: sliced Wasserstein-1, along 16 directions."""
    ways = np.random.default_rng(0).normal(size=(3, 16))
    ways /= np.linalg.norm(ways, axis=0)
    shares = np.linspace(0, 1, 501)
    one, other = (np.quantile(np.stack(part).reshape(-1, 3) @ ways, shares, axis=0) for part in (images, others))
    return float(np.abs(one - other).mean())


def measured(made: list[np.ndarray]) -> dict[str, float]:
    """What pictures made of `held_out("a")` reach."""
    a, b = held_out("a"), held_out("b")
    return {
        "gram": apart_in_grams(made, b) / apart_in_grams(a, b),
        "colour": apart_in_colours(made, b) / apart_in_colours(a, b),
        "content": content(made, range(10_000, 10_000 + HELD_OUT)),
    }


def passes(found: Mapping[str, float]) -> bool:
    """Whether that is enough."""
    return found["gram"] <= GRAM and found["colour"] <= COLOUR and found["content"] >= CONTENT


def references() -> dict[str, list[np.ndarray]]:
    """What must pass, the right answers, and what must not."""
    a, b = held_out("a"), held_out("b", other=True)
    return {
        "the right answer": collection("b", 10_000, HELD_OUT),
        "the picture as it is": a,
        "one colour, B's mean": [np.broadcast_to(np.mean(b, (0, 1, 2)), one.shape) for one in a],
        "other pictures of B": b,
    }


def train(method: str, seed: int, steps: int, **how: Any) -> tuple[Any, dict[str, Any]]:
    """A training: the network's file, and what it reaches before and after."""
    a, b = (collection(name, first, LEARNED) for name, first in (("a", 0), ("b", 5000)))
    settings: dict[str, Any] = SETTINGS | dict(method=method, seed=seed) | how
    notices: list[str] = []

    def made(network: Any) -> list[np.ndarray]:
        return [jaxstyle.apply_domains(one, network).image for one in held_out("a")]

    began = time.process_time(), time.perf_counter()
    file = jaxstyle.train_domains(a, b, steps=steps, notices=notices, **settings)  # what compiles takes counts
    seconds = {"cpu": round(time.process_time() - began[0], 1), "wall": round(time.perf_counter() - began[1], 1)}
    found = measured(made(file.network))
    return file, {"settings": settings | {"steps": steps}, "seconds": seconds, "reached": found, "passes": passes(found)}


def sheet(network: Any, count: int = 6) -> Image.Image:
    """Held-out pictures of A, what the network makes of them, and the right answers; magnified."""
    a = held_out("a")[:count]
    rows = [a, [jaxstyle.apply_domains(one, network).image for one in a], collection("b", 10_000, count)]
    if "b2a" in network.generators:
        rows.append([jaxstyle.apply_domains(one, network, direction="b2a").image for one in rows[-1]])
    image = np.concatenate([np.concatenate(row, 1) for row in rows], 0)
    whole = Image.fromarray(np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8))
    return whole.resize((2 * whole.width, 2 * whole.height), Image.Resampling.NEAREST)


def report(folder: Path) -> str:
    """The trainings of a folder as Markdown, with their curves beside it as curves.png."""
    from matplotlib import pyplot as plt

    runs = {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}
    lines = ["| | Gram, of A's distance | colour, of A's distance | field, correlation | steps | CPU seconds | enough |"]
    lines += ["|---|---:|---:|---:|---:|---:|---|"]
    for name, images in references().items():
        found = measured(images)
        lines.append(f"| {name} | {found['gram']:.2f} | {found['colour']:.2f} | {found['content']:.3f} | | | {passes(found)} |")
    figure, axes = plt.subplots(1, len(runs), figsize=(5 * len(runs), 3.4), squeeze=False)
    for (name, run), axis in zip(runs.items(), axes[0], strict=True):
        found, steps = run["reached"], run["settings"]["steps"]
        numbers = (
            f"{found['gram']:.2f} | {found['colour']:.2f} | {found['content']:.3f} | {steps} | {run['seconds']['cpu']:.0f}"
        )
        lines.append(f"| **{name}** | {numbers} | {run['passes']} |")
        names, *points = run["losses"]
        for column, label in enumerate(names[1:], 1):
            axis.plot([point[0] for point in points], [point[column] for point in points], label=label)
        axis.set_title(name)
        axis.set_xlabel("step")
        axis.set_yscale("log")
        axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(folder / "curves.png", dpi=90)
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="cut")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("-o", "--out", type=Path)
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    jaxstyle.keep_pages()
    if options.report is not None:
        print(in_words(describe()))
        print(report(options.report))
        return
    began = time.perf_counter()

    def told(now: Any) -> bool:
        parts = ", ".join(f"{name} {value:.3f}" for name, value in now.losses._asdict().items())
        print(f"{now.step} of {now.steps}, {time.perf_counter() - began:.0f} s: {parts}", flush=True)
        return False

    for seed in options.seeds:
        file, found = train(options.method, seed, options.steps, callback=told)
        del found["settings"]["callback"]
        print(json.dumps(found), flush=True)
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            name = f"{options.method}-seed{seed}"
            found |= {"machine": in_words(describe()), "losses": file.training["losses"]}
            (options.out / f"{name}.json").write_text(json.dumps(found) + "\n")
            sheet(file.network).save(options.out / f"{name}.png")


if __name__ == "__main__":
    main()
