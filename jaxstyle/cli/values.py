"""Values of flags from their text."""

from jaxstyle.errors import InputError

MOST = 2**31 - 1
"""Of whatever is counted."""


def real(name: str, text: str) -> float:
    """A number."""
    try:
        return float(text)
    except ValueError:
        raise InputError(name, text, "is not a number") from None


def whole(name: str, text: str) -> int:
    """A whole number, digit by digit; a longer one than Python reads is none."""
    try:
        return int(text)
    except ValueError:
        raise InputError(name, text, "is not a whole number") from None


def positive(name: str, text: str) -> int:
    """A whole number from 1 to what a counter holds."""
    if not text.isdecimal() or len(text) > 18 or int(text) < 1:
        raise InputError(name, text, "must be a whole number of at least 1")
    if int(text) > MOST:
        raise InputError(name, text, f"must be at most {MOST}")
    return int(text)


def number(name: str, text: str, least: float = 1e-9) -> float:
    """A finite number of at least `least`, which is 0 or stands for a positive one."""
    value = real(name, text)
    if not least <= value < float("inf"):
        raise InputError(name, text, "must be a number of at least 0" if least == 0 else "must be a positive number")
    return value
