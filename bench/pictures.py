"""The fixed pictures of the quality cases, from the samples that come with jaxstyle, and how they travel in a result file."""

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

import jaxstyle

SAMPLES = Path(jaxstyle.__file__).parent / "samples"
PAIRS = (("chelsea", "swirls"), ("coffee", "glass"), ("coffee", "waves"))


def sample(name: str, width: int, height: int) -> np.ndarray:
    """A sample picture, its middle cut to the aspect, uint8 (height, width, 3): the same pixels for every tool."""
    with Image.open(SAMPLES / f"{name}.jpg") as image:
        return np.asarray(ImageOps.fit(image.convert("RGB"), (width, height), Image.Resampling.BILINEAR))


def pixels(path: str | Path) -> np.ndarray:
    """A picture file, uint8 (H, W, 3)."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def noise(width: int, height: int, seed: int) -> np.ndarray:
    """(height, width, 3), float32 in [0, 1]: for what depends on the shape alone."""
    return np.random.default_rng(seed).random((height, width, 3), np.float32)


def encoded(image: np.ndarray) -> str:
    """A float picture in [0, 1] as base64 of a JPEG, at most 256 pixels wide."""
    picture = Image.fromarray(np.round(image * 255).astype(np.uint8))
    picture.thumbnail((256, 256))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return base64.b64encode(buffer.getvalue()).decode()
