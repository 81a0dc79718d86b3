"""What films can be written as: containers by their suffix, and codecs.

Every codec here gives back a frame's packet at once: it looks at no frames ahead. So what is painted is on the disk, and a film
that is killed loses no more than the frame in hand. At the same `crf` that costs H.264 no bytes.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jaxstyle.errors import ImageError, InputError, unknown
from jaxstyle.films.library import pyav


@dataclass(frozen=True)
class Codec:
    """How frames are packed.

    Attributes:
        name: as users call it.
        encoder: PyAV's name of what packs them.
        kind: what FFmpeg calls the packed stream.
        options: of the encoder.
        pixels, clear: its pixel format, and that with transparency where it has one.
        even: whether sides must be even.
    """

    name: str
    encoder: str
    kind: str
    options: dict[str, str]
    pixels: str = "yuv420p"
    clear: str | None = None
    even: bool = True

    @property
    def is_rgb(self) -> bool:
        """Whether it keeps RGB to the level."""
        return self.clear is not None


_SVT = {"crf": "24", "preset": "8", "svtav1-params": "pred-struct=1:lookahead=0"}
CODECS = {
    codec.name: codec
    for codec in (
        Codec("h264", "libx264", "h264", {"crf": "18", "tune": "zerolatency"}),
        Codec("h265", "libx265", "hevc", {"crf": "20", "tune": "zerolatency", "x265-params": "log-level=error"}),
        Codec(
            "vp9",
            "libvpx-vp9",
            "vp9",
            {"crf": "24", "b": "0", "lag-in-frames": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
            even=False,
        ),
        Codec("av1", "libsvtav1", "av1", _SVT, even=False),
        Codec("ffv1", "ffv1", "ffv1", {"level": "3", "g": "1", "slicecrc": "1"}, "bgr0", "bgra", even=False),
    )
}
"""By name; the first is for all containers but WebM. FFV1 is lossless, each frame on its own."""
_MUXERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
ANIMATED = (".webp", ".gif")
WRITTEN = (*_MUXERS, *ANIMATED)
"""Suffixes of the films that can be written."""
_SOUND = {".webm": "libopus"}
"""The encoder of sound that a container cannot hold as it is; AAC for others."""


@dataclass(frozen=True)
class Form:
    """What a film is written as.

    Attributes:
        suffix: of the file; empty for a folder of pictures.
        codec: of its frames; for animated pictures that of the file in which they wait; None for a folder.
        muxer: FFmpeg's name of the container; empty where it is none.
        sound: the encoder for sound that the container cannot hold.
    """

    suffix: str
    codec: Codec | None
    muxer: str
    sound: str = "aac"

    @property
    def holds_aspect(self) -> bool:
        """Whether pixels need not be square: H.264 and H.265 say it themselves, and MP4 does for VP9 and FFV1. PyAV cannot have
        Matroska say it, AV1 says that they are square, and pictures have no word for it."""
        if self.codec is None or not self.muxer or self.codec is CODECS["av1"]:
            return False
        return self.muxer in ("mp4", "mov") or self.codec in (CODECS["h264"], CODECS["h265"])

    def fitted(self, width: int, height: int) -> tuple[int, int]:
        """The (width, height) that frames of this size get: where sides must be even, an odd one loses a row or a column."""
        even = self.codec is not None and self.codec.even
        return (width - width % 2, height - height % 2) if even else (width, height)


def form_of(path: str | os.PathLike[str], codec: str | None = None) -> Form:
    """What the film at this path is.

    Args:
        path: with one of the suffixes `WRITTEN`, or none for a folder of pictures.
        codec: one of `CODECS`, by default what is usual for the suffix.

    Raises:
        InputError: for an unknown suffix or codec, one that the container cannot hold, or where PyAV is missing.
    """
    suffix = Path(path).suffix.lower()
    if codec is not None and codec not in CODECS:
        raise unknown("codec", codec, CODECS)
    if suffix and suffix not in WRITTEN:
        raise ImageError("out", os.fspath(path), f"has the unknown suffix {suffix!r}", f"films: {', '.join(WRITTEN)}")
    if suffix not in _MUXERS:
        if codec is not None:
            what = f"{suffix} pictures have" if suffix else "a folder of pictures has"
            raise InputError("codec", codec, f"is for films, and {what} none", "leave it out, or write an .mp4")
        return Form(suffix, CODECS["ffv1"] if suffix else None, "")
    av = pyav("out", os.fspath(path))
    found = CODECS[codec or ("vp9" if suffix == ".webm" else "h264")]
    known = holds(av, _MUXERS[suffix])
    if found.kind not in known:
        fitting = [name for name, other in CODECS.items() if other.kind in known]
        raise InputError("codec", found.name, f"is not for {suffix}", f"{suffix} takes {', '.join(fitting)}; .mkv takes all")
    try:
        av.codec.Codec(found.encoder, "w")
    except (av.error.FFmpegError, ValueError) as error:
        raise InputError("codec", found.name, f"needs {found.encoder}, which this PyAV lacks", "choose another") from error
    return Form(suffix, found, _MUXERS[suffix], _SOUND.get(suffix, "aac"))


def holds(av: Any, muxer: str) -> set[str]:
    """The kinds of streams, by FFmpeg's names, that a container can hold."""
    with av.open(os.devnull, "w", format=muxer) as container:
        return set(container.supported_codecs)


def with_alpha(codec: Codec) -> Codec:
    """The same with transparency, where it has it."""
    return replace(codec, pixels=codec.clear or codec.pixels)
