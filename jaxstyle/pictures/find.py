"""Several pictures from what the user names: a folder stands for its pictures, a pattern for those that it matches."""

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jaxstyle.errors import ImageError, reason
from jaxstyle.pictures.ours import is_ours

_SUFFIXES = ".jpg .jpeg .jpe .jfif .png .webp .tif .tiff .gif .bmp .avif .heic .heif .hif .jp2 .ppm .pgm .pbm .pnm .tga"
"""Of the files that are taken for pictures."""


def expand(sources: Iterable[Any], *, argument: str) -> list[Any]:
    """`sources` with each folder, and each pattern that no shell has expanded, replaced by its pictures.

    Those are in natural order (2 before 10) and of any case of suffix; hidden files and results of this package are left out,
    and what lies in folders below. A list among the sources, which is a blend, is expanded in itself. Everything else stays as
    it is: whether it can be read shows later. So does a folder or a pattern without pictures where there are other sources.

    Raises ImageError where no picture is found, or a folder cannot be read, and there is nothing else.
    """
    found: list[Any] = []
    errors: list[ImageError] = []
    for source in sources:
        try:
            found += _stands_for(source, argument)
        except ImageError as error:
            errors.append(error)
            found.append(source)
    if errors and len(errors) == len(found):
        raise errors[0]
    return found


def _stands_for(source: Any, argument: str) -> list[Any]:
    if isinstance(source, list | tuple):
        return [expand(source, argument=argument)]
    if isinstance(source, str | os.PathLike) and os.path.isdir(source):
        return _pictures(_listed(os.fspath(source), argument), os.fspath(source), argument)
    if is_pattern(source):
        return _pictures(glob.glob(os.fspath(source)), os.fspath(source), argument)
    return [source]


def is_pattern(source: Any) -> bool:
    """Whether it is a path with ``*``, ``?`` or ``[...]`` that is not simply the name of a file."""
    return isinstance(source, str | os.PathLike) and glob.has_magic(os.fspath(source)) and not os.path.lexists(source)


def natural(path: str) -> list[tuple[int, str]]:
    """A key that sorts numbers within names by their value, whatever the case of the letters."""
    parts = re.split(r"([0-9]+)", path.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts] + [(-1, path)]


def _listed(folder: str, argument: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError as error:
        raise ImageError(argument, folder, f"cannot be read ({reason(error)})", "give the path of a picture") from error


def _pictures(paths: list[str], given: str, argument: str) -> list[str]:
    known = _SUFFIXES.split()
    shown = [path for path in paths if Path(path).suffix.lower() in known and not Path(path).name.startswith(".")]
    files = sorted(filter(os.path.isfile, shown), key=natural)
    if found := [path for path in files if not is_ours(path)]:
        return found
    problem = "holds no picture" if os.path.isdir(given) else "matches no picture"
    if files:
        raise ImageError(argument, given, f"{problem} but results of jaxstyle, which are left out", "name them one by one")
    raise ImageError(argument, given, problem, f"the suffixes of pictures are {_SUFFIXES}")
