"""Films made for tests of how they are written: inverted, whole, stopped, or left as a killed process leaves them."""

import itertools
from pathlib import Path

from jaxstyle.films.film import Film
from jaxstyle.films.forms import form_of
from jaxstyle.films.opened import opened
from jaxstyle.films.part import Part, Writer
from jaxstyle.films.produce import produce
from jaxstyle.films.sound import Sound

KEY = {"style": "waves"}


class Killed(Exception):
    pass


def inverted(frames):
    for frame in frames:
        yield frame, 255 - frame.picture.rgb


def make(source, out, codec=None, *, resume=False, stop=None, kill=None, key=KEY, paint=inverted, **how):
    """A film whose frames are inverted. `kill` leaves it after so many frames as a killed process would."""
    form = form_of(out, codec)
    film = Film(opened(str(source)), "film", is_square=not form.holds_aspect, **how)
    part = Part(Path(out), form, key)
    part.begin(resume)
    if kill is not None:
        writer = Writer(part, film)
        for frame, image in itertools.islice(paint(film.frames(part.done)), kill):
            writer.add(image, frame.pts, frame.duration, frame.picture.alpha)
        if writer._file is not None:
            copies = {path: path.read_bytes() for path in part.segments}  # as it is on the disk now
            writer._container.close()
            writer._file.close()
            for path, data in copies.items():
                path.write_bytes(data)
        return None
    heard_of = Sound(film.source.sound, form)
    made = produce(film, part, heard_of, paint, callback=lambda done: done == stop)
    return film, heard_of.notices + film.source.notices + made.notices, made


def files():
    return sorted(path.name for path in Path().iterdir())
