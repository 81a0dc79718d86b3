"""Trains `weights/styles.safetensors`, the style network in the box; how it went is in weights/README.md.

    python weights/photographs.py UNPACKED_PACKAGE -o photographs
    python weights/styles.py train photographs -o trained.safetensors --minutes 8
    python weights/styles.py pack trained.safetensors -o weights/styles.safetensors
    python weights/styles.py sheet weights/styles.safetensors -o weights/styles.jpg

It learns every style twice, and the photograph as it is. The plain styles are balanced as one would show them: at the start a
style's loss counts `SHOWN` times the content. The strong ones are balanced as the canonical loss is, which is what the
optimisation minimises: 400 to 26,000 times.
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

from jaxstyle import apply_style, keep_pages, load_weights
from jaxstyle.loss.objective import Targets, TermWeights, content_target, loss_parts, style_target
from jaxstyle.loss.presets import canonical_of
from jaxstyle.machine.compiler import Compiler
from jaxstyle.machine.devices import training_precision
from jaxstyle.network.vgg import Params
from jaxstyle.pictures.read import load, to_bytes
from jaxstyle.styles.model import WIDTHS, initial
from jaxstyle.styles.network import PHOTOGRAPH, StyleFile, StyleNetwork, read, write
from jaxstyle.styles.step import OBJECTIVE, Learned, Recipe, State, TrainingData, init_state, step
from jaxstyle.training.photographs import Photographs, random_crops, stack_photographs

STYLES = ("swirls", "glass", "waves", "starry_night", "the_scream", "shipwreck")
STRONG = "-strong"
"""At the end of a strong style's name."""
NAMES = (*STYLES, *(f"{name}{STRONG}" for name in STYLES), PHOTOGRAPH)
SAMPLES = Path(__file__).resolve().parents[1] / "jaxstyle" / "samples"
WIDTH = WIDTHS["full"]
CONTENT = {"relu3_3": 0.6, "relu4_2": 0.4}
"""Of a plain style: shares of the content's layers."""
COMPARED = replace(OBJECTIVE, content_layers={"relu1_1": 1.0, **CONTENT})
SHOWN = 10.0
REACH = 60.0
"""What a strong style counts at the start; its content counts less than that of a plain one, so that the steps are alike."""
ROOM = 256
"""Photographs are kept for crops of this size, and styles are half as large again."""
RECIPE = Recipe(WIDTH, COMPARED, size=256, batch=4, learning_rate=2e-3)
ORIGIN = "trained by jaxstyle's weights/styles.py on 69 photographs in the public domain, under CC0 or CC-BY"
EVERY = 100
"""Steps between two points of the course."""


def square(name: str, side: int) -> jax.Array:
    """The middle of a style picture."""
    image = Image.open(SAMPLES / f"{name}.jpg").convert("RGB")
    factor = side / min(image.size)
    size = [round(s * factor) for s in image.size]
    pixels = np.asarray(image.resize(size, Image.Resampling.LANCZOS), np.float32) / 255  # pyright: ignore[reportArgumentType]
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return jnp.asarray(pixels[top : top + side, left : left + side])


def training_data(photographs: Photographs, params: Params, recipe: Recipe) -> TrainingData:
    """All styles in the order of `NAMES`, and what they count."""
    how: Any = dict(objective=COMPARED, precision=recipe.precision)
    compiler = Compiler()
    pictures = [square(name, round(1.5 * ROOM)) for name in STYLES]
    target = compiler.compile(partial(style_target, **how), params, pictures[0], key=("target",))
    grams = [target(params, picture) for picture in pictures]
    images = jax.jit(random_crops, static_argnums=(2, 3))(jax.random.key(7), photographs, 8, ROOM)

    def measured(params: Params, image: jax.Array, other: jax.Array, grams: Any) -> tuple[Any, Any, Any, Any]:
        """Content by layer, style, and both on the canonical scale."""
        features, others = (content_target(params, one, **how) for one in (image, other))
        content = {tap: jnp.mean((features[tap] - others[tap]) ** 2) for tap in COMPARED.content_layers}
        found = loss_parts(image, params, Targets(features, grams), **how).style / COMPARED.style_weight
        usual: Any = dict(objective=canonical_of(COMPARED))
        canonical = loss_parts(image, params, Targets(content_target(params, other, **usual), grams), **usual)
        return content, found, canonical.content, canonical.style

    measure = compiler.compile(measured, params, images[0], images[1], grams[0], key=("measured",))
    found = [[measure(params, image, other, gram) for image, other in zip(images, images[::-1], strict=True)] for gram in grams]
    one = {tap: float(np.mean([content[tap] for content, *_ in found[0]])) for tap in COMPARED.content_layers}
    rough = 5e-5 / one["relu3_3"] * (256 / recipe.size) ** 2
    nothing = dict.fromkeys(COMPARED.content_layers, 0.0)
    plain, strong = [], []
    for terms in found:
        style, content_scale, style_scale = (float(np.mean([term[k] for term in terms])) for k in (1, 2, 3))
        shares = {tap: share / one[tap] for tap, share in CONTENT.items()}
        plain.append(({**nothing, **shares}, dict.fromkeys(COMPARED.style_layers, SHOWN / style), rough))
        share = REACH * content_scale / style_scale
        strong.append(
            ({**nothing, "relu4_2": share / one["relu4_2"]}, dict.fromkeys(COMPARED.style_layers, REACH / style), rough)
        )
    kept = {**nothing, "relu1_1": 3 / one["relu1_1"], "relu3_3": 1 / one["relu3_3"]}
    rows = [*plain, *strong, (kept, dict.fromkeys(COMPARED.style_layers, 0.0), rough)]
    weights = [jax.tree.map(jnp.float32, TermWeights(*row)) for row in rows]
    targets = [*grams, *grams, grams[0]]
    grams, together = (jax.tree.map(lambda *leaves: jnp.stack(leaves), *parts) for parts in (targets, weights))
    return TrainingData(photographs, params, grams, together, {})


