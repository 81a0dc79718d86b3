"""What is kept of a run on its way, so that it can go on after it was stopped or killed, to the same picture bit for bit.

One file beside the picture, ``.OUT.png.part``: the solver's state, the images of earlier stages, counts and traces
(`runs/run` says which), and what the run was, by which another one is told from it. It is replaced whole, and removed
once the picture is there.
"""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from jaxstyle.errors import InputError, named
from jaxstyle.machine import tensor_file
from jaxstyle.plans.plan import Plan
from jaxstyle.results import record

FORMAT = "jaxstyle-part-1"
EVERY = 20.0
"""Seconds between two times that a run is kept, at least."""
WORTH = 30.0
"""Seconds that a run must take, so that it is kept at all."""
SHARE = 0.02
"""Of a run's time, at most, goes into keeping it."""
SPEED = 5e8
"""Bytes a second that are assumed before the first file is written."""

Parts = tuple[dict[str, Any], dict[str, Any]]
"""Arrays by name, and a description."""


@dataclass(frozen=True, eq=False)
class Kept:
    """A run as it was left.

    Attributes:
        path: of its file.
        arrays: by name.
        about: the description.
    """

    path: Path
    arrays: Mapping[str, np.ndarray]
    about: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path, *, argument: str = "resume", only_about: bool = False) -> "Kept":
        """Reads a file; an InputError of `argument`, for which it is read, where it holds no run."""
        remedy = "remove it, or choose another name" if argument == "out" else "remove it, and begin anew"
        try:
            arrays, about = tensor_file.read(path, only_description=only_about)
        except (OSError, ValueError) as error:
            raise InputError(argument, str(path), f"cannot be read: {error}", remedy) from None
        if about.get("format") != FORMAT:
            raise InputError(argument, str(path), "was not written by this version of jaxstyle", remedy)
        return cls(path, arrays, about)

    @property
    def further(self) -> "Kept":
        """The end of a run as a moment of a longer one."""
        members = [member | {"reason": "", "by_callback": False} for member in self.about["members"]]
        return Kept(self.path, self.arrays, {**self.about, "members": members})

    def restore(self, like: Any, name: str) -> Any:
        """`tensor_file.restore`, or an InputError."""
        try:
            return tensor_file.restore(like, self.arrays, name)
        except ValueError as error:
            problem = f"does not fit this run: {error}"
            raise InputError("resume", str(self.path), problem, "free as much memory as there was, or begin anew") from None


def is_kept(path: Path) -> bool:
    """Whether a file holds a run, of this version or another."""
    try:
        return str(tensor_file.read(path, only_description=True)[1].get("format")).startswith(FORMAT.rstrip("0123456789"))
    except (OSError, ValueError):
        return False


def identity(plans: Sequence[Plan]) -> dict[str, Any]:
    """What runs are known by, and what they can be compared by in words."""
    runs = [{"key": plan.key, "inputs": plan.sources, "config": plan.config, "weights": plan.network.sha256} for plan in plans]
    return record.plain({"plans": runs, "versions": record.versions(), "device": record.device()})


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """How a run differs from another, in words for an error; both as `identity` has them, one of its `plans` each."""
    found = []
    for role, given in new["inputs"].items():
        pairs = [(one if isinstance(one, list) else [one]) for one in (old["inputs"].get(role, []), given)]
        if len(pairs[0]) != len(pairs[1]):
            found.append(f"{len(pairs[0])} {role}, not {len(pairs[1])}")
        for one, other in zip(*pairs, strict=False):
            if one["sha256"] != other["sha256"]:
                same = one["path"] == other["path"]
                found.append(f"another {other['path']}" if same else f"{one['path']}, not {other['path']}")
    for name, value in new["config"].items():
        if (before := old["config"].get(name)) != value:
            found.append(f"{named(name)} {_shown(before)}, not {_shown(value)}")
    if not found and old["weights"] != new["weights"]:
        found.append("other weights")
    return found or ["other settings"]


def _shown(value: Any) -> str:
    return "by default" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


