"""Flat areas: how much texture half a plain sky gets, against what the style has.

    python -m bench.studies.flat [--sizes 128,192] [--evaluations 60] [--contents plain,slope] [--sheet flat.jpg]

The content is a photograph whose upper half is one colour, or a slow slope between two. Texture energy is the deviation of the
band-passed luminance (the difference of two Gaussians of 1 and 4 pixels). For each case: that of the upper half and of the
lower half of the result, over that of the style; and the canonical loss. The first rows are from content and noise, in both
metrics; then come a weak style, and every preset as it is.
"""

import argparse
from typing import Any

import numpy as np
from PIL import Image

import jaxstyle
from bench.machine import describe, in_words
from bench.pictures import SAMPLES
from bench.studies.grain import style_at

PAIRS = (("coffee", "starry_night"), ("chelsea", "swirls"))
PRESETS = ("gatys-paper", "johnson", "cysmith", "pystiche")
SKIES = {"plain": ((150, 156, 164), (150, 156, 164)), "slope": ((96, 128, 176), (204, 212, 220))}
"""Colours of the upper half, above and at the horizon."""
NARROW, WIDE = 1.0, 4.0


def half_sky(name: str, kind: str) -> np.ndarray:
    """A sample whose upper half is sky, uint8 (H, W, 3); "none" leaves it as it is."""
    with Image.open(SAMPLES / f"{name}.jpg") as image:
        picture = np.asarray(image.convert("RGB")).copy()
    if kind != "none":
        above, below = (np.asarray(colour, float) for colour in SKIES[kind])
        share = np.linspace(0, 1, len(picture) // 2)[:, None, None]
        picture[: len(picture) // 2] = np.rint((1 - share) * above + share * below)
    return picture


def blurred(image: np.ndarray, deviation: float) -> np.ndarray:
    """(H, W) blurred by a Gaussian, the borders mirrored."""
    reach = int(np.ceil(3 * deviation))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    for axis in (0, 1):
        padded = np.pad(image, [(reach, reach) if axis == a else (0, 0) for a in (0, 1)], "symmetric")
        image = np.apply_along_axis(np.convolve, axis, padded, weights / weights.sum(), "valid")
    return image


def band(image: np.ndarray) -> np.ndarray:
    """The band-passed luminance of (H, W, 3) in [0, 1], (H, W)."""
    luminance = np.asarray(image, float) @ (0.299, 0.587, 0.114)
    return blurred(luminance, NARROW) - blurred(luminance, WIDE)


def energies(image: np.ndarray) -> tuple[float, float]:
    """Deviation of the band in the upper and in the lower half; a twelfth of the height beside the horizon is left out."""
    found, height = band(image), len(image)
    return float(found[: height // 2 - height // 12].std()), float(found[height // 2 + height // 12 :].std())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="128,192")
    parser.add_argument("--evaluations", type=int, default=60)
    parser.add_argument("--contents", default="plain,slope", help="of plain, slope, none")
    parser.add_argument("--flat-noise", type=float, default=0.0, help="as of jaxstyle stylize")
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument("--sheet", help="a picture of all results of the last size")
    options = parser.parse_args()
    jaxstyle.keep_pages()
    cases: dict[str, dict[str, Any]] = {
        f"from {init}, {metric}": dict(init=init, metric=metric)
        for init in ("content", "noise")
        for metric in ("whitened", "plain")
    }
    cases["style weight 20"] = dict(style_weight=20.0)
    cases |= {preset: dict(preset=preset) for preset in PRESETS}
    cases = {name: how for name, how in cases.items() if not options.only or options.only in name}
    print(in_words(describe()))
    rows: dict[str, list[np.ndarray]] = {}
    for size in map(int, options.sizes.split(",")):
        print(f"\n{size} px, {options.evaluations} evaluations: upper, lower half (style = 1); canonical loss in millions\n")
        columns = [(kind, *pair) for kind in options.contents.split(",") for pair in PAIRS]
        print("| | " + " | ".join(f"{content}, {kind} sky, x {style}" for kind, content, style in columns) + " |")
        print("|---" * (len(columns) + 1) + "|", flush=True)
        rows = {}
        for name, how in cases.items():
            cells = []
            for kind, content, style in columns:
                path = str(SAMPLES / f"{style}.jpg")
                more: Any = dict(size=size, scales=1, evaluations=options.evaluations, flat_noise=options.flat_noise)
                result = jaxstyle.stylize(half_sky(content, kind), path, **more, **how)
                own = float(band(style_at(style, result.record["style_sizes"][0])).std())
                above, below = (energy / own for energy in energies(result.image))
                cells.append(f"{above:.2f}, {below:.2f}; {result.loss['total'] / 1e6:.2f}")
                rows.setdefault(name, []).append(np.round(result.image * 255).astype(np.uint8))
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
    if options.sheet:
        write_sheet(list(rows.values()), options.sheet)


def write_sheet(rows: list[list[np.ndarray]], path: str) -> None:
    """Rows of pictures as one."""
    height, width = (max(image.shape[axis] for row in rows for image in row) for axis in (0, 1))
    sheet = Image.new("RGB", (max(map(len, rows)) * (width + 6), len(rows) * (height + 6)), "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            sheet.paste(Image.fromarray(image), (x * (width + 6), y * (height + 6)))
    sheet.save(path, quality=85)


if __name__ == "__main__":
    main()
