"""Paths as users write them: what a shell would have made of them, no shell may have."""

import glob
import os
from typing import Any

SUFFIXES = ".jpg .jpeg .jpe .jfif .png .webp .tif .tiff .gif .bmp .avif .heic .heif .hif .jp2 .ppm .pgm .pbm .pnm .tga"
"""Of the files that are taken for pictures."""
FILMS = ".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .mts .m2ts .ts .wmv .flv .ogv .3gp .y4m"
"""Of the files that are taken for films."""


def is_film_name(source: Any) -> bool:
    """Whether it is a path with the suffix of a film."""
    return isinstance(source, str | os.PathLike) and os.path.splitext(os.fspath(source))[1].lower() in FILMS.split()


def located(source: Any) -> Any:
    """A path whose leading ``~`` or ``~name`` is replaced by that home folder, unless something of that very name is there.

    Everything else stays as it is, what is no path too.
    """
    if not isinstance(source, str | os.PathLike):
        return source
    path = os.fspath(source)
    return os.path.expanduser(path) if path[:1] == "~" and not os.path.lexists(path) else source


def is_pattern(source: Any) -> bool:
    """Whether it is a path with ``*``, ``?`` or ``[...]`` behind the part of it that is there."""
    return isinstance(source, str | os.PathLike) and any(map(glob.has_magic, _split(located(source))[1]))


def matching(pattern: str | os.PathLike[str]) -> list[str]:
    """What a pattern matches, in no order; ``**`` stands for any number of folders.

    A folder that is there is taken by its name, brackets and all. Where nothing matches, brackets stand for themselves.
    """
    there, names = _split(located(pattern))
    for rest in (names, [name.replace("[", "[[]") for name in names]):
        if found := glob.glob(os.path.join(glob.escape(there), *rest), recursive=True):
            return found
    return []


def _split(path: str | os.PathLike[str]) -> tuple[str, list[str]]:
    """The longest part of a path that is there, and the names behind it."""
    there, names = os.fspath(path), list[str]()
    while there and not os.path.lexists(there):
        shorter, name = os.path.split(there)
        if shorter == there:
            break
        there, names = shorter, [name, *names]
    return there, names
