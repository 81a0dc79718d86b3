"""The files that this package made, known by the record beside a picture or inside it, or by the mark inside; and names for
new ones."""

import itertools
import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from jaxstyle.pictures import comment, ends, write
from jaxstyle.pictures.files import quiet

GENERATOR = '<meta name="generator" content="jaxstyle">'
"""The mark inside our pages."""


def record_path(picture: str | os.PathLike[str]) -> Path:
    """Where the record of a picture lies: OUT.png.json."""
    return Path(f"{os.fspath(picture)}.json")


def read_record(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The record of a picture, from the file beside it or from inside it.

    Args:
        path: a picture, or its record's own file.

    Returns:
        The file beside the picture where it is of that very run, which is whole; else what stands inside, which lacks
        `command`, `notices`, `memory` and `trace`; None where there is no record.
    """
    if Path(path).suffix.lower() == ".json":
        return _parsed(_text(Path(path)))
    within, beside = _parsed(comment.read(path)), _parsed(_text(record_path(path)))
    if within is None or beside is None:
        return (within or beside) if Path(path).is_file() else None
    one_run = all(within.get(name) == beside.get(name) for name in ("loss", "seconds", "evaluations"))
    return beside if one_run else within


def is_ours(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a picture, a record or a page of ours, and so may be replaced."""
    suffix = Path(path).suffix.lower()
    if suffix == ".json":
        return read_record(path) is not None
    if suffix == ".html":
        return GENERATOR in (_text(Path(path)) or "")
    return comment.read(path) is not None or read_record(path) is not None


def is_whole(path: str | os.PathLike[str], size: Collection[int] | None = None) -> bool:
    """Whether a picture of ours can be decoded to its last pixel, and has the (width, height) that its record says.

    A full disk or a copy that was interrupted leaves some that are cut, empty or full of zeros.
    """
    try:
        with open(path, "rb") as file, quiet(), Image.open(file) as picture:
            picture.load()
            return (size is None or picture.size == tuple(size)) and not ends.is_without_end(file)
    except Exception:  # in nearly any way
        return False


def named_for(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """What a picture is called after, by hashes of the files: the photograph or film and the styles among a record's `inputs`.

    Cameras give a name to many pictures: a result may be replaced by one of the same files only.
    """
    sources = [inputs.get("picture"), inputs.get("film"), inputs.get("content"), *(inputs.get("styles") or ())]
    return tuple(source["sha256"] for source in sources if source)


def is_result_of(path: str | os.PathLike[str], files: tuple[str, ...]) -> bool:
    """Whether a picture is a result of ours of these files, `named_for` them."""
    known = read_record(path)
    try:
        return known is not None and named_for(known["inputs"]) == files
    except (AttributeError, KeyError, TypeError):  # a record of another version
        return False


def identities(paths: Iterable[str | os.PathLike[str]]) -> set[tuple[int, int]]:
    """What the file system knows files by, whatever their names; those that are not there are left out."""
    return {found for path in paths if (found := _identity(path)) is not None}


def free_path(
    folder: Path,
    stem: str,
    taken: set[str],
    inputs: Collection[tuple[int, int]],
    replaces: Callable[[Path], bool],
    suffix: str = ".png",
) -> Path:
    """The first of STEM.png, STEM-2.png and so on that a new picture and its record may have.

    Args:
        folder: where it lies.
        stem: of its name.
        taken: names that are given away, `write.folded`; this one is added.
        inputs: `identities` of files that nothing replaces.
        replaces: whether a picture that is there may be replaced. A record is where it is ours.
        suffix: of its name.
    """
    for number in itertools.count(1):
        path = folder / f"{stem}{f'-{number}' * (number > 1)}{suffix}"
        beside, name = record_path(path), write.folded(path.name)
        if name in taken or (os.path.lexists(beside) and not is_ours(beside)) or _identity(path) in inputs:
            continue
        if not os.path.lexists(path) or replaces(path):
            taken.add(name)
            return path
    raise AssertionError


def _identity(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def _parsed(text: str | None) -> dict[str, Any] | None:
    try:
        found = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and str(found.get("schema")).startswith("jaxstyle-run-") else None
