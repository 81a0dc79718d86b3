"""The end of a film: what its runs have written becomes one file, with its sound."""

import heapq
import itertools
import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from jaxstyle.errors import JaxstyleError, as_ours, reason
from jaxstyle.films.film import Film
from jaxstyle.films.forms import CODECS
from jaxstyle.films.library import fraction, pyav
from jaxstyle.films.part import Part
from jaxstyle.films.sound import Sound

_QUALITY = 90
"""Of animated WebP, which is lossy: lossless it would be many times as large."""
_LONGEST = 2**24 - 1
"""Milliseconds of a WebP's frame."""
SHORTEST = 2
"""Hundredths of a second of a GIF's frame."""


def join(part: Part, film: Film, sound: Sound, is_cut: bool, tags: Mapping[str, str]) -> list[str]:
    """Writes the film to its place, whole or not at all; the part stays.

    Args:
        part: whose runs are closed.
        film: as it was read.
        sound: goes with it.
        is_cut: whether it ends before the source does, and the sound with it.
        tags: what stands inside the file beside it, by name.

    Returns:
        Notices, where the sound could not come with it.

    Raises:
        JaxstyleError: where it cannot be written; it says what is kept.
    """
    if part.form.codec is None:
        return []
    made = part.ledger.with_name(f"{part.ledger.name}-new{part.form.suffix}")
    notices: list[str] = []
    try:
        if part.form.suffix == ".webp":
            _webp(part, made, film.time_base)
        elif part.form.suffix == ".gif":
            _gif(part, made, film.time_base, *film.size)
        else:
            notices += _film(part, made, film, sound, is_cut, tags)
        with made.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(made, os.path.realpath(part.out))
    except Exception as error:
        made.unlink(missing_ok=True)
        where = ", ".join(str(path) for path in part.segments)
        told = reason(error) if isinstance(error, OSError) else str(as_ours(error))
        words = f"{str(part.out)!r} cannot be written ({told}); what is painted is kept without sound in {where}"
        raise JaxstyleError(f"{words}, and the same command with --resume writes the film from it") from error
    return notices


def _film(part: Part, made: Path, film: Film, sound: Sound, is_cut: bool, tags: Mapping[str, str]) -> list[str]:
    try:
        _remux(part, made, film, sound, is_cut, tags)
    except _SoundError as error:
        _remux(part, made, film, Sound(None, part.form), is_cut, tags)
        return [f"the sound is left out: it cannot be copied or decoded ({error})"]
    return []


class _SoundError(Exception):
    pass


def _remux(part: Part, made: Path, film: Film, sound: Sound, is_cut: bool, tags: Mapping[str, str]) -> None:
    """Packets of the runs and of the sound, in order of time."""
    av, form = pyav("out", str(part.out)), part.form
    options = {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if form.muxer in ("mp4", "mov") else {})
    unit, begins = film.time_base, bool(film.start)
    end = _times(part, unit)[-1] if is_cut else None
    with av.open(str(made), "w", format=form.muxer, options=options) as container:
        container.metadata.update(tags)
        with closing(av.open(str(part.segments[0]))) as first:
            stream = container.add_stream_from_template(first.streams.video[0], opaque=True)
            if form.muxer in ("mp4", "mov") and form.codec is CODECS["h265"]:
                stream.codec_context.codec_tag = "hvc1"  # the only one that Apple's players take
        stream.time_base = unit
        heard = _guarded(sound, container, film.origin, begins, end)
        seen = _of_stream(_packets(part, unit), stream, unit)
        for _, packet in heapq.merge(seen, heard, key=lambda pair: pair[0]):
            container.mux_one(packet)


def _of_stream(packets: Iterator[Any], stream: Any, unit: Fraction) -> Iterator[tuple[Fraction, Any]]:
    """Packets as those of this stream, with the times at which they begin. The stream that they come from may be closed."""
    for packet in packets:
        packet.stream = stream
        yield packet.pts * unit, packet


