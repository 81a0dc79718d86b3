"""Films, whatever paints them: what is read, where it goes, what is said on the way, and the record."""

import argparse
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from jaxstyle.cli.display import Display, duration, say, say_first
from jaxstyle.cli.failures import say_error
from jaxstyle.cli.interrupt import Interrupt
from jaxstyle.cli.places import check_place, stem_of, step_path, unnamed
from jaxstyle.errors import ImageError, InputError, JaxstyleError
from jaxstyle.films.film import Film, Frame
from jaxstyle.films.forms import ANIMATED, CODECS, WRITTEN, Form, form_of
from jaxstyle.films.opened import numbered, opened
from jaxstyle.films.part import Part
from jaxstyle.films.place import check_film_output, record_of
from jaxstyle.films.produce import Painter, Produced, produce
from jaxstyle.films.sound import Sound
from jaxstyle.films.stills import is_animated
from jaxstyle.films.times import parse_rate, parse_time
from jaxstyle.machine import memory as machine
from jaxstyle.pictures import ours, write
from jaxstyle.pictures.ours import is_ours
from jaxstyle.pictures.paths import is_film_name, is_pattern, located
from jaxstyle.pictures.size import Size
from jaxstyle.results import record

SCHEMA = "jaxstyle-run-film-1"
ONLY = ("start", "end", "fps", "codec", "resume")
"""Options that only films have."""
KEPT = "what was painted is kept: the same command with --resume goes on from there"
LEAST = 16
"""Pixels a side."""


def add_film(sub: argparse.ArgumentParser, made: bool = True) -> None:
    """The arguments that films have beside those of pictures; where none is made, those of what is read."""
    group = sub.add_argument_group("films", "a video, a folder or pattern of numbered pictures, a GIF, WebP or APNG")
    group.add_argument("--start", metavar="TIME", help="from this time on: 3.5, 0:03 (default: the beginning)")
    group.add_argument("--end", metavar="TIME", help="up to this time (default: the end)")
    text = "frames a second, all for the same time (default: as the film has them; 25 of numbered pictures)"
    group.add_argument("--fps", metavar="N", help=text)
    if made:
        text = f"{', '.join(CODECS)} (default: h264, in .webm vp9)"
        group.add_argument("--codec", metavar="NAME", help=text)
        group.add_argument("--resume", action="store_true", help="go on where this command was stopped or killed, if it was")


def is_film(options: argparse.Namespace) -> bool:
    """Whether what is asked for is a film: by the name of the source, or by that of what is made of it."""
    out = Path(options.out or "").suffix.lower()
    if any(map(is_film_name, options.pictures)):
        return True
    if len(options.pictures) > 1:  # a pattern, as a shell gives it
        return out in WRITTEN
    path = os.fspath(located(options.pictures[0]))
    several = os.path.isdir(path) or is_pattern(path)
    if out in WRITTEN and out not in ANIMATED:
        return True
    if several:
        return out in ANIMATED
    return out == ".gif" or (out in ("", ".webp") and options.out is not None and is_animated(path) is True)


@dataclass(frozen=True)
class Asked:
    """The film that is asked for.

    Attributes:
        given: what the user has named it by: a path, or pictures as a shell makes them of a pattern.
        film, form, sound: what is read, and what is made of it.
        path: of what is made.
        about: where it comes from and its hash, for the record.
        note: what is to be said of the path.
    """

    given: Sequence[str]
    film: Film
    form: Form
    sound: Sound
    path: Path
    about: dict[str, str]
    note: str

    @property
    def name(self) -> str:
        """What the film is called on the way."""
        return os.path.basename(self.given[0])

    @property
    def versions(self) -> dict[str, str]:
        """Of what shapes the film, PyAV only where it does."""
        needs = self.form.codec is not None or is_film_name(self.given[0])
        return record.versions("av") if needs else record.versions()


def asked(options: argparse.Namespace, given: Sequence[str], made: str, size: Size | None, more: Sequence[str] = ()) -> Asked:
    """Reads what a film is, and where it goes.

    Args:
        options: of the command.
        given: what the user has named it by.
        made: a word for what it becomes, for its name.
        size: of the frames, else the film's own.
        more: other files that must not be replaced.
    """
    if len(given) > 1 and (name := next(filter(is_film_name, given), None)):
        raise InputError("pictures", name, "is a film, and one film is painted at a time", "give it alone")
    out, note = (options.out, "") if options.out else _place(given[0], made)
    form = form_of(out, options.codec)
    film = film_of(options, given, form, size)
    path = check_film_output(out)
    inputs = _inputs(given)
    check_place("out", path, [*inputs, *more], is_ours) if path.suffix else None
    if getattr(options, "report", False):
        from jaxstyle.transfer.page import page_of

        check_place("report", page_of(path), [*inputs, *more], is_ours)
    label = f"{given[0]} and {len(given) - 1} more" if len(given) > 1 else given[0]
    return Asked(given, film, form, Sound(film.source.sound, form), path, {"path": label, "sha256": _hash(inputs)}, note)


