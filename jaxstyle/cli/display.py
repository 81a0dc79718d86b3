"""What a running command shows on the terminal, and how Ctrl-C reaches it."""

import os
import signal
import sys
import time
from contextlib import nullcontext
from typing import Any

FEW = 8
"""Pictures that are read too soon for a word on it in a log."""
PATIENCE = 10.0
"""Seconds between two lines in a log."""


class Display:
    """The progress bar on stderr: evaluations, a description, and the time left, compilation left out.

    Attributes:
        is_shown: whether there is a bar: on a terminal, where it is wanted.
    """

    def __init__(self, evaluations: int, quiet: bool):
        self._bar: Any = nullcontext()
        self._total, self._quiet = evaluations, quiet
        self._read, self._said = 0, -PATIENCE
        if not quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[left]}"), console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("reading and compiling", total=evaluations, left="")
        self.is_shown = not isinstance(self._bar, nullcontext)

    def __enter__(self) -> "Display":
        self._bar.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._bar.__exit__(*details)

    def reading(self, path: str) -> None:
        """Counts a picture that is about to be read; where there is no terminal, a line tells of many now and then."""
        self._read += 1
        if self._shown:
            from rich.markup import escape

            self._bar.update(self._task, completed=self._read, description=f"reading {escape(os.path.basename(path))}")
        elif not self._quiet and self._total > FEW and time.monotonic() - self._said > PATIENCE:
            print(f"reading picture {self._read} of {self._total}", file=sys.stderr)
            self._said = time.monotonic()

    def update(self, evaluation: int, description: str, seconds: float) -> None:
        """Shows how far it is, `seconds` after the first evaluation began."""
        if self.is_shown and evaluation:
            self.advance(evaluation, self._total, description, seconds / evaluation * max(0, self._total - evaluation))

    def advance(self, done: int, total: int, description: str, left: float) -> None:
        """Shows how far it is, and the seconds that are left."""
        if self.is_shown:
            hours, minutes, seconds = int(left) // 3600, int(left) // 60 % 60, int(left) % 60
            words = f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
            self._bar.update(self._task, completed=done, total=total, description=description, left=f"{words} left")


class Interrupt:
    """Within it, the first Ctrl-C is only noted, so that what is done so far can be saved; the second one interrupts.

    Attributes:
        came: whether there was one.
    """

    came = False

    def __enter__(self) -> "Interrupt":
        self._previous = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *details: Any) -> None:
        signal.signal(signal.SIGINT, self._previous)

    def _note(self, *_: Any) -> None:
        if self.came:
            raise KeyboardInterrupt
        self.came = True
