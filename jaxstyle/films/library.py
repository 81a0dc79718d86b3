"""PyAV, which reads and writes films, where it is installed (the extra `video`)."""

from fractions import Fraction
from typing import Any

from jaxstyle.errors import InputError

LEAST = 17
"""The first version whose 10-bit colours and matrices are right."""
BICUBIC, WHOLE_CHROMA, ACCURATE = 0x4, 0x2000, 0x40000
"""Flags of FFmpeg's scaler: PyAV names only the first before version 18, and takes all as numbers."""
REMEDY = "run pip install 'jaxstyle[video]'"


def pyav(argument: str, value: object) -> Any:
    """The module `av`.

    Args:
        argument, value: what needs it, for the error.

    Raises:
        InputError: where it is not installed, or too old.
    """
    try:
        import av
    except ImportError as error:
        raise InputError(argument, value, "needs PyAV, which reads and writes films", REMEDY) from error
    if int(av.__version__.partition(".")[0]) < LEAST:
        raise InputError(argument, value, f"needs PyAV {LEAST} or newer, and {av.__version__} is installed", REMEDY)
    return av


def fraction(ratio: Any, otherwise: Fraction) -> Fraction:
    """PyAV's rates and time bases: a Fraction, from version 19 on an AVRational, None or 0 where nobody knows."""
    return Fraction(ratio.numerator, ratio.denominator) if ratio else otherwise
