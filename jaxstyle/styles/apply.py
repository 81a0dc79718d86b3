"""One picture in one pass: `jaxstyle.apply_style`."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from jaxstyle.machine.modes import computing
from jaxstyle.onepass.apply import apply
from jaxstyle.onepass.painting import IN_MEMORY, Manner, Painted, StyledNetwork, network_in
from jaxstyle.onepass.regions import FEATHER
from jaxstyle.styles.network import PHOTOGRAPH, StyleNetwork, find, read


def loaded(network: str | os.PathLike[str] | StyleNetwork) -> tuple[StyleNetwork, dict[str, Any]]:
    """A network by its name in the box or its file, and what a run record says of it; the same file again costs nothing.

    Raises:
        InputError: for an unknown name.
        WeightsError: where the file cannot be used.
    """
    return (network, IN_MEMORY) if isinstance(network, StyleNetwork) else network_in(find(network), read)


def manner_of(network: StyleNetwork, style: str | int | Mapping[str, float], strength: float) -> Manner:
    """How a network paints in a style.

    Raises:
        InputError: for an unknown style, or a strength outside [0, 1].
    """
    styled = StyledNetwork(network.widths, network.kernels, network.style(style, strength), network.margin)
    if strength == 1 or not network.has_strength:
        return Manner(styled, strength)
    return Manner(styled, strength, styled._replace(vector=network.style(PHOTOGRAPH)))


@computing()
def apply_style(
    picture: Any,
    network: str | os.PathLike[str] | StyleNetwork = "styles",
    *,
    style: str | int | Mapping[str, float],
    strength: float = 1.0,
    size: int | str | None = None,
    regions: Any = (),
    feather: float = FEATHER,
    color_space: str | None = None,
    memory: str = "auto",
    callback: Callable[[float], object] = lambda share: None,
) -> Painted:
    """Paints a picture in a style that a network has learned (Johnson et al., ECCV 2016; Dumoulin et al., ICLR 2017).

    A second picture of the same size, in whatever style, compiles nothing.

    Args:
        picture: a path, a PIL image or an array, as `stylize` takes them.
        network: a name in the box (``"styles"``, ``"styles26"``), a file that `train` has written, or a network.
        style: its name or number; ``"a+b"`` or ``"a:3+b:1"`` is a blend, and so is a mapping of names to shares.
        strength: 0 is the photograph, 1 the style. A network that has learned to leave a photograph as it is goes from the one
            to the other itself, and what it loses of a photograph is put back in proportion, for which it runs twice; pictures
            of others are blended with the photograph.
        size: as `stylize` takes it; the picture's own by default.
        regions: ``"MASK=STYLE"`` or ``"MASK=keep"``, or tuples (mask, style): another style of the network where the mask is
            white, or the picture itself; later ones on top. A mask is a picture as `stylize` takes it, or a word of
            `make_mask`, such as ``"faces"``.
        feather: how far their edges run out, in percent of the longest side, 0 to 50.
        color_space: ``"yuv"``, ``"ycbcr"``, ``"luv"`` or ``"lab"``, in which the picture's own colours are put back; or None.
        memory: ``"auto"`` paints strip by strip where the whole picture would not fit, with the same result; ``"low"`` always.
        callback: told the share that is done.

    Returns:
        The picture with its run record.

    Raises:
        InputError: one line that names the argument, its value and the remedy; an `ImageError` or a `WeightsError` is one too.
    """
    held, about = loaded(network)
    return apply(
        picture,
        manner_of(held, style, strength),
        manner_of=lambda other: manner_of(held, other, strength),
        network=about,
        asked={"style": style, "strength": strength},
        size=size,
        regions=regions,
        feather=feather,
        color_space=color_space,
        memory=memory,
        callback=callback,
    )