def _place(given: str, made: str) -> tuple[str | Path, str]:
    """Where the film goes where nobody says it, and what is to be said of that."""
    suffix = Path(given).suffix.lower()
    return unnamed(stem_of(given, made), [given], suffix if suffix in WRITTEN else ".mp4")


def film_of(options: argparse.Namespace, given: Sequence[str], form: Form, size: Size | None) -> Film:
    """The film, or the part of it, that is read."""
    start = Fraction(0) if options.start is None else parse_time(options.start, argument="start")
    end = None if options.end is None else parse_time(options.end, argument="end")
    fps = None if options.fps is None else parse_rate(options.fps)
    source = opened(given[0] if len(given) == 1 else given, rate=fps)
    fps, fit = None if fps == source.rate else fps, None if size is None else size.fit
    film = Film(source, f"film {Path(given[0]).name}", start, end, fps, fit, not form.holds_aspect)
    width, height = film.size
    if min(width, height) < LEAST:
        problem = f"is {width}x{height} pixels, and each side must be at least {LEAST}"
        raise InputError("film", given[0], problem, "give a larger film")
    return film


def _inputs(given: Sequence[str]) -> list[str]:
    """The files that a film is read from."""
    if len(given) > 1:
        return [os.fspath(located(path)) for path in given]
    path = os.fspath(located(given[0]))
    return numbered(path, "film") if os.path.isdir(path) or is_pattern(path) else [path]


def _hash(paths: Sequence[str]) -> str:
    """The SHA-256 of a film: of its file, or of its pictures' hashes one after the other."""
    found = [record.describe_source(path)["sha256"] for path in paths]
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


