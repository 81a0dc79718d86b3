"""The last frames that were written of a film, read back: what it goes on from."""

from collections import deque
from fractions import Fraction

import numpy as np

from jaxstyle.films.film import Film, Shot
from jaxstyle.films.opened import opened
from jaxstyle.films.part import Part
from jaxstyle.pictures.read import Picture, load


def recalled(part: Part, film: Film, count: int) -> tuple[list[Picture], list[np.ndarray]]:
    """The last frames of a part, at most so many.

    Args:
        part: `Part.begin` has been called.
        film: whose frames they are.
        count: how many are wanted.

    Returns:
        The frames of the film, and what they became, uint8 (H, W, 3) of the same size; the latest last. Where the film was
        written with a row or a column less, its last one is repeated.
    """
    wanted = min(count, part.done)
    if not wanted:
        return [], []
    frames = film.frames(part.done - wanted)
    pictures = [frame.picture for frame, _ in zip(frames, range(wanted), strict=False)]
    width, height = film.size
    painted = [_padded(picture.rgb, width, height) for picture in _written(part, wanted)]
    return pictures, painted


def _written(part: Part, wanted: int) -> list[Picture]:
    if not part.form.suffix:
        return [load(part.still(number), argument="out") for number in range(part.done - wanted, part.done)]
    found: deque[Picture] = deque()
    for path in reversed(part.segments):
        last: deque[Shot] = deque(opened(str(path), argument="out").shots(Fraction(0)), maxlen=wanted - len(found))
        found.extendleft(shot.make() for shot in reversed(last))
        if len(found) == wanted:
            break
    return [*found]


def _padded(rgb: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.pad(rgb, ((0, height - rgb.shape[0]), (0, width - rgb.shape[1]), (0, 0)), mode="edge")
