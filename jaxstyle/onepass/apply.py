"""One picture by a network in one pass, from its source to a result with its record: what all networks share."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from jaxstyle.machine.compiler import Compiler
from jaxstyle.onepass.painting import Manner, Painted, check_memory, fetched, finished
from jaxstyle.onepass.regions import check_feather, parse_overlays, read_overlays, rendered_with
from jaxstyle.pictures.find import one
from jaxstyle.pictures.size import parse_size
from jaxstyle.pictures.spaces import check_space


def apply(
    picture: Any,
    manner: Manner,
    *,
    manner_of: Callable[[Any], Manner],
    network: Mapping[str, Any],
    asked: Mapping[str, Any],
    size: int | str | None,
    regions: Any,
    feather: float,
    color_space: str | None,
    memory: str,
    callback: Callable[[float], object],
) -> Painted:
    """The painted picture.

    Args:
        picture: a path, a PIL image or an array.
        manner: how the network paints it.
        manner_of: how it paints a region, by what the user gave as its style.
        network: its name and the hash of its file.
        asked: what the caller asked for beside the arguments here, for the record.
        size, regions, feather, color_space, memory, callback: as of `apply_style`.

    Raises:
        InputError: one line that names the argument, its value and the remedy.
    """
    low = check_memory(memory)
    check_space(color_space)
    overlays, feather = parse_overlays(regions, manner_of), check_feather(feather)
    picture = one(picture, argument="picture")
    source = fetched(picture, size)
    over = read_overlays(overlays, source, picture, feather, size is not None and len(parse_size(size).sides) == 2)
    compiler, began = Compiler(), time.perf_counter()
    image, rows = rendered_with(manner, over, source, low, compiler, callback)
    config = {**asked, "size": size, "color_space": color_space, "memory": memory}
    if over is not None:
        config |= {"regions": regions, "feather": feather}
    return finished(
        image,
        source,
        picture=picture,
        regions=over.sources if over else (),
        network=network,
        config=config,
        began=began,
        compiler=compiler,
        rows=rows,
        notices=over.notices if over else (),
        masks=over.files if over else {},
    )
