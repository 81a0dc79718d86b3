"""Exceptions of jaxstyle, and the one form that their messages take.

    JaxstyleError
    ├── InputError (also a ValueError)   an argument is wrong: the message names it, its value and the remedy
    │   ├── UnknownError                 a name is not one of those that are known
    │   ├── ImageError                   a picture cannot be read, written or used
    │   └── WeightsError                 network weights are missing, damaged or of another network
    └── DownloadError                    every mirror of a file failed

Messages are one line: ``\\`size\\` (=0) must be at least 16; give the longest side in pixels, as in size=512``. Arguments in
them are marked by `named`, so that the command line can spell them as they are typed there.
"""

import difflib
import re
import traceback
from collections.abc import Callable, Iterable, Sequence


class Plain(str):
    """Text that an error shows without quotes: a description, not the caller's own string."""


MISSING = Plain("")
"""The value of an argument that was not given."""
_MARK = re.compile("\ue000([^\ue001\ue002]*)(?:\ue001([^\ue002]*))?\ue002")
Spelling = Callable[[str, str | None], str | None]
"""Of an argument, alone or with a value; None for one that the caller does not have."""


def named(argument: str, value: object = None) -> str:
    """An argument within a message, alone or set to a value: ``init='noise'`` from Python, ``--init noise`` as it is typed."""
    return f"\ue000{argument}" + ("" if value is None else f"\ue001{value!r}") + "\ue002"


def _in_python(argument: str, value: str | None) -> str:
    return argument if value is None else f"{argument}={value}"


class JaxstyleError(Exception):
    """Base of everything that jaxstyle raises on purpose.

    Args:
        text: one line, which may hold what `named` gives.
        hints: what may help, each for callers that have all the arguments which it names.

    Attributes:
        marked: the text.
    """

    def __init__(self, text: str, hints: Sequence[str] = ()):
        self.marked, self._hints = text, hints
        super().__init__(self.spelt(_in_python))

    def spelt(self, spelling: Spelling) -> str:
        """The message with its arguments as the caller spells them."""

        def known(hint: str) -> bool:
            return all(spelling(argument, None) is not None for argument, _ in _MARK.findall(hint))

        hints = " or ".join(filter(known, self._hints))
        text = f"{self.marked}; {hints}" if hints else self.marked
        return _MARK.sub(lambda mark: spelling(mark[1], mark[2]) or _in_python(mark[1], mark[2]), text)


class InputError(JaxstyleError, ValueError):
    """An argument is wrong.

    Args:
        argument: the argument's name as the caller knows it, such as ``"size"``.
        value: what it got; `MISSING` for nothing.
        problem: what is wrong, such as ``"must be at least 16"``.
        remedy: what would be right; optional where the problem says it.

    Attributes:
        argument, value: see there.
        shown: the value as the message has it.
        problem: the problem with the remedy.
    """

    def __init__(self, argument: str, value: object, problem: str, remedy: str = ""):
        self.argument, self.value = argument, value
        quoted = isinstance(value, str) and not isinstance(value, Plain)
        self.shown = repr(value) if quoted else str(value)
        self.problem = f"{problem}; {remedy}" if remedy else problem
        shown = "" if value is MISSING else f" (={self.shown})"
        super().__init__(" ".join(f"`{named(argument)}`{shown} {self.problem}".split()))

    @property
    def told(self) -> str:
        """The value and the problem: for a sentence on what nobody has given as an argument."""
        text = _MARK.sub(lambda mark: _in_python(mark[1], mark[2]), f"{self.shown} {self.problem}")
        return " ".join(text.split())


class UnknownError(InputError):
    """A name is not one of those that are known."""


class ImageError(InputError):
    """A picture cannot be read, written or used."""


class WeightsError(InputError):
    """Network weights are missing, damaged or of another network."""


class DownloadError(JaxstyleError):
    """Every mirror of a file failed; the message says how each did."""


def unknown(argument: str, value: str, allowed: Iterable[str]) -> UnknownError:
    """The error for a name that is not one of `allowed`, with the nearest one suggested."""
    names = list(allowed)
    begun = {name[: len(value) + 1]: name for name in reversed(names)}  # a long name is often begun only: stary
    near = difflib.get_close_matches(value, names, n=1)
    near = near or [begun[part] for part in difflib.get_close_matches(value, begun, n=1, cutoff=0.8)]
    hint = f"did you mean {near[0]!r}?" if near else ""
    if names and (not near or len(names) <= 12):  # a long list beside a good guess is noise
        hint = f"{hint} known: {', '.join(names)}".strip()
    return UnknownError(argument, value, "is unknown", hint)


def reason(error: Exception) -> str:
    """Why something failed, in the words of the system or library that raised `error`."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


MOST_WORDS = 400
"""Characters that are shown of the message of an error that is not ours."""


def memory_is_short(error: BaseException) -> bool:
    """Whether memory ran out, the host's or a device's."""
    return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)


def as_ours(error: Exception) -> JaxstyleError:
    """Any error as one of ours: one line with its kind and message, whose ``__cause__`` it is."""
    if isinstance(error, JaxstyleError):
        return error
    if memory_is_short(error):
        traceback.clear_frames(error.__traceback__)  # they may hold what filled it
        ours = JaxstyleError("memory ran out", (f"try {named('memory', 'low')}", f"try a smaller {named('size')}"))
    else:
        words = " ".join(str(error).split())
        words = f"{words[:MOST_WORDS]} ..." if len(words) > MOST_WORDS else words
        ours = JaxstyleError(f"{type(error).__name__}: {words}" if words else type(error).__name__)
    ours.__cause__ = error
    return ours
