"""The identity test: a painting is content and style at once, the start is noise. How much of the painting comes back?

    python -m bench.studies.identity [--size 144x96] [--evaluations 60] [--metrics whitened,plain] [--sheet identity.png]

For each painting and metric: the peak signal-to-noise ratio and the structural similarity (Wang et al., IEEE Transactions
on Image Processing 13, 2004) of the result with the painting, and the canonical losses of style and content.
"""

import argparse

import numpy as np
import scipy.ndimage
from PIL import Image

import jaxstyle
from bench.machine import describe, in_words
from bench.pictures import sample

PAINTINGS = ("starry_night", "the_scream", "shipwreck")


def psnr(image: np.ndarray, wanted: np.ndarray) -> float:
    """Peak signal-to-noise ratio in decibels of pictures in [0, 1]."""
    return float(-10 * np.log10(np.mean((image - wanted) ** 2)))


def ssim(image: np.ndarray, wanted: np.ndarray) -> float:
    """Structural similarity of the luma of two pictures in [0, 1], by a Gaussian window of deviation 1.5 over 11 pixels."""
    x, y = (np.asarray(picture, float) @ [0.299, 0.587, 0.114] for picture in (image, wanted))

    def mean(plane: np.ndarray) -> np.ndarray:
        return scipy.ndimage.gaussian_filter(plane, 1.5, radius=5)[5:-5, 5:-5]

    mx, my = mean(x), mean(y)
    xx, yy, xy = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    shape, light = (2 * xy + 0.03**2) / (xx + yy + 0.03**2), (2 * mx * my + 0.01**2) / (mx**2 + my**2 + 0.01**2)
    return float(np.mean(shape * light))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="144x96")
    parser.add_argument("--evaluations", type=int, default=60)
    parser.add_argument("--paintings", default=",".join(PAINTINGS))
    parser.add_argument("--metrics", default="whitened,plain")
    parser.add_argument("--sheet", help="a picture: in each row a painting and what came back in each metric")
    options = parser.parse_args()
    jaxstyle.keep_pages()
    width, height = map(int, options.size.split("x"))
    print(in_words(describe()), f"{options.size}, {options.evaluations} evaluations", sep="\n", flush=True)
    print("| painting | metric | PSNR, dB | SSIM | style | content |\n|---|---|---:|---:|---:|---:|")
    rows = []
    for name in options.paintings.split(","):
        painting = sample(name, width, height)
        rows.append([painting / 255])
        for metric in options.metrics.split(","):
            settings = dict(size=options.size, init="noise", evaluations=options.evaluations, metric=metric)
            result = jaxstyle.stylize(painting, painting, **settings)
            numbers = psnr(result.image, painting / 255), ssim(result.image, painting / 255)
            print(f"| {name} | {metric} | {numbers[0]:.2f} | {numbers[1]:.3f} ", end="")
            print(f"| {result.loss['style']:.0f} | {result.loss['content']:.0f} |", flush=True)
            rows[-1].append(result.image)
    if options.sheet:
        sheet = np.concatenate([np.concatenate(row, 1) for row in rows])
        Image.fromarray(np.rint(255 * sheet).astype(np.uint8)).save(options.sheet)


if __name__ == "__main__":
    main()