def chosen(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Those of these options that were given."""
    return {name: value for name in names if (value := getattr(options, name)) is not None}


class Way(Protocol):
    """How a film is painted.

    Attributes:
        config: what the user said of it, for the record.
        key: what must be the same for a run to go on with what is there, beside the film and versions.
        inputs, head: what the record says of pictures beside the film, and of the method, before it is painted.
    """

    config: dict[str, Any]
    key: dict[str, Any]
    inputs: dict[str, Any]
    head: dict[str, Any]

    def painter(self, part: Part, within: Callable[[str, float], object]) -> Painter:
        """What paints the frames that a part lacks; `within` is told in words how far a frame is, and its share."""
        ...

    def work(self, frames: float) -> float:
        """How much work so many frames are, from the first on."""
        ...

    def tail(self) -> dict[str, Any]:
        """What the record says after the last frame; "compile" are seconds."""
        ...


@dataclass
class _Course:
    """How far a film is: frames that are done, and when it began."""

    done: int
    began: float = field(default_factory=time.monotonic)


def make(options: argparse.Namespace, asked: Asked, way: Way) -> int:
    """Paints a film."""
    film, form, sound, versions = asked.film, asked.form, asked.sound, asked.versions
    known = {"film": asked.about["sha256"], **way.key}
    known |= {name: versions[name] for name in ("jaxstyle", "jax", "av") if name in versions}
    part = Part(asked.path, form, known)
    part.begin(options.resume)
    if not options.quiet:
        for text in (*([asked.note] if asked.note else []), *_notes(film, form, part, options.resume), *sound.notices):
            say(f"note: {text}")
    say_first(options)
    written = _Record(options, asked, way, part)
    interrupt = Interrupt("this frame", lambda: KEPT, options.quiet)
    every, problems = getattr(options, "save_every", 0) or 0, list[JaxstyleError]()
    with Display(film.count, options.quiet) as display, interrupt:
        total, course = film.count, _Course(part.done)

        def shown(done: float, words: str) -> None:
            seconds, before = time.monotonic() - course.began, way.work(part.done)
            share = min(1.0, (way.work(done) - before) / max(1e-9, way.work(total or done) - before))
            display.update(int(done), words, seconds, total, share)

        def within(words: str, share: float) -> None:
            shown(course.done + share, f"{asked.name}, {words}")

        def callback(done: int) -> bool:
            course.done = done
            shown(done, f"{asked.name}, {(time.monotonic() - course.began) / (done - part.done):.2g} s a frame")
            return interrupt.came

        def joining() -> None:
            interrupt.saving = True

        paint = way.painter(part, within)
        course.began = time.monotonic()
        if every:
            paint = _with_stills(paint, asked.path, part.done, every, problems)
        produced = produce(film, part, sound, paint, callback=callback, joining=joining, tags=written.tags)
        problems += filter(None, [written.save(produced)])
        if produced.frames and getattr(options, "report", False):
            from jaxstyle.video.page import write_page

            try:
                write_page(asked.path, record.plain(written.written))
            except InputError as error:
                problems.append(error)
    return _said(asked, produced, written, problems, interrupt.came, options)


def _with_stills(paint: Painter, path: Path, done: int, every: int, problems: list[JaxstyleError]) -> Painter:
    """The same painter, which also saves every so many-th frame beside the film."""

    def painted(frames: Iterator[Frame]) -> Iterator[tuple[Frame, np.ndarray]]:
        for number, (frame, image) in enumerate(paint(frames), start=done + 1):
            if number % every == 0:
                try:
                    write.save(step_path(path.with_suffix(".png"), number), image, alpha=frame.picture.alpha)
                except ImageError as error:  # the film goes on
                    problems[:] = problems or [error]
            yield frame, image

    return painted


def _notes(film: Film, form: Form, part: Part, resume: bool) -> list[str]:
    notes, (width, height) = [], film.size
    if (fitted := form.fitted(width, height)) != (width, height) and form.codec is not None:
        less = " and ".join(what for what, odd in (("column", width % 2), ("row", height % 2)) if odd)
        notes.append(f"the film gets {fitted[0]}x{fitted[1]}, one {less} less: {form.codec.name} needs even sides")
    if film.aspect != film.source.aspect:
        notes.append(f"pixels are made square: {form.suffix or 'a folder of pictures'} cannot say that they are not")
    if part.done:
        notes.append(f"{part.done} frames are there already")
    elif resume:
        notes.append(f"there is nothing to go on with beside {part.out}, so the film begins anew")
    return notes


class _Record:
    """The record of a film, beside it and inside."""

    def __init__(self, options: argparse.Namespace, asked: Asked, way: Way, part: Part):
        self._asked, self._way, self._part = asked, way, part
        self._metadata = not options.no_metadata
        self._began, self._before = time.monotonic(), part.seconds
        self._head = {
            "schema": SCHEMA,
            "command": options.line,
            "config": way.config,
            "inputs": {"film": asked.about, **way.inputs},
            "versions": asked.versions,
            "device": record.device(),
            **way.head,
            "size": asked.form.fitted(*asked.film.size),
        }

    def _whole(self, frames: int) -> dict[str, Any]:
        film, form, tail = self._asked.film, self._asked.form, self._way.tail()
        seconds, compiling = self._before + time.monotonic() - self._began, tail.pop("compile")
        return self._head | {
            "frames": frames,
            "rate": round(float(film.rate), 6),
            "is_constant": film.fps is not None,
            "aspect": [film.aspect.numerator, film.aspect.denominator],
            "codec": form.codec.name if form.muxer and form.codec else None,
            "sound": self._asked.sound.source is not None,
            "seconds": {"compile": round(compiling, 3), "paint": round(max(0.0, seconds - compiling), 3)},
            **tail,
        }

    def tags(self, frames: int) -> Mapping[str, str]:
        """What stands inside the film."""
        return {"comment": record.inside(self._whole(frames))} if self._metadata else {}

    def save(self, produced: Produced) -> InputError | None:
        """Writes the record beside the film; returns what went wrong, if anything did."""
        if not produced.frames:
            return None
        beside = record_of(self._part.out)
        whole = self._whole(produced.frames)
        reason = "the film is whole" if produced.is_whole else "it was interrupted; --resume goes on"
        notices = [*self._asked.sound.notices, *self._asked.film.source.notices, *produced.notices]
        more = {"is_whole": produced.is_whole, "stop_reason": reason, "memory": {"peak": machine.peak()}, "notices": notices}
        self.written = whole | more
        if os.path.lexists(beside) and not ours.is_ours(beside):
            return InputError("out", str(beside), "is no record of ours, and stays as it is")
        try:
            write.write_atomically(beside, record.dumps(self.written).encode())
        except InputError as error:
            return error
        return None


def _said(
    asked: Asked,
    produced: Produced,
    written: _Record,
    problems: Sequence[JaxstyleError],
    came: bool,
    options: argparse.Namespace,
) -> int:
    film = asked.film
    if not produced.frames:
        say("jaxstyle: error: interrupted before the first frame was painted; nothing is written")
        return 130
    if not options.quiet:
        for notice in (*film.source.notices, *produced.notices):
            say(f"note: {notice}")
        (width, height), seconds = written.written["size"], sum(written.written["seconds"].values())
        ends = "" if produced.is_whole else f" of {film.count or 'them'}; the same command with --resume goes on"
        each = f"{seconds / produced.frames:.2g} s each"
        words = f"{produced.frames} frames{ends}, {width}x{height}, {options.made}: {duration(seconds)}, {each}"
        say(f"{asked.path} {words}")
    for problem in problems:
        say_error(problem, options)
    return 130 if came and not produced.is_whole else 1 if problems else 0
