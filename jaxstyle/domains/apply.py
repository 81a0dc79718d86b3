"""A picture of one collection made one of the other: `jaxstyle.apply_domains`."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxstyle.domains.network import A2B, DomainNetwork, read
from jaxstyle.machine.compiler import Compiler
from jaxstyle.machine.modes import computing
from jaxstyle.onepass.painting import (
    IN_MEMORY,
    Manner,
    Painted,
    check_memory,
    check_strength,
    fetched,
    finished,
    network_in,
    rendered,
)
from jaxstyle.pictures.find import one
from jaxstyle.pictures.paths import located
from jaxstyle.pictures.spaces import check_space


def loaded(network: str | os.PathLike[str] | DomainNetwork) -> tuple[DomainNetwork, dict[str, Any]]:
    """A network, and what a run record says of it; the same file again costs nothing.

    Raises:
        WeightsError: where the file cannot be used.
    """
    return (network, IN_MEMORY) if isinstance(network, DomainNetwork) else network_in(Path(located(network)), read)


@computing()
def apply_domains(
    picture: Any,
    network: str | os.PathLike[str] | DomainNetwork,
    *,
    direction: str = A2B,
    strength: float = 1.0,
    size: int | str | None = None,
    color_space: str | None = None,
    memory: str = "auto",
    callback: Callable[[float], object] = lambda share: None,
) -> Painted:
    """Makes a picture of A one of B, by a network that `train_domains` has trained.

    A second picture of the same size compiles nothing.

    Args:
        picture: a path, a PIL image or an array, as `stylize` takes them.
        network: a file that `train_domains` has written, or a network.
        direction: ``"a2b"``, or ``"b2a"``, which only CycleGAN learns.
        strength: 0 is the picture, 1 what the network makes of it; the two are blended.
        size: as `stylize` takes it; the picture's own by default.
        color_space: where the picture's own colours are put back, one of `SPACES`; not at all by default.
        memory: ``"auto"`` paints strip by strip where the whole picture would not fit, with the same result; ``"low"`` always.
        callback: told the share that is done.

    Returns:
        The picture with its run record.

    Raises:
        InputError: one line that names the argument, its value and the remedy; an `ImageError` or a `WeightsError` is one too.
    """
    low = check_memory(memory)
    check_space(color_space)
    check_strength(strength)
    held, about = loaded(network)
    picture = one(picture, argument="picture")
    manner, source = Manner(held.styled(direction), strength), fetched(picture, size)
    compiler, began = Compiler(), time.perf_counter()
    image, rows = rendered(manner, source, low, compiler, callback)
    return finished(
        image,
        source,
        picture=picture,
        network=about,
        config={"direction": direction, "strength": strength, "size": size, "color_space": color_space, "memory": memory},
        began=began,
        compiler=compiler,
        rows=rows,
    )
