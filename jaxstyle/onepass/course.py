"""The course of a training: steps with checkpoints on the way, a curve of losses, and reports, until the end."""

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxstyle.errors import InputError, JaxstyleError
from jaxstyle.machine import tensor_file
from jaxstyle.transfer.record import plain

EVERY = 60.0
"""Seconds between two checkpoints."""
SPOKEN = 5.0
"""Seconds between two reports."""
TIMED = 10.0
"""Seconds of steps by which the speed is measured, where minutes were given."""
KEPT = 200
"""Points of the course of the losses in a network's file, at most."""


File = TypeVar("File")


class Report(NamedTuple):
    """How far a training is.

    Attributes:
        step, steps: made, and in all; None until the speed is known, where minutes were given.
        losses: means since the last report, as the step names them.
        left: seconds that the rest will take.
        rate: steps a second.
        sheet: makes a picture, (H, W, 3) in [0, 1]: crops in the first column, beside them what the network makes of them.
    """

    step: int
    steps: int | None
    losses: Any
    left: float
    rate: float
    sheet: Callable[[], np.ndarray]


class Course(ABC):
    """A training on its way; what is trained, and how, says the class that is made from this one.

    Attributes:
        steps: in all; None for as many as `minutes` allow.
        minutes: that the steps may take.
        path: of the checkpoint; None to keep nothing.
        state: between two steps: a pytree whose `step` counts them.
        curve: how many steps were made, and the mean losses before that, at each report.
        seconds: that the steps took, those before a break too.
        format: of the checkpoint.
        remedy: what may help where the losses are no numbers any more.
    """

    format: ClassVar[str]
    remedy: ClassVar[str]
    steps: int | None
    minutes: float | None
    path: Path | None
    state: Any
    curve: list[tuple[float, ...]]
    seconds: float

    @property
    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What a checkpoint is known by."""

    @abstractmethod
    def compiled(self, steps: jax.Array) -> Callable[[Any, jax.Array], tuple[Any, Any]]:
        """The step, compiled: of a state and the number of all steps, float32, the next state and a tuple of losses."""

    @abstractmethod
    def sheet(self) -> np.ndarray:
        """See `Report`."""

    def resume(self) -> bool:
        """Goes to where the checkpoint is, if there is one.

        Raises:
            InputError: where it is that of another training, or damaged.
        """
        if self.path is None or not self.path.exists():
            return False
        try:
            arrays, about = tensor_file.read(self.path)
        except (OSError, ValueError) as error:
            raise InputError("resume", str(self.path), f"cannot be read: {error}", "remove it, and begin anew") from None
        ours, theirs = plain(self.identity), about.get("identity", {})
        different = [name for name, value in ours.items() if theirs.get(name) != value]
        if about.get("format") != self.format or different:
            what = ", ".join(different) if about.get("format") == self.format else "format"
            raise InputError("resume", str(self.path), f"is of another training: other {what}", "remove it, and begin anew")
        try:
            restored = tensor_file.restore(self.state, arrays, "state")
        except ValueError as error:
            raise InputError("resume", str(self.path), f"does not fit: {error}", "remove it, and begin anew") from None
        # On no device in particular, as at the start: a step on several takes it then.
        self.state = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), restored)
        self.steps = self.steps or about["steps"]
        self.curve, self.seconds = [tuple(point) for point in about["curve"]], about["seconds"]
        return True

    def keep(self) -> None:
        """Writes the checkpoint."""
        if self.path is not None:
            about = {"format": self.format, "identity": plain(self.identity), "steps": self.steps}
            about |= {"curve": self.curve, "seconds": self.seconds}
            tensor_file.write(self.path, tensor_file.flatten(self.state, "state"), about)

    def run(self, callback: Callable[[Report], bool | None] | None = None) -> bool:
        """Makes the steps that are left.

        Args:
            callback: is called every few seconds; True ends the training there.

        Returns:
            Whether all steps were made.

        Raises:
            JaxstyleError: where the losses are no numbers any more.
        """
        unknown = jnp.asarray(jnp.inf, jnp.float32)
        advance = self.compiled(unknown)
        before, began, kept, chunk = self.seconds, time.monotonic(), time.monotonic(), 1
        first = done = int(self.state.step)
        while self.steps is None or done < self.steps:
            chunk = chunk if self.steps is None else min(chunk, self.steps - done)
            steps = unknown if self.steps is None else jnp.asarray(self.steps, jnp.float32)
            found = []
            for _ in range(chunk):
                self.state, losses = advance(self.state, steps)
                found.append(losses)
            means = type(found[0])(*(np.float32(np.mean(part)) for part in zip(*jax.device_get(found), strict=True)))
            if not np.isfinite(means).all():
                worst = next(value for value in means if not np.isfinite(value))
                raise JaxstyleError(f"the loss is {worst} after {done} steps; {self.remedy}")
            done, now = done + chunk, time.monotonic()
            rate = (done - first) / (now - began)
            self.seconds = before + now - began
            self.curve.append((done, *map(float, means)))
            if self.steps is None and self.minutes is not None and now - began > min(TIMED, 30 * self.minutes):
                self.steps = done + max(0, round((60 * self.minutes - (now - began)) * rate))
            if self.steps is not None and now - kept > EVERY:
                self.keep()
                kept = now
            left = max(0.0, 60 * (self.minutes or 0) - (now - began)) if self.steps is None else (self.steps - done) / rate
            report = Report(done, self.steps, means, left, rate, self.sheet)
            if callback is not None and callback(report):
                self.keep()
                return done == self.steps
            chunk = max(1, min(2 * chunk, round(SPOKEN * rate)))
        return True

    def complete(
        self,
        resume: bool,
        callback: Callable[[Report], bool | None] | None,
        file: Callable[[], File],
        write: Callable[[File], object] | None,
    ) -> File:
        """All of a training: from its checkpoint if that is wanted, and to a file, of which the checkpoint is removed.

        Args:
            resume, callback: see `resume` and `run`.
            file: what has been learned.
            write: writes it; None to leave it at that.
        """
        if resume:
            self.resume()
        finished = self.run(callback)
        self.keep()  # so that nothing is lost where the file itself cannot be written
        made = file()
        if write is not None:
            write(made)
            if finished and self.path is not None:
                self.path.unlink(missing_ok=True)
        return made

    def course(self) -> list[list[float]]:
        """The curve as it stands in a network's file: `KEPT` points at most."""
        every = -(-len(self.curve) // KEPT)
        return [[float(f"{value:.5g}") for value in point] for point in self.curve[::-1][::every][::-1]] if every else []


def fingerprint(pixels: Any) -> str:
    """By which a checkpoint knows what was learned from: the hash of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(np.asarray(pixels)).tobytes()).hexdigest()
