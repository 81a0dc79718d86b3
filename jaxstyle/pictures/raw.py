"""Camera RAW files: what the sensor saw, which a converter must make a picture of. Inside lies a thumbnail, which Pillow
would take for the picture."""

import os
import struct
from collections.abc import Iterator

REMEDY = "export as JPEG or TIFF first, with the camera maker's program, darktable or Lightroom"
_SUFFIXES = """
    .3fr .arw .cr2 .cr3 .crw .dcr .dng .erf .fff .gpr .iiq .k25 .kdc .mef .mos .mrw .nef .nrw .orf .ori .pef .raf .raw .rw2
    .rwl .sr2 .srf .srw .x3f
"""
_MARKS = (b"FUJIFILMCCD-RAW", b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"FOVb", b"\0MRM")
"""How RAW files begin that are not TIFF: Fujifilm, Panasonic, Olympus, Sigma, Minolta."""
_LATER = {4: b"ftypcrx ", 6: b"HEAPCCDR", 8: b"CR\x02"}
"""And what stands further on: Canon's."""
_SUBFILE, _PHOTOMETRIC, _SUB_IFDS, _DNG_VERSION = 254, 262, 330, 50706
_SENSOR = (32803, 34892)
"""Photometric interpretations: a colour filter array, and what was made linear of one."""


def is_raw_name(path: str | os.PathLike[str]) -> bool:
    """Whether a path has the suffix of a RAW file."""
    return os.path.splitext(os.fspath(path))[1].lower() in _SUFFIXES.split()


def is_raw(head: bytes, name: str) -> bool:
    """Whether a file is RAW.

    Args:
        head: its first bytes, some thousand.
        name: of the file; a TIFF by its content is RAW where it has the suffix of one. Others go by what they hold alone.
    """
    if head.startswith(_MARKS) or any(head[place:].startswith(mark) for place, mark in _LATER.items()):
        return True
    if head[:4] not in (b"II*\0", b"MM\0*"):
        return False
    if is_raw_name(name):
        return True
    tags = dict(_entries(head))
    is_thumbnail = tags.get(_SUBFILE) == 1 and (_SUB_IFDS in tags or _DNG_VERSION in tags)
    return is_thumbnail or tags.get(_PHOTOMETRIC) in _SENSOR


def _entries(head: bytes) -> Iterator[tuple[int, int]]:
    """Tags of the first directory of a TIFF file, each with its value where that is one short or long number."""
    order = "<" if head[:1] == b"I" else ">"
    (place,) = struct.unpack(f"{order}I", head[4:8].ljust(4, b"\0"))
    count = head[place : place + 2]
    for index in range(struct.unpack(f"{order}H", count)[0] if len(count) == 2 else 0):
        entry = head[place + 2 + 12 * index : place + 14 + 12 * index]
        if len(entry) < 12:
            return
        tag, kind = struct.unpack(f"{order}HH", entry[:4])
        yield tag, struct.unpack(f"{order}H2x" if kind == 3 else f"{order}I", entry[8:])[0]
