"""What a running command shows on the terminal."""

import argparse
import os
import sys
import time
from contextlib import nullcontext, suppress
from typing import Any

FEW = 8
"""Pictures that are read too soon for a word on it in a log."""
PATIENCE, LINE_EVERY = 10.0, 30.0
"""Seconds between two lines in a log: while pictures are read, and after that."""


def say(text: str) -> None:
    """Prints a line on stderr; where there is none, or nobody reads it any more, the work goes on without."""
    if sys.stderr is not None:  # `print` would take stdout then
        with suppress(OSError, ValueError):
            print(text, file=sys.stderr, flush=True)


def has_terminal() -> bool:
    """Whether stderr is a terminal that can show a bar."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in ("dumb", "unknown")


def say_first(options: argparse.Namespace) -> None:
    """Prints what should be known of this machine before a run; `options.notes` gives the sentences."""
    if not options.quiet:
        for note in options.notes():
            say(f"note: {note}")


def remaining(seconds: float, share: float) -> float:
    """The seconds that are left, where a share of the work, 0 to 1, took so many."""
    return seconds * max(0.0, 1 / max(share, 1e-9) - 1)


def duration(seconds: float) -> str:
    """``"9 s"``, ``"2:05 min"`` or ``"1:02:05 h"``."""
    whole = int(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d} h"
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"


class Display:
    """The progress bar on stderr: evaluations, a description, and the time left, compilation left out.

    Attributes:
        is_shown: whether there is a bar: on a terminal, where it is wanted.
    """

    def __init__(self, evaluations: int | None, quiet: bool):
        self._bar: Any = nullcontext()
        self._total, self._quiet = evaluations, quiet
        self._read, self._said = 0, -PATIENCE
        if not quiet and has_terminal():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

            console = Console(stderr=True)
            spinner = SpinnerColumn("dots" if console.encoding.startswith("utf") else "line")  # of ASCII
            columns = (spinner, TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[left]}"), console=console, transient=True)
            self._task = self._bar.add_task("reading and compiling", total=evaluations, left="")
        self.is_shown = not isinstance(self._bar, nullcontext)

    def __enter__(self) -> "Display":
        self._bar.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        with suppress(OSError):  # the terminal may be gone
            self._bar.__exit__(*details)

    def reading(self, path: str) -> None:
        """Counts a picture that is about to be read; where there is no terminal, a line tells of many now and then."""
        if self._read == self._total:  # it is read once more
            return
        self._read += 1
        if self.is_shown:
            from rich.markup import escape

            self._bar.update(self._task, completed=self._read, description=f"reading {escape(os.path.basename(path))}")
        elif (self._total or 0) > FEW:
            self._log(f"reading picture {self._read} of {self._total}", PATIENCE)

    def doing(self, what: str, is_long: bool = True) -> None:
        """Says what is done while nothing can be counted, and whether that may be long: beside the spinner, or in a line."""
        if self.is_shown:
            self._bar.update(self._task, description=what, left="")
        elif not self._quiet:
            say(f"{what}, which may take a minute" if is_long else what)

    def update(
        self, evaluation: int, description: str, seconds: float, total: int | None = None, share: float | None = None
    ) -> None:
        """Shows how far it is, `seconds` after the first evaluation began.

        Args:
            evaluation, description, seconds: until now.
            total: evaluations, where only the run knows them.
            share: of the work that is done, where evaluations differ.
        """
        if evaluation:
            total = self._total or total or evaluation
            share = evaluation / total if share is None else share
            left = remaining(seconds, share)
            self.advance(evaluation, total, description, left)
            if seconds > LINE_EVERY:
                self._log(f"{evaluation} of {total}: {description}; {duration(left)} left", LINE_EVERY)

    def _log(self, text: str, every: float) -> None:
        """Says a line where there is no bar, if the last one was so many seconds ago."""
        if not self.is_shown and not self._quiet and time.monotonic() - self._said > every:
            say(text)
            self._said = time.monotonic()

    def advance(self, done: int, total: int, description: str, left: float) -> None:
        """Shows how far it is, and the seconds that are left."""
        if self.is_shown:
            words = f"{duration(left)} left"
            self._bar.update(self._task, completed=done, total=total, description=description, left=words)
