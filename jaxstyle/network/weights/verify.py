"""Is this weight file what it says it is? Structure, hash, and the network's answer to a fixed pattern."""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxstyle.network.vgg import InputScale, Params, features
from jaxstyle.network.weights import files, load
from jaxstyle.network.weights.registry import SCALES, SOURCES

TOLERANCE = 0.03
"""Relative distance that counts as the same network: 8-bit codebooks move the answer by up to 1%."""

# Mean activation of the first eight channels, for `pattern()` and Oxford's VGG-19 at float32.
FINGERPRINTS = {
    "vgg19": {
        "relu1_1": (21.7236, 22.1041, 25.6829, 17.6173, 18.2454, 25.3613, 11.1093, 25.1428),
        "relu3_1": (357.616, 162.17, 4.77292, 371.22, 133.669, 436.112, 91.8535, 529.689),
        "relu5_1": (98.1954, 0, 34.344, 0, 153.481, 623.604, 0, 130.711),
    },
}


class Check(NamedTuple):
    """One finding: whether it is as it should be (None: cannot be told), and a sentence about it."""

    ok: bool | None
    text: str


def pattern(side: int = 48) -> np.ndarray:
    """A fixed smooth picture, (side, side, 3) in [0, 1], whose three channels have nothing in common."""
    y, x = np.mgrid[:side, :side] / side
    red = 0.5 + 0.45 * np.sin(9 * x + 4 * y)
    green = 0.5 + 0.4 * np.cos(5 * x - 11 * y + 1) * np.sin(3 * y)
    blue = 0.3 + 0.25 * np.sin(23 * x * y + 2 * x)
    return np.stack([red, green, blue], -1).astype(np.float32)


def fingerprint(params: Params, taps: tuple[str, ...] = ("relu1_1", "relu3_1", "relu5_1")) -> dict[str, np.ndarray]:
    """Mean activation of the first eight channels at each tap, for `pattern()`."""
    found = features(params, jnp.asarray(pattern()), taps)
    return {tap: np.asarray(value.mean((0, 1))[:8]) for tap, value in found.items()}


def _distance(params: Params, reference: dict[str, tuple[float, ...]]) -> float:
    """The largest relative distance over the taps."""
    found = fingerprint(params, tuple(reference))
    return max(float(np.linalg.norm(found[tap] - wanted) / np.linalg.norm(wanted)) for tap, wanted in reference.items())


def _suspects(scale: InputScale) -> Iterator[tuple[str, InputScale]]:
    """Wrong readings of a file, each with what it would mean."""
    turned = replace(scale, order=scale.order[::-1], mean=scale.mean[::-1], multiplier=scale.multiplier[::-1])
    yield "its colour channels are swapped (RGB for BGR)", turned
    for factor, words in ((255.0, "255 times too large"), (1 / 255.0, "255 times too small")):
        yield (
            f"its kernels expect an input {words}",
            replace(scale, multiplier=tuple(m * factor for m in scale.multiplier)),
        )
    for name, other in SCALES.items():
        if other != scale:
            yield f"it expects the input scale {name!r} (convert it with --scale {name})", other


def verify(weights: str | os.PathLike[str] = "vgg19") -> list[Check]:
    """Examines a registered name or a weight file.

    Returns:
        Findings in the order of the examination. The numeric one exists for Oxford's VGG-19; it tells swapped channels, a
        wrong input scale and another network apart.

    Raises:
        WeightsError: where the file cannot be read, or where a name, a shape or a dtype is wrong.
    """
    name, path = load.locate(weights)
    file = files.read(path)
    count = len(file.layers)
    checks = [
        Check(True, f"names, shapes, dtype: {count} convolutions of {file.architecture.name}, float32, scale {file.scale!r}")
    ]
    recorded = SOURCES[name].sha256 if name in SOURCES else None
    note = "" if recorded else " (none recorded to compare with)"
    checks.append(Check(file.sha256 == recorded if recorded else None, f"hash: SHA-256 {file.sha256}{note}"))
    return [*checks, _numeric(file)]


def _numeric(file: files.WeightFile) -> Check:
    reference = FINGERPRINTS.get(name := file.architecture.name)
    if reference is None:
        return Check(None, f"fingerprint: none recorded for {name}")
    params = Params(file.layers, file.architecture, SCALES[file.scale])  # pyright: ignore
    distance = _distance(params, reference)
    if distance <= TOLERANCE:
        return Check(True, f"fingerprint: Oxford's {name}, {distance:.2%} from full precision")
    for meaning, scale in _suspects(params.scale):
        if _distance(replace(params, scale=scale), reference) <= TOLERANCE:
            return Check(False, f"fingerprint: Oxford's {name} read wrongly: {meaning}")
    if file.scale != "caffe":
        return Check(None, f"fingerprint: not Oxford's {name}; none recorded on the scale {file.scale!r}")
    return Check(False, f"fingerprint: another network than Oxford's {name} ({distance:.0%} away)")
