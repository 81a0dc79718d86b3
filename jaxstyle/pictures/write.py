"""Results out: pictures and other files, each written whole or not at all.

What is wrong with a place to write is an `ImageError`: one line that names the argument. What the user should merely
know is a notice, a sentence that `save` returns.
"""

import contextlib
import difflib
import io
import itertools
import os
import secrets
import shutil
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image, features

from jaxstyle.errors import ImageError, InputError, JaxstyleError, reason
from jaxstyle.pictures import comment
from jaxstyle.pictures.paths import FILMS, SUFFIXES, located
from jaxstyle.pictures.read import describe, over_white, to_bytes

Said = TypeVar("Said")
LONGEST_STEM = 200
"""Bytes of a file name of ours without its suffix."""
_JPEG = ("JPEG", "jpg", {"quality": 95, "subsampling": 0})
_TIFF = ("TIFF", "libtiff", {"compression": "tiff_adobe_deflate"})
_FORMATS: dict[str, tuple[str, str, dict[str, Any]]] = {  # suffix: Pillow's format, the codec it needs, options
    ".png": ("PNG", "zlib", {}),
    ".jpg": _JPEG,
    ".jpeg": _JPEG,
    # Lossless: lossy WebP always halves the colour resolution, and style transfer lives on fine colour texture.
    ".webp": ("WEBP", "webp", {"lossless": True, "exact": True}),
    ".tif": _TIFF,
    ".tiff": _TIFF,
}
_OF_FILES = frozenset((*SUFFIXES.split(), *FILMS.split(), *_FORMATS, ".safetensors", ".json", ".html", ".csv"))
"""Suffixes that no folder for pictures has."""


def check_output(path: str | os.PathLike[str], *, argument: str = "out") -> Path:
    """`path` as a Path, ``~`` replaced, once it is sure that `save` can write there: call it before the work starts.

    Raises ImageError for an unknown suffix, a missing or unwritable folder, a folder in the file's place, or a name that leaves
    no room for the record's.
    """
    path = located(path)
    probe = _beside(_target(path, argument))
    with _writing(path, argument), contextlib.suppress(FileNotFoundError):
        os.stat(f"{os.fspath(path)}.json")
    with _writing(path, argument):  # tried, not asked: root is granted every permission, in a read-only place too
        try:
            with open(probe, "xb") as file:
                file.write(bytes(4096))  # an empty file has room on a full disk, too
        finally:
            probe.unlink(missing_ok=True)
    return Path(path)


def file_stem(parts: Sequence[str], folder: str | os.PathLike[str] = ".") -> str:
    """`parts` joined by hyphens to a name that a folder can hold, with room for a number, .png and .json behind it.

    File systems count bytes, of which a character can take four: the longest parts lose their last characters.
    """
    most, shorter = LONGEST_STEM, list(parts)
    with contextlib.suppress(AttributeError, OSError, ValueError):  # Windows, or a folder that is not there
        most = min(most, os.pathconf(folder, "PC_NAME_MAX") - 15)
    while len(os.fsencode("-".join(shorter))) > most:
        longest = max(range(len(shorter)), key=lambda i: len(os.fsencode(shorter[i])))
        shorter[longest] = shorter[longest][:-1]
    return "-".join(shorter)


def elsewhere(path: str | os.PathLike[str], suffixes: Sequence[str] = (".png",)) -> Iterator[Path]:
    """Where a file may go that cannot be written at `path`: files that do not exist yet, beside it, in the current folder,
    at home and among temporary files; with its suffix, then with these."""
    path = Path(path)
    for place in (lambda: path.parent, Path.cwd, Path.home, lambda: Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError, RuntimeError):  # the current folder may be gone, too
            folder = place()
            for suffix in dict.fromkeys((path.suffix, *suffixes)):
                names = (f"{path.stem}{f'-{number}' if number > 1 else ''}{suffix}" for number in itertools.count(1))
                free = (folder / name for name in names)
                yield next(p for p in free if not os.path.lexists(p) and not os.path.lexists(f"{p}.json"))


def keep(
    path: str | os.PathLike[str], save: Callable[[Path], Said], *, what: str, suffixes: Sequence[str] = (".png",)
) -> tuple[Path, Said, JaxstyleError | None]:
    """`save(path)`, or where that fails the same at some other place: no work is lost to a full disk or a folder that is gone.

    Args:
        path: where it should be.
        save: writes it to a path, or raises an InputError.
        what: it is, for the message.
        suffixes: others that it may have, see `elsewhere`.

    Returns:
        Where it is, what `save` returned, and what went wrong; None where it is at `path`.

    Raises:
        InputError: that of `path`, where it cannot be written anywhere.
    """
    try:
        return Path(path), save(Path(path)), None
    except InputError as error:
        for other in elsewhere(path, suffixes):
            with contextlib.suppress(InputError):
                return other, save(other), JaxstyleError(f"{error.marked}; {what} is kept in {os.path.abspath(other)!r}")
        raise


def make_folder(path: str | os.PathLike[str]) -> Path:
    """A folder for pictures, made where it is missing, once it is sure that `save` can write there.

    Raises InputError where it cannot be made or written to, or would have the name of a file.
    """
    shown, folder = os.fspath(path), Path(located(path))
    if not folder.is_dir():
        if folder.suffix.lower() in _OF_FILES:
            problem = f"cannot be made a folder: it is the name of a {folder.suffix} file, and several pictures are made"
            raise InputError("out", shown, problem, f"give a folder, such as {str(folder.with_suffix(''))!r}")
        if str(folder).startswith("~"):
            raise InputError("out", shown, "begins with a home folder that is not known", "begin with / or ./")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise InputError("out", shown, f"cannot be made a folder ({reason(error)})", "choose another") from error
    check_output(folder / "probe.png")
    return folder


