"""Several pictures from what the user names: a folder stands for its pictures, a pattern for those that it matches."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jaxstyle.errors import ImageError, reason
from jaxstyle.pictures import raw
from jaxstyle.pictures.ours import is_ours
from jaxstyle.pictures.paths import SUFFIXES, is_pattern, located, matching


def expand(sources: Iterable[Any], *, argument: str) -> list[Any]:
    """`sources` with each folder, and each pattern that no shell has expanded, replaced by its pictures.

    Those are in natural order (2 before 10) and of any case of suffix; hidden files and results of this package are left out,
    and what lies in folders below, unless a pattern says ``**``. Camera RAW files are among them where no picture has their
    name, to be refused by name. A list among the sources, which is a blend, is expanded in itself. In every other path ``~`` is
    the home folder, and whether it can be read shows later. So does a folder or a pattern without pictures where there are
    other sources.

    Raises ImageError where no picture is found, or a folder cannot be read, and there is nothing else.
    """
    found: list[Any] = []
    errors: list[ImageError] = []
    for source in sources:
        try:
            found += _stands_for(located(source), argument)
        except ImageError as error:
            errors.append(error)
            found.append(source)
    if errors and len(errors) == len(found):
        raise errors[0]
    return found


def one(source: Any, *, argument: str) -> Any:
    """A source of one picture, as `expand` has it; a folder stays, to be refused where it is read.

    Raises ImageError where it is a pattern that matches no picture, or several.
    """
    if not is_pattern(source):
        return located(source)
    found = expand([source], argument=argument)
    if len(found) > 1:
        remedy = "name one of them; `jaxstyle batch` and `jaxstyle apply` take several"
        raise ImageError(argument, os.fspath(source), f"matches {len(found)} pictures, and one is wanted", remedy)
    return found[0]


def is_there(path: str) -> bool:
    """Whether a path is that of a file or folder, or a pattern that matches some."""
    return os.path.exists(located(path)) or (is_pattern(path) and bool(matching(path)))


def natural(path: str) -> list[tuple[int, str]]:
    """A key that sorts numbers within names by their value, whatever the case of the letters."""
    parts = re.split(r"([0-9]+)", path.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts] + [(-1, path)]


def _stands_for(source: Any, argument: str) -> list[Any]:
    if isinstance(source, list | tuple):
        return [expand(source, argument=argument)]
    if isinstance(source, str | os.PathLike) and os.path.isdir(source):
        return _pictures(_listed(os.fspath(source), argument), os.fspath(source), argument)
    if is_pattern(source):
        return _pictures(matching(source), os.fspath(source), argument)
    return [source]


def _listed(folder: str, argument: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError as error:
        raise ImageError(argument, folder, f"cannot be read ({reason(error)})", "give the path of a picture") from error


def _pictures(paths: list[str], given: str, argument: str) -> list[str]:
    shown = [path for path in paths if not Path(path).name.startswith(".") and os.path.isfile(path)]
    files = [path for path in shown if Path(path).suffix.lower() in SUFFIXES.split()]
    stems = {os.path.splitext(path)[0] for path in files}
    raws = [path for path in shown if raw.is_raw_name(path) and os.path.splitext(path)[0] not in stems]
    found = [path for path in files if not is_ours(path)]
    if found:
        return sorted(found + raws, key=natural)
    problem = "holds no picture" if os.path.isdir(given) else "matches no picture"
    if raws:
        raise ImageError(argument, given, f"{problem} but {len(raws)} RAW files of a camera", raw.REMEDY)
    if files:
        raise ImageError(argument, given, f"{problem} but results of jaxstyle, which are left out", "name them one by one")
    raise ImageError(argument, given, problem, f"the suffixes of pictures are {SUFFIXES}")
