"""Photographs by a style network, by the optimisation and by a domain network, side by side with their seconds.

    python -m bench.studies.beside [CONTENT ...] [--style starry_night ...] [--size 400] [--evaluations 60 300] [--domains FILE]

A line for each photograph, a file or a sample's name, with the style that stands at its place; several photographs are shown
first in their lines. Seconds are of a second run in the process, without compilation, which takes some seconds once for each
size.
"""

import argparse
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import jaxstyle
from bench.machine import describe, in_words
from bench.pictures import SAMPLES

GAP = 8


def timed(paint: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    """What a network paints, and its seconds without compilation."""
    paint()
    began = time.perf_counter()
    return paint(), time.perf_counter() - began


def line(content: str, style: str, options: argparse.Namespace) -> dict[str, tuple[np.ndarray, float]]:
    """Pictures and seconds: the style network's, the optimisation's, and the domain network's where there is one."""
    size = options.size
    found = {"network": timed(lambda: jaxstyle.apply_style(content, style=style, size=size).image)}
    for count in options.evaluations:
        how: Any = dict(size=size, evaluations=count, strength=options.strength)
        result = jaxstyle.stylize(content, str(SAMPLES / f"{style.removesuffix('-strong')}.jpg"), **how)
        found[f"{count} evaluations"] = result.image, result.record["seconds"]["solve"]
    if options.domains:
        found["domain network"] = timed(lambda: jaxstyle.apply_domains(content, options.domains, size=size).image)
    return found


def shown(content: str, like: np.ndarray) -> np.ndarray:
    """A photograph as large as what was made of it."""
    with Image.open(content) as image:
        small = image.convert("RGB").resize(like.shape[1::-1], Image.Resampling.LANCZOS)
    return np.asarray(small, np.float32) / 255


def sheet(lines: list[list[np.ndarray]]) -> Image.Image:
    """Lines of pictures, one above the other."""
    tall, wide = (max(image.shape[axis] for images in lines for image in images) for axis in (0, 1))
    whole = Image.new("RGB", (len(lines[0]) * (wide + GAP) - GAP, len(lines) * (tall + GAP) - GAP), "white")
    for y, images in enumerate(lines):
        for x, image in enumerate(images):
            whole.paste(Image.fromarray(np.rint(image * 255).astype(np.uint8)), (x * (wide + GAP), y * (tall + GAP)))
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contents", metavar="CONTENT", nargs="*", default=["chelsea"])
    parser.add_argument("--style", nargs="+", default=["starry_night"])
    parser.add_argument("--size", type=int, default=400)
    parser.add_argument("--evaluations", type=int, nargs="+", default=[60, 300])
    parser.add_argument("--strength", type=float, help="of the optimisation (default: by its weights)")
    parser.add_argument("--domains", help="a file of `jaxstyle domains train`")
    parser.add_argument("--quality", type=int, default=88, help="of the JPEG")
    parser.add_argument("-o", "--out", default="beside.jpg")
    options = parser.parse_args()
    if len(options.style) > len(options.contents):
        parser.error("there are more styles than photographs")
    jaxstyle.keep_pages()
    print(in_words(describe()), flush=True)
    lines = []
    for given, style in zip(options.contents, cycle(options.style), strict=False):
        content = given if Path(given).exists() else str(SAMPLES / f"{given}.jpg")
        made = line(content, style, options)
        images = [image for image, _ in made.values()]
        took = ", ".join(f"{name} {seconds:.2f} s" for name, (_, seconds) in made.items())
        print(f"{Path(given).stem} x {style}, {images[0].shape[1]}x{images[0].shape[0]}: {took}", flush=True)
        lines.append([shown(content, images[0]), *images] if len(options.contents) > 1 else images)
        sheet(lines).save(options.out, quality=options.quality)


if __name__ == "__main__":
    main()
