"""The weights of RAFT-small in the box."""

from functools import lru_cache
from typing import Any

import jax
import numpy as np

from jaxstyle.errors import WeightsError
from jaxstyle.flow.raft import Parameters
from jaxstyle.machine import tensor_file
from jaxstyle.machine.folders import bundled

FORMAT = "jaxstyle-raft-1"
NAME = "raft-small"


def read() -> dict[str, Any]:
    """Nested by the parts of the names in the file, float32.

    Raises:
        WeightsError: where the file is missing from this installation, or damaged.
    """
    path = bundled(NAME)
    try:
        arrays, about = tensor_file.read(path)
        if about.get("format") != FORMAT:
            raise ValueError("is of another kind")
    except ValueError as error:
        raise WeightsError("weights", str(path), str(error), "reinstall jaxstyle from its wheel") from None
    found: dict[str, Any] = {}
    for name, array in arrays.items():
        *parts, last = name.split(".")
        place = found
        for part in parts:
            place = place.setdefault(part, {})
        place[last] = array.astype(np.float32)
    return found


@lru_cache(maxsize=1)
def parameters() -> Parameters:
    """The same on the device, read once."""
    return jax.device_put(read())
