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
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxstyle.pictures import comment
from jaxstyle.pictures.read import to_bytes

SCHEMA = "jaxstyle-run-2"
_BESIDE_ONLY = ("command", "notices", "memory", "trace")
_PACKAGES = ("jaxstyle", "jax", "jaxlib", "flax", "jaxopt", "optax", "numpy", "pillow")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that shape a result."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
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
        return {"path": os.fspath(source), "sha256": hashlib.sha256(Path(source).read_bytes()).hexdigest()}
    pixels = np.ascontiguousarray(np.asarray(source))
    return {"path": f"<{type(source).__name__}>", "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}


def hash_of_pixels(image: np.ndarray) -> str:
    """The SHA-256 of the 8-bit levels of a picture, (H, W, 3), by which a replay knows it in whatever format it was saved."""
    return hashlib.sha256(to_bytes(image).tobytes()).hexdigest()


def plain(value: Any) -> Any:
    """`value` as something that JSON can hold."""
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
    return value.item() if isinstance(value, np.generic) else str(value)


def dumps(record: Mapping[str, Any]) -> str:
    """The record as JSON, one trace entry a line, numbers that are not finite refused."""
    head = {key: value for key, value in record.items() if key != "trace"}
    text = json.dumps(plain(head), indent=1, allow_nan=False).removesuffix("\n}")
    lines = ",\n  ".join(json.dumps(plain(entry), allow_nan=False) for entry in record.get("trace", ()))
    return f'{text},\n "trace": [\n  {lines}\n ]\n}}\n'


def record_path(picture: str | os.PathLike[str]) -> Path:
    """Where the record of a picture lies: OUT.png.json."""
    return Path(f"{os.fspath(picture)}.json")


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


def read_record(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The record of a picture, from the file beside it or from inside it.

    Args:
        path: a picture, or its record's own file.

    Returns:
        The file beside the picture where it is of that very run, which is whole; else what stands inside, which lacks
        `command`, `notices`, `memory` and `trace`; None where there is no record.
    """
    if Path(path).suffix.lower() == ".json":
        return _parsed(_text(Path(path)))
    within, beside = _parsed(comment.read(path)), _parsed(_text(record_path(path)))
    if within is None or beside is None:
        return (within or beside) if Path(path).is_file() else None
    one_run = all(within.get(name) == beside.get(name) for name in ("loss", "seconds", "evaluations"))
    return beside if one_run else within


def is_ours(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a picture or a record of ours, and so may be replaced."""
    if Path(path).suffix.lower() == ".json":
        return read_record(path) is not None
    return comment.read(path) is not None or read_record(path) is not None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def _parsed(text: str | None) -> dict[str, Any] | None:
    try:
        found = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and str(found.get("schema")).startswith("jaxstyle-run-") else None
