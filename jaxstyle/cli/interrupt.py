"""How Ctrl-C and other requests to end reach a command, and what is answered."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from jaxstyle.cli.display import duration, say

GRACE = 1.0
"""Seconds that a computation may take to notice that all is given up."""
NOT_SAVED = "what was in hand is not saved"


def kept_words(parts: Iterable[Path], otherwise: str = "nothing is kept") -> str:
    """What is left of work that is kept on its way in some files, in words."""
    ages = [time.time() - part.stat().st_mtime for part in parts if part.exists()]
    if not ages:
        return otherwise
    return f"it is kept as it was {duration(max(0.0, min(ages)))} ago: the same command with --resume goes on from there"


class Interrupt:
    """Within it a request to end is answered at once, and what is in hand is finished first, so that it can be saved: Ctrl-C,
    SIGTERM as a queue or a system that shuts down sends it, SIGHUP of a closing terminal. A second Ctrl-C gives up at once,
    unless it is being saved.

    Python's own handlers wait until a compilation or an evaluation is over, so a thread answers.

    Args:
        after: what is finished first, such as ``"this evaluation"``; empty where the first Ctrl-C gives up.
        kept: says what is left of the work where it is given up.
        quiet: whether the first request is not answered.

    Attributes:
        came: whether there was one.
        saving: set it while what is done is saved.
        leave: ends the process where it does not notice that all is given up; None where the process is not ours.
        computes_on: whether something was given up: a thread of XLA's may still compile it, for which Python would wait.
    """

    leave: ClassVar[Callable[[int], object] | None] = None
    computes_on: ClassVar[bool] = False
    came = saving = False

    def __init__(self, after: str = "", kept: Callable[[], str] = lambda: NOT_SAVED, quiet: bool = False):
        self._after, self._kept, self._quiet = after, kept, quiet
        self._given_up = threading.Event()
        self._here = False

    def __enter__(self) -> "Interrupt":
        self._here = threading.current_thread() is threading.main_thread()
        if not self._here:  # no signal reaches it
            return self
        names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if self._after else ("SIGINT",)
        numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
        ignored = [number for number in numbers[1:] if signal.getsignal(number) == signal.SIG_IGN]  # by nohup
        self._terminal = [stream for stream in (1, 2) if os.isatty(stream)]
        self._numbers = {number for number in numbers if number not in ignored}
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()
        self._woken = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._previous = {number: signal.signal(number, self._note) for number in self._numbers}
        return self

    def __exit__(self, *details: Any) -> None:
        if not self._here:
            return
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._woken)
        self._writer.close()
        self._thread.join()
        self._reader.close()

    def _note(self, number: int, *_: Any) -> None:
        """Python's own handler, in the main thread."""
        if number == getattr(signal, "SIGHUP", None) and self._terminal:  # every word to a terminal that is gone is an error
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in self._terminal:
                os.dup2(nowhere, stream)
            os.close(nowhere)
        if number == signal.SIGINT and (self.came or not self._after) and not self.saving:
            self._given_up.set()
            Interrupt.computes_on = True
            raise KeyboardInterrupt(self._words())
        self.came = True

    def _words(self) -> str:
        return f"{'given up' if self._after else 'interrupted'}; {self._kept()}"

    def _answer(self) -> None:
        """In a thread of its own, which computations do not hold up: each signal is a byte."""
        heard = not self._after
        while numbers := self._reader.recv(64):
            for number in self._numbers.intersection(numbers):
                if number == signal.SIGINT and heard and not self.saving:
                    self._give_up()
                elif not self._quiet:
                    what = "saving what is done" if self.saving else f"stopping after {self._after}"
                    again = "; Ctrl-C once more gives up at once" if number == signal.SIGINT and not self.saving else ""
                    say(f"{what}{again}")
                heard = True

    def _give_up(self) -> None:
        """Leaves it to the main thread, or ends the process where that does not notice, or not for the first time."""
        if not self._given_up.is_set() and self._given_up.wait(GRACE):
            return
        if (leave := Interrupt.leave) is not None:
            if sys.stderr is not None and sys.stderr.isatty():
                os.write(2, b"\x1b[?25h\n")  # the cursor, which the bar hides
            say(f"jaxstyle: error: {self._words()}")
            leave(130)
