"""Exceptions of jaxstyle, and the one form that their messages take.

    JaxstyleError
    ├── InputError (also a ValueError)   an argument is wrong: the message names it, its value and the remedy
    │   ├── UnknownError                 a name is not one of those that are known
    │   ├── ImageError                   a picture cannot be read, written or used
    │   └── WeightsError                 network weights are missing, damaged or of another network
    └── DownloadError                    every mirror of a file failed

Messages are one line: ``\\`size\\` (=0) must be at least 16; give the longest side in pixels, as in size=512``.
"""

import difflib
from collections.abc import Iterable


class Plain(str):
    """Text that an error shows without quotes: a description, not the caller's own string."""


class JaxstyleError(Exception):
    """Base of everything that jaxstyle raises on purpose."""


class InputError(JaxstyleError, ValueError):
    """An argument is wrong.

    Args:
        argument: the argument's name as the caller knows it, such as ``"size"``.
        value: what it got.
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
        super().__init__(" ".join(f"`{argument}` (={self.shown}) {self.problem}".split()))


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
