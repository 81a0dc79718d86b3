"""Masks by name on photographs: how long each takes, how many faces, and a sheet of the masks over them.

    python -m bench.studies.masks PHOTO ... -o DIR

Each photograph is looked at twice, and the second time counts: networks are compiled then. Writes masks.json and masks.jpg.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import jaxstyle
from bench.machine import describe, in_words

WORDS = ("faces", "people", "subject")
HEIGHT, ACROSS = 180, 2
"""Pixels of a photograph's height on the sheet, and photographs side by side."""


def looked_at(photograph: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Numbers of a photograph, and its masks; black where nothing was found."""
    found: dict[str, Any] = {"photograph": photograph.name}
    masks = []
    with Image.open(photograph) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    found["size"] = f"{pixels.shape[1]}x{pixels.shape[0]}"
    found["faces_found"] = len(jaxstyle.detect_faces(pixels))
    for word in WORDS:
        mask_of(pixels, word)
        began = time.perf_counter()
        mask = mask_of(pixels, word)
        found[word] = {"seconds": round(time.perf_counter() - began, 2), "area": round(float(mask.mean()) / 255, 4)}
        masks.append(mask)
    return found, masks


def mask_of(pixels: np.ndarray, word: str) -> np.ndarray:
    """A mask; black where nothing is found."""
    try:
        return jaxstyle.make_mask(pixels, word)
    except jaxstyle.ImageError:
        return np.zeros(pixels.shape[:2], np.uint8)


def row(photograph: Path, masks: list[np.ndarray]) -> Image.Image:
    """A photograph, and its masks over it."""
    with Image.open(photograph) as picture:
        image = picture.convert("RGB")
    width = max(1, round(image.width * HEIGHT / image.height))
    pixels = np.asarray(image.resize((width, HEIGHT), Image.Resampling.LANCZOS)).astype(np.float32)
    parts: list[np.ndarray] = [pixels]
    tint = np.asarray((64, 0, 51), np.float32)
    for mask in masks:
        share = np.asarray(Image.fromarray(mask).resize((width, HEIGHT), Image.Resampling.BOX))[..., None] / np.float32(255)
        parts.append(pixels * (0.3 + 0.7 * share) + tint * (1 - share))
    return Image.fromarray(np.concatenate(parts, 1).round().clip(0, 255).astype(np.uint8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, nargs="+", metavar="PHOTO")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the folder")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    numbers, rows = [], []
    for photograph in options.photographs:
        found, masks = looked_at(photograph)
        numbers.append(found)
        rows.append(row(photograph, masks))
        print(found)
    lines = [rows[i : i + ACROSS] for i in range(0, len(rows), ACROSS)]
    sheet = Image.new("RGB", (max(sum(one.width + 8 for one in line) for line in lines), (HEIGHT + 8) * len(lines)), "white")
    for number, line in enumerate(lines):
        left = 0
        for one in line:
            sheet.paste(one, (left, number * (HEIGHT + 8)))
            left += one.width + 8
    sheet.save(options.out / "masks.jpg", quality=88)
    machine = describe()
    text = json.dumps({"machine": machine, "in_words": in_words(machine), "photographs": numbers}, indent=1)
    (options.out / "masks.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
