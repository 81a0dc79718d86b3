"""Where pictures lie and go: what may be replaced, and what may not."""

import contextlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jaxstyle.errors import InputError
from jaxstyle.pictures import ours, write
from jaxstyle.pictures.ours import is_ours
from jaxstyle.pictures.paths import located
from jaxstyle.results.record import describe_source

SAMPLES = Path(__file__).resolve().parents[1] / "samples"


def step_path(path: Path, evaluation: int) -> Path:
    """Where the picture after so many evaluations goes: OUT-00050.png."""
    return path.with_stem(f"{path.stem}-{evaluation:05d}")


def check_replaced(path: Path, sources: Sequence[Any], every: int) -> None:
    """Raises an InputError where a run would replace an input picture, or a file that we did not make.

    Args:
        path: of the picture.
        sources: inputs; those that are no files are passed over.
        every: evaluations between intermediate pictures; 0 for none.
    """
    targets = {"out": [path]}
    if every:
        with contextlib.suppress(OSError):
            write.check_output(step_path(path, every), argument="save_every")
            steps = re.compile(rf"{re.escape(path.stem)}-(\d{{5,}}){re.escape(path.suffix)}")
            found = [(file, steps.fullmatch(file.name)) for file in path.parent.iterdir()]
            targets["save_every"] = [file for file, match in found if match and int(match[1]) % every == 0]
    for argument, paths in targets.items():
        for target in paths:
            check_place(argument, target, sources, is_ours)


def check_place(argument: str, target: Path, sources: Sequence[Any], known: Callable[[Path], bool]) -> None:
    """Raises an InputError where the target is one of the sources, or a file that is not known for one of ours."""
    if any(same(target, source) for source in sources):
        raise InputError(argument, str(target), "is one of the input pictures", "write to another file")
    if os.path.exists(target) and not known(target):
        raise InputError(argument, str(target), "is a file that jaxstyle did not make", "choose another name")


def unnamed(stem: str, sources: Sequence[str], suffix: str = ".png") -> tuple[Path, str]:
    """Where the picture of a photograph and its styles goes that the user gives no name, and what is to be said of that.

    It is STEM.png here, or STEM-2.png and so on where that is a result of ours of other files. Another program's file is no
    reason for another name: it is refused, as under any name.
    """

    def replaces(there: Path) -> bool:
        return not is_ours(there) or ours.is_result_of(there, _hashes(sources))

    path = ours.free_path(Path(), stem, set(), (), replaces, suffix)
    return path, "" if path.stem == stem else moved(path.with_name(f"{stem}{suffix}"))


def stem_of(picture: str, made: str, folder: str | os.PathLike[str] = ".") -> str:
    """PHOTO-STYLE or PHOTO-NETWORK, as the name of a file."""
    return write.file_stem([Path(picture).stem, re.sub(r"[^\w.,+=-]+", "_", made)], folder)


def moved(name: str | Path) -> str:
    """What is said where a picture does not get the name that it would have."""
    return f"{name} is another picture, and stays"


def _hashes(sources: Sequence[str]) -> tuple[str, ...]:
    """Of files; none where one cannot be read, which is said later."""
    try:
        return tuple(describe_source(source)["sha256"] for source in sources)
    except OSError:
        return ()


def same(target: Path, source: Any) -> bool:
    """Whether both are one file; what is no file is none."""
    source = located(source)
    return bool(source) and os.path.exists(target) and os.path.exists(source) and os.path.samefile(target, source)
