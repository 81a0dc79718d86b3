"""Frames along the border, grids of the pools, and specks: what a picture has that neither its content nor its style explains.

    python -m bench.studies.edges CONTENT STYLE [--sizes 160,256] [--padding zero,reflect] [--evaluations 60] [--sheet FILE]

For every size, pooling and padding, from the content, and from noise without a content, where every place is like any other:

- frame: how far the mean colour of a frame, 1/16 of the longer side wide, lies from that of the inside, in deviations of the
  inside's colour; of the change from the content, so that its own sky does not count.
- step: how far the mean of the outermost 2 pixels of a side lies from that of the next 6, in deviations of the change; the
  largest of the four sides, which may cancel in a frame.
- along: the differences of brightness across a border's outermost 6 pixels over those along it, the same ratio further inside
  being 1; the largest of the four sides. More than 1 is strokes that run along the border.
- grid: power of brightness at the frequencies of the pools (every 2, 4, 8 pixels, along rows or columns) over the mean of the
  frequencies beside them. 1 is no grid.
- outside: the share of values outside [0, 1] before they are clipped, and how much likelier the neighbour of one is another.

The loss is the canonical one, in thousands, which is read with the same padding.
"""

import argparse
from itertools import product
from typing import Any

import numpy as np
from PIL import Image

import jaxstyle
from bench.machine import describe, in_words

LUMINANCE = np.array([0.299, 0.587, 0.114])
PERIODS = (2, 4, 8)
COLUMNS = ("size", "pooling", "padding", "start", "frame", "step", "along", "grid 2, 4, 8", "outside, together", "loss")


def frame(change: np.ndarray, width: int) -> float:
    """Distance of the mean colour of a frame of (H, W, 3) from that of the inside, in the inside's deviations."""
    inside = np.zeros(change.shape[:2], bool)
    inside[width:-width, width:-width] = True
    between = change[~inside].mean(0) - change[inside].mean(0)
    return float(np.sqrt(np.mean((between / change[inside].std(0)) ** 2)))


def sides(image: np.ndarray) -> list[np.ndarray]:
    """The picture (H, W, ...) turned so that each of its sides comes first."""
    return [np.rot90(image, turns) for turns in range(4)]


def step(change: np.ndarray) -> float:
    """Of (H, W, 3): the largest distance of a side's outermost 2 pixels from the next 6, in deviations of the whole."""
    between = [side[:2].mean((0, 1)) - side[2:8].mean((0, 1)) for side in sides(change)]
    return float(max(np.sqrt(np.mean((part / change.std((0, 1))) ** 2)) for part in between))


def along(image: np.ndarray) -> float:
    """How much more brightness changes across the border of (H, W, 3) than along it, where both do alike inside."""

    def ratio(strip: np.ndarray) -> float:
        return np.abs(np.diff(strip, axis=0)).mean() / np.abs(np.diff(strip, axis=1)).mean()

    return float(max(ratio(side[:6]) / ratio(side[12:60]) for side in sides(image @ LUMINANCE)))


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
    border = f"{frame(change, max(image.shape) // 16):.2f} | {step(change):.2f} | {along(image):.2f}"
    return f"{border} | {', '.join(f'{grid(image, period):.2f}' for period in PERIODS)} | {share:.2%}, {together:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("content")
    parser.add_argument("style")
    parser.add_argument("--sizes", default="160,256")
    parser.add_argument("--evaluations", type=int, default=60)
    parser.add_argument("--pooling", default="max")
    parser.add_argument("--padding", default="zero,reflect,replicate")
    parser.add_argument("--starts", default="content,noise")
    parser.add_argument("--scales", default="1", help="as of jaxstyle stylize")
    parser.add_argument("--memory", default="auto", help="as of jaxstyle stylize")
    parser.add_argument("--sheet", help="a picture of all results of the last size")
    options = parser.parse_args()
    starts = options.starts.split(",")
    jaxstyle.keep_pages()
    print(in_words(describe()))
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    shown = []
    for size in map(int, options.sizes.split(",")):
        with Image.open(options.content) as picture:
            photograph = picture.convert("RGB")
        photograph.thumbnail((size, size))
        given, shown = np.asarray(photograph), []
        for pooling, padding, start in product(options.pooling.split(","), options.padding.split(","), starts):
            how: Any = dict(init=start, pooling=pooling, padding=padding, size=size, evaluations=options.evaluations)
            how |= {"scales": options.scales, "memory": options.memory}
            how |= {"content_weight": 0.0} if start == "noise" else {}
            result = jaxstyle.stylize(given, options.style, **how)
            image = result.image
            height, width, _ = image.shape
            enlarged = np.asarray(photograph.resize((width, height))) / 255  # where it has fewer pixels
            content = enlarged if start == "content" else np.zeros_like(image)
            cells = f"| {size} | {pooling} | {padding} | {start} | {measured(image, content)}"
            print(f"{cells} | {result.loss['total'] / 1e3:.4g} |", flush=True)
            shown.append(np.round(image * 255).astype(np.uint8))
    if options.sheet:
        height, width, _ = shown[0].shape
        sheet = Image.new("RGB", (len(starts) * (width + 8), len(shown) // len(starts) * (height + 8)), "white")
        for k, image in enumerate(shown):
            sheet.paste(Image.fromarray(image), (k % len(starts) * (width + 8), k // len(starts) * (height + 8)))
        sheet.save(options.sheet)


if __name__ == "__main__":
    main()
