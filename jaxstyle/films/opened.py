"""What a user names as a film: a video, a folder or a pattern of numbered pictures, an animated picture."""

import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from jaxstyle.errors import ImageError
from jaxstyle.films.film import Source
from jaxstyle.films.stills import Animated, Stills, is_animated
from jaxstyle.films.video import Video
from jaxstyle.pictures.find import natural
from jaxstyle.pictures.paths import SUFFIXES, is_film_name, is_pattern, located, matching


def opened(path: str | Sequence[str], *, argument: str = "film", rate: Fraction | None = None) -> Source:
    """The source of a film's frames.

    Args:
        path: as the user has written it; or pictures in order, as a shell makes them of a pattern.
        argument: what the caller calls it.
        rate: of numbered pictures, which have none.

    Raises:
        ImageError: where it is no film, is one picture, or cannot be read.
        InputError: where PyAV is needed and missing.
    """
    if not isinstance(path, str):
        return Stills([os.fspath(located(one)) for one in path], argument, rate)
    place = os.fspath(located(path))
    if os.path.isdir(place) or is_pattern(place):
        return Stills(numbered(place, argument), argument, rate)
    if is_film_name(place):
        return Video(place, argument)
    if not os.path.exists(place):
        raise ImageError(argument, path, "does not exist", f"give the path of a film; relative paths start at {os.getcwd()!r}")
    animated = is_animated(place)
    if animated is False:
        raise ImageError(argument, path, "is one picture and no film", "give --out the name of a picture, such as out.png")
    return Animated(place, argument) if animated else Video(place, argument)


def numbered(place: str, argument: str) -> list[str]:
    """The pictures of a folder or a pattern in natural order, those that jaxstyle made among them.

    Raises:
        ImageError: where there is none.
    """
    found = [os.path.join(place, name) for name in os.listdir(place)] if os.path.isdir(place) else matching(place)
    shown = [path for path in found if not Path(path).name.startswith(".") and Path(path).suffix.lower() in SUFFIXES.split()]
    if not shown:
        raise ImageError(argument, place, "holds no picture", f"the suffixes of pictures are {SUFFIXES}")
    return sorted(shown, key=natural)
