"""Photographs by a style network and by the optimisation, side by side with their seconds.

    python -m bench.beside [CONTENT ...] [--style starry_night ...] [--size 400] [--evaluations 60 300] [-o beside.jpg]

A line for each photograph, a file or a sample's name, with the style that stands at its place; several photographs are shown
first in their lines. Seconds are of a second run in the process, without compilation, which takes some seconds once for each
size.
"""

import argparse
import time
from itertools import cycle
from pathlib import Path

import numpy as np
from PIL import Image

import jaxstyle
from bench.machine import describe, in_words
from bench.pictures import SAMPLES

GAP = 8


def line(content: str, style: str, size: int, evaluations: list[int]) -> tuple[list[np.ndarray], list[float]]:
    """The network's picture and the optimisation's, and their seconds."""

    def paint() -> np.ndarray:
        return jaxstyle.apply_style(content, style=style, size=size).image

    paint()
    began = time.perf_counter()
    images, seconds = [paint()], [time.perf_counter() - began]
    for count in evaluations:
        result = jaxstyle.stylize(content, str(SAMPLES / f"{style}.jpg"), size=size, evaluations=count)
        images.append(result.image)
        seconds.append(result.record["seconds"]["solve"])
    return images, seconds


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
    parser.add_argument("--quality", type=int, default=88, help="of the JPEG")
    parser.add_argument("-o", "--out", default="beside.jpg")
    options = parser.parse_args()
    jaxstyle.keep_pages()
    print(in_words(describe()), flush=True)
    lines = []
    for given, style in zip(options.contents, cycle(options.style), strict=False):
        content = given if Path(given).exists() else str(SAMPLES / f"{given}.jpg")
        images, seconds = line(content, style, options.size, options.evaluations)
        names = ["network", *(f"{count} evaluations" for count in options.evaluations)]
        took = ", ".join(f"{name} {each:.2f} s" for name, each in zip(names, seconds, strict=True))
        print(f"{Path(given).stem} x {style}, {images[0].shape[1]}x{images[0].shape[0]}: {took}", flush=True)
        lines.append([shown(content, images[0]), *images] if len(options.contents) > 1 else images)
        sheet(lines).save(options.out, quality=options.quality)


if __name__ == "__main__":
    main()
