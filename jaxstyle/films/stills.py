"""Pictures as a source of frames: numbered ones of a folder or a pattern, or the frames of an animated one."""

import itertools
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from jaxstyle.errors import ImageError, reason
from jaxstyle.films.film import Shot
from jaxstyle.pictures import files
from jaxstyle.pictures.read import load

RATE = Fraction(25)
"""Of numbered pictures, which do not say it."""
_MILLI = Fraction(1, 1000)
UNTIMED = 100
"""Milliseconds of a frame that is to be shown for none, as browsers do."""


class Stills:
    """Numbered pictures, at 25 a second or as `rate` says; see `film.Source`.

    Raises:
        ImageError: where the first one cannot be read.
    """

    count: int | None
    length: Fraction | None
    sound: str | None = None
    aspect, offset = Fraction(1), 0

    def __init__(self, paths: Sequence[str], argument: str, rate: Fraction | None = None):
        self._paths, self._argument = paths, argument
        self.notices: list[str] = []
        self.rate = rate or RATE
        self.time_base, self.count = 1 / self.rate, len(paths)
        self.length = len(paths) * self.time_base
        first = load(paths[0], argument=argument)
        self.size, self.is_clear = first.size, first.alpha is not None

    def shots(self, start: Fraction) -> Iterator[Shot]:
        """Its pictures, each for the same time."""
        for number, path in enumerate(self._paths):
            yield Shot(partial(load, path, argument=self._argument), number, 1)


class Animated:
    """A GIF, an animated WebP or APNG; see `film.Source`.

    Raises:
        ImageError: where it cannot be read.
    """

    count: int | None
    length: Fraction | None
    sound: str | None = None
    aspect, offset, time_base, is_clear = Fraction(1), 0, _MILLI, True

    def __init__(self, path: str, argument: str):
        self._path, self._argument = path, argument
        self.notices: list[str] = []
        durations = [duration for _, duration in self._frames(pixels=False)]
        self.count, self.length = len(durations), sum(durations) * _MILLI
        self.rate = len(durations) / self.length
        with files.open_path(path, argument) as file, files.quiet(), Image.open(file) as im:
            self.size = im.size

    def shots(self, start: Fraction) -> Iterator[Shot]:
        """Its frames, each laid over those before as the file says."""
        at = 0
        for pixels, duration in self._frames():
            yield Shot(partial(load, pixels, argument=self._argument), at, duration)
            at += duration

    def _frames(self, pixels: bool = True) -> Iterator[tuple[np.ndarray, int]]:
        """Each as (H, W, 4) uint8 with its milliseconds."""
        with files.open_path(self._path, self._argument) as file:
            with files.quiet():
                im = Image.open(file)
            for number in itertools.count():
                with files.quiet():
                    try:
                        im.seek(number)
                        im.load()
                    except EOFError:
                        return
                    except Exception as error:  # damaged files raise nearly anything
                        if number == 0:
                            problem = f"is cut short or damaged ({reason(error)})"
                            raise ImageError(self._argument, self._path, problem, "fetch it again") from error
                        if pixels:
                            name = Path(self._path).name
                            self.notices.append(f"{self._argument} {name}: its end is missing, after {number} frames")
                        return
                    made = np.asarray(im.convert("RGBA")) if pixels else np.empty(0)
                yield made, math.ceil(im.info.get("duration", 0)) or UNTIMED


def is_animated(path: str) -> bool | None:
    """Whether a picture has several frames; None where it is no picture, or has pages."""
    try:
        with open(path, "rb") as file, files.quiet(), Image.open(file) as im:
            return bool(getattr(im, "is_animated", False)) if im.format in ("GIF", "WEBP", "PNG") else False
    except Exception:  # in nearly any way
        return None
