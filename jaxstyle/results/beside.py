"""Files that lie beside a result while it is made, and after."""

import os
from pathlib import Path


def part_of(path: str | os.PathLike[str]) -> Path:
    """The file in which the run of a picture is kept."""
    path = Path(path)
    return path.with_name(f".{path.name}.part")


def state_of(path: str | os.PathLike[str]) -> Path:
    """The file in which the end of a picture's run is kept, for `jaxstyle continue`."""
    path = Path(path)
    return path.with_name(f"{path.name}.state")