@dataclass
class Checkpoint:
    """Keeps a run, or those of a batch's members, in a file.

    Attributes:
        path: of the file; None to keep nothing on the way.
        identity: of the runs, from `identity`.
        resume: whether to go on where they were left, if there is anything.
        state: where to keep their end too; None not to.
        begun: the end of an earlier run of theirs, from which they go on.
        notices: sentences for the user.
    """

    path: Path | None
    identity: Mapping[str, Any]
    resume: bool = False
    state: Path | None = None
    begun: Kept | None = None
    notices: list[str] = field(default_factory=list)
    _last: float = 0.0
    _cost: float = 0.0
    _given_up: bool = False

    def check(self) -> None:
        """Before anything is computed: raises an InputError where the file is that of another run."""
        if self.path is None or not self.path.exists():
            return
        kept = Kept.read(self.path, argument="resume" if self.resume else "out", only_about=True)
        if not self.resume:
            self.notices.append(f"{self.path} is left of a run that did not finish; --resume would have gone on from there")
            return
        old, new = kept.about["identity"]["plans"], self.identity["plans"]
        for one, other in zip(old, new, strict=False):
            if one["key"] != other["key"]:
                problem = f"is of a run with {', '.join(differences(one, other))}"
                raise InputError(
                    "resume", str(self.path), problem, f"give what that run had, or leave {named('resume')} out to begin anew"
                )
        if len(old) != len(new):
            raise InputError("resume", str(self.path), f"is of {len(old)} pictures, not {len(new)}", "begin anew")

    def load(self) -> Kept | None:
        """The runs as they were left; None where they begin."""
        if not self.resume or self.path is None or not self.path.exists():
            kept, self.begun = self.begun, None  # its arrays are not needed twice
            self._last = kept.about["seconds"] if kept else 0.0
            return kept
        kept = Kept.read(self.path)
        for name in ("versions", "device"):
            if kept.about["identity"][name] != self.identity[name]:
                words = f"{self.path} was kept with another {name.removesuffix('s')}"
                self.notices.append(f"{words}: the picture may differ from an uninterrupted run's")
        self._last = kept.about["seconds"]
        return kept

    def offer(self, moment: str, seconds: float, expected: float, parts: Callable[[], Parts]) -> None:
        """Keeps the runs where it is time, or where they were stopped; and their end where that is wanted.

        Args:
            moment: ``"going"``, ``"stopped"`` or ``"ended"``.
            seconds: since they began.
            expected: how many they will take.
            parts: gives the arrays and their description.
        """
        if moment == "ended":
            if self.state is not None:
                self._write(self.state, parts())
            return
        if self.path is None or self._given_up or max(seconds, expected) < WORTH:
            return
        if moment == "going":
            if seconds - self._last < EVERY:
                return
            self._cost = self._cost or sum(array.nbytes for array in parts()[0].values()) / SPEED
            if seconds - self._last < self._cost / SHARE:
                return
        began = time.perf_counter()
        self._write(self.path, parts())
        self._last, self._cost = seconds, time.perf_counter() - began

    def _write(self, path: Path, parts: Parts) -> None:
        arrays, about = parts
        try:
            through = path.with_name(f"{path.name}.new")
            tensor_file.write(path, arrays, {"format": FORMAT, "identity": self.identity, **about}, through=through)
        except InputError as error:
            self._given_up = True
            self.notices.append(f"the run is not kept on its way: {error.told}")

    def is_damaged(self) -> bool:
        """Whether the file is one of ours that nobody can read any more: a full disk leaves some that are cut or empty."""
        if self.path is None or not self.path.is_file():
            return False
        with open(self.path, "rb") as file:
            head = file.read(4096)
        try:
            tensor_file.read(self.path, only_description=True)
        except ValueError:
            return not head.strip(b"\0") or b'{"__metadata__":{"jaxstyle"' in head
        return False

    def is_there(self) -> bool:
        """Whether the runs can be taken up again."""
        return self.path is not None and self.path.exists()

    def remove(self) -> None:
        """Takes the file away, once the pictures are there."""
        if self.path is not None:
            for path in (self.path, self.path.with_name(f"{self.path.name}.new")):
                with contextlib.suppress(OSError):  # its folder may be gone
                    path.unlink(missing_ok=True)
