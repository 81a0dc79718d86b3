"""Photographs to learn from, out of what the user names."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jaxstyle.errors import ImageError, InputError, Plain
from jaxstyle.machine import memory
from jaxstyle.pictures.find import expand
from jaxstyle.pictures.read import Picture, load
from jaxstyle.training.photographs import Photographs, fit, shown, stack_photographs

MAX_PHOTOGRAPHS = 4000
"""Photographs that are held in memory; of more, so many are taken evenly."""
READER_THREADS = 4
"""Pictures that are decoded at once."""
SAMPLED_PICTURES = 16
"""Pictures that are read before it is known how much memory all of them will take."""
PROGRESS_SECONDS = 5.0
"""Seconds between two words on how many are read."""
MAX_NAMED = 4
"""Pictures that were left out and are named."""


def gather(
    photos: Any,
    size: int,
    notices: list[str],
    *,
    argument: str = "photos",
    what: str = "photographs",
    least: int = 1,
    good: int = 16,
    saying: Callable[[str], None] | None = None,
) -> Photographs:
    """Photographs for crops of `size`; large ones are decoded at a reduced scale.

    Args:
        photos: a folder, a list of files and folders, or of pictures.
        size: pixels a side of the crops.
        notices: sentences on what was left out are added to it.
        argument: what the caller calls them.
        what: they are, in the plural with an s.
        least: how many there must be.
        good: how many make a better network; a notice says so where there are less than half.
        saying: is called every few seconds with "reading 40 of 1200 photographs".

    Raises:
        InputError: where fewer than `least` can be used, or all of them take more memory than there is.
    """
    given = [photos] if isinstance(photos, str | os.PathLike) else list(photos)
    sources = expand(given, argument=argument)
    if len(sources) > MAX_PHOTOGRAPHS:
        notices.append(f"{MAX_PHOTOGRAPHS} of {len(sources)} {what} are used, which is as many as are held in memory")
        sources = [sources[i * len(sources) // MAX_PHOTOGRAPHS] for i in range(MAX_PHOTOGRAPHS)]
    usable, bad, said = [], [], time.monotonic()
    free = memory.host_available(), memory.available()
    for number, (source, found) in enumerate(_read(sources, size, argument, what), start=1):
        if isinstance(found, Picture):
            usable.append(found)
        else:
            bad.append((source, found))
        if usable and number in (SAMPLED_PICTURES, len(sources)):
            _check_memory(usable, len(usable) * len(sources) // number, free, size, argument, what)
        if saying is not None and number < len(sources) and time.monotonic() - said > PROGRESS_SECONDS:
            saying(f"reading {number} of {len(sources)} {what}")
            said = time.monotonic()
    if len(usable) < least:
        count = f"{len(usable)} {what}" if usable else f"no {what.removesuffix('s') if bad else what}"
        which = " that can be used" if bad else ""
        names = ", ".join(os.fspath(path) for path in given if isinstance(path, str | os.PathLike))
        problem = f"holds {count}{which}" + (f": {bad[0][1]}" if bad else "")
        remedy = f"at least {size} pixels a side" if least == 1 else f"at least {least} of {size} pixels a side are needed"
        raise InputError(argument, names, problem, remedy)
    if bad:
        notices.append(_left_out(bad, len(sources), what))
    if 2 * len(usable) < good:
        notices.append(f"{argument}: {len(usable)} {what} to learn from; {good} or more make a better network")
    return stack_photographs(usable, size)


def _read(sources: Sequence[Any], size: int, argument: str, what: str) -> Iterator[tuple[Any, Picture | str]]:
    """Each source, and what is held of it or why it cannot be used, in order.

    Raises:
        ImageError: where the only one cannot be read.
    """

    def one(source: Any) -> Picture | str:
        try:
            picture = load(source, argument=argument, fit=lambda width, height: fit(width, height, size))
        except ImageError as error:
            if len(sources) == 1:
                raise
            return str(error).removeprefix(f"`{argument}` ")
        if min(picture.size) < size:
            name = source if isinstance(source, str | os.PathLike) else f"a {what.removesuffix('s')}"
            return f"{name} is {picture.size[0]}x{picture.size[1]}, smaller than the crops of {size}"
        return shown(picture, size)  # the rest of a long photograph is not held meanwhile

    pool = ThreadPoolExecutor(READER_THREADS)
    try:
        yield from zip(sources, pool.map(one, sources), strict=True)
    finally:
        pool.shutdown(cancel_futures=True)


def _check_memory(
    pictures: Sequence[Picture], count: int, free: tuple[int, int | None], size: int, argument: str, what: str
) -> None:
    """Raises an InputError where `count` photographs like these do not fit in the bytes that are `free`: in the host's memory,
    one by one, in an array that gives each the room of the largest, and in JAX's copy of it; and that array on the device."""
    held = sum(picture.rgb.nbytes for picture in pictures) / len(pictures)
    height, width = (max(picture.rgb.shape[axis] for picture in pictures) for axis in (0, 1))
    for each, there in ((held + 2 * 3 * height * width, free[0]), (3 * height * width, free[1])):
        if there is not None and count * each > there:
            needed = memory.gigabytes(count * each)
            problem = f"need about {needed} of memory for crops of {size}, and {memory.gigabytes(there)} are free"
            remedy = f"give about {int(there / each)}, or a smaller --size"
            raise InputError(argument, Plain(f"{count} {what}"), problem, remedy)


def _left_out(bad: Sequence[tuple[Any, str]], count: int, what: str) -> str:
    """One sentence on what could not be used."""
    (_, first), *others = bad
    if not others:
        return f"left out: {first}"
    files = [os.fspath(source) for source, _ in others if isinstance(source, str | os.PathLike)][: MAX_NAMED - 1]
    more = len(others) - len(files)
    also = ", ".join([*files, *([f"{more} more"] if more else [])])
    return f"left out: {len(bad)} of {count} {what}: {first}; also {also}"


def check_counts(**counts: tuple[int, int]) -> None:
    """Raises an InputError for the first of them that is less than its least."""
    for argument, (value, least) in counts.items():
        if value < least:
            raise InputError(argument, value, f"must be a whole number of at least {least}")


def check_time(argument: str, value: float | None, steps: int | None = None) -> None:
    """Raises an InputError where a time is no positive number, or steps are given in place of which it stands."""
    if value is not None and not 0 < value < float("inf"):
        raise InputError(argument, value, "must be a positive number")
    if steps is not None and value is not None:
        raise InputError(argument, value, "says the same as steps", "give one of them")
