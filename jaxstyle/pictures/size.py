"""The sizes that users ask for, and the sizes that their pictures then get; all are (width, height) in pixels.

What is wrong with a size is an `InputError`: one line that names the argument.
"""

import re
from dataclasses import dataclass, replace
from numbers import Integral

from jaxstyle.errors import InputError, Plain

MIN_SIDE = 16
MAX_SIDE = 8192

USUAL = 512
"""Longest side of a picture whose size nobody said, or its own where that is less."""
OWN = "content"
_SIZES = (
    "give the longest side in pixels (512), the shorter one ('short:512'), both ('682x512') or 'content' for the content's own"
)


@dataclass(frozen=True)
class Size:
    """A wish for a size; `str` gives the spec.

    Attributes:
        sides: (N,) for the longest or the shorter side, (W, H) for both, () for the picture's own.
        shorter: whether the one side is the shorter one.
        argument: what the user calls it.
        gentle: whether nobody asked for it: it then enlarges nothing, and makes no side too short as long as the picture's own
            is not.
        told: whether the user is told of a picture that has fewer pixels and is enlarged.
    """

    sides: tuple[int, ...]
    shorter: bool = False
    argument: str = "size"
    gentle: bool = False
    told: bool = False

    def __str__(self) -> str:
        if not self.sides:
            return OWN
        return ("short:" if self.shorter else "") + "x".join(map(str, self.sides))

    def fit(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) that a `width` x `height` picture gets.

        The side not asked for keeps the aspect and is rounded down, as in Gatys' notebook. Raises InputError where it
        would fall below MIN_SIDE or pass MAX_SIDE, with the nearest size that works.
        """
        if len(self.sides) == 2:
            return self.sides[0], self.sides[1]
        if not self.sides:
            if max(width, height) > MAX_SIDE:
                problem = f"gives {width}x{height} pixels, and a side must be at most {MAX_SIDE}"
                raise InputError(self.argument, Plain(self), problem, f"give the longest side in pixels ({MAX_SIDE})")
            return width, height
        side, short, long = self.sides[0], min(width, height), max(width, height)
        if self.gentle:
            side = min(max(side, -(-MIN_SIDE * long // short)), long)
        if self.shorter:
            known, other, limit = short, long, ((MAX_SIDE + 1) * short - 1) // long
        else:
            known, other, limit = long, short, -(-MIN_SIDE * long // short)
        free = side * other // known
        if not MIN_SIDE <= free <= MAX_SIDE:
            bound, best = (f"over {MAX_SIDE}", "largest") if self.shorter else (f"under {MIN_SIDE}", "smallest")
            problem = f"gives a picture of {width}x{height} pixels a side of {free}, {bound}"
            remedy = f"the {best} that works is {replace(self, sides=(limit,))}"
            if not MIN_SIDE <= limit <= MAX_SIDE:
                remedy = "none works for so long a picture: crop it, or give both sides, as in '512x128'"
            raise InputError(self.argument, Plain(self), problem, remedy)
        return (side, free) if known == width else (free, side)


def parse_size(spec: int | str, *, argument: str = "size") -> Size:
    """Reads a size: 512 or "512" is the longest side, "short:512" the shorter one, "682x512" exactly width x height, "content"
    the picture's own.

    Raises InputError for anything else, and for sides outside MIN_SIDE..MAX_SIDE.
    """
    if isinstance(spec, str) and spec.strip().lower() == OWN:
        return Size((), argument=argument)
    usable = isinstance(spec, str | Integral) and not isinstance(spec, bool)
    match = re.fullmatch(r"(short:)?(-?\d{1,9})|(-?\d{1,9})x(-?\d{1,9})", str(spec).strip().lower(), re.ASCII)
    if not usable or match is None:
        raise InputError(argument, spec, "is not a size", _SIZES)
    sides = tuple(int(side) for side in match.groups()[1:] if side is not None)
    subject = "must have sides of" if len(sides) == 2 else "must be"
    if min(sides) < MIN_SIDE:
        raise InputError(argument, spec, f"{subject} at least {MIN_SIDE}", _SIZES)
    if max(sides) > MAX_SIDE:
        raise InputError(argument, spec, f"{subject} at most {MAX_SIDE}", _SIZES)
    return Size(sides, shorter=match[1] is not None, argument=argument)
