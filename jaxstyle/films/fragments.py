"""Fragmented MP4 (ISO/IEC 14496-12, 8.8), a frame in each fragment, so that a film plays to its last whole frame at any moment.

FFmpeg's muxer makes the head. It keeps each fragment back until the next frame comes, so fragments are made here.
"""

import io
import os
import re
import struct
from pathlib import Path
from typing import Any

_ALONE, _OTHERS = 0x02000000, 0x01010000
"""Flags of a sample: a key frame, which depends on no other; one that depends on others."""
_START = re.compile(rb"\x00{2,}\x01")
_DELIMITER = b"\x12\x00"
"""Of AV1's frames, the OBU that MP4 leaves out."""


def head(av: Any, stream_of: Any, ticks: int) -> tuple[Any, Any, bytes]:
    """The beginning of a film that has one stream.

    Args:
        av: the module.
        stream_of: adds the stream to a container, and returns it.
        ticks: of a second, in which times are counted.

    Returns:
        The container, to be closed at the end; the stream, which packs frames; and the bytes with which the file begins.
    """
    made = io.BytesIO()
    options = {"movflags": "empty_moov+default_base_moof+frag_custom", "video_track_timescale": str(ticks)}
    container = av.open(made, "w", format="mp4", options=options)
    try:
        stream = stream_of(container)
        container.start_encoding()
    except BaseException:
        container.close()
        raise
    return container, stream, made.getvalue()


def fragment(number: int, begin: int, duration: int, data: bytes, is_key: bool) -> bytes:
    """One frame of track 1.

    Args:
        number: of the fragment, from 1.
        begin, duration: in ticks.
        data: of the frame, as `sample` makes it.
        is_key: whether it is a key frame.
    """

    def traf(offset: int) -> bytes:
        header = _box(b"tfhd", struct.pack(">II", 0x020000, 1))  # places count from the fragment's begin
        time = _box(b"tfdt", struct.pack(">IQ", 1 << 24, begin))
        # one sample: where its data begins, its duration, size and flags
        values = (0x000701, 1, offset, duration, len(data), _ALONE if is_key else _OTHERS)
        return _box(b"traf", header + time + _box(b"trun", struct.pack(">IIiIII", *values)))

    start = _box(b"mfhd", struct.pack(">II", 0, number))
    offset = 8 + len(start) + len(traf(0)) + 8
    return _box(b"moof", start + traf(offset)) + _box(b"mdat", data)


def sample(kind: str, packet: bytes) -> bytes:
    """What an encoder gives as MP4 has it.

    Args:
        kind: of the stream, as FFmpeg calls it. The units of H.264 and H.265 begin with their length in place of a start code.
        packet: the bytes.
    """
    if kind in ("h264", "hevc"):
        units = [unit.rstrip(b"\x00") for unit in _START.split(packet)[1:]]
        return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)
    return packet.removeprefix(_DELIMITER) if kind == "av1" else packet


def cut_to_whole_fragments(path: Path) -> None:
    """Shortens a film to its last whole fragment, a `moof` box and its `mdat`; where it has none, to nothing."""
    with path.open("r+b") as file:
        length, place, whole = file.seek(0, os.SEEK_END), 0, 0
        while place + 8 <= length:
            file.seek(place)
            size, name = struct.unpack(">I4s", file.read(8))
            place += size
            if size < 8 or place > length:
                break
            whole = place if name == b"mdat" else whole
        file.truncate(whole)


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content
