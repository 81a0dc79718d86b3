"""Where a film goes: nothing is replaced but what we made."""

import os
from pathlib import Path

from jaxstyle.errors import ImageError, InputError
from jaxstyle.films.part import DIGITS
from jaxstyle.pictures import ours, write
from jaxstyle.pictures.paths import located


def check_film_output(path: str | os.PathLike[str]) -> Path:
    """`path` as a Path, ``~`` replaced, once it is sure that a film can be written there.

    A path without suffix is a folder for numbered pictures, which is made.

    Raises:
        InputError: for a folder that is missing or cannot be written, or where something lies that is not ours.
    """
    place = Path(located(path))
    if not place.suffix:
        folder = write.make_folder(path)
        others = [file for file in sorted(folder.glob("[0-9]" * DIGITS + ".png")) if not ours.is_ours(file)]
        if others:
            raise InputError("out", str(others[0]), "is a file that jaxstyle did not make", "choose another folder")
        return folder
    if place.is_dir():
        raise InputError("out", os.fspath(path), "is a folder", f"give a file, such as {str(place / 'out.mp4')!r}")
    try:
        write.check_output(place.with_name("probe.png"))
    except ImageError as error:
        raise InputError("out", os.fspath(path), error.problem) from error
    return place


def record_of(path: Path) -> Path:
    """Where the record of a film lies: OUT.mp4.json, and ``film.json`` in a folder of pictures."""
    return ours.record_path(path) if path.suffix else path / "film.json"
