"""A film to be read: an iterator over its frames, one of which is in memory at a time."""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, Protocol

from jaxstyle.errors import InputError
from jaxstyle.films.times import spelt
from jaxstyle.pictures.read import Fit, Picture, resize

MISSING = Fraction(1, 2)
"""Seconds by which a film may end before the time that it states: the last frames of sound, roundings."""

_EARLY = Fraction(1, 10)
"""Of a frame of constant rate: so much earlier than it should, a frame may come, since times are rounded to milliseconds."""


class Frame(NamedTuple):
    """A frame of a film.

    Attributes:
        picture: uint8, upright, in sRGB. Of two frames that repeat each other it is the same object.
        pts: when it is shown, in the film's `time_base` from its beginning.
        duration: for how long, in the same unit.
    """

    picture: Picture
    pts: int
    duration: int


class Shot(NamedTuple):
    """A frame of a source before its picture is made: `pts` counts from the source's own beginning."""

    make: Callable[[], Picture]
    pts: int
    duration: int


class Source(Protocol):
    """What frames come from: a video, numbered pictures, an animated picture.

    Attributes:
        size: (width, height) of the upright frames.
        time_base: seconds, the unit of times.
        rate: frames a second, the mean where they differ.
        count: of the frames, None where nobody knows before the end.
        length: seconds, as stated; None where nothing is stated.
        aspect: a pixel's width over its height.
        is_clear: whether frames may be transparent.
        sound: the file whose sound belongs to it, None for none.
        offset: from the zero of the file's own times to its beginning, in `time_base`.
        notices: sentences for the user; there may be more after the last frame.
    """

    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    count: int | None
    length: Fraction | None
    aspect: Fraction
    is_clear: bool
    sound: str | None
    offset: int
    notices: list[str]

    def shots(self, start: Fraction) -> Iterator[Shot]:
        """The frames in order; those before `start`, in seconds, may be left out."""
        ...


@dataclass(frozen=True)
class Film:
    """A source, or a part of it, at a size and a rate.

    Attributes:
        source, label: where frames come from, and what an error or a notice calls it.
        start, end: seconds of the source; None for its end.
        fps: frames a second where they are made constant, else None.
        fit: the size that is wanted, else the source's own.
        is_square: whether pixels that are not square are made so.
    """

    source: Source
    label: str
    start: Fraction = Fraction(0)
    end: Fraction | None = None
    fps: Fraction | None = None
    fit: Fit | None = None
    is_square: bool = False

    def __post_init__(self) -> None:
        if self.end is not None and self.end <= self.start:
            raise InputError("end", spelt(self.end), f"must be later than the start, {spelt(self.start)}")
        if self.start and (length := self.source.length) is not None and self.start >= length:
            raise InputError("start", spelt(self.start), f"is not before the end of the film, {spelt(length)}")

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of its frames."""
        width, height = self.source.size
        width = round(width * self.source.aspect / self.aspect)
        return (width, height) if self.fit is None else self.fit(width, height)

    @property
    def aspect(self) -> Fraction:
        """A pixel's width over its height."""
        return Fraction(1) if self.is_square else self.source.aspect

    @property
    def time_base(self) -> Fraction:
        """The unit of times, in seconds."""
        return self.source.time_base if self.fps is None else 1 / self.fps

    @property
    def rate(self) -> Fraction:
        """Frames a second, the mean where they differ."""
        return self.fps or self.source.rate

    @property
    def count(self) -> int | None:
        """About how many frames it has; None where nobody knows."""
        if not self.start and self.end is None and self.fps is None and self.source.count:
            return self.source.count
        length = self.source.length
        length = self.source.count / self.source.rate if length is None and self.source.count else length
        ends = [end for end in (length, self.end) if end is not None]
        return max(1, math.ceil((min(ends) - self.start) * self.rate - _EARLY)) if ends else None

    def frames(self, skip: int = 0) -> Iterator[Frame]:
        """Its frames from the one with this number on; those before are not made into pictures.

        Raises:
            InputError: where it has no frame, or one that cannot be used.
        """
        made = None
        for number, (shot, pts, duration, repeats) in enumerate(self._timed()):
            if number < skip:
                continue
            if not repeats or made is None:
                made = self._made(shot, number)
            yield Frame(made, pts, duration)

    @property
    def origin(self) -> Fraction:
        """The seconds of the file at which its first frame is shown, by which its sound moves.

        Of a whole film that is the file's own beginning, since sound may begin before the first frame.
        """
        if not self.start:
            return self.source.offset * self.source.time_base
        shot = next(self._shots(), None)
        return (0 if shot is None else (shot.pts + self.source.offset)) * self.source.time_base

    def _made(self, shot: Shot, number: int) -> Picture:
        picture = shot.make()
        if picture.size != self.source.size:
            own, first = (f"{width}x{height}" for width, height in (picture.size, self.source.size))
            notice = f"{self.label}: frame {number + 1} is {own} and not {first}; it is scaled to that, as are others after it"
            if not any(": frame " in said for said in self.source.notices):
                self.source.notices.append(notice)
            picture = resize(picture, *self.source.size)
        return resize(picture, *self.size)

    def _shots(self) -> Iterator[Shot]:
        """Those between start and end."""
        unit = self.source.time_base
        for shot in self.source.shots(self.start):
            if self.end is not None and shot.pts * unit >= self.end:
                return
            if shot.pts * unit >= self.start:
                yield shot

    def _timed(self) -> Iterator[tuple[Shot, int, int, bool]]:
        """Each with its time from the film's beginning, how long it is shown, and whether it repeats the one before."""
        shots = iter(self._shots())
        if (first := next(shots, None)) is None:
            where = f" between {spelt(self.start)} and {spelt(self.end or self.source.length or 0)}" if self.start else ""
            raise InputError("film", self.label, f"holds no frame{where}")
        last, zero = first, (first.pts if self.start else 0)
        if self.fps is None:
            for shot in itertools.chain([first], shots):
                last = shot
                yield shot, shot.pts - zero, shot.duration, False
        else:
            unit, tick = self.source.time_base * self.fps, 0
            for shot, after in itertools.pairwise(itertools.chain([first], shots, [None])):
                assert shot is not None
                last = shot
                stop = (after.pts if after else shot.pts + shot.duration) - zero
                begun = False
                while tick < stop * unit - _EARLY or (after is None and tick == 0):
                    yield shot, tick, 1, begun
                    tick, begun = tick + 1, True
        self._tell_of_end((last.pts + last.duration) * self.source.time_base)

    def _tell_of_end(self, came: Fraction) -> None:
        """Says what is missing where the film ends before it says that it does."""
        if (length := self.source.length) is not None:
            stated = length if self.end is None else min(length, self.end)
            if came < stated - max(MISSING, 2 / self.source.rate):
                words = f"its end is missing: it says {spelt(length)}, and its frames end at {spelt(came)}"
                self.source.notices.append(f"{self.label}: {words}")
