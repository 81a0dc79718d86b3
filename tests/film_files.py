"""Films that tests make, and what they read of films that were made."""

import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np


def picture(number: int, width: int = 32, height: int = 24) -> np.ndarray:
    """(H, W, 3) uint8: a smooth picture, whose blue and whose bar below tell the frame's number."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    shades = np.stack([40 + 150 * x, 60 + 120 * y, np.full_like(x, 30 + 9 * number % 200)], -1)
    bar = 2 * (3 * number % (width // 2))
    shades[height // 2 :, bar : bar + 2] = 250
    return shades.astype(np.uint8)


def make_film(
    path: Any,
    frames: Sequence[np.ndarray] | int = 6,
    *,
    times: Sequence[int] | None = None,
    unit: Fraction = Fraction(1, 25),
    codec: str = "ffv1",
    pixels: str = "bgr0",
    given: str = "rgb24",
    sound: str | None = None,
    rate: int = 48000,
    aspect: Fraction = Fraction(1),
    options: dict[str, str] | None = None,
    container: dict[str, str] | None = None,
    tags: dict[str, int] | None = None,
) -> str:
    """Writes a film, whose frames are arrays in the pixel format `given`, with a rising tone for sound; returns its path."""
    frames = [picture(number) for number in range(frames)] if isinstance(frames, int) else frames
    times = range(len(frames)) if times is None else times
    with av.open(str(path), "w", options=container or {}) as out:
        height, width = frames[0].shape[:2] if given not in ("yuv420p", "yuv420p10le") else (2 * frames[0].shape[0] // 3, -1)
        width = frames[0].shape[1] if width < 0 else width
        video = out.add_stream(codec, rate=round(1 / unit), options=options or {})
        video.width, video.height, video.pix_fmt = width, height, pixels
        video.codec_context.time_base, video.codec_context.sample_aspect_ratio = unit, aspect
        for name, value in (tags or {}).items():
            setattr(video.codec_context, name, value)
        track = None
        if sound is not None:
            track = out.add_stream(sound, rate=rate)
            track.layout = "mono"
        for array, time in zip(frames, times, strict=True):
            frame = of_10_bits(array) if given == "yuv420p10le" else av.VideoFrame.from_ndarray(array, given)
            frame = frame if given == pixels else frame.reformat(format=pixels)
            for name, value in (tags or {}).items():
                setattr(frame, name, value)
            frame.pts, frame.time_base = time, unit
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if track is not None:
            length = int((times[-1] + 1) * unit * rate)
            seconds = np.arange(length) / rate  # from 50 a second on ever higher, so that no part is like another
            tone = (8000 * np.sin(2 * np.pi * (50 * seconds + 10 * seconds**2))).astype(np.int16)
            for begin in range(0, length, 1024):
                part = av.AudioFrame.from_ndarray(tone[None, begin : begin + 1024], "s16", "mono")
                part.sample_rate, part.pts, part.time_base = rate, begin, Fraction(1, rate)
                out.mux(track.encode(part))
            out.mux(track.encode(None))
    return str(path)


def of_10_bits(planes: np.ndarray) -> av.VideoFrame:
    """A frame of the planes of yuv420p10le, one below the other; PyAV makes none before version 18."""
    width, height = planes.shape[1], 2 * len(planes) // 3
    frame, values = av.VideoFrame(width, height, "yuv420p10le"), planes.ravel()
    for plane in frame.planes:
        lines = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        lines[:, : plane.width] = values[: plane.width * plane.height].reshape(plane.height, plane.width)
        values = values[plane.width * plane.height :]
        plane.update(lines.tobytes())
    return frame


def decoded(path: Any, pixels: str = "rgb24") -> list[np.ndarray]:
    """The frames of a film."""
    with av.open(str(path)) as film:
        return [frame.to_ndarray(format=pixels) for frame in film.decode(video=0)]


def times(path: Any) -> list[Fraction]:
    """The seconds at which frames are shown."""
    with av.open(str(path)) as film:
        unit = film.streams.video[0].time_base
        return [packet.pts * Fraction(unit.numerator, unit.denominator) for packet in film.demux(video=0) if packet.size]


def sound(path: Any) -> list[bytes]:
    """The packets of a film's sound."""
    with av.open(str(path)) as film:
        return [bytes(packet) for packet in film.demux(audio=0) if packet.size]


def heard(path: Any) -> np.ndarray:
    """The sound of a film as it is played, mono, in [-1, 1] at 48000 a second from the film's zero on."""
    found = np.zeros(10 * 48000)
    with av.open(str(path)) as film:
        resampler = av.AudioResampler("fltp", "mono", 48000)
        for frame in film.decode(audio=0):
            for part in resampler.resample(frame):
                begin, values = round(frame.time * 48000), part.to_ndarray()[0]
                values = values[max(0, -begin) :]
                found[max(0, begin) : max(0, begin) + len(values)] = values
    return found


def boxes(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end of the boxes of an MP4."""
    place = 0
    while place + 8 <= len(data):
        size = struct.unpack(">I", data[place : place + 4])[0]
        yield data[place + 4 : place + 8], place, place + size
        place += size


def turned(path: Any, degrees: int) -> str:
    """An MP4 whose frames players turn clockwise by so many degrees: its track says so, as phones have it."""
    data = bytearray(Path(path).read_bytes())
    begin = data.index(b"tkhd") + 4 + 40  # of version 0: the matrix
    one = 1 << 16
    a, b = {90: (0, one), 180: (-one, 0), 270: (0, -one)}[degrees]
    data[begin : begin + 36] = struct.pack(">9i", a, b, 0, -b, a, 0, 0, 0, 1 << 30)
    Path(path).write_bytes(data)
    return str(path)
