"""The course of a training: steps with checkpoints on the way, a curve of losses, and reports, until the end."""

import hashlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxstyle.errors import InputError, JaxstyleError
from jaxstyle.machine import tensor_file
from jaxstyle.onepass.place import description, differences
from jaxstyle.results.record import plain

EVERY = 60.0
"""Seconds between two checkpoints."""
SPOKEN = 5.0
"""Seconds between two reports."""
TIMED = 10.0
"""Seconds of steps by which the speed is measured, where minutes were given."""
KEPT = 200
"""Points of the course of the losses in a network's file, at most."""
MACHINE = ("precision", "devices")
"""Of a recipe, what the machine says. A training may go on on another one."""
ANOTHER = "give what that training had, or another -o to begin anew"


class Diverged(JaxstyleError):
    """The losses are no numbers any more. The average, the count of steps and the curve are those of the last look before."""


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
        minutes: that the steps may take, those before a break too.
        path: of the checkpoint; None to keep nothing.
        notices: sentences for the user are added to it.
        state: between two steps: a NamedTuple whose `step` counts them, and whose `average` is what has been learned.
        curve: how many steps were made, and the mean losses before that, at each report.
        seconds: that the steps took, those before a break too.
        is_kept: whether the last checkpoint could be written.
        format: of the checkpoint.
        remedy: what may help where the losses are no numbers any more.
    """

    format: ClassVar[str]
    remedy: ClassVar[str]
    steps: int | None
    minutes: float | None
    path: Path | None
    notices: list[str]
    state: Any
    curve: list[tuple[float, ...]]
    seconds: float
    is_kept: bool = True

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """How it learns, by the names that the user knows; those of `MACHINE` too."""

    @abstractmethod
    def hashes(self) -> dict[str, Any]:
        """What it learns from, by `fingerprint`."""

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """The same, which takes a second for a gigabyte."""
        return self.hashes()

    @abstractmethod
    def compiled(self, steps: jax.Array) -> Callable[[Any, jax.Array], tuple[Any, Any]]:
        """The step, compiled: of a state and the number of all steps, float32, the next state and a tuple of losses."""

    @abstractmethod
    def sheet(self) -> np.ndarray:
        """See `Report`."""

    @property
    def about(self) -> dict[str, Any]:
        """What a checkpoint and a network's file say of a training, by which it is known."""
        planned = {"planned": self.steps, "minutes": self.minutes, "seconds": round(self.seconds, 1)}
        return plain({"steps": int(self.state.step), **planned, "recipe": self.settings, "inputs": self.inputs})

    def differences(self, about: Any) -> list[str]:
        """How a training that has such an `about` differs from this one, in words; not by the machine, or by its length."""
        if not {"recipe", "inputs"} <= set(about):
            return ["settings that it does not name"]
        ours = self.about
        recipe = {name: value for name, value in ours["recipe"].items() if name not in MACHINE}
        return differences(about, ours | {"recipe": recipe})

    def check_same(self, path: Path, about: Any) -> None:
        """Raises an InputError where a file is that of another training; it says which settings differ."""
        if different := self.differences(about):
            raise InputError("resume", str(path), f"is of a training with {', '.join(different)}", ANOTHER)

    def resume(self, path: Path | None = None) -> bool:
        """Goes to where a checkpoint is, by default that at `path`, if there is one.

        Raises:
            InputError: where it is that of another training, or damaged.
        """
        path = path or self.path
        if path is None or not path.exists():
            return False
        anew = "remove it, and begin anew"
        try:
            arrays, about = tensor_file.read(path)
        except (OSError, ValueError) as error:
            raise InputError("resume", str(path), f"cannot be read: {error}", anew) from None
        if about.get("format") != self.format:
            problem = "is of another kind of training, or was not written by this version of jaxstyle"
            raise InputError("resume", str(path), problem, anew)
        self.check_same(path, about)
        try:
            restored = tensor_file.restore(self.state, arrays, "state")
        except ValueError as error:
            raise InputError("resume", str(path), f"does not fit: {error}", anew) from None
        # On no device in particular, as at the start: a step on several takes it then.
        self.state = jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), restored)
        self.curve, self.seconds = [tuple(point) for point in about["curve"]], about["seconds"]
        if self.steps is None:
            self._go_on(about)
        here = self.settings
        for name in MACHINE:
            if (before := about["recipe"].get(name)) != here[name]:
                self.notices.append(f"goes on with {name} {here[name]}, after {before} until now")
        return True

    def _go_on(self, about: dict[str, Any]) -> None:
        """How long a training goes on where no steps were given: as long as it would have, or for all of the minutes."""
        done = int(self.state.step)
        if self.minutes is None or self.minutes == about["minutes"]:
            self.steps, self.minutes = about["planned"], about["minutes"]
        elif done and self.seconds:  # the speed is known
            self.steps = max(done, round(done * 60 * self.minutes / self.seconds))

    def keep(self) -> None:
        """Writes the checkpoint; where that fails, a notice says so once."""
        if self.path is None:
            return
        about = {"format": self.format, **self.about, "seconds": self.seconds, "curve": self.curve}
        try:
            if self.path.exists() and self.differences(description(self.path)):
                raise InputError("out", str(self.path), "is of another training, which was started meanwhile")
            through = self.path.with_name(f"{self.path.name}.new")
            tensor_file.write(self.path, tensor_file.flatten(self.state, "state"), about, through=through)
            self.is_kept = True
        except InputError as error:
            self.is_kept = False
            self.say_once(f"the training is not kept on its way: {error.told}")

    def say_once(self, text: str) -> None:
        """Adds a notice, but not a second time."""
        if text not in self.notices:
            self.notices.append(text)

    def run(self, callback: Callable[[Report], bool | None] | None = None, between: Callable[[], object] | None = None) -> bool:
        """Makes the steps that are left.

        Args:
            callback: is called every few seconds; True ends the training there.
            between: is called before that, while there are steps left and the losses are numbers.

        Returns:
            Whether all steps were made.

        Raises:
            Diverged: where the losses, or the average, are no numbers any more.
        """
        unknown = jnp.asarray(jnp.inf, jnp.float32)
        advance = self.compiled(unknown)
        before, began, kept, chunk = self.seconds, time.monotonic(), time.monotonic(), 1
        first = done = int(self.state.step)
        good = jax.tree.map(np.array, self.state.average)  # the step writes into its arguments' memory
        while self.steps is None or done < self.steps:
            chunk = chunk if self.steps is None else min(chunk, self.steps - done)
            steps = unknown if self.steps is None else jnp.asarray(self.steps, jnp.float32)
            found = []
            for _ in range(chunk):
                self.state, losses = advance(self.state, steps)
                found.append(losses)
            means = type(found[0])(*(np.float32(np.mean(part)) for part in zip(*jax.device_get(found), strict=True)))
            average = jax.tree.map(np.array, self.state.average)
            wrong = [value for value in means if not np.isfinite(value)]
            if wrong or not all(np.isfinite(leaf.sum()) for leaf in jax.tree.leaves(average)):
                self.state = self.state._replace(average=jax.tree.map(jnp.asarray, good), step=jnp.asarray(done, jnp.int32))
                what = f"the loss is {wrong[0]}" if wrong else "a value of the network is no number"
                raise Diverged(f"{what} after {done} steps; {self.remedy}")
            good, done, now = average, done + chunk, time.monotonic()
            rate = (done - first) / (now - began)
            self.seconds = before + now - began
            self.curve.append((done, *map(float, means)))
            if self.steps is None and self.minutes is not None and now - began > min(TIMED, 30 * self.minutes):
                self.steps = done + max(0, round((60 * self.minutes - self.seconds) * rate))
            if self.steps is not None and now - kept > EVERY:
                self.keep()
                kept = now
            if between is not None and (self.steps is None or done < self.steps):
                between()
            left = max(0.0, 60 * (self.minutes or 0) - self.seconds) if self.steps is None else (self.steps - done) / rate
            report = Report(done, self.steps, means, left, rate, self.sheet)
            if callback is not None and callback(report):
                self.keep()
                return done == self.steps
            chunk = max(1, min(2 * chunk, round(SPOKEN * rate)))
        return True

    def course(self) -> list[list[float]]:
        """The curve as it stands in a network's file: `KEPT` points at most."""
        every = -(-len(self.curve) // KEPT)
        return [[float(f"{value:.5g}") for value in point] for point in self.curve[::-1][::every][::-1]] if every else []


def fingerprint(*arrays: Any) -> str:
    """By which a training knows what it learns from: the hash of the bytes of arrays."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(np.asarray(array)).data)
    return found.hexdigest()