def folded(name: str) -> str:
    """Equal for names that some file system holds for the same."""
    return unicodedata.normalize("NFC", name).casefold()


def save(
    path: str | os.PathLike[str], rgb: Any, *, alpha: Any = None, text: str | None = "", argument: str = "out"
) -> tuple[str, ...]:
    """Writes a picture in its suffix's format, whole or not at all: an old file stays until the new one is complete.

    Args:
        path: .png, .webp (lossless), .tif, .tiff (deflated), .jpg or .jpeg (quality 95, full colour resolution).
        rgb: (H, W, 3), floating and clipped to [0, 1], then rounded to the nearest of 256 levels; or uint8 as it is.
        alpha: (H, W) uint8, stored with the colours; JPEG has no place for it, so there the picture is put over white.
        text: put inside the file, in ASCII, as `comment` says; None for not even the mark by which the file is known.

    Returns notices, each a sentence for the user. Raises ImageError where the file cannot be written.
    """
    _target(path, argument)
    kind, _, options = _FORMATS[Path(path).suffix.lower()]
    rgb, notices = np.asarray(rgb), ()
    if text is not None and len(text) > comment.LONGEST:
        text, notices = "", (f"{argument} {Path(path).name}: the record is too long to stand inside the picture",)
    if rgb.ndim != 3 or rgb.shape[2] != 3 or not (rgb.dtype == np.uint8 or rgb.dtype.kind == "f"):
        raise ImageError("rgb", describe(rgb), "must be (H, W, 3), floats in [0, 1] or uint8")
    if np.isnan(rgb).any():
        raise ImageError("rgb", describe(rgb), "holds NaN, so there is no picture to save")
    pixels = to_bytes(rgb)
    if alpha is not None:
        alpha = np.asarray(alpha)
        if alpha.shape != rgb.shape[:2] or alpha.dtype != np.uint8:
            raise ImageError("alpha", describe(alpha), f"must be uint8 of shape {rgb.shape[:2]}, like the picture")
        if kind == "JPEG":
            pixels = over_white(pixels, alpha)
            notices += (f"{argument} {Path(path).name}: JPEG has no transparency, so the picture is put over white",)
        else:
            pixels = np.dstack([pixels, alpha])
    encoded = io.BytesIO()
    with _writing(path, argument):
        Image.fromarray(pixels).save(encoded, format=kind, **options, **comment.options(kind, text))
    write_atomically(path, encoded.getbuffer(), argument=argument)
    return notices


def write_atomically(
    path: str | os.PathLike[str],
    data: bytes | memoryview | Iterable[bytes | memoryview],
    *,
    argument: str = "out",
    kind: type[InputError] = ImageError,
    through: Path | None = None,
) -> None:
    """Writes a file, in one piece or several, whole or not at all, through links; one that is replaced keeps its permissions.

    `through` is the file that is written first: by default one that nobody else has. What a process that is killed leaves of
    a named one, the next one replaces.

    Raises an error of `kind` where that fails; the old file is then untouched, and nothing else is left in the folder.
    """
    with _writing(path, argument, kind):
        target = Path(os.path.realpath(path))
        temporary = through or _beside(target)
        try:
            with open(temporary, "wb" if through else "xb") as file:  # not tempfile, whose files are closed to everybody else
                file.writelines([data] if isinstance(data, bytes | memoryview) else data)
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(OSError):
                shutil.copymode(target, temporary)
            os.replace(temporary, target)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()


def _beside(target: Path) -> Path:
    return target.with_name(f".jaxstyle-{secrets.token_hex(8)}")


def _target(path: str | os.PathLike[str], argument: str) -> Path:
    """The file that `path` stands for, links followed; raises ImageError where that is no place for a picture."""
    shown, suffix = os.fspath(path), Path(path).suffix.lower()
    if os.path.isdir(path):
        raise ImageError(argument, shown, "is a folder", f"give a file, such as {os.path.join(shown, 'out.png')!r}")
    if suffix not in _FORMATS:
        near = difflib.get_close_matches(suffix, _FORMATS, n=1)
        remedy = (f"did you mean {near[0]!r}? " if near else "") + f"known: {', '.join(_FORMATS)}"
        raise ImageError(argument, shown, f"has the unknown suffix {suffix!r}" if suffix else "has no suffix", remedy)
    if not features.check(_FORMATS[suffix][1]):
        raise ImageError(argument, shown, f"needs {_FORMATS[suffix][1]}, which this Pillow lacks", "write a .png")
    with _writing(path, argument):
        target = Path(os.path.realpath(path))
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.stat(target)  # finds names that are too long and links that go round
    if not target.parent.is_dir():
        problem = f"cannot be written: {str(target.parent)!r} is not a folder"
        raise ImageError(argument, shown, problem, "create it first, or choose another folder")
    return target


@contextlib.contextmanager
def _writing(path: str | os.PathLike[str], argument: str, kind: type[InputError] = ImageError) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        remedy = "choose a folder that you can write to and that has space left" if isinstance(error, OSError) else ""
        raise kind(argument, os.fspath(path), f"cannot be written ({reason(error)})", remedy) from error
