"""Times and rates as users write them."""

import re
from fractions import Fraction

from jaxstyle.errors import InputError

MOST_RATE = 1000


def parse_time(text: str | float, *, argument: str) -> Fraction:
    """Seconds from ``"3.5"``, ``"0:03"``, ``"1:02:03.25"`` or a number.

    Raises:
        InputError: for anything else.
    """
    match = re.fullmatch(r"(?:(?:(\d+):)?([0-5]?\d):)?(\d+(?:\.\d+)?)", str(text).strip(), re.ASCII)
    if not match or (match[2] and float(match[3]) >= 60):
        raise InputError(argument, text, "is not a time", "give seconds (3.5) or minutes and seconds (0:03)")
    return 3600 * int(match[1] or 0) + 60 * int(match[2] or 0) + Fraction(match[3])


def parse_rate(text: str | float, *, argument: str = "fps") -> Fraction:
    """Frames a second from ``"12"``, ``"23.976"`` or ``"30000/1001"``.

    Raises:
        InputError: for what is no positive number of at most `MOST_RATE`.
    """
    if not re.fullmatch(r"\d+(\.\d+)?(/\d+)?", str(text).strip(), re.ASCII) or re.search(r"/0+$", str(text).strip()):
        raise InputError(argument, text, "is not a rate", "give frames a second (12, 23.976, 30000/1001)")
    above, _, below = str(text).strip().partition("/")
    rate = Fraction(above) / Fraction(below or 1)
    if not 0 < rate <= MOST_RATE:
        raise InputError(argument, text, f"must be more than 0 and at most {MOST_RATE} frames a second")
    return rate.limit_denominator(10_000)


def spelt(seconds: float | Fraction) -> str:
    """``"0:03.2"`` or ``"1:02:03"``."""
    tenths = int(10 * seconds)
    hours, minutes, rest = tenths // 36000, tenths // 600 % 60, tenths % 600
    tail = f"{rest // 10:02d}" + (f".{rest % 10}" if rest % 10 else "")
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"
