"""A video file as a source of frames: decoded by PyAV, upright, in sRGB."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from jaxstyle.errors import ImageError, InputError, reason
from jaxstyle.films import light
from jaxstyle.films.film import Shot
from jaxstyle.films.library import ACCURATE, BICUBIC, WHOLE_CHROMA, fraction, pyav
from jaxstyle.films.times import parse_time
from jaxstyle.pictures.read import Picture, load

HIGH = 720
"""Lines from which an untagged video is taken for BT.709; below it is BT.601, as players do."""
_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
"""What FFmpeg's scaler calls them, by their numbers in H.273."""
_BT709, _BT601 = 1, 5
_FULL = 2
"""The range of a frame whose levels go from 0 to 255."""
_MICRO = 1_000_000


class Video:
    """A video file; see `film.Source`.

    Raises:
        ImageError: where it cannot be read, or holds no video.
    """

    length: Fraction | None
    sound: str | None

    def __init__(self, path: str, argument: str):
        self.path, self._argument, self._av = path, argument, pyav(argument, path)
        self.label = f"{argument} {Path(path).name}"
        self.notices: list[str] = []
        self._broken = 0
        self._scaler = self._av.video.reformatter.VideoReformatter()  # one for all: each frame would make its own
        with self._opened() as container:
            stream = container.streams.video[0]
            self.time_base = fraction(stream.time_base, Fraction(1, 1000))
            self.rate = fraction(stream.average_rate or stream.guessed_rate, Fraction(25))
            stated = container.duration
            self.offset = int(Fraction(container.start_time or 0, _MICRO) / self.time_base // 1)
            self.length = Fraction(stated, _MICRO) if stated else None
            if stream.duration:  # the sound may be longer
                self.length = stream.duration * self.time_base
            elif "DURATION" in stream.metadata:  # of Matroska
                with contextlib.suppress(InputError):
                    self.length = parse_time(stream.metadata["DURATION"], argument="film")
            self.count = stream.frames or (None if self.length is None else round(self.length * self.rate) or None)
            self.sound = path if len(container.streams.audio) else None
            aspect = fraction(stream.sample_aspect_ratio, Fraction(1))
            try:
                frame = next(container.decode(stream), None)
            except self._av.error.FFmpegError as error:
                raise self._unreadable(error) from error
            if frame is None:
                raise ImageError(argument, path, "holds no frame", "give another film")
            self.is_clear = self._has_alpha(frame)
            turned = frame.rotation % 180 != 0
            self.size = (frame.height, frame.width) if turned else (frame.width, frame.height)
            self.aspect = 1 / aspect if turned else aspect

    def shots(self, start: Fraction) -> Iterator[Shot]:
        """Its frames; decoding begins at the last key frame before `start`."""
        if start and (first := next(sought := self._decoded(start), None)) is not None and first.pts * self.time_base <= start:
            yield first
            yield from sought
        else:
            yield from self._decoded(Fraction(0))
        if self._broken:
            self.notices.append(f"{self.label}: {self._broken} frames are damaged and left out")

    def _decoded(self, start: Fraction) -> Iterator[Shot]:
        before, usual = -1, max(1, round(1 / (self.rate * self.time_base)))
        with self._opened() as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            if start:
                container.seek(int((start + self.offset * self.time_base) * _MICRO))
            self._broken = 0
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except self._av.error.InvalidDataError:
                    self._broken += 1
                    continue
                for frame in frames:
                    pts = before + usual if frame.pts is None else frame.pts - self.offset
                    before = max(pts, before + 1)  # two frames at one time cannot be written
                    yield Shot(partial(self._picture, frame), before, frame.duration or usual)

    def _opened(self) -> Any:
        try:
            container = self._av.open(self.path, metadata_errors="replace")
        except self._av.error.FileNotFoundError as error:
            raise ImageError(self._argument, self.path, "does not exist", "give the path of a film") from error
        except (self._av.error.FFmpegError, OSError, ValueError) as error:
            raise self._unreadable(error) from error
        if not container.streams.video:
            container.close()
            raise ImageError(self._argument, self.path, "holds no video", "give a film")
        return container

    def _unreadable(self, error: Exception) -> ImageError:
        problem = f"is cut short, damaged or no film that can be read ({reason(error)})"
        return ImageError(self._argument, self.path, problem, "fetch it again, or save it anew as .mp4")

    def _picture(self, frame: Any) -> Picture:
        """A decoded frame, turned upright."""
        pixels = self._rgb(frame)
        turns = round(frame.rotation / 90) % 4
        return load(np.rot90(pixels, turns) if turns else pixels, argument=self._argument)

    def _rgb(self, frame: Any) -> np.ndarray:
        """(H, W, 3 or 4) uint8 of a frame as it is stored."""
        tagged = _MATRICES.get(int(frame.colorspace), _BT709 if frame.height >= HIGH else _BT601)
        how: dict[str, Any] = {
            "src_colorspace": tagged,
            "interpolation": BICUBIC | WHOLE_CHROMA | ACCURATE,
            "src_color_range": _FULL if int(frame.color_range) == _FULL or frame.format.name.startswith("yuvj") else 1,
            "dst_color_range": _FULL,
        }
        if frame.format.is_rgb:  # which has neither matrix nor range
            how = {}
        transfer = int(frame.color_trc)
        if transfer in (light.PQ, light.HLG) or int(frame.color_primaries) == light.BT2020:
            return light.to_srgb(self._scaler.reformat(frame, format="rgb48le", **how).to_ndarray(), transfer)
        return self._scaler.reformat(frame, format="rgba" if self._has_alpha(frame) else "rgb24", **how).to_ndarray()

    @staticmethod
    def _has_alpha(frame: Any) -> bool:
        return frame.format.name == "pal8" or any(part.is_alpha for part in frame.format.components)