def _guarded(sound: Sound, *where: Any) -> Iterator[tuple[Fraction, Any]]:
    """Packets of the sound; whatever goes wrong with them is a `_SoundError`."""
    try:
        packets = sound.added(*where)
    except Exception as error:
        raise _SoundError(reason(error)) from error

    def taken() -> Iterator[tuple[Fraction, Any]]:
        try:
            yield from packets
        except GeneratorExit:
            raise
        except Exception as error:
            raise _SoundError(reason(error)) from error

    return taken()


def _packets(part: Part, unit: Fraction) -> Iterator[Any]:
    """Those of all runs, in the film's unit, each as long as the next one is away."""
    av, before = pyav("out", str(part.out)), None
    for path in part.segments:
        with av.open(str(path)) as container:
            for packet in container.demux(container.streams.video[0]):
                if not packet.size:
                    continue
                own = fraction(packet.time_base, unit)
                pts, length = round(packet.pts * own / unit), round((packet.duration or 0) * own / unit)
                packet.time_base = unit
                packet.pts, packet.dts, packet.duration = pts, pts, length
                if before is not None:
                    before.duration = pts - before.pts
                    yield before
                before = packet
    if before is not None:
        yield before


def _times(part: Part, unit: Fraction) -> list[Fraction]:
    """The second at which each frame is shown, and at which the last one ends."""
    found = [(packet.pts, packet.duration) for packet in _packets(part, unit)]
    return [*(pts * unit for pts, _ in found), sum(found[-1]) * unit]


def _pictures(part: Part) -> Generator[np.ndarray]:
    """The frames, (H, W, 4) uint8."""
    av = pyav("out", str(part.out))
    for path in part.segments:
        with av.open(str(path)) as container:
            for frame in container.decode(container.streams.video[0]):
                yield frame.to_ndarray(format="rgba")


class _Reel(Image.Image):
    """The frames as one picture of Pillow's, which asks for one after the other."""

    def __init__(self, pictures: Iterator[np.ndarray], count: int):
        super().__init__()
        self._pictures, self.n_frames, self._at = pictures, count, -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        if frame == self._at + 1:
            picture = Image.fromarray(next(self._pictures))
            self.im, self._size, self._mode, self._at = picture.im, picture.size, picture.mode, frame

    def tell(self) -> int:
        return self._at


def _webp(part: Part, made: Path, unit: Fraction) -> None:
    """An animated WebP, with its transparency; its frames are held packed until the end."""
    times = [round(1000 * time) for time in _times(part, unit)]
    durations = [min(max(1, later - time), _LONGEST) for time, later in itertools.pairwise(times)]
    with closing(_pictures(part)) as pictures:
        reel = _Reel(pictures, len(durations))
        reel.save(made, "WEBP", save_all=True, duration=durations, loop=0, quality=_QUALITY)


def _gif(part: Part, made: Path, unit: Fraction, width: int, height: int) -> None:
    """A GIF: each frame with the 255 colours that suit it, and one that is transparent. Browsers show none for less than two
    hundredths of a second, so frames that follow sooner are left out."""
    av, (*times, end) = pyav("out", str(part.out)), [round(100 * time) for time in _times(part, unit)]
    last, kept = times[0] - SHORTEST, []
    for time in times:
        kept.append(time - last >= SHORTEST)
        last = time if kept[-1] else last
    final = max(SHORTEST, end - last)
    with av.open(str(made), "w", format="gif", options={"loop": "0", "final_delay": str(final)}) as container:
        stream = container.add_stream("gif", rate=100)
        stream.pix_fmt, stream.codec_context.time_base = "pal8", Fraction(1, 100)
        stream.width, stream.height = width, height
        for time, is_kept, pixels in zip(times, kept, _pictures(part), strict=True):
            if not is_kept:
                continue
            frame = av.VideoFrame.from_ndarray(_with_palette(pixels), "pal8")
            frame.pts, frame.time_base = time, Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _with_palette(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) uint8 and the colours that these stand for, (256, 4), opacity first; 255 is nothing."""
    few = Image.fromarray(pixels[..., :3]).quantize(255)
    colours = np.zeros((256, 4), np.uint8)
    found = np.array(few.getpalette(), np.uint8).reshape(-1, 3)[:255]
    colours[: len(found), 1:], colours[:255, 0] = found, 255
    return np.where(pixels[..., 3] < 128, 255, np.asarray(few)).astype(np.uint8), colours
