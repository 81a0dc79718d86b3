"""Picture files as Pillow opens them: formats, limits, and errors in the user's words."""

import contextlib
import ctypes
import difflib
import os
import threading
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any, BinaryIO

from PIL import Image, ImageFile, PngImagePlugin

from jaxstyle.errors import ImageError, reason
from jaxstyle.pictures import raw

MAX_PIXELS = 2**28
"""Of a picture that is decoded whole, 16384x16384: phones make up to 16320x12240. Pillow keeps 1 to 4 bytes of each, so that
this is 1 GiB. Its own limit, 89 million, refuses photographs of today."""
MOST_PIXELS = 2**30
"""Of a JPEG that is decoded at a reduced scale, as scans of museums are."""
PIXELS_PER_BYTE = 20
"""Beyond `MAX_PIXELS` a file must hold a byte for every so many pixels: photographs have 2 to 8 for each byte, the emptiest
JPEG has 64."""
HEIF = frozenset(b"heic heix heim heis hevc hevx hevm hevs mif1 msf1".split())
"""Brands of files that pillow-heif reads."""
_LIMITS: tuple[tuple[Any, str, int], ...] = (
    (Image, "MAX_IMAGE_PIXELS", MOST_PIXELS // 2),  # Pillow refuses twice as many
    (PngImagePlugin, "MAX_TEXT_CHUNK", 2**26),  # of a text or a colour profile, once it is unpacked; by default 1 MiB
    (PngImagePlugin, "MAX_TEXT_MEMORY", 2**28),  # of all texts
)
"""Pillow's limits that are below what is read here: where it is, by which name, and what it is set to."""
# The filters of `warnings` and these limits are process-wide: one decoding at a time changes them, and puts them back.
_SETTINGS_LOCK = threading.Lock()


def _stem(name: str) -> str:
    return os.path.splitext(name.lower())[0]


def open_path(path: str, argument: str) -> BinaryIO:
    """Opens a file to read, or raises an ImageError that says what may have been meant."""
    try:
        return open(path, "rb")
    except FileNotFoundError as error:
        folder, name = os.path.split(path)
        remedy = f"give the path of a picture; relative paths start at {os.getcwd()!r}"
        if not os.path.isdir(folder or "."):
            remedy = f"there is no folder {folder!r} either"
        with contextlib.suppress(OSError):
            others = os.listdir(folder or ".")
            alike = difflib.get_close_matches(_stem(name), map(_stem, others))  # the same suffix alone is no likeness
            names = {other.lower(): other for other in others if _stem(other) in alike}
            for near in difflib.get_close_matches(name.lower(), names, n=1):
                remedy = f"did you mean {os.path.join(folder, names[near])!r}?"
        raise ImageError(argument, path, "does not exist", remedy) from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        problem = "is a folder" if os.path.isdir(path) else f"cannot be read ({reason(error)})"
        raise ImageError(argument, path, problem, "give the path of one picture file") from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences Pillow's warnings about odd metadata and large pictures, and libtiff; lifts Pillow's limits above our own."""
    with _SETTINGS_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = [getattr(place, name) for place, name, _ in _LIMITS]
        handlers = [set_handler(None) for set_handler in _handlers_of_libtiff()]
        try:
            for place, name, limit in _LIMITS:
                setattr(place, name, limit)
            yield
        finally:
            for (place, name, _), limit in zip(_LIMITS, before, strict=True):
                setattr(place, name, limit)
            for set_handler, handler in zip(_handlers_of_libtiff(), handlers, strict=True):
                set_handler(handler)


@cache
def _handlers_of_libtiff() -> list[Any]:
    """What sets the functions by which Pillow's libtiff writes errors and warnings to the terminal, past Python; each returns
    the one before. Empty where they cannot be found: on Windows, or where libtiff lies hidden inside Pillow."""
    found = []
    with contextlib.suppress(AttributeError, OSError):
        library = ctypes.CDLL(Image.core.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            set_handler = getattr(library, name)
            set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            found.append(set_handler)
    return found


def open_image(file: BinaryIO, value: str, argument: str) -> ImageFile.ImageFile:
    """The picture in an open file, nothing decoded yet; to be called within `quiet`."""
    head = file.read(2**16)
    file.seek(0)
    if raw.is_raw(head, value):
        raise ImageError(argument, value, "is a RAW file of a camera", raw.REMEDY)
    if head[4:8] != b"ftyp" or head[8:12] not in HEIF or b"avif" in head[:64]:
        return Image.open(file)
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        remedy = "run pip install 'jaxstyle[heic]', or save it as JPEG"
        raise ImageError(argument, value, "is a HEIC/HEIF file, which needs pillow-heif", remedy) from error
    return HeifImageFile(file)


def is_jpeg(im: Image.Image) -> bool:
    """Whether a picture can be decoded at a reduced scale."""
    return im.format in ("JPEG", "MPO")


def reduce_or_refuse(
    im: Image.Image, least: tuple[int, int] | None, length: int, value: str, argument: str
) -> tuple[float, float]:
    """Has a JPEG decoded at a half, a quarter or an eighth; raises ImageError for what would still be too large.

    Args:
        im: just opened.
        least: (width, height) that must be left of a JPEG; None to leave all.
        length: bytes of the file.
        value, argument: for the error.

    Returns:
        (width, height) of the picture in the pixels that it will have; it may end within the last ones.
    """
    extent, pixels = (im.width, im.height), im.width * im.height
    if least is not None and (drafted := im.draft(None, least)) is not None:
        extent = drafted[1][2:]
    if pixels <= MAX_PIXELS:
        return extent
    # what a progressive one holds is kept whole while it is decoded
    in_parts = is_jpeg(im) and "progressive" not in im.info and im.width * im.height <= MAX_PIXELS
    if not in_parts or pixels > MOST_PIXELS or length * PIXELS_PER_BYTE < pixels:
        raise bomb(value, argument)
    return extent


def bomb(value: str, argument: str) -> ImageError:
    """The error for a picture that is too large."""
    problem = f"has over {MAX_PIXELS} pixels and is refused as a possible decompression bomb"
    return ImageError(argument, value, problem, "scale it down first")
