"""A film made of another: frames are read ahead, painted, and written behind, and joined at the end."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import NamedTuple

import numpy as np

from jaxstyle.errors import InputError
from jaxstyle.films.film import Film, Frame
from jaxstyle.films.joined import join
from jaxstyle.films.overlap import Behind, ahead
from jaxstyle.films.part import Part, Writer
from jaxstyle.films.sound import Sound

Painter = Callable[[Iterator[Frame]], Iterator[tuple[Frame, np.ndarray]]]
"""Gives each frame, in order, with what it becomes: (H, W, 3), uint8 or floats in [0, 1]. It runs in the caller's thread."""


class Produced(NamedTuple):
    """What came of it.

    Attributes:
        frames: of the film that is there now.
        is_whole: whether that is all of it.
        notices: sentences for the user.
    """

    frames: int
    is_whole: bool
    notices: list[str]


def produce(
    film: Film,
    part: Part,
    sound: Sound,
    paint: Painter,
    *,
    depth: int = 2,
    callback: Callable[[int], bool] = lambda done: False,
    joining: Callable[[], object] = lambda: None,
    tags: Callable[[int], Mapping[str, str]] = lambda frames: {},
) -> Produced:
    """Paints what is missing of a film, and puts it in its place.

    Args:
        film: that is read.
        part: what is made so far; `Part.begin` has been called.
        sound: goes with it.
        paint: see `Painter`; it sees frames from the first that is missing on.
        depth: how many frames are read ahead.
        callback: told how many frames are done after each; returns whether to stop there.
        joining: called before the film is put together.
        tags: what stands inside the file, by how many frames it has.

    Raises:
        InputError: where the film has no frame, or one that cannot be used.
        JaxstyleError: where the film cannot be written; it says what is kept.
    """
    try:
        writer, stopped = _painted(film, part, paint, depth, callback)
    except InputError:
        if not part.frames():
            part.clear()
        raise
    notices = []
    if not writer.count:
        part.clear()
    else:
        joining()
        notices = join(part, film, sound, stopped or film.end is not None, tags(writer.count))
        if not stopped:
            part.clear()
    return Produced(writer.count, not stopped, notices)


def _painted(film: Film, part: Part, paint: Painter, depth: int, callback: Callable[[int], bool]) -> tuple[Writer, bool]:
    """Paints and writes; returns what wrote it, closed, and whether the callback stopped it."""
    began, before, done = time.monotonic(), part.seconds, part.done
    with Writer(part, film) as writer:

        def write(pair: tuple[Frame, np.ndarray]) -> None:
            frame, image = pair
            writer.add(image, frame.pts, frame.duration, frame.picture.alpha)

        with Behind(write) as behind, closing(ahead(film.frames(part.done), depth)) as frames:
            for frame, image in paint(frames):
                behind.put((frame, image))
                done += 1
                part.seconds = before + time.monotonic() - began
                if callback(done):
                    return writer, True
    return writer, False
