"""The run record: everything needed to make a picture again.

It stands in OUT.png.json beside OUT.png, and without the trace inside the picture, where a picture that is sent or moved keeps
it. What stands inside names files, never their folders.
"""

import dataclasses
import hashlib
import json
import os
import platform
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import jax
import numpy as np
from PIL import Image

from jaxstyle.pictures.read import to_bytes

SCHEMA = "jaxstyle-run-2"
_BESIDE_ONLY = ("command", "notices", "memory", "trace")
_PACKAGES = ("jaxstyle", "jax", "jaxlib", "flax", "jaxopt", "optax", "numpy", "pillow")


def versions(*more: str) -> dict[str, str]:
    """Versions of Python and of the packages that shape a result, these `more` among them."""
    found = {"python": platform.python_version()}
    for name in (*_PACKAGES, *more):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def device() -> dict[str, Any]:
    """The devices that JAX computes on, of this host."""
    devices = jax.local_devices()
    return {"platform": devices[0].platform, "kind": devices[0].device_kind, "count": len(devices)}


def describe_source(source: Any) -> dict[str, str]:
    """Where an input picture came from, and the SHA-256 of its bytes, by which a rerun knows it."""
    if isinstance(source, str | os.PathLike):
        with open(source, "rb") as file:
            return {"path": os.fspath(source), "sha256": hashlib.file_digest(file, "sha256").hexdigest()}
    pixels = np.ascontiguousarray(np.asarray(source))
    return {"path": f"<{type(source).__name__}>", "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}


def hash_of_pixels(image: np.ndarray) -> str:
    """The SHA-256 of the 8-bit levels of a picture, (H, W, 3), by which a replay knows it in whatever format it was saved."""
    return hashlib.sha256(to_bytes(image).tobytes()).hexdigest()


def plain(value: Any) -> Any:
    """`value` as something that JSON can hold; of pictures that are no files the kind of object."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, np.generic):
        return value.item()
    is_picture = isinstance(value, Image.Image) or getattr(value, "ndim", 0) > 1
    return f"<{type(value).__name__}>" if is_picture else str(value)


def dumps(record: Mapping[str, Any]) -> str:
    """The record as JSON, one trace entry a line, numbers that are not finite refused."""
    head = {key: value for key, value in record.items() if key != "trace"}
    text = json.dumps(plain(head), indent=1, allow_nan=False).removesuffix("\n}")
    lines = ",\n  ".join(json.dumps(plain(entry), allow_nan=False) for entry in record.get("trace", ()))
    return f'{text},\n "trace": [\n  {lines}\n ]\n}}\n'


def inside(record: Mapping[str, Any]) -> str:
    """The record as it stands inside the picture: one line of ASCII, file names without folders, no trace."""

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: named(item) for key, item in value.items()}
        if isinstance(value, list):
            return [named(item) for item in value]
        return re.split(r"[/\\]", value)[-1] if isinstance(value, str) else value

    short = {key: value for key, value in plain(record).items() if key not in _BESIDE_ONLY}
    return json.dumps(named(short), allow_nan=False, separators=(",", ":"))
