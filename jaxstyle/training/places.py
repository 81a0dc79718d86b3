"""Where the network of a training goes, and what lies beside it. Nothing that took long is replaced by another training's."""

import contextlib
import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from jaxstyle.errors import InputError, WeightsError
from jaxstyle.pictures import write
from jaxstyle.pictures.paths import located
from jaxstyle.results.beside import part_of, state_of


class Trained(Protocol):
    """The content of a network's file."""

    @property
    def training(self) -> Mapping[str, Any]:
        """How it was trained, as plain data."""
        ...


File = TypeVar("File", bound=Trained)


@dataclass
class Place(Generic[File]):
    """The file of a network, the checkpoint of its training (`part`), and the end of a finished one (`state`).

    Attributes:
        path: .safetensors, as `checked` returns it.
        read, write: such a file.
        extends: whether the training adds to the network that is there, all of which stays.
    """

    path: Path
    read: Callable[..., File]
    write: Callable[[Path, File], None]
    extends: bool = False

    def __post_init__(self) -> None:
        self._found = _stamp(self.path)

    @property
    def part(self) -> Path:
        """The file from which an unfinished training goes on."""
        return part_of(self.path)

    @property
    def state(self) -> Path:
        """The file from which a finished training can be gone on with."""
        return state_of(self.path)

    def there(self) -> File | None:
        """The network that is there."""
        return self.read(self.path, argument="out") if self._found else None

    def check(self) -> None:
        """Raises an InputError where a training that begins would replace what another one has learned."""
        remedy = "--resume goes on with it, another -o begins anew"
        if not self.extends and (file := self.there()) is not None:
            steps = file.training.get("steps")
            what = "a network" if steps is None else f"a network of {steps} steps"
            raise InputError("out", str(self.path), f"holds {what} already, which no other training replaces", remedy)
        if self.part.exists():
            problem = f"has the unfinished training {str(self.part)!r} beside it, which no other one replaces"
            raise InputError("out", str(self.path), problem, remedy)

    def save(self, file: File) -> None:
        """Writes the network, or where that fails at some other place, and says where.

        Raises:
            WeightsError: where it cannot be written anywhere.
            JaxstyleError: where it lies elsewhere; it says why and where.
        """

        def one(path: Path) -> None:
            if path == self.path and _stamp(path) not in (None, self._found):
                raise WeightsError("out", str(path), "was written by something else meanwhile, which is not replaced")
            self.write(path, file)

        _, _, problem = write.keep(self.path, one, what="the network", suffixes=())
        if problem is not None:
            raise problem

    def save_beside(self, step: int, file: File) -> Path:
        """Writes the network after so many steps to NAME-STEP.safetensors, or another name where that is taken; the path.

        Raises:
            WeightsError: where it cannot be written.
        """
        stem = f"{self.path.stem}-{step:06d}"
        names = (f"{stem}{f'-{number}' * (number > 1)}{self.path.suffix}" for number in itertools.count(1))
        path = next(path for name in names if not os.path.lexists(path := self.path.with_name(name)))
        self.write(path, file)
        return path

    def finish(self, keeps: bool) -> None:
        """After the network of a finished training is there: its checkpoint becomes the state, or goes."""
        with contextlib.suppress(OSError):  # its folder may be gone
            if keeps:
                os.replace(self.part, self.state)
            self.part.unlink(missing_ok=True)


def checked(out: str | os.PathLike[str], reader: Callable[..., Any]) -> Path:
    """`out` as a path, once it is sure that a network can be written there; `reader` reads one of its kind."""
    path = Path(located(out))
    if path.suffix != ".safetensors":
        raise InputError("out", str(out), "must end in .safetensors", f"give {os.fspath(out)}.safetensors")
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        what = "is a folder" if path.is_dir() else "lies in a folder that does not exist or cannot be written to"
        raise InputError("out", str(out), what)
    if path.exists():
        reader(path, argument="out")  # nothing but a network is ever replaced
    return path


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """By which a file is known from one that was written since; None where there is none."""
    with contextlib.suppress(OSError):
        found = os.stat(path)
        return found.st_ino, found.st_mtime_ns, found.st_size
    return None
