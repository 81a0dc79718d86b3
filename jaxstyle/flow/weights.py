"""The weights of RAFT-small in the box."""

from functools import lru_cache
from typing import Any

import jax
import numpy as np

from jaxstyle.flow.raft import Parameters
from jaxstyle.machine import tensor_file

FORMAT = "jaxstyle-raft-1"
NAME = "raft-small"


def read() -> dict[str, Any]:
    """Nested by the parts of the names in the file, float32.

    Raises:
        WeightsError: where the file is missing from this installation, or damaged.
    """
    arrays, _ = tensor_file.read_bundled(NAME, FORMAT)
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
