"""The loop of a training: steps, checkpoints, a curve of losses and reports, until the steps are made or the time is over."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxstyle.errors import InputError, JaxstyleError
from jaxstyle.machine.compiler import Compiler
from jaxstyle.results.record import plain
from jaxstyle.training.checkpoints import description, differences, read_checkpoint, restore_state, write_checkpoint

CHECKPOINT_SECONDS = 60.0
"""Between two checkpoints."""
REPORT_SECONDS = 5.0
"""Between two reports."""
SPEED_SECONDS = 10.0
"""Of steps by which the speed is measured, where minutes were given."""
CURVE_POINTS = 200
"""Of the curve of losses in a network's file, at most."""
MACHINE_SETTINGS = ("precision", "devices")
"""Settings that depend on the machine. A training may go on on another machine."""
ANOTHER = "give what that training had, or another -o to begin anew"


class Diverged(JaxstyleError):
    """The losses are not finite any more. Average, step count and curve are those of the last report before."""


class Report(NamedTuple):
    """How far a training is.

    Attributes:
        step: steps made.
        steps: in all; None until the speed is known, where minutes were given.
        losses: means since the last report, as the step names them.
        left: seconds that the rest will take.
        rate: steps a second.
        sheet: makes a picture, (H, W, 3) in [0, 1]: crops, and beside each what the network makes of it.
    """

    step: int
    steps: int | None
    losses: Any
    left: float
    rate: float
    sheet: Callable[[], np.ndarray]


