"""Errors as lines on stderr: arguments and values stand there as they are typed on the command line."""

import argparse
import os
import traceback
from functools import partial
from numbers import Real

from jaxstyle.cli.display import say
from jaxstyle.errors import InputError, JaxstyleError, as_ours, memory_is_short

DEBUG = "JAXSTYLE_DEBUG"
"""The environment variable with which the traceback of an error is printed too."""


def say_error(error: Exception, options: argparse.Namespace | None = None, about: str = "") -> None:
    """Prints any error in one line.

    Args:
        error: ours, or of anything else.
        options: of the command, its `flags` among them; None where there is none yet.
        about: what was being made, where the error does not say it.
    """
    ours = as_ours(error)
    line = str(ours) if options is None else ours.spelt(partial(_spelt, options.flags))
    if isinstance(ours, InputError):
        line = line.replace(f"(={ours.shown})", f"(={_as_typed(ours, options)})", 1)
    if os.environ.get(DEBUG):
        say("".join(traceback.format_exception(ours.__cause__ or ours)).rstrip())
    elif type(ours) is JaxstyleError and ours.__cause__ is not None and not memory_is_short(ours.__cause__):
        line = f"{line} ({DEBUG}=1 shows where)"
    say(f"jaxstyle: error: {about}: {line}" if about else f"jaxstyle: error: {line}")


def _spelt(flags: list[str], argument: str, value: str | None) -> str | None:
    """An argument as it is typed; None where the command has no such option."""
    from jaxstyle.cli.options import flag

    name, colon, part = argument.partition(":")
    found = flag(name)
    if (switch := f"--no-{found.removeprefix('--')}") in flags and value in ("True", "False"):
        return switch if value == "False" else f"no {switch}"
    if found not in flags:
        return None
    return f"{found}{colon}{part}" if value is None else f"{found} {value.strip(chr(39))}"


def _as_typed(error: InputError, options: argparse.Namespace | None) -> str:
    """The value of an error; a number with the digits that it was given."""
    text = getattr(options, error.argument, None)
    if isinstance(text, str) and isinstance(error.value, Real) and not isinstance(error.value, bool):
        try:
            return text if float(text) == error.value else error.shown
        except ValueError:
            pass
    return error.shown
