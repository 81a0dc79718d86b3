"""A picture of one collection made one of the other: `jaxstyle.apply_domains`."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxstyle.domains.network import A2B, DomainNetwork, read
from jaxstyle.errors import InputError
from jaxstyle.machine.modes import computing
from jaxstyle.masks.sources import KEEP
from jaxstyle.onepass.apply import apply
from jaxstyle.onepass.painting import IN_MEMORY, Manner, Painted, check_strength, network_in
from jaxstyle.onepass.regions import FEATHER
from jaxstyle.pictures.paths import located


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
    regions: Any = (),
    feather: float = FEATHER,
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
        regions: ``"MASK=keep"``, or tuples (mask, ``"keep"``): the picture itself where the mask is white. A mask is a picture
            as `stylize` takes it, or a word of `make_mask`, such as ``"faces"``.
        feather: how far their edges run out, in percent of the longest side, 0 to 50.
        color_space: where the picture's own colours are put back, one of `SPACES`; not at all by default.
        memory: ``"auto"`` paints strip by strip where the whole picture would not fit, with the same result; ``"low"`` always.
        callback: told the share that is done.

    Returns:
        The picture with its run record.

    Raises:
        InputError: one line that names the argument, its value and the remedy; an `ImageError` or a `WeightsError` is one too.
    """
    check_strength(strength)
    held, about = loaded(network)
    return apply(
        picture,
        Manner(held.styled(direction), strength),
        manner_of=no_style,
        network=about,
        asked={"direction": direction, "strength": strength},
        size=size,
        regions=regions,
        feather=feather,
        color_space=color_space,
        memory=memory,
        callback=callback,
    )


def no_style(style: Any) -> Manner:
    """Refuses the style of a region."""
    raise InputError("region", style, "names a style, and this network has none", f"give MASK={KEEP}")
