"""Picture files without what they say beside their pixels: texts, previews, animation, EXIF, profiles.

For a file that cannot be read: what is broken may be something that nobody needs.
"""

import struct
from collections.abc import Callable, Collection, Iterator

from jaxstyle.pictures.ends import PNG

_ORIENTATION = 274
_TIFF_PIXELS = (
    *(254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 330, 338, 339, 347),
    *(512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532),
)
"""Tags without which the pixels cannot be decoded."""
_ICC, _EXIF_IFD = 34675, 34665
_FLAGS = {b"ICCP": 0x20, b"EXIF": 0x08}
"""Of WebP's first chunk."""


def bare(data: bytes) -> Iterator[bytes]:
    """Less and less of a PNG, JPEG, WebP or TIFF file: with its EXIF and colour profile, then its pixels alone, then without
    what else is said of them (a transparent colour, how colours are stored).

    Nothing for other files, and for those whose very structure is broken.
    """
    if data.startswith(PNG):
        keeps: tuple[Callable[[bytes], bytes], ...] = (
            lambda data: _png(data, (b"tRNS", b"iCCP", b"eXIf")),
            lambda data: _png(data, (b"tRNS",)),
            lambda data: _png(data, ()),
        )
    elif data.startswith(b"\xff\xd8"):
        keeps = (lambda data: _jpeg(data, True), lambda data: _jpeg(data, False), lambda data: _jpeg(data, False, False))
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        keeps = (lambda data: _webp(data, tuple(_FLAGS)), lambda data: _webp(data, ()))
    elif data[:4] in (b"II*\0", b"MM\0*"):
        kept = (*_TIFF_PIXELS, _ORIENTATION)
        keeps = (lambda data: _tiff(data, (*kept, _ICC, _EXIF_IFD)), lambda data: _tiff(data, kept))
    else:
        return
    for keep in keeps:
        try:
            yield keep(data)
        except (struct.error, IndexError):
            return


def _png(data: bytes, names: Collection[bytes]) -> bytes:
    """With all chunks that begin with a capital letter, which are the critical ones."""
    kept, place = [PNG], len(PNG)
    while len(head := data[place : place + 8]) == 8:
        length, name = struct.unpack(">I4s", head)
        if name[:1].isupper() or name in names:
            kept.append(data[place : place + length + 12])  # with its checksum, which may be wrong
        place += length + 12
    return b"".join(kept)


def _jpeg(data: bytes, more: bool, adobe: bool = True) -> bytes:
    """With Adobe's segment, which says how colours are stored, where `adobe`; with those of JFIF, EXIF and the profile where
    `more`."""
    kept, place = [data[:2]], 2
    while data[place] == 0xFF and (marker := data[place + 1]) != 0xDA:
        if marker == 0xFF:  # padding
            place += 1
            continue
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        body = data[place + 4 : end]
        wanted = more and body.startswith((b"JFIF", b"Exif\0", b"ICC_PROFILE\0"))
        if wanted or (adobe and marker == 0xEE) or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(data[place:end])
        place = end
    return b"".join((*kept, data[place:]))


def _webp(data: bytes, names: Collection[bytes]) -> bytes:
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        raise IndexError("cut short")
    kept, place, flags = [], 12, 0
    while place + 8 <= len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        end = place + 8 + size + size % 2
        if name in names or name in (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"):
            kept.append(bytearray(data[place:end]))
            flags |= _FLAGS.get(name, 0)
        place = end
    if kept[0].startswith(b"VP8X"):
        kept[0][8] = kept[0][8] & 0x12 | flags  # alpha and animation stay as they are
    body = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _tiff(data: bytes, tags: Collection[int]) -> bytes:
    """The same bytes with a shorter first directory, and no other behind it."""
    order = "<" if data.startswith(b"I") else ">"
    (place,) = struct.unpack(f"{order}I", data[4:8])
    (count,) = struct.unpack(f"{order}H", data[place : place + 2])
    entries = [data[place + 2 + 12 * index : place + 14 + 12 * index] for index in range(count)]
    kept = [entry for entry in entries if struct.unpack(f"{order}H", entry[:2])[0] in tags]
    new = struct.pack(f"{order}H", len(kept)) + b"".join(kept) + bytes(4)
    return data[:place] + new + data[place + len(new) :]