@dataclass(eq=False, kw_only=True)
class Trainer(ABC):
    """Trains a network step by step. A subclass is a method of training: it gives the settings, the first state, the data, the
    step with its losses, and a sheet of samples.

    Attributes:
        steps: in all; None for as many as `minutes` allow.
        minutes: that the steps may take, those before a break too.
        path: of the checkpoint; None to keep nothing.
        notices: sentences for the user are added to it.
        state: between two steps: a NamedTuple whose `step` counts them, and whose `average` is saved as the network.
        curve: at each report, the number of steps and the mean losses since the report before.
        seconds: that the steps took, those before a break too.
        is_kept: whether the last checkpoint could be written.
        format: of the checkpoint.
        remedy: what may help where the losses are not finite any more.
    """

    format: ClassVar[str]
    remedy: ClassVar[str]
    steps: int | None = None
    minutes: float | None = None
    path: Path | None = None
    notices: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state: Any = self.init_state()
        self.curve: list[tuple[float, ...]] = []
        self.seconds = 0.0
        self.is_kept = True

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """How it learns, by the names that the user knows; those of `MACHINE_SETTINGS` too."""

    @abstractmethod
    def hashes(self) -> dict[str, Any]:
        """What it learns from, by `fingerprint`."""

    @abstractmethod
    def init_state(self) -> Any:
        """The state before the first step."""

    @abstractmethod
    def make_data(self) -> Any:
        """What it learns from: a pytree of arrays, the step's second argument."""

    @property
    @abstractmethod
    def step(self) -> partial[tuple[Any, Any]]:
        """One step as a pure function of a state, the data and the number of all steps, a float32 scalar: the next state, and a
        NamedTuple of losses. The keywords of the `partial` are static: a compiled step depends on them."""

    @abstractmethod
    def sheet(self) -> np.ndarray:
        """See `Report`."""

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """`hashes`, computed once: that takes a second for a gigabyte."""
        return self.hashes()

    @cached_property
    def data(self) -> Any:
        """`make_data`, computed once."""
        return self.make_data()

    def compiled(self, steps: jax.Array) -> Callable[[Any, jax.Array], tuple[Any, Any]]:
        """The step with its data, compiled: of a state, whose memory it takes, and the number of all steps."""
        step, data = self.step, self.data
        key = (self.format, *step.keywords.items())
        advance = Compiler().compile(step, self.state, data, steps, key=key, donate=(0,))
        return lambda state, steps: advance(state, data, steps)

    @property
    def about(self) -> dict[str, Any]:
        """What checkpoints and the network's file say of a training, by which it is known."""
        planned = {"planned": self.steps, "minutes": self.minutes, "seconds": round(self.seconds, 1)}
        return plain({"steps": int(self.state.step), **planned, "recipe": self.settings, "inputs": self.inputs})

    def differences(self, about: Any) -> list[str]:
        """How a training that has such an `about` differs from this one, in words. Machine and length may differ."""
        if not {"recipe", "inputs"} <= set(about):
            return ["settings that it does not name"]
        ours = self.about
        recipe = {name: value for name, value in ours["recipe"].items() if name not in MACHINE_SETTINGS}
        return differences(about, ours | {"recipe": recipe})

    def check_same(self, path: Path, about: Any) -> None:
        """Raises an InputError where a file is that of another training; it says which settings differ."""
        if different := self.differences(about):
            raise InputError("resume", str(path), f"is of a training with {', '.join(different)}", ANOTHER)

    def resume(self, path: Path | None = None) -> bool:
        """Goes on from a checkpoint, by default that at `path`, if there is one; whether there is.

        Raises:
            InputError: where it is that of another training, or damaged.
        """
        path = path or self.path
        if path is None or not path.exists():
            return False
        arrays, about = read_checkpoint(path, self.format)
        self.check_same(path, about)
        self.state = restore_state(path, self.state, arrays)
        self.curve, self.seconds = [tuple(point) for point in about["curve"]], about["seconds"]
        if self.steps is None:
            self._set_length(about)
        here = self.settings
        for name in MACHINE_SETTINGS:
            if (before := about["recipe"].get(name)) != here[name]:
                self.notices.append(f"goes on with {name} {here[name]}, after {before} until now")
        return True

    def _set_length(self, about: dict[str, Any]) -> None:
        """How long a training goes on where no steps were given: as long as it would have, or for all of the minutes."""
        done = int(self.state.step)
        if self.minutes is None or self.minutes == about["minutes"]:
            self.steps, self.minutes = about["planned"], about["minutes"]
        elif done and self.seconds:  # the speed is known
            self.steps = max(done, round(done * 60 * self.minutes / self.seconds))

    def save_checkpoint(self) -> None:
        """Writes the checkpoint; where that fails, a notice says so once."""
        if self.path is None:
            return
        about = {"format": self.format, **self.about, "seconds": self.seconds, "curve": self.curve}
        try:
            if self.path.exists() and self.differences(description(self.path)):
                raise InputError("out", str(self.path), "is of another training, which was started meanwhile")
            write_checkpoint(self.path, self.state, about)
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
            between: is called before that, while there are steps left and the losses are finite.

        Returns:
            Whether all steps were made.

        Raises:
            Diverged: where the losses, or the average, are not finite any more.
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
            if self.steps is None and self.minutes is not None and now - began > min(SPEED_SECONDS, 30 * self.minutes):
                self.steps = done + max(0, round((60 * self.minutes - self.seconds) * rate))
            if self.steps is not None and now - kept > CHECKPOINT_SECONDS:
                self.save_checkpoint()
                kept = now
            if between is not None and (self.steps is None or done < self.steps):
                between()
            left = max(0.0, 60 * (self.minutes or 0) - self.seconds) if self.steps is None else (self.steps - done) / rate
            report = Report(done, self.steps, means, left, rate, self.sheet)
            if callback is not None and callback(report):
                self.save_checkpoint()
                return done == self.steps
            chunk = max(1, min(2 * chunk, round(REPORT_SECONDS * rate)))
        return True

    def loss_curve(self) -> list[list[float]]:
        """The curve as it stands in a network's file: `CURVE_POINTS` points at most."""
        every = -(-len(self.curve) // CURVE_POINTS)
        return [[float(f"{value:.5g}") for value in point] for point in self.curve[::-1][::every][::-1]] if every else []
