"""Photographs to learn from, out of what the user names, and the file that a network will be written to."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jaxstyle.errors import ImageError, InputError
from jaxstyle.onepass.photographs import Photographs, fitted, gathered
from jaxstyle.pictures.find import expand
from jaxstyle.pictures.paths import located
from jaxstyle.pictures.read import Picture, load

MOST = 4000
"""Photographs that are held in memory; of more, so many are taken evenly."""
READ_AT = 4
"""Pictures that are decoded at once."""


def gather(
    photos: Any,
    size: int,
    notices: list[str],
    *,
    argument: str = "photos",
    what: str = "photographs",
    least: int = 1,
    good: int = 16,
) -> Photographs:
    """Photographs for crops of `size`.

    Args:
        photos: a folder, a list of files and folders, or of pictures.
        size: pixels a side of the crops.
        notices: sentences on what was left out are added to it.
        argument: what the caller calls them.
        what: they are, in the plural with an s.
        least: how many there must be.
        good: how many make a better network; a notice says so where there are less than half.

    Raises:
        InputError: where fewer than `least` can be used.
    """
    sources = [photos] if isinstance(photos, str | os.PathLike) else list(photos)
    sources = expand(sources, argument=argument)
    if len(sources) > MOST:
        notices.append(f"{MOST} of {len(sources)} {what} are used, which is as many as are held in memory")
        sources = [sources[i * len(sources) // MOST] for i in range(MOST)]

    def one(source: Any) -> Picture | str:
        try:
            picture = load(source, argument=argument)
        except ImageError as error:
            if len(sources) == 1:
                raise
            return str(error).removeprefix(f"`{argument}` ")
        if min(picture.size) < size:
            shown = source if isinstance(source, str | os.PathLike) else f"a {what.removesuffix('s')}"
            return f"{shown} is {picture.size[0]}x{picture.size[1]}, smaller than the crops of {size}"
        return fitted(picture, size)  # the rest of a large photograph is not held meanwhile

    with ThreadPoolExecutor(READ_AT) as pool:
        found = list(pool.map(one, sources))
    usable = [picture for picture in found if isinstance(picture, Picture)]
    bad = [text for text in found if isinstance(text, str)]
    if len(usable) < least:
        count = f"{len(usable)} {what}" if usable else f"no {what.removesuffix('s') if bad else what}"
        which = " that can be used" if bad else ""
        given = [photos] if isinstance(photos, str | os.PathLike) else photos
        shown = ", ".join(os.fspath(path) for path in given if isinstance(path, str | os.PathLike))
        problem = f"holds {count}{which}" + (f": {bad[0]}" if bad else "")
        remedy = f"at least {size} pixels a side" if least == 1 else f"at least {least} of {size} pixels a side are needed"
        raise InputError(argument, shown, problem, remedy)
    notices += [f"left out: {text}" for text in bad]
    if 2 * len(usable) < good:
        notices.append(f"{argument}: {len(usable)} {what} to learn from; {good} or more make a better network")
    return gathered(usable, size)


def checked(out: str | os.PathLike, reader: Callable[..., Any]) -> Path:
    """`out` as a path, once it is sure that a network can be written there; `reader` reads one of its kind."""
    path = Path(located(out))
    if path.suffix != ".safetensors":
        raise InputError("out", str(out), "must end in .safetensors")
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        what = "is a folder" if path.is_dir() else "lies in a folder that does not exist or cannot be written to"
        raise InputError("out", str(out), what)
    if path.exists():
        reader(path, argument="out")  # nothing but a network is ever replaced
    return path


def check_counts(**counts: tuple[int, int]) -> None:
    """Raises an InputError for the first of them that is less than its least."""
    for argument, (value, least) in counts.items():
        if value < least:
            raise InputError(argument, value, f"must be a whole number of at least {least}")


def check_time(argument: str, value: float | None, steps: int | None) -> None:
    """Raises an InputError where a training's time is no positive number, or steps are given too."""
    if value is not None and not 0 < value < float("inf"):
        raise InputError(argument, value, "must be a positive number")
    if steps is not None and value is not None:
        raise InputError(argument, value, "says the same as steps", "give one of them")
