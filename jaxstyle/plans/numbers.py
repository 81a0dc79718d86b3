"""Numbers that the user has given, checked."""

from collections.abc import Sequence
from typing import Any

from jaxstyle.errors import InputError


def check_whole(value: Any, argument: str, least: int) -> None:
    """Raises an InputError unless `value` is a whole number that a counter holds, from `least` on."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**31:
        raise InputError(argument, value, f"must be a whole number from {least} to {2**31 - 1}")


def number(value: Any, argument: str, *, least: float, most: float = float("inf")) -> float:
    """`value` as a finite float from `least` to `most`, or an InputError."""
    try:
        result = float(value)
    except (TypeError, ValueError):
        raise InputError(argument, value, "is no number", "give one such as 0.5") from None
    if not least <= result <= most or result == float("inf"):
        raise InputError(argument, value, f"must be a number from {least:g}" + (f" to {most:g}" if most < 1e300 else ""))
    return result


def numbers(given: str | Sequence[float] | None, argument: str) -> list[float] | None:
    """``"0.7,0.3"`` or a sequence of numbers -> list of floats."""
    if given is None:
        return None
    return [number(part, argument, least=0.0) for part in (given.split(",") if isinstance(given, str) else given)]
