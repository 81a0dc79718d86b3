"""A film while it is made: what is painted so far, on the disk and playable, from which a later run goes on.

Beside OUT.mp4 lie `.OUT.mp4.part`, which says what is made, and a film for each run that worked on it, `.OUT.mp4.part-1.mp4`
and so on: fragmented, so that it plays to its last whole frame whenever its run was killed. Sound comes at the end, when they
are joined (`joined`). For a folder of pictures, the pictures themselves are the frames.
"""

import contextlib
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from jaxstyle.errors import ImageError, InputError, JaxstyleError, named, reason
from jaxstyle.films.film import Film
from jaxstyle.films.forms import Form, with_alpha
from jaxstyle.films.fragments import cut_to_whole_fragments, fragment, head, sample
from jaxstyle.films.library import ACCURATE, BICUBIC, pyav
from jaxstyle.pictures import write
from jaxstyle.pictures.ours import is_ours, is_whole
from jaxstyle.pictures.read import to_bytes
from jaxstyle.results.beside import part_of

SCHEMA = "jaxstyle-film-part-1"
MOST_RATE = 240
"""Frames a second that every encoder takes; it is a hint to them, since each frame has its time."""
BT709, LIMITED = 1, 1
"""As H.273 numbers matrix, primaries and transfer; the range from 16 to 235."""
DIGITS = 6
"""Of a picture's number in a folder."""


class Part:
    """What is made so far of a film.

    Attributes:
        out, form: where the film goes, and as what.
        key: what it is made of, as plain data; a run goes on with one of the same key only.
        done: frames that earlier runs have left.
        seconds: that these took.
    """

    def __init__(self, out: Path, form: Form, key: Mapping[str, Any]):
        self.out, self.form, self.key = out, form, json.loads(json.dumps(key))
        self.ledger, self.done, self.seconds = part_of(out), 0, 0.0

    @property
    def segments(self) -> list[Path]:
        """The films of the runs so far, in order."""
        name = re.compile(rf"{re.escape(self.ledger.name)}-(\d+)\.mp4")
        with contextlib.suppress(OSError):
            found = [(int(match[1]), path) for path in self.out.parent.iterdir() if (match := name.fullmatch(path.name))]
            return [path for _, path in sorted(found)]
        return []

    @property
    def stills(self) -> list[Path]:
        """The pictures of a folder that follow each other from the first on."""
        paths = (self.still(number) for number in itertools.count())
        return list(itertools.takewhile(lambda path: path.exists() and is_ours(path), paths))

    def still(self, number: int) -> Path:
        """The picture of the frame with this number, from 0."""
        return self.out / f"{number + 1:0{DIGITS}d}.png"

    def begin(self, resume: bool) -> None:
        """Finds what is there; clears away what nothing was painted of.

        Raises:
            InputError: where what is there is of another film or other settings, or is not asked for, or the place cannot be
                written.
        """
        if resume and (known := self._known()) is not None:
            self._check_same(known["key"])
            self.done, self.seconds = self.frames(), float(known["seconds"])
        else:
            if self.ledger.exists() and (count := self.frames()):
                problem = f"is begun (frames painted: {count})"
                raise InputError(
                    "out", str(self.out), problem, f"go on with {named('resume')}, or remove {self.ledger} to begin anew"
                )
            self.clear()
            if not self.form.suffix:
                for path in self.out.glob("[0-9]" * DIGITS + ".png"):  # `check_stills` has looked at them
                    path.unlink()
        self.note(self.seconds)

    def note(self, seconds: float) -> None:
        """Writes down what is made, and how long that took so far."""
        ledger = {"schema": SCHEMA, "key": self.key, "seconds": round(seconds, 3)}
        write.write_atomically(self.ledger, json.dumps(ledger, indent=1).encode(), kind=InputError)

    def clear(self) -> None:
        """Removes it all, once the film is there; the pictures of a folder stay."""
        for path in (*self.segments, self.ledger):
            path.unlink(missing_ok=True)

    def _known(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self.ledger.read_text())
            return found if found["schema"] == SCHEMA and {"key", "seconds"} <= set(found) else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def _check_same(self, other: Mapping[str, Any]) -> None:
        names = [name for name in {**self.key, **other} if self.key.get(name) != other.get(name)]
        if names:
            told = ", ".join(f"{name} {other.get(name)!r} and not {self.key.get(name)!r}" for name in names[:3])
            problem = f"has begun otherwise, with {told}"
            raise InputError("resume", str(self.out), problem, f"give the same options, or remove {self.ledger} to begin anew")

    def frames(self) -> int:
        """How many whole frames there are; what is cut behind them is taken away."""
        if not self.form.suffix:
            found = self.stills
            while found and not is_whole(found[-1]):
                found.pop().unlink()
            return len(found)
        total, av = 0, pyav("out", str(self.out))
        for path in self.segments:
            cut_to_whole_fragments(path)
            try:
                with av.open(str(path)) as container:
                    count = sum(bool(packet.size) for packet in container.demux(container.streams.video[0]))
            except (av.error.FFmpegError, IndexError):
                count = 0
            if count == 0:
                path.unlink()
            total += count
        return total


