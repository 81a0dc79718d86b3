"""Where runs begin and through which sizes they go, by eye: plain skies, water and backdrops.

    python -m bench.studies.skies PHOTOGRAPHS PAINTINGS [--sizes 192] [--only none,long] [--pairs eiffel] -o skies

Eight pairs whose photographs have skies, water or backdrops out of focus, with paintings, a print, stained glass and an
engraving; each made in several ways. The sheet shows every picture and, four times as large, the part where its photograph is
flattest. Beside them, of the flattest quarter of the photograph:

- coherence: how far strokes keep one direction, 0 to 1: of the structure tensor of the luminance, whose products of slopes are
  averaged by a Gaussian of 1.5 pixels, (l1 - l2) / (l1 + l2) weighted by l1 + l2. Worms and grain are low, strokes are high;
- texture: deviation of the band-passed luminance (Gaussians of 1 and 4 pixels) over that of the style;
- specks: colour above a quarter of a cycle per pixel over that of the style, of the whole picture;
- colour: mean distance from grey in levels, of the whole picture and of the style.

PHOTOGRAPHS and PAINTINGS are the folders that `weights/photographs.py` makes.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

import jaxstyle
from bench.machine import describe, in_words
from bench.pictures import SAMPLES, pixels
from bench.studies.flat import band
from bench.studies.grain import OPPONENT, fine_colour

TENSOR = 1.5
"""Deviation in pixels of the Gaussian that averages the structure tensor."""
FLATTEST = 1 / 4
"""Share of a photograph that counts as flat."""
ZOOM = 4
PAIRS = {
    "eiffel": ("explore_monuments-eiffelTower", "starry_night"),
    "liberty": ("explore_monuments-statueofLiberty", "the_scream"),
    "pyramid": ("explore_monuments-bentPyramid", "waves"),
    "kingfisher": ("erase-kingfisher", "swirls"),
    "gateway": ("explore_monuments-gatewayofIndia", "engraving"),
    "macaw": ("explore_world_animals-scarlet_macaw", "glass"),
    "temple": ("explore_monuments-goldenTemple", "shipwreck"),
    "mont": ("explore_monuments-montStMichel", "details-VincentVanGoghBridge_background"),
}
"""Photograph and style: a sample, a painting, or the engraving that is drawn here."""
WAYS: dict[str, dict[str, Any]] = {
    "none": dict(scales=1, flat_noise=0.0),
    "half": dict(scales=1, flat_noise=0.5),
    "long": dict(scales=1),
    "two": dict(scales=2, flat_noise=0.0),
    "two long": dict(scales=2),
    "auto": dict(scales="auto"),
    "draft": dict(quality="draft", flat_noise=0.0),
    "draft long": dict(quality="draft"),
    "best": dict(quality="best", flat_noise=0.0),
    "best long": dict(quality="best"),
}


def luminance(image: np.ndarray) -> np.ndarray:
    """(H, W, 3) in [0, 1] -> (H, W)."""
    return np.asarray(image, float) @ (0.299, 0.587, 0.114)


def coherence(image: np.ndarray, where: np.ndarray | None = None) -> float:
    """How far the strokes of (H, W, 3) keep one direction, 0 to 1, weighted by their energy and by `where`, (H, W)."""
    down, across = np.gradient(luminance(image))
    yy, xx, xy = (gaussian_filter(product, TENSOR) for product in (down * down, across * across, down * across))
    energy = yy + xx
    weights = energy if where is None else energy * where
    return float((np.hypot(yy - xx, 2 * xy) / np.maximum(energy, 1e-12) * weights).sum() / weights.sum())


def roughness(image: np.ndarray, deviation: float) -> np.ndarray:
    """Mean square of the band-passed luminance around each pixel, (H, W)."""
    return gaussian_filter(band(image) ** 2, deviation)


def engraving() -> np.ndarray:
    """The Shipwreck in black lines on white whose width is its darkness, crossed where it is darkest; uint8 (H, W, 3)."""
    with Image.open(SAMPLES / "shipwreck.jpg") as image:
        tones = image.convert("L").resize((1600, round(1600 * image.height / image.width)), Image.Resampling.LANCZOS)
    tone = np.asarray(tones, float) / 255
    tone = np.clip(0.5 + 1.3 * (gaussian_filter((tone - tone.min()) / np.ptp(tone), 3) - 0.45), 0.03, 0.97)
    y, x = np.mgrid[: tone.shape[0], : tone.shape[1]]
    shape = gaussian_filter(tone, 25)

    def lines(angle: float, bend: float) -> np.ndarray:
        return 0.5 + 0.5 * np.cos(2 * np.pi * ((x * np.sin(angle) + y * np.cos(angle)) / 9 + bend * shape))

    ink = np.maximum(lines(0.1, 8) > 2 * tone - 0.05, lines(1.2, -6) > 2 * tone + 0.35).astype(float)
    drawn = Image.fromarray(np.uint8(255 * (0.94 - 0.86 * gaussian_filter(ink, 0.7))))
    return np.asarray(
        drawn.convert("RGB").resize((1000, round(1000 * tone.shape[0] / tone.shape[1])), Image.Resampling.LANCZOS)
    )


def at(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W, 3) at (width, height), in [0, 1]."""
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BILINEAR), float) / 255