def as_file(state: State, course: list[list[float]], seconds: float) -> StyleFile:
    """The average over the steps, and how it came about."""
    network = StyleNetwork(state.average.kernels, state.average.styles, WIDTH, NAMES, ORIGIN, "CC0-1.0")
    about = {"steps": int(state.step), "seconds": round(seconds, 1), "losses": course[:: -(-len(course) // 200)]}
    return StyleFile(network, {}, about | {"device": jax.devices()[0].device_kind})


def train(photos: Path, recipe: Recipe, minutes: float, start: Path | None, out: Path) -> None:
    """Steps for this time, from the first values or from a network; the network is written every minute, and at the end."""
    pictures = [load(path, argument="photos") for path in sorted(photos.glob("*.jpg"))]
    data = training_data(stack_photographs(pictures, ROOM), load_weights("vgg19"), recipe)
    if start is None:
        learned = Learned(initial(WIDTH, recipe.seed), jnp.tile(WIDTH.plain_style(), (len(NAMES), 1)))
    else:
        network = read(start).network
        if network.names != NAMES or network.widths != WIDTH:
            raise SystemExit(f"{start} has other styles than this script trains: {', '.join(network.names)}")
        learned = Learned(dict(network.kernels), network.styles)
    state, course, found = init_state(learned, recipe), [], []
    steps = jnp.float32(jnp.inf)
    advance = Compiler().compile(partial(step, recipe=recipe), state, data, steps, key=("step", recipe), donate=(0,))
    began, kept = time.monotonic(), 0.0
    while (elapsed := time.monotonic() - began) < 60 * minutes:
        for _ in range(EVERY):
            state, losses = advance(state, data, steps)
            found.append(losses)
        means = [float(np.mean(part)) for part in zip(*jax.device_get(found), strict=True)]
        before, elapsed, found = elapsed, time.monotonic() - began, []
        course.append([int(state.step), *means])
        # The rate falls to zero with the last step, whatever the speed turns out to be.
        steps = jnp.float32(int(state.step) + EVERY * max(0.0, 60 * minutes - elapsed) / (elapsed - before))
        print(*(f"{value:.4g}" for value in course[-1]), f"of {float(steps):.0f}, {elapsed:.0f} s", file=sys.stderr, flush=True)
        if elapsed - kept > 60:
            write(out, as_file(state, course, elapsed))
            kept = elapsed
    write(out, as_file(state, course, time.monotonic() - began))


def pack(path: Path, out: Path) -> None:
    """The file in the box: codebooks, and thumbnails of plain styles; what strong ones do is shown by `apply --list`."""
    file = read(path)
    thumbnails = {name: np.rint(np.asarray(square(name, 64)) * 255).clip(0, 255).astype(np.uint8) for name in STYLES}
    write(out, StyleFile(file.network, thumbnails, file.training), codebooks=True)
    print(f"{out} {out.stat().st_size / 1e6:.2f} MB")


def sheet(path: Path, out: Path, size: int = 420) -> None:
    """Two photographs in all styles, the strong ones below, each half as large as it was painted."""
    gap, lines = 6, []
    for photograph in ("chelsea", "coffee"):
        for names in (STYLES, [f"{name}{STRONG}" for name in STYLES]):
            made = [apply_style(SAMPLES / f"{photograph}.jpg", path, style=name, size=size).image for name in names]
            small = [np.asarray(Image.fromarray(to_bytes(image)).reduce(2)) for image in made]
            white: Any = dict(pad_width=((0, gap), (0, gap), (0, 0)), constant_values=255)
            lines.append(np.concatenate([np.pad(image, **white) for image in small], 1))
    whole = np.concatenate(lines)[:-gap, :-gap]
    Image.fromarray(whole).save(out, quality=78)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "pack", "sheet"])
    parser.add_argument("source", type=Path, help="the photographs, or the network to pack or to show")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="a network of this script to go on from")
    parser.add_argument("--minutes", type=float, default=8, help="of steps (default: 8)")
    parser.add_argument("--size", type=int, default=RECIPE.size, help="pixels a side of the crops (default: 256)")
    parser.add_argument("--batch", type=int, default=RECIPE.batch, help="crops a step (default: 4)")
    parser.add_argument("--rate", type=float, default=RECIPE.learning_rate, help="Adam's (default: 0.002)")
    options = parser.parse_args()
    keep_pages()
    if options.what != "train":
        {"pack": pack, "sheet": sheet}[options.what](options.source, options.out)
        return
    size, batch = options.size, options.batch
    recipe = replace(RECIPE, size=size, batch=batch, learning_rate=options.rate, precision=training_precision())
    train(options.source, recipe, options.minutes, options.start, options.out)


if __name__ == "__main__":
    main()
