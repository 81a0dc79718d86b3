"""Trains `weights/styles.safetensors`, the style network in the box; how it went is in weights/README.md.

    python weights/photographs.py UNPACKED_PACKAGE -o photographs
    python weights/styles.py first photographs -o first.safetensors     # on a GPU: 7641 steps in 130 s on an NVIDIA H200
    python weights/styles.py second photographs --start first.safetensors -o second.safetensors   # on a CPU: 600 steps
    python weights/styles.py pack second.safetensors -o weights/styles.safetensors

The first stage learns six styles twice, weak and strong, and the photograph, at 256 px in tf32, with a style loss that counts
30 and 120 times the content. It paints well and leaves little of a photograph. The second one goes on with the six weak ones
and a style loss that counts 6: strokes stay, content comes back. So `jaxstyle train` begins with 6.
"""

import argparse
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxstyle import keep_pages, load_weights
from jaxstyle.loss.objective import Targets, TermWeights, content_target, loss_parts, style_target
from jaxstyle.network.vgg import Params
from jaxstyle.onepass.photographs import Photographs, crops, gathered
from jaxstyle.pictures.read import load
from jaxstyle.styles.model import WIDTHS, initial
from jaxstyle.styles.network import PHOTOGRAPH, StyleFile, StyleNetwork, read, write
from jaxstyle.styles.train import OBJECTIVE, Learned, Lesson, Recipe, begin, step

STYLES = ("swirls", "glass", "waves", "starry_night", "the_scream", "shipwreck")
SAMPLES = Path(__file__).resolve().parents[1] / "jaxstyle" / "samples"
WIDTH = WIDTHS["full"]
COMPARED = replace(OBJECTIVE, content_layers={"relu1_1": 1.0, "relu3_3": 1.0})
ROOM = 256
"""Photographs are kept for crops of this size in both stages, and styles are half as large again."""
FIRST = Recipe(WIDTH, COMPARED, size=256, batch=4, learning_rate=2e-3, precision="tf32")
SECOND = Recipe(WIDTH, COMPARED, size=160, batch=2, learning_rate=6e-4, warming=30, seed=1)
STEPS = {"first": 7641, "second": 600}
COUNTS = {"first": (30.0, 120.0), "second": (6.0,)}
ORIGIN = "trained by jaxstyle's weights/styles.py on 69 photographs in the public domain, under CC0 or CC-BY"


def square(name: str, side: int) -> jax.Array:
    """The middle of a style picture."""
    image = Image.open(SAMPLES / f"{name}.jpg").convert("RGB")
    factor = side / min(image.size)
    size = [round(s * factor) for s in image.size]
    pixels = np.asarray(image.resize(size, Image.Resampling.LANCZOS), np.float32) / 255  # pyright: ignore[reportArgumentType]
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return jnp.asarray(pixels[top : top + side, left : left + side])


def lesson(photographs: Photographs, params: Params, stage: str, precision: str) -> Lesson:
    """All styles with all counts of the stage, and the photograph."""
    how: Any = dict(objective=COMPARED, precision=precision)
    target = jax.jit(partial(style_target, **how))
    grams = [target(params, square(name, round(1.5 * ROOM))) for name in STYLES]
    images = jax.jit(crops, static_argnums=(2, 3))(jax.random.key(7), photographs, 8, ROOM)

    @jax.jit
    def measure(params: Params, image: jax.Array, grams: Any) -> tuple[dict[str, jax.Array], jax.Array]:
        content = content_target(params, image, **how)
        return content, loss_parts(image, params, Targets(content, grams), **how).style / COMPARED.style_weight

    found = [[measure(params, image, gram) for image in images] for gram in grams]
    features = {tap: np.stack([content[tap] for content, _ in found[0]]) for tap in COMPARED.content_layers}
    one = {tap: float(np.mean((value - np.roll(value, 1, 0)) ** 2)) for tap, value in features.items()}
    rough = 5e-5 / one["relu3_3"] * (256 / (FIRST if stage == "first" else SECOND).size) ** 2
    rows, targets = [], []
    for count in COUNTS[stage]:
        for gram, terms in zip(grams, found, strict=True):
            weight = count / np.mean([style for _, style in terms])
            rows.append(({"relu1_1": 0.0, "relu3_3": 1 / one["relu3_3"]}, dict.fromkeys(COMPARED.style_layers, weight), rough))
            targets.append(gram)
    finest = 1.0 if stage == "first" else 3.0
    kept = {"relu1_1": finest / one["relu1_1"], "relu3_3": 1 / one["relu3_3"]}
    rows.append((kept, dict.fromkeys(COMPARED.style_layers, 0.0), rough))
    targets.append(grams[0])
    weights = [jax.tree.map(jnp.float32, TermWeights(*row)) for row in rows]
    grams, together = (jax.tree.map(lambda *leaves: jnp.stack(leaves), *parts) for parts in (targets, weights))
    return Lesson(photographs, params, grams, together, {})


def train(stage: str, photos: Path, start: Path | None, steps: int, size: int | None) -> StyleFile:
    """One stage; the network after its last step."""
    recipe = FIRST if stage == "first" else SECOND
    recipe = replace(recipe, size=size or recipe.size)
    if jax.default_backend() == "cpu":
        recipe = replace(recipe, precision="float32")
    pictures = [load(path, argument="photos") for path in sorted(photos.glob("*.jpg"))]
    taught = lesson(gathered(pictures, ROOM), load_weights("vgg19"), stage, recipe.precision)
    names = [f"{name} {count:g}" for count in COUNTS[stage] for name in STYLES] + [PHOTOGRAPH]
    if start is None:
        learned = Learned(initial(WIDTH, recipe.seed), jnp.tile(WIDTH.plain_style(), (len(names), 1)))
    else:
        network = read(start).network
        rows = jnp.asarray([*range(len(STYLES)), network.names.index(PHOTOGRAPH)])
        learned = Learned(dict(network.kernels), network.styles[rows])
    state, course, began = begin(learned, recipe), [], time.monotonic()
    advance = jax.jit(partial(step, recipe=recipe), donate_argnums=0)
    found = []
    for count in range(1, steps + 1):
        state, losses = advance(state, taught, jnp.float32(steps))
        found.append(losses)
        if count % 25 == 0 or count == steps:
            course.append([count, *(float(np.mean(part)) for part in zip(*jax.device_get(found), strict=True))])
            found = []
            print(*(f"{value:.4g}" for value in course[-1]), f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    network = StyleNetwork(state.learned.kernels, state.learned.styles, WIDTH, tuple(names), ORIGIN, "CC0-1.0")
    return StyleFile(network, {}, {"stage": stage, "steps": steps, "losses": course})


def pack(path: Path, out: Path) -> None:
    """The file in the box: codebooks, plain names, thumbnails."""
    file = read(path)
    names = (*STYLES, PHOTOGRAPH)
    network = replace(file.network, names=names, origin=ORIGIN, licence="CC0-1.0")
    thumbnails = {name: np.rint(np.asarray(square(name, 64)) * 255).clip(0, 255).astype(np.uint8) for name in STYLES}
    write(out, StyleFile(network, thumbnails, file.training), codebooks=True)
    print(f"{out} {out.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*STEPS, "pack"])
    parser.add_argument("source", type=Path, help="the photographs, or the network to pack")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--start", type=Path)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--size", type=int)
    options = parser.parse_args()
    if options.what == "pack":
        pack(options.source, options.out)
        return
    keep_pages()
    steps = options.steps or STEPS[options.what]
    write(options.out, train(options.what, options.source, options.start, steps, options.size))


if __name__ == "__main__":
    main()
