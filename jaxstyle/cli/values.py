"""Values of flags from their text."""

from jaxstyle.errors import InputError


def real(name: str, text: str) -> float:
    """A number."""
    try:
        return float(text)
    except ValueError:
        raise InputError(name, text, "is not a number") from None


def positive(name: str, text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise InputError(name, text, "must be a whole number of at least 1")
    return int(text)


def number(name: str, text: str, least: float = 1e-9) -> float:
    """A finite number of at least `least`, which is 0 or stands for a positive one."""
    value = real(name, text)
    if not least <= value < float("inf"):
        raise InputError(name, text, "must be a number of at least 0" if least == 0 else "must be a positive number")
    return value
