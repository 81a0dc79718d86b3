"""Files that lack only their end, as interrupted copies do: viewers show them, decoders refuse them.

What is missing is filled in two ways. Where both give the same picture, every row of it was there; where they differ, the
share of pixels that do is what is missing.
"""

import io
import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import numpy as np

TOLERATED = 0.02
"""Share of the pixels that may be missing; half a file lacks about half of them."""
_END_OF_JPEG = b"\xff\xd9"
_BYTES = 96
"""Of noise that no block of a JPEG, six parts of 8x8 pixels, uses up."""
PNG = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {2: 3, 4: 2, 6: 4}  # of a pixel, by PNG's colour type
_END_OF_PNG = b"\0\0\0\0IEND\xaeB`\x82"


def is_without_end(file: BinaryIO) -> bool:
    """Whether an open file is a PNG or a JPEG whose end is not there: Pillow may read it without a word."""
    file.seek(0)
    head = file.read(8)
    if head == PNG:
        return all(name != b"IEND" or missing for name, _, missing in _chunks(file))
    file.seek(-2, os.SEEK_END)
    if head[:2] != b"\xff\xd8" or file.read() == _END_OF_JPEG:
        return False
    file.seek(0)
    data = file.read()  # other things may stand behind the end
    return data.rfind(_END_OF_JPEG) < data.find(b"\xff\xda")


def filled(data: bytes) -> Iterable[bytes] | None:
    """Two files that have the end that `data` lacks, each made up in another way.

    None where that cannot be: not a JPEG, PNG or WebP, or where whole parts of a progressive JPEG or many rows of a PNG are
    missing.
    """
    if data.startswith(b"\xff\xd8"):
        return _jpegs(data)
    if data.startswith(PNG):
        return _pngs(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        missing = int.from_bytes(data[4:8], "little") + 8 - len(data)
        return (data + bytes(missing), data + b"\xaa" * missing) if 0 < missing < len(data) else None
    return None


def _jpegs(data: bytes) -> tuple[bytes, bytes] | None:
    data = data.removesuffix(b"\xff")  # half a marker
    scans, interval, (height, width, parts) = _scans(data)
    left = {(part, k): bits for names, first, last, bits in scans for part in names for k in range(first, last + 1)}
    if any(left.values()) or len(left) < 64 * parts:  # later scans of a progressive one are missing
        return None
    blocks = 8 + int(2 * TOLERATED * width * height / 64)  # enough to see that too much is missing
    rng = np.random.default_rng(0)
    if not interval:
        noise = rng.integers(0, 255, _BYTES * blocks, np.uint8).tobytes()  # never 0xFF, which begins a marker
    else:  # a decoder goes on at the next restart: each interval needs noise of its own, and the number that it expects
        part = rng.integers(0, 255, _BYTES * interval, np.uint8).tobytes()
        latest = max(range(8), key=lambda n: data.rfind(bytes([0xFF, 0xD0 + n])))
        first = latest + 1 if bytes([0xFF, 0xD0 + latest]) in data else 0
        noise = b"".join(part + bytes([0xFF, 0xD0 + (first + i) % 8]) for i in range(2 + blocks // interval))
    return data + _END_OF_JPEG, data + noise + _END_OF_JPEG


def _scans(data: bytes) -> tuple[list[tuple[bytes, int, int, int]], int, tuple[int, int, int]]:
    """Every scan of a JPEG as (components, first coefficient, last one, bits still to come); how many blocks there are between
    restarts, 0 for all; its height, its width and how many components it has."""
    scans, interval, frame, place = [], 0, (0, 0, 0), 2
    while 0 <= (place := data.find(b"\xff", place)) < len(data) - 4:
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if marker in (0, 1, 0xFF) or 0xD0 <= marker <= 0xD9:  # within a scan
            place += 1 if marker == 0xFF else 2
            continue
        body = data[place + 4 : place + 2 + length]
        if marker == 0xDD:
            interval = int.from_bytes(body[:2], "big")
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame = struct.unpack(">HHB", body[1:6])
        elif marker == 0xDA and len(body) == 4 + 2 * body[0]:
            first, last, bits = body[-3:]
            scans.append((body[1 : 1 + 2 * body[0] : 2], first, last, bits & 15))
        place += 2 + length
    return scans, interval, frame


def _pngs(data: bytes) -> Iterator[bytes] | None:
    """The rows that are there, packed anew with some more rows behind them."""
    file, before, inflate, rows = io.BytesIO(data), bytearray(PNG), zlib.decompressobj(), bytearray()
    file.seek(8)
    try:
        for name, body, _ in _chunks(file, whole=True):
            if name == b"IDAT":
                rows += inflate.decompress(body)
            elif not rows:
                before += _chunk(name, body)
        rows += inflate.flush()
    except zlib.error:  # damaged, not cut short
        return None
    width, height, depth, colours = struct.unpack(">IIBB", before[16:26])
    if len(rows) < (1 - 2 * TOLERATED) * width * height * depth * _SAMPLES.get(colours, 1) // 8:
        return None
    more = max(4096, int(2 * TOLERATED * len(rows)))
    # each row begins with its filter: 0 leaves the bytes as they are, 1 adds the pixel on the left
    packed = (zlib.compress(rows + bytes([filling]) * more, 0) for filling in (0, 1))
    return (b"".join((before, _chunk(b"IDAT", body), _END_OF_PNG)) for body in packed)


def _chunks(file: BinaryIO, whole: bool = False) -> Iterator[tuple[bytes, bytes, bool]]:
    """Name, body (only where `whole`) and whether some of it is missing, of each chunk of a PNG from where the file stands."""
    here = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(here)
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        begin = file.tell()
        yield name, file.read(length) if whole else b"", begin + length + 4 > size
        file.seek(begin + length + 4)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body), name) + body + struct.pack(">I", zlib.crc32(name + body))
