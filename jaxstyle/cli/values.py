"""Values of flags from their text."""

import math
import re

from jaxstyle.errors import InputError

MOST = 2**31 - 1
"""Of whatever is counted."""


_NUMBER = re.compile(r"([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:e[+-]?\d+)?)\s*([a-z%]*)", re.IGNORECASE | re.ASCII)
_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hr": 3600, "hour": 3600, "day": 86400, "d": 86400}
_UNITS = {"": 1.0, "%": 0.01, "k": 1000.0, "px": 1.0, "pixel": 1.0, "step": 1.0, "x": 1.0}
"""What others than seconds are worth."""
_TIMES = {"minutes": 60, "keep_every": 60, "hours": 3600}
"""Arguments that are times, with the seconds of their unit."""
_PERCENT = ("feather",)
"""Arguments that are percentages themselves."""


def real(name: str, text: str) -> float:
    """A number."""
    try:
        return float(text)
    except ValueError:
        raise InputError(name, text, "is not a number", _meant(name, text)) from None


def _meant(name: str, text: str, whole: bool = False) -> str:
    """What to give in place of a number with a unit, a percent sign or a comma; empty where that is not known."""
    if (match := _NUMBER.fullmatch(text.strip())) is None:
        return ""
    digits, unit = match[1], match[2].lower()
    unit = unit if unit in _SECONDS or unit in _UNITS else unit.removesuffix("s")
    thousands = re.fullmatch(r"[1-9]\d*,\d{3}", digits)
    value = float(digits.replace(",", "" if thousands else "."))
    if unit in _SECONDS and name in _TIMES:
        value *= _SECONDS[unit] / _TIMES[name]
    elif unit in _UNITS:
        value *= 1 if unit == "%" and name in _PERCENT else _UNITS[unit]
    else:
        return ""
    if not math.isfinite(value) or (whole and not value.is_integer()):
        return ""
    return f"give {int(value) if whole else f'{value:.6g}'}"


def whole(name: str, text: str) -> int:
    """A whole number, digit by digit; a longer one than Python reads is none."""
    try:
        return int(text)
    except ValueError:
        raise InputError(name, text, "is not a whole number", _meant(name, text, whole=True)) from None


def positive(name: str, text: str) -> int:
    """A whole number from 1 to what a counter holds."""
    if not text.isdecimal() or len(text) > 18 or int(text) < 1:
        meant = _meant(name, text, whole=True)
        remedy = meant if meant and int(meant.split()[1]) >= 1 else ""
        raise InputError(name, text, "must be a whole number of at least 1", remedy)
    if int(text) > MOST:
        raise InputError(name, text, f"must be at most {MOST}")
    return int(text)


def number(name: str, text: str, least: float = 1e-9) -> float:
    """A finite number of at least `least`, which is 0 or stands for a positive one."""
    value = real(name, text)
    if not least <= value < float("inf"):
        raise InputError(name, text, "must be a number of at least 0" if least == 0 else "must be a positive number")
    return value
