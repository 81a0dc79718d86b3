"""Where the files of the package and of its user lie, and what they are known by."""

import hashlib
import os
from pathlib import Path

from jaxstyle.errors import WeightsError


def bundled(name: str = "vgg19", *, argument: str = "weights") -> Path:
    """A file in the box: inside the installed package, or in `weights/` of a checkout.

    Raises:
        WeightsError: where it is not there.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "data", package.parent / "weights"):
        path = folder / f"{name}.safetensors"
        if path.exists():
            return path
    raise WeightsError(argument, name, "is missing from this installation", "reinstall jaxstyle from its wheel")


def cache_root() -> Path:
    """The folder of all that can be made again: the environment variable JAXSTYLE_CACHE, or a place in the user's cache."""
    import platformdirs

    chosen = os.environ.get("JAXSTYLE_CACHE")
    return Path(chosen).expanduser() if chosen else platformdirs.user_cache_path("jaxstyle")


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
