"""Reading the file of a network that paints in one pass, and telling which kind it is."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from jaxstyle.errors import WeightsError, reason
from jaxstyle.machine import tensor_file
from jaxstyle.pictures.paths import located

STYLES, DOMAINS = "jaxstyle-styles-1", "jaxstyle-domains-1"
KINDS = {STYLES: ("style network", "jaxstyle train"), DOMAINS: ("domain network", "jaxstyle domains train")}
"""By the format that a file names: what it is, and which command writes it."""


def format_of(path: str | os.PathLike[str]) -> str | None:
    """The format that a file names, one of `KINDS` if it is a network; None where it cannot be read."""
    try:
        return str(tensor_file.read(located(path), only_description=True)[1].get("format"))
    except (OSError, ValueError):
        return None


def opened(path: str | os.PathLike[str], wanted: str, *, argument: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays of a network's file of the format `wanted`, and its description.

    Raises:
        WeightsError: where the file is missing, damaged, or of another kind; it says of which, if that is known.
    """
    path = Path(located(path))
    what, command = KINDS[wanted]
    remedy = f"give a file that `{command}` has written"
    if path.is_dir() or not path.exists():
        raise WeightsError(argument, str(path), "is a folder" if path.is_dir() else "does not exist", remedy)
    try:
        tensors, meta = tensor_file.read(path)
    except ValueError as error:
        raise WeightsError(argument, str(path), str(error)) from None
    except OSError as error:
        raise WeightsError(argument, str(path), f"cannot be read ({reason(error)})") from None
    if meta.get("format") != wanted:
        kind = "a loss network, VGG" if any(name.startswith(("conv", "features")) for name in tensors) else "of another kind"
        kind = f"a {KINDS[meta['format']][0]}" if meta.get("format") in KINDS else kind
        raise WeightsError(argument, str(path), f"is no {what} but {kind}", remedy)
    return tensors, meta
