"""A text inside a picture file: PNG's text chunk, TIFF's description, the comment of EXIF in JPEG and WebP.

All that is written with one also says `Software`: what made the file, by which the file is known again.
"""

import contextlib
import os
from typing import Any

from PIL import Image, PngImagePlugin

from jaxstyle.pictures.files import quiet

SOFTWARE = "jaxstyle"
LONGEST = 60_000
"""Characters; a JPEG holds no more."""
_KEY = "jaxstyle"  # of the PNG chunk
_TAG_SOFTWARE, _TAG_DESCRIPTION, _TAG_EXIF, _TAG_COMMENT = 0x0131, 0x010E, 0x8769, 0x9286
_ASCII = b"ASCII\0\0\0"  # how EXIF says that a comment's characters are such


def options(kind: str, text: str | None) -> dict[str, Any]:
    """What Pillow's `save` takes to put a text into a file.

    Args:
        kind: PNG, JPEG, WEBP or TIFF.
        text: in ASCII, at most `LONGEST`; empty for the mark alone, None for nothing at all.
    """
    if kind == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add(b"sRGB", b"\0")
        if text is not None:
            chunks.add_text("Software", SOFTWARE)
            if text:
                chunks.add_text(_KEY, text)
        return {"pnginfo": chunks}
    if text is None:
        return {}
    exif = Image.Exif()
    exif[_TAG_SOFTWARE] = SOFTWARE
    if text and kind == "TIFF":  # Pillow writes no EXIF there
        exif[_TAG_DESCRIPTION] = text
    elif text:
        exif.get_ifd(_TAG_EXIF)[_TAG_COMMENT] = _ASCII + text.encode("ascii")
    return {"exif": exif}


def read(path: str | os.PathLike[str]) -> str | None:
    """The text inside a picture file that we wrote; empty for the mark alone, None for any other file. Never fails."""
    with contextlib.suppress(Exception), quiet(), Image.open(path) as picture:  # foreign files fail in nearly any way
        if picture.format == "PNG":
            if picture.info.get("Software") == SOFTWARE:
                return str(picture.info.get(_KEY, ""))
        elif (exif := picture.getexif()).get(_TAG_SOFTWARE) == SOFTWARE:
            comment = exif.get_ifd(_TAG_EXIF).get(_TAG_COMMENT, b"")
            return comment.removeprefix(_ASCII).decode("ascii") or str(exif.get(_TAG_DESCRIPTION, ""))
    return None