def flattest(content: np.ndarray, side: int) -> tuple[int, int]:
    """The upper left corner of the square of this side in which a content, (H, W, 3), is flattest."""
    found = roughness(content, side / 4)[side // 2 : -side // 2, side // 2 : -side // 2]
    y, x = np.unravel_index(np.argmin(found), found.shape)
    return int(x), int(y)


def measured(image: np.ndarray, content: np.ndarray, style: np.ndarray) -> dict[str, float]:
    """The measures of a picture; all (H, W, 3) in [0, 1]."""
    rough = roughness(content, 4)
    flat = (rough <= np.quantile(rough, FLATTEST)).astype(float)
    texture = np.sqrt((band(image) ** 2 * flat).sum() / flat.sum()) / band(style).std()
    own, of_style = (float(255 * np.sqrt(((each @ OPPONENT.T) ** 2).sum(-1)).mean()) for each in (image, style))
    return {
        "coherence": coherence(image, flat),
        "coherence of the style": coherence(style),
        "texture": float(texture),
        "specks": fine_colour(image) / max(fine_colour(style), 0.01),
        "colour": own,
        "colour of the style": of_style,
    }


def cell(image: np.ndarray, corner: tuple[int, int], size: int, words: str) -> Image.Image:
    """A picture, its flattest part enlarged, and words below."""
    picture, side = Image.fromarray(np.uint8(np.rint(255 * image))), size // 5
    crop = picture.crop((*corner, corner[0] + side, corner[1] + side)).resize(
        (ZOOM * side, ZOOM * side), Image.Resampling.NEAREST
    )
    made = Image.new("RGB", (size + ZOOM * side + 8, max(picture.height, ZOOM * side) + 16), "white")
    made.paste(picture, (0, 0))
    made.paste(crop, (size + 2, 0))
    ImageDraw.Draw(made).text((0, made.height - 14), words, fill="black")
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("paintings", type=Path)
    parser.add_argument("--sizes", default="192")
    parser.add_argument("--only", default=",".join(WAYS), help="ways, by name")
    parser.add_argument("--pairs", default=",".join(PAIRS), help="by name")
    parser.add_argument("-o", "--out", type=Path, required=True, help="a folder for all that is made; it goes on there")
    options = parser.parse_args()
    jaxstyle.keep_pages()
    options.out.mkdir(exist_ok=True)
    numbers = options.out / "skies.json"
    found: dict[str, Any] = json.loads(numbers.read_text()) if numbers.exists() else {"machine": in_words(describe())}
    for size in map(int, options.sizes.split(",")):
        print(f"{size} px | loss in millions, s | coherence (style) | texture | specks | colour (style)", flush=True)
        rows = []
        for pair in options.pairs.split(","):
            photograph, name = PAIRS[pair]
            content = pixels(options.photographs / f"{photograph}.jpg")
            path = next((p for p in (SAMPLES / f"{name}.jpg", options.paintings / f"{name}.jpg") if p.exists()), None)
            style = engraving() if path is None else pixels(path)
            rows.append([])
            for way in options.only.split(","):
                key, file = f"{size} {pair} {way}", options.out / f"{size}-{pair}-{way}.png"
                if key not in found:
                    found[key] = made(content, style, file, {"size": size, **WAYS[way]})
                    numbers.write_text(json.dumps(found, indent=1))
                row = found[key]
                image = pixels(file) / 255
                words = f"{pair} {way}: loss {row['loss'] / 1e6:.2f}, " + ", ".join(
                    f"{name} {row[name]:.2f}" for name in ("coherence", "texture")
                )
                rows[-1].append(cell(image, flattest(at(content, (image.shape[1], image.shape[0])), size // 5), size, words))
                print(
                    f"{pair} {way} | {row['loss'] / 1e6:.2f}, {row['seconds']:.0f} | {row['coherence']:.2f} "
                    f"({row['coherence of the style']:.2f}) | {row['texture']:.2f} | {row['specks']:.1f} | {row['colour']:.1f} "
                    f"({row['colour of the style']:.1f})",
                    flush=True,
                )
        write_sheet(rows, options.out / f"skies-{size}.jpg")


def made(content: np.ndarray, style: np.ndarray, file: Path, how: dict[str, Any]) -> dict[str, float]:
    """Makes a picture and gives its numbers."""
    result = jaxstyle.stylize(content, style, **how)
    result.save(file)
    height, width, _ = result.image.shape
    seen = at(content, (width, height)), at(style, result.record["style_sizes"][0])
    times = {"loss": result.loss["total"], "seconds": result.record["seconds"]["solve"]}
    return {name: round(value, 3) for name, value in (times | measured(result.image, *seen)).items()}


def write_sheet(rows: list[list[Image.Image]], path: Path) -> None:
    """Rows of cells as one picture."""
    width, height = max(sum(c.width for c in row) for row in rows), sum(max(c.height for c in row) for row in rows)
    sheet, y = Image.new("RGB", (width, height), "white"), 0
    for row in rows:
        x = 0
        for each in row:
            sheet.paste(each, (x, y))
            x += each.width
        y += max(each.height for each in row)
    sheet.save(path, quality=88)


if __name__ == "__main__":
    main()