class Writer:
    """Writes the frames of one run behind those of earlier ones; a context that closes what it wrote.

    Args:
        part: to which frames are added.
        film: whose frames they are.
    """

    def __init__(self, part: Part, film: Film):
        self.part, self.count = part, part.done
        self._size = part.form.fitted(*film.size)
        self._file: BinaryIO | None = None
        if (codec := part.form.codec) is None:
            part.out.mkdir(exist_ok=True)
            return
        self._codec = with_alpha(codec) if film.source.is_clear else codec
        self._av = pyav("out", str(part.out))
        os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 would print its settings
        self._scaler = self._av.video.reformatter.VideoReformatter()
        self._film, self._unit = film, film.time_base
        number = 1 + max((int(path.stem.rpartition("-")[2]) for path in part.segments), default=0)
        with _told(self._av, part):
            self._container, self._stream, start = head(self._av, self._added, self._unit.denominator)
            self._file = part.ledger.with_name(f"{part.ledger.name}-{number}.mp4").open("wb")
            self._file.write(start)

    def _added(self, container: Any) -> Any:
        codec = self._codec
        stream = container.add_stream(codec.encoder, rate=min(self._film.rate, MOST_RATE), options=dict(codec.options))
        stream.width, stream.height, stream.pix_fmt = *self._size, codec.pixels
        context = stream.codec_context
        context.time_base, context.sample_aspect_ratio = self._unit, self._film.aspect
        if not codec.is_rgb:
            context.colorspace = context.color_primaries = context.color_trc = BT709
            context.color_range = LIMITED
        return stream

    def add(self, rgb: np.ndarray, pts: int, duration: int, alpha: np.ndarray | None = None) -> None:
        """Writes a frame; it is on the disk when this returns.

        Args:
            rgb: (H, W, 3), uint8 or floats in [0, 1].
            pts, duration: in the film's time base; later than the frame before.
            alpha: (H, W) uint8, put behind the colours where the film can hold it.

        Raises:
            JaxstyleError: where it cannot be written; it says what is kept.
        """
        if self._file is None:
            try:
                write.save(self.part.still(self.count), rgb, alpha=alpha)
            except ImageError as error:
                raise JaxstyleError(f"{error.marked}; {self._kept()}") from error
        else:
            self._mux(self._frame(to_bytes(rgb), pts, alpha), duration)
        self.count += 1

    def _frame(self, rgb: np.ndarray, pts: int, alpha: np.ndarray | None) -> Any:
        width, height = self._size
        how = dict[str, Any]()
        if self._codec.pixels == self._codec.clear:
            rgb = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8) if alpha is None else alpha])
        pixels = np.ascontiguousarray(rgb[:height, :width])
        given = self._av.VideoFrame.from_ndarray(pixels, "rgba" if rgb.shape[2] == 4 else "rgb24")
        if not self._codec.is_rgb:
            how = {"dst_colorspace": BT709, "src_color_range": 2, "dst_color_range": LIMITED}
            how["interpolation"] = BICUBIC | ACCURATE
        frame = self._scaler.reformat(given, format=self._codec.pixels, **how)
        frame.pts, frame.time_base = pts, self._unit
        if not self._codec.is_rgb:
            frame.colorspace = frame.color_primaries = frame.color_trc = BT709
            frame.color_range = LIMITED
        return frame

    def _mux(self, frame: Any, duration: int) -> None:
        assert self._file is not None
        with _told(self._av, self.part, self._kept):
            for packet in self._stream.encode(frame):
                begin, length = packet.pts * self._unit.numerator, duration * self._unit.numerator
                data = sample(self._codec.kind, bytes(packet))
                self._file.write(fragment(self.count - self.part.done + 1, begin, length, data, packet.is_keyframe))
                self._file.flush()

    def _kept(self) -> str:
        return f"{self.count} frames are kept: the same command with --resume goes on from there"

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: Any, *details: Any) -> None:
        if self._file is not None:
            with contextlib.suppress(self._av.error.FFmpegError):  # nothing is left in them
                if self.count > self.part.done:
                    self._stream.encode(None)
                self._container.close()
            with _told(self._av, self.part, self._kept) if kind is None else contextlib.suppress(OSError):
                self._file.close()
        with contextlib.suppress(InputError):
            self.part.note(self.part.seconds)


@contextlib.contextmanager
def _told(av: Any, part: Part, kept: Callable[[], str] = str) -> Iterator[None]:
    """What goes wrong with a film's file is one line that says what is kept."""
    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        words = f"{str(part.out)!r} cannot be written ({reason(error)})"
        raise JaxstyleError("; ".join(filter(None, (words, kept())))) from error
