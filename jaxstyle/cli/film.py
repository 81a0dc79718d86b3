"""Films by a network: `jaxstyle apply holiday.mp4 --style waves -o painted.mp4`."""

import argparse
import hashlib
import os
import time
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from jaxstyle.cli.display import Display, duration, say, say_first
from jaxstyle.cli.failures import say_error
from jaxstyle.cli.interrupt import Interrupt
from jaxstyle.cli.places import check_place, stem_of, unnamed
from jaxstyle.domains.apply import loaded as domain_network
from jaxstyle.errors import InputError
from jaxstyle.films.film import Film
from jaxstyle.films.forms import ANIMATED, CODECS, WRITTEN, Form, form_of
from jaxstyle.films.opened import numbered, opened
from jaxstyle.films.part import Part
from jaxstyle.films.place import check_film_output, record_of
from jaxstyle.films.produce import Produced, produce
from jaxstyle.films.sound import Sound
from jaxstyle.films.stills import is_animated
from jaxstyle.films.times import parse_rate, parse_time
from jaxstyle.machine import memory as machine
from jaxstyle.onepass.frames import FramePainter, members
from jaxstyle.onepass.painting import Manner, check_memory
from jaxstyle.pictures import ours, write
from jaxstyle.pictures.ours import is_ours
from jaxstyle.pictures.paths import is_film_name, is_pattern, located
from jaxstyle.pictures.size import parse_size
from jaxstyle.results import record
from jaxstyle.styles.apply import loaded, manner_of

SCHEMA = "jaxstyle-run-film-1"
ONLY = ("start", "end", "fps", "codec", "resume")
"""Options that only films have."""
KEPT = "what was painted is kept: the same command with --resume goes on from there"


def add_film(sub: argparse.ArgumentParser) -> None:
    """The arguments that films have beside those of pictures."""
    group = sub.add_argument_group("films", "a video, a folder or pattern of numbered pictures, a GIF, WebP or APNG")
    group.add_argument("--start", metavar="TIME", help="from this time on: 3.5, 0:03 (default: the beginning)")
    group.add_argument("--end", metavar="TIME", help="up to this time (default: the end)")
    text = "frames a second, all for the same time (default: as the film has them; 25 of numbered pictures)"
    group.add_argument("--fps", metavar="N", help=text)
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


def films(options: argparse.Namespace) -> int:
    """Paints one film."""
    if len(options.pictures) > 1 and (name := next(filter(is_film_name, options.pictures), None)):
        raise InputError("pictures", name, "is a film, and one film is painted at a time", "give it alone")
    low = check_memory(options.memory)
    given, several = options.pictures[0], options.pictures[1:]
    out, note = _place(given, options)
    form = form_of(out, options.codec)
    film = _film(options, form)
    path = check_film_output(out)
    inputs = _inputs(options.pictures)
    check_place("out", path, inputs, is_ours) if path.suffix else None
    sound = Sound(film.source.sound, form)
    config = _config(options)
    manner, network = _manner(options)
    about = {"path": f"{given} and {len(several)} more" if several else given, "sha256": _hash(inputs)}
    versions = record.versions("av") if film_needs(form, given) else record.versions()
    part = Part(path, form, _key(about, network, config, versions))
    part.begin(options.resume)
    if not options.quiet:
        for text in (*([note] if note else []), *_notes(film, form, part, options.resume), *sound.notices):
            say(f"note: {text}")
    say_first(options)
    painter = FramePainter(manner, members(*film.size), low, options.color_space)
    written = _Record(options, config, about, network, versions, film, form, sound, part, painter)
    interrupt = Interrupt("this frame", lambda: KEPT, options.quiet)
    total, began = film.count, time.monotonic()
    with Display(total, options.quiet) as display, interrupt:

        def callback(done: int) -> bool:
            seconds = time.monotonic() - began
            made = done - part.done
            share = min(1.0, made / max(1, (total or done) - part.done))
            display.update(done, f"{os.path.basename(given)}, {seconds / made:.2g} s a frame", seconds, total, share)
            return interrupt.came

        def joining() -> None:
            interrupt.saving = True

        produced = produce(film, part, sound, painter, callback=callback, joining=joining, tags=written.tags)
        problem = written.save(produced)
    return _said(film, path, produced, written, problem, interrupt.came, options)


def film_needs(form: Form, given: str) -> bool:
    """Whether PyAV shapes the film."""
    return form.codec is not None or is_film_name(given)


