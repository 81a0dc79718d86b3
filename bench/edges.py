"""Frames along the border, grids of the pools, and specks: what a picture has that neither its content nor its style explains.

    python -m bench.edges CONTENT STYLE [--sizes 160,256] [--evaluations 60] [--padding zero,reflect,replicate] [--sheet FILE]

For every size, padding and pooling, from the content, and from noise without a content, where every place is like any other:

- frame: how far the mean colour of a frame, 1/16 of the longer side wide, lies from that of the inside, in deviations of the
  inside's colour; of the change from the content, so that its own sky does not count. Then the same of the outermost 2 pixels.
- grid: power of brightness at the frequencies of the pools (every 2, 4, 8 pixels, along rows or columns) over the mean of the
  frequencies beside them. 1 is no grid.
- outside: the share of values outside [0, 1] before they are clipped, and how much likelier the neighbour of one is another.

`--padding` is an experiment: jaxstyle pads its convolutions with zeros, as the networks were trained.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax.numpy as jnp
import numpy as np
from PIL import Image

import jaxstyle
from bench.machine import describe, in_words
from jaxstyle.machine import compiler
from jaxstyle.network import vgg

LUMINANCE = np.array([0.299, 0.587, 0.114])
PERIODS = (2, 4, 8)
MODES = {"reflect": "reflect", "replicate": "edge"}


@contextmanager
def padding(name: str) -> Iterator[None]:
    """Within it, every convolution's input is continued beyond its border."""
    known = vgg.conv3x3
    compiler._kept.clear()  # whose programs were compiled for another padding

    def continued(x: Any, kernel: Any, precision: str) -> Any:
        around = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), MODES[name])
        return jnp.asarray(known(around, kernel, precision))[:, 1:-1, 1:-1]

    vgg.conv3x3 = known if name == "zero" else continued  # pyright: ignore[reportPrivateImportUsage]
    try:
        yield
    finally:
        vgg.conv3x3 = known  # pyright: ignore[reportPrivateImportUsage]


def frame(change: np.ndarray, width: int) -> float:
    """Distance of the mean colour of a frame of (H, W, 3) from that of the inside, in the inside's deviations."""
    inside = np.zeros(change.shape[:2], bool)
    inside[width:-width, width:-width] = True
    between = change[~inside].mean(0) - change[inside].mean(0)
    return float(np.sqrt(np.mean((between / change[inside].std(0)) ** 2)))


def grid(image: np.ndarray, period: int) -> float:
    """Power of brightness at a pool's frequency over that beside it, the larger of rows and columns."""
    found = []
    for lines in (image @ LUMINANCE, (image @ LUMINANCE).T):
        lines = lines[:, : lines.shape[1] // 8 * 8]
        power = np.mean(np.abs(np.fft.rfft(lines - lines.mean(1, keepdims=True), axis=1)) ** 2, axis=0)
        at = lines.shape[1] // period
        beside = [k for k in range(at - 3, at + 4) if k != at and k < len(power)]
        found.append(power[at] / np.mean(power[beside]))
    return float(max(found))


def outside(image: np.ndarray) -> tuple[float, float]:
    """Share of clipped values of (H, W, 3), and how much likelier the neighbour of one is another; (0, 1) for none."""
    clipped = (image <= 0) | (image >= 1)
    if not clipped.any():
        return 0.0, 1.0
    pairs = np.mean([(clipped[1:] & clipped[:-1]).mean(), (clipped[:, 1:] & clipped[:, :-1]).mean()])
    return float(clipped.mean()), float(pairs / clipped.mean() ** 2)


def measured(image: np.ndarray, content: np.ndarray) -> str:
    """The cells of a row of the table."""
    change, (share, together) = image - content, outside(image)
    frames = f"{frame(change, max(image.shape) // 16):.2f}, {frame(change, 2):.2f}"
    return f"{frames} | {', '.join(f'{grid(image, period):.2f}' for period in PERIODS)} | {share:.2%}, {together:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("content")
    parser.add_argument("style")
    parser.add_argument("--sizes", default="160,256")
    parser.add_argument("--evaluations", type=int, default=60)
    parser.add_argument("--padding", default="zero,reflect,replicate")
    parser.add_argument("--pooling", default="max,avg")
    parser.add_argument("--starts", default="content,noise")
    parser.add_argument("--sheet", help="a picture of all results of the last size")
    options = parser.parse_args()
    jaxstyle.keep_pages()
    print(in_words(describe()))
    print("| size | padding | pooling | start | frame, 2 px | grid 2, 4, 8 | outside, together |\n" + "|---" * 7 + "|")
    shown = []
    for size in map(int, options.sizes.split(",")):
        with Image.open(options.content) as picture:
            photograph = picture.convert("RGB")
        photograph.thumbnail((size, size))
        given, shown = np.asarray(photograph), []
        for pad, pooling, start in (
            (a, b, c) for a in options.padding.split(",") for b in options.pooling.split(",") for c in options.starts.split(",")
        ):
            how: Any = dict(init=start, pooling=pooling, size=size, evaluations=options.evaluations)
            with padding(pad):
                if start == "noise":
                    how["content_weight"] = 0.0
                image = jaxstyle.stylize(given, options.style, **how).image
            content = given / 255 if start == "content" else np.zeros_like(image)
            print(f"| {size} | {pad} | {pooling} | {start} | {measured(image, content)} |", flush=True)
            shown.append(np.round(image * 255).astype(np.uint8))
    if options.sheet:
        height, width, _ = shown[0].shape
        across = len(options.pooling.split(",")) * len(options.starts.split(","))
        sheet = Image.new("RGB", (across * (width + 8), -(-len(shown) // across) * (height + 8)), "white")
        for k, image in enumerate(shown):
            sheet.paste(Image.fromarray(image), (k % across * (width + 8), k // across * (height + 8)))
        sheet.save(options.sheet)


if __name__ == "__main__":
    main()
