"""Whether a small picture foretells a large one: one pair at several sizes, everything else default, compared at the smallest.

    python -m bench.studies.sizes [--sizes 256,512] [--scales 1,auto] [--pairs coffee:the_scream,...] [--alike] [--sheet FILE]

Every picture is brought to the smallest size as a style would be. Of two such pictures:

- Gram: the style loss of the first, on the canonical scale, with the second in the place of the style, in thousands;
- SSIM: of their luminance after a Gaussian blur of 1/64 of the longest side: 1 where they are the same;
- change: the correlation of what was painted, that is of their differences from the photograph, blurred so.

The measure is what the seed does: two pictures at the smallest size that differ in a tenth of noise at the start. The promise
holds where a larger picture is nearer to the small one than these are to each other.
"""

import argparse
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

import jaxstyle
from bench.machine import describe, in_words
from bench.pictures import SAMPLES

LUMA = np.array([0.299, 0.587, 0.114])
BLUR = 1 / 64
"""Deviation of the blur, of the longest side."""
ALIKE = 3 / 2, 5 / 4
"""Aspects of contents and styles that are cropped."""


def picture(path: Path, aspect: float | None) -> np.ndarray:
    """A picture, uint8 (H, W, 3); the middle of it that has this aspect, if any is given."""
    with Image.open(path) as image:
        rgb = np.asarray(image.convert("RGB"))
    if aspect is None:
        return rgb
    height, width = rgb.shape[:2]
    size = (min(width, round(height * aspect)), min(height, round(width / aspect)))
    left, top = ((whole - part) // 2 for whole, part in zip((width, height), size, strict=True))
    return rgb[top : top + size[1], left : left + size[0]]


def at(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """An image (H, W, 3) in [0, 1] at (width, height), by the filter that brings styles to their size."""
    planes = [Image.fromarray(image[..., c].astype(np.float32)).resize(size, Image.Resampling.BILINEAR) for c in range(3)]
    return np.stack([np.asarray(plane) for plane in planes], axis=-1)


def blurred(plane: np.ndarray, deviation: float) -> np.ndarray:
    """A Gaussian blur of (H, W), mirrored at the border."""
    radius = int(3 * deviation + 1)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / deviation) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        padding = [(radius, radius) if a == axis else (0, 0) for a in (0, 1)]
        padded = np.pad(plane, padding, mode="symmetric")
        plane = np.apply_along_axis(np.convolve, axis, padded, kernel, mode="valid")
    return plane


def luminance(image: np.ndarray) -> np.ndarray:
    """Of an image (H, W, 3), blurred by `BLUR`: (H, W)."""
    return blurred(image @ LUMA, BLUR * max(image.shape))


def ssim(a: np.ndarray, b: np.ndarray, deviation: float = 1.5) -> float:
    """The mean structural similarity of two planes (H, W) in [0, 1] (Wang et al., 2004, with its Gaussian window)."""
    mean_a, mean_b = blurred(a, deviation), blurred(b, deviation)
    var_a, var_b = blurred(a * a, deviation) - mean_a**2, blurred(b * b, deviation) - mean_b**2
    both = blurred(a * b, deviation) - mean_a * mean_b
    one, two = 0.01**2, 0.03**2
    below = (mean_a**2 + mean_b**2 + one) * (var_a + var_b + two)
    return float(np.mean((2 * mean_a * mean_b + one) * (2 * both + two) / below))


@jax.jit
def style_loss(params: Any, a: jax.Array, b: jax.Array) -> jax.Array:
    """The style loss of `a` with `b` as the style, canonical."""
    return jaxstyle.loss_parts(a, params, jaxstyle.make_targets(params, a, [b])).style


class Compared:
    """Compares pictures of one size with the photograph's and with each other."""

    def __init__(self, content: np.ndarray):
        self._params, self.content = jaxstyle.load_weights(), content

    def grams(self, a: np.ndarray, b: np.ndarray) -> float:
        """The style loss of `a` with `b` as the style, canonical, in thousands."""
        return float(style_loss(self._params, jnp.asarray(a, jnp.float32), jnp.asarray(b, jnp.float32))) / 1e3

    def __call__(self, a: np.ndarray, b: np.ndarray) -> tuple[float, float, float]:
        """Gram, SSIM and change of two pictures."""
        planes = [luminance(image) for image in (a, b, self.content)]
        changes = [plane - planes[2] for plane in planes[:2]]
        return self.grams(a, b), ssim(planes[0], planes[1]), float(np.corrcoef(changes[0].ravel(), changes[1].ravel())[0, 1])


def levels(image: np.ndarray) -> Image.Image:
    """An image (H, W, 3) in [0, 1] as a picture."""
    return Image.fromarray(np.round(np.clip(image, 0, 1) * 255).astype(np.uint8))


def compare(
    name: str, content: np.ndarray, style: np.ndarray, sizes: list[int], scales: list[str], options: dict[str, Any]
) -> list[list[Image.Image]]:
    """Prints the rows of a pair; gives its pictures at the smallest size, a row for each of `scales`."""

    def made(**more: Any) -> jaxstyle.Result:
        return jaxstyle.stylize(content, style, **options, **more)

    seeds = [made(size=sizes[0], noise_ratio=0.1, seed=seed).image for seed in (1, 2)]
    small = seeds[0].shape[1::-1]
    compared = Compared(at(content / 255, small))
    sides = [round(side * max(small) / max(style.shape)) for side in style.shape[1::-1]]
    own = at(style / 255, (sides[0], sides[1]))

    def row(*cells: Any) -> None:
        print("| " + " | ".join(map(str, (name, *cells))) + " |", flush=True)

    def numbers(a: np.ndarray, b: np.ndarray) -> list[str]:
        grams, structure, change = compared(a, b)
        return [f"{grams:.0f}", f"{structure:.3f}", f"{change:.3f}", f"{compared.grams(a, own):.0f}"]

    row("", "two seeds", *numbers(*seeds), "", "")
    rows = []
    for several in scales:
        brought: list[np.ndarray] = []
        for size in sizes:
            result = made(size=size, scales=several)
            brought.append(at(result.image, small))
            seconds, loss = result.record["seconds"]["solve"], result.loss["total"] / 1e3
            row(several, size, *numbers(brought[-1], brought[0]), f"{loss:.0f}", f"{seconds:.0f}")
        rows.append([levels(image) for image in brought])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="96,192,384", help="longest sides, the smallest first")
    parser.add_argument("--scales", default="1,auto")
    parser.add_argument("--pairs", default="coffee:the_scream,chelsea:starry_night", help="samples")
    parser.add_argument("--alike", action="store_true", help="crop all to one shape, so that pairs share their programs")
    parser.add_argument("--evaluations", type=int)
    parser.add_argument("--sheet", help="a picture of all results at the smallest size, a row for each pair and scales")
    options = parser.parse_args()
    jaxstyle.keep_pages()
    print(in_words(describe()))
    print("| pair | scales | size | Gram | SSIM | change | Gram to the style | loss | s |\n|---|---|---|" + "---:|" * 6)
    rows: list[list[Image.Image]] = []
    for content, style in (pair.split(":") for pair in options.pairs.split(",")):
        aspects = ALIKE if options.alike else (None, None)
        pictures = picture(SAMPLES / f"{content}.jpg", aspects[0]), picture(SAMPLES / f"{style}.jpg", aspects[1])
        sizes, how = [int(size) for size in options.sizes.split(",")], {"evaluations": options.evaluations}
        rows += compare(f"{content} x {style}", *pictures, sizes, options.scales.split(","), how)
    if options.sheet:
        width, height = (max(image.size[axis] for row in rows for image in row) + 4 for axis in (0, 1))
        sheet = Image.new("RGB", (width * len(rows[0]) - 4, height * len(rows) - 4), "white")
        for y, row in enumerate(rows):
            for x, image in enumerate(row):
                sheet.paste(image, (x * width, y * height))
        sheet.save(options.sheet, quality=85)


if __name__ == "__main__":
    main()
