"""What a running command shows on the terminal, and how Ctrl-C and other requests to end reach it."""

import argparse
import os
import signal
import sys
from contextlib import nullcontext, suppress
from typing import Any


def say(text: str) -> None:
    """Prints a line on stderr; where nobody reads that any more, the work goes on without."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def say_first(options: argparse.Namespace) -> None:
    """Prints what should be known of this machine before a run; `options.notes` gives the sentences."""
    if not options.quiet:
        for note in options.notes():
            say(f"note: {note}")


class Display:
    """The progress bar on stderr: evaluations, a description, and the time left, compilation left out."""

    def __init__(self, evaluations: int | None, quiet: bool):
        self._bar: Any = nullcontext()
        self._total = evaluations
        if not quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[left]}"), console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("reading and compiling", total=evaluations, left="")
        self._shown = not isinstance(self._bar, nullcontext)

    def __enter__(self) -> "Display":
        self._bar.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        with suppress(OSError):  # the terminal may be gone
            self._bar.__exit__(*details)

    def update(self, evaluation: int, description: str, seconds: float, total: int | None = None) -> None:
        """Shows how far it is, `seconds` after the first evaluation began; `total` where only the run knows it."""
        total = self._total or total or evaluation
        if self._shown and evaluation:
            left = int(seconds / evaluation * max(0, total - evaluation))
            words = f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d}" if left >= 3600 else f"{left // 60}:{left % 60:02d}"
            self._bar.update(self._task, completed=evaluation, total=total, description=description, left=f"{words} left")


class Interrupt:
    """Within it a request to end is only noted, so that what is done so far can be saved: Ctrl-C, SIGTERM as a queue or a
    system that shuts down sends it, SIGHUP of a closing terminal. A second Ctrl-C interrupts at once, unless it is being saved.

    Attributes:
        came: whether there was one.
        saving: set it while what is done is saved.
    """

    came = saving = False

    def __enter__(self) -> "Interrupt":
        numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]
        ignored = [number for number in numbers[1:] if signal.getsignal(number) == signal.SIG_IGN]  # by nohup
        self._terminal = [stream for stream in (1, 2) if os.isatty(stream)]
        self._previous = {number: signal.signal(number, self._note) for number in numbers if number not in ignored}
        return self

    def __exit__(self, *details: Any) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, number: int, *_: Any) -> None:
        if number == getattr(signal, "SIGHUP", None) and self._terminal:  # every word to a terminal that is gone is an error
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in self._terminal:
                os.dup2(nowhere, stream)
            os.close(nowhere)
        if number == signal.SIGINT and self.came and not self.saving:
            raise KeyboardInterrupt
        self.came = True