def _place(given: str, options: argparse.Namespace) -> tuple[str | Path, str]:
    """Where the film goes, and what is to be said of that."""
    if options.out:
        return options.out, ""
    suffix = Path(given).suffix.lower()
    suffix = suffix if suffix in WRITTEN else ".mp4"
    return unnamed(stem_of(given, options.made), [given], suffix)


def _film(options: argparse.Namespace, form: Form) -> Film:
    start = Fraction(0) if options.start is None else parse_time(options.start, argument="start")
    end = None if options.end is None else parse_time(options.end, argument="end")
    fps = None if options.fps is None else parse_rate(options.fps)
    given = options.pictures[0]
    source = opened(given if len(options.pictures) == 1 else options.pictures, rate=fps)
    fit = None if options.size is None else parse_size(options.size).fit
    film = Film(source, f"film {Path(given).name}", start, end, None if fps == source.rate else fps, fit, not form.holds_aspect)
    width, height = film.size
    if min(width, height) < 16:
        raise InputError("film", given, f"is {width}x{height} pixels, and each side must be at least 16", "give a larger film")
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


def _manner(options: argparse.Namespace) -> tuple[Manner, dict[str, Any]]:
    """How frames are painted, and what the record says of the network."""
    if options.style is None:
        held, about = domain_network(options.network)
        return Manner(held.styled(options.direction), options.strength), about
    held, about = loaded(options.network)
    return manner_of(held, options.style, options.strength), about


def _config(options: argparse.Namespace) -> dict[str, Any]:
    names = ("style", "direction", "strength", "size", "color_space", "start", "end", "fps", "codec")
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _key(about: dict, network: dict, config: dict, versions: dict) -> dict[str, Any]:
    """What must be the same for a run to go on with what is there."""
    known = {"film": about["sha256"], "network": network["sha256"] or network["name"], **config}
    return known | {name: versions[name] for name in ("jaxstyle", "jax", "av") if name in versions}


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

    def __init__(self, options, config, about, network, versions, film, form, sound, part, painter):
        self._film, self._form, self._sound, self._part, self._painter = film, form, sound, part, painter
        self._metadata = not options.no_metadata
        self._began, self._before = time.monotonic(), part.seconds
        self._head = {
            "schema": SCHEMA,
            "command": options.line,
            "config": config | {"memory": options.memory},
            "inputs": {"film": about},
            "versions": versions,
            "device": record.device(),
            "network": network,
            "size": form.fitted(*film.size),
        }

    def _whole(self, frames: int) -> dict[str, Any]:
        film, compiling = self._film, self._painter.compiler.seconds
        seconds = self._before + time.monotonic() - self._began
        return self._head | {
            "frames": frames,
            "rate": round(float(film.rate), 6),
            "is_constant": film.fps is not None,
            "aspect": [film.aspect.numerator, film.aspect.denominator],
            "codec": self._form.codec.name if self._form.muxer and self._form.codec else None,
            "sound": self._sound.source is not None,
            "seconds": {"compile": round(compiling, 3), "paint": round(max(0.0, seconds - compiling), 3)},
        }

    def tags(self, frames: int) -> dict[str, str]:
        """What stands inside the film."""
        return {"comment": record.inside(self._whole(frames))} if self._metadata else {}

    def save(self, produced: Produced) -> InputError | None:
        """Writes the record beside the film; returns what went wrong, if anything did."""
        if not produced.frames:
            return None
        beside = record_of(self._part.out)
        self.written = self._whole(produced.frames)
        reason = "the film is whole" if produced.is_whole else "it was interrupted; --resume goes on"
        notices = [*self._sound.notices, *self._film.source.notices, *produced.notices]
        more = {"is_whole": produced.is_whole, "stop_reason": reason, "memory": {"peak": machine.peak()}, "notices": notices}
        if os.path.lexists(beside) and not ours.is_ours(beside):
            return InputError("out", str(beside), "is no record of ours, and stays as it is")
        try:
            write.write_atomically(beside, record.dumps(self.written | more).encode())
        except InputError as error:
            return error
        return None


def _said(
    film: Film, path: Path, produced: Produced, written: _Record, problem: Any, came: bool, options: argparse.Namespace
) -> int:
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
        say(f"{path} {words}")
    if problem:
        say_error(problem, options)
    return 130 if came and not produced.is_whole else 1 if problem else 0
