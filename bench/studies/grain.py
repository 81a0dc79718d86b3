"""Fine colour in pictures against that of their styles: grain and outlines that no loss shows.

    python -m bench.studies.grain [--sizes 128,256] [--evaluations 60] [--sheet grain.png]

For each of six pairs, three starts and every size: the root mean square of the two opponent colours above a quarter of a cycle
per pixel, in 8-bit levels, of the style and of the result, and the canonical loss.
"""

import argparse
from typing import Any

import numpy as np
from PIL import Image

import jaxstyle
from bench.machine import describe, in_words
from bench.pictures import SAMPLES

PAIRS = (
    ("chelsea", "swirls"),
    ("coffee", "glass"),
    ("coffee", "waves"),
    ("chelsea", "starry_night"),
    ("coffee", "the_scream"),
    ("chelsea", "shipwreck"),
)
STARTS = ("content", "noise", "style")
OPPONENT = np.array([[1, 0, -1], [1, -2, 1]]) / np.sqrt([[2], [6]])


def fine_colour(image: np.ndarray) -> float:
    """Opponent colours of (H, W, 3) in [0, 1] above a quarter of a cycle per pixel, root mean square in 8-bit levels."""
    chroma = 255 * np.asarray(image, float) @ OPPONENT.T
    frequency = np.hypot(np.fft.fftfreq(chroma.shape[0])[:, None], np.fft.fftfreq(chroma.shape[1])[None])
    fine = np.fft.ifft2(np.fft.fft2(chroma, axes=(0, 1)) * (frequency > 0.25)[..., None], axes=(0, 1)).real
    return float(np.sqrt(np.mean(fine**2)))


def style_at(name: str, size: tuple[int, int]) -> np.ndarray:
    """A style at the size that it had in a run, in [0, 1]."""
    with Image.open(SAMPLES / f"{name}.jpg") as image:
        return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR), np.float32) / 255


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="128,256")
    parser.add_argument("--evaluations", type=int)
    parser.add_argument("--sheet", help="a picture of all results of the last size")
    options = parser.parse_args()
    jaxstyle.keep_pages()
    print(in_words(describe()))
    print(
        "| size | pair | style's | " + " | ".join(f"from {start}, loss" for start in STARTS) + " |\n|---|---|---|" + "---|" * 3
    )
    rows = []
    for size in map(int, options.sizes.split(",")):
        rows = []
        for content, style in PAIRS:
            pictures = [str(SAMPLES / f"{name}.jpg") for name in (content, style)]
            how: Any = dict(size=size, evaluations=options.evaluations)
            results = [jaxstyle.stylize(*pictures, init=init, **how) for init in STARTS]
            own = fine_colour(style_at(style, results[0].record["style_sizes"][0]))
            cells = [f"{fine_colour(r.image):.2f}, {r.loss['total']:.4g}" for r in results]
            print(f"| {size} | {content} x {style} | {own:.2f} | {' | '.join(cells)} |", flush=True)
            rows.append([np.round(r.image * 255).astype(np.uint8) for r in results])
    if options.sheet:
        height, width = (max(image.shape[axis] for row in rows for image in row) for axis in (0, 1))
        sheet = Image.new("RGB", (len(STARTS) * (width + 8), len(rows) * (height + 8)), "white")
        for y, row in enumerate(rows):
            for x, image in enumerate(row):
                sheet.paste(Image.fromarray(image), (x * (width + 8), y * (height + 8)))
        sheet.save(options.sheet)


if __name__ == "__main__":
    main()
