"""What a training shows while it goes: a bar or lines, and a sheet of samples beside the network."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jaxstyle.cli.display import LINE_EVERY, Display, say
from jaxstyle.cli.interrupt import Interrupt
from jaxstyle.errors import InputError
from jaxstyle.pictures import write
from jaxstyle.results.beside import part_of
from jaxstyle.training.trainer import Report

SHEET_EVERY = 60.0
"""Seconds between two sheets of samples."""


def sheet_of(path: Path) -> Path:
    """Where the samples of a network's training are shown."""
    return path.with_name(f"{path.stem}-samples.png")


class Watch:
    """The callback of a training.

    Args:
        display, interrupt: of the command.
        sheet: where samples are shown.
        words: says losses.
        quiet: whether nothing is said.
        notices: of the training, which fills the list before it compiles; they are said then.
    """

    def __init__(
        self,
        display: Display,
        interrupt: Interrupt,
        sheet: Path,
        words: Callable[[Any], str],
        quiet: bool,
        notices: Sequence[str],
    ):
        self._display, self._interrupt, self._sheet = display, interrupt, sheet
        self._words, self._quiet = words, quiet
        self._notices, self._noticed = notices, 0
        self._began = self._said = self._shown = time.monotonic()
        self._last: Report | None = None

    def __call__(self, report: Report) -> bool:
        """Shows how far it is; True asks for the end."""
        now, self._last = time.monotonic(), report
        self._say_notices()
        words = self._words(report.losses)
        self._display.advance(report.step, report.steps or report.step, words, report.left)
        waited = now - self._said > LINE_EVERY or report.step == report.steps
        if not self._quiet and not self._display.is_shown and waited:
            self._said = now
            rate = f"{report.rate:.2f} steps a second, {report.left / 60:.0f} minutes left"
            whole = f" of {report.steps}" if report.steps else ""
            say(f"step {report.step}{whole}: {words}; {rate}")
        if now - self._shown > SHEET_EVERY:
            self.show()
            self._shown = time.monotonic()
        return self._interrupt.came

    def saying(self, what: str) -> None:
        """Says what the training does while it makes no steps, after its notices."""
        self._say_notices()
        self._display.doing(what, is_long=not what.startswith("reading"))

    def show(self) -> None:
        """Writes the sheet as it is now, if a step was made."""
        if self._last is not None:
            with suppress(InputError):  # a disk that is full for it ends no training
                write.save(self._sheet, self._last.sheet())

    def _say_notices(self) -> None:
        for notice in self._notices[self._noticed :] if not self._quiet else ():
            say(f"note: {notice}")
        self._noticed = len(self._notices)

    def tell(self, path: Path, training: Mapping[str, Any], what: str, lines: Sequence[str] = ()) -> int:
        """Shows the samples and says how it ended; the exit code.

        Args:
            path: of the network.
            training: what its file says of its training.
            what: it holds.
            lines: to say before the last.
        """
        self.show()
        self._say_notices()
        if not self._quiet:
            for line in lines:
                say(line)
            took = f"{training['steps']} steps in {training['seconds'] / 60:.1f} minutes"
            whole = f"{time.monotonic() - self._began:.0f} s in all"
            say(f"{path} {path.stat().st_size / 1e6:.1f} MB: {what}; {took}, {whole}")
            if self._interrupt.came and part_of(path).exists():
                say("interrupted; the same command with --resume goes on from here")
        return 130 if self._interrupt.came else 0
