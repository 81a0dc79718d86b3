"""Pictures in: files, PIL images and arrays become `Picture`.

Layout (H, W, C), colours RGB in the sRGB space, either uint8 in 0..255 or float32 in [0, 1]. What is wrong with a
picture is an `ImageError`: one line that names the argument. What the user should merely know is a notice, a sentence
in `Picture.notices`.
"""

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from jaxstyle.errors import ImageError, InputError, Plain, reason
from jaxstyle.pictures import bare, ends, files, modes, profiles
from jaxstyle.pictures.paths import is_film_name, located
from jaxstyle.pictures.size import MIN_SIDE

LARGE = 2**22
"""Pixels beyond which a picture that is much larger than wanted is averaged over squares, or decoded at a reduced scale."""
SPARE = 2
"""How many times the wanted width and height are left then, so that `resize` makes nearly what it makes of all pixels."""
Fit = Callable[[int, int], tuple[int, int]]
"""From the (width, height) of a picture to that which is wanted."""
_SHAPES = "(H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"
_TURNS = "FLIP_LEFT_RIGHT ROTATE_180 FLIP_TOP_BOTTOM TRANSPOSE ROTATE_270 TRANSVERSE ROTATE_90"
_UPRIGHT = {orientation: Image.Transpose[turn] for orientation, turn in enumerate(_TURNS.split(), start=2)}
_ON_ITS_SIDE = range(5, 9)


@dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture.

    rgb: (H, W, 3), uint8 in 0..255 or float32 in [0, 1]; already over white where `alpha` is below 255.
    alpha: (H, W) uint8, or None where every pixel is opaque.
    notices: sentences for the user about what was done to it or left out.
    """

    rgb: np.ndarray
    alpha: np.ndarray | None = None
    notices: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.rgb.shape[1], self.rgb.shape[0]


def load(source: Any, *, argument: str, fit: Fit | None = None) -> Picture:
    """Reads a picture: upright, in sRGB, its alpha apart.

    Args:
        source: a path; a PIL image (its current frame); or an array, uint8 in 0..255 or floating in [0, 1], of shape
            (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), the fourth channel being alpha.
        argument: what the caller calls it ("content"), for errors and notices.
        fit: gives the size that is wanted; the picture's own otherwise.

    The EXIF orientation is applied and an embedded ICC profile converted, Adobe RGB told by EXIF alone too. 16-bit grey becomes
    8-bit by rounding value / 257, and so does Pillow's mode "I", which must hold 0..65535. Float pixels (mode "F") are taken
    as [0, 1], or as 0..255 where the largest is above 1. Where alpha is below 255 the colour is put over white: what is stored
    under transparent pixels is an editor's leftover that nobody has seen, and white is what pages and viewers show. A file
    that lacks only its end is read, with a notice, and so is one in which only what it says beside its pixels is broken.

    Raises ImageError for what cannot be read or used, and for files of more pixels than `files` allows; and what `fit` raises.
    """
    if isinstance(source, str | os.PathLike):
        path = os.fspath(located(source))
        with files.open_path(path, argument) as file, _reading(path, argument):
            return _from_file(file, path, argument, f"{argument} {Path(path).name}", fit)
    if isinstance(source, Image.Image):
        value = str(getattr(source, "filename", "")) or Plain(f"PIL image of mode {source.mode}")
        with _reading(value, argument):
            return _convert(source, value, argument, argument, fit)
    picture = _from_array(source, argument)
    return picture if fit is None else resize(picture, *fit(*picture.size))


def resize(picture: Picture, width: int, height: int) -> Picture:
    """`picture` at `width` x `height`: bilinear, antialiased where it shrinks; the same object if nothing changes."""
    if picture.size == (width, height):
        return picture

    def scale(plane: np.ndarray) -> np.ndarray:
        return np.array(Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR))

    if picture.rgb.dtype == np.uint8:
        rgb = scale(picture.rgb)
    else:
        rgb = np.clip(np.stack([scale(picture.rgb[..., c]) for c in range(3)], axis=-1), 0, 1)
    return replace(picture, rgb=rgb, alpha=None if picture.alpha is None else _unless_opaque(scale(picture.alpha)))


def as_float(picture: Picture) -> np.ndarray:
    """A fresh float32 array (H, W, 3) in [0, 1]."""
    rgb = picture.rgb.astype(np.float32)
    return rgb / np.float32(255) if picture.rgb.dtype == np.uint8 else rgb


@contextlib.contextmanager
def _reading(value: str, argument: str) -> Iterator[None]:
    """Every way in which Pillow can fail on a picture becomes an ImageError."""
    try:
        with files.quiet():
            yield
    except (InputError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise files.bomb(value, argument) from error
    except UnidentifiedImageError as error:
        remedy = "give a JPEG, PNG, WebP, TIFF, GIF or BMP file, and convert others to one of these first"
        if is_film_name(value):
            remedy = "jaxstyle video FILM STYLE paints one" if argument == "content" else "save a frame of it as a picture"
            raise ImageError(argument, value, "is a film, and a picture is wanted", remedy) from error
        raise ImageError(argument, value, "is not a picture that can be read", remedy) from error
    except Exception as error:  # damaged files raise nearly anything: OSError, SyntaxError, struct.error, KeyError, ...
        problem = f"is cut short, damaged or of an unusual kind ({reason(error)})"
        raise ImageError(argument, value, problem, "fetch it again, or save it anew as PNG") from error


def _from_file(file: BinaryIO, value: str, argument: str, label: str, fit: Fit | None) -> Picture:
    """The picture in an open file, even where its end is missing."""

    def decoded(source: BinaryIO) -> Picture:
        length = source.seek(0, os.SEEK_END)
        source.seek(0)
        with files.open_image(source, value, argument) as im:
            return _convert(im, value, argument, label, fit, length)

    try:
        picture, share = decoded(file), 0.0
        if not ends.is_without_end(file):
            return picture
    except (InputError, MemoryError, Image.DecompressionBombError):
        raise
    except Exception as error:
        file.seek(0)
        data = file.read()
        for less in bare.bare(data):
            data = less
            with contextlib.suppress(Exception):
                picture = decoded(io.BytesIO(data))
                said = "something that the file says beside its pixels is broken, and is ignored"
                return replace(picture, notices=(*picture.notices, f"{label}: {said}"))
        pair = ends.filled(data)
        try:
            picture, other = map(decoded, map(io.BytesIO, pair or ()))
        except InputError:
            raise
        except Exception:
            raise error from None
        share = float((picture.rgb != other.rgb).any(-1).mean())
        if share > ends.TOLERATED:
            raise
    lost = f"{100 * share:.2g}% of the picture with it" if share else "but all of the picture is there"
    return replace(picture, notices=(*picture.notices, f"{label}: the end of the file is missing, {lost}"))


def _convert(im: Image.Image, value: str, argument: str, label: str, fit: Fit | None, length: int | None = None) -> Picture:
    """A PIL image as a Picture of the size that is wanted; `length` is that of the file that we opened."""
    notices, alpha = [], None
    if getattr(im, "is_animated", False) and im.format != "MPO":  # a phone's JPEG with extras such as a depth map
        what, part = ("several pages", "page") if im.format in ("TIFF", "DCX", "PSD", "HEIF") else ("animated", "frame")
        notices.append(f"{label}: {what}, its {'current' if im.tell() else 'first'} {part} is used")
    width, height = extent = im.size  # as stored; `im.size` may become less
    if length is not None:
        least = None
        if fit is not None and files.is_jpeg(im) and width * height > LARGE and min(width, height) >= MIN_SIDE:
            least = _least(_exif(im), width, height, fit)
        extent = files.reduce_or_refuse(im, least, length, value, argument)
    im.load()
    _check_sides(width, height, value, argument)
    exif = _exif(im)
    if exif is None:
        notices.append(f"{label}: its EXIF cannot be read and is ignored, so it may lie on its side")
        exif = Image.Exif()
    if fit is not None and width * height > LARGE:
        least = _least(exif, width, height, fit)
        factor = max(1, min(im.width // least[0], im.height // least[1]))
        box = (0, 0, extent[0] / factor, extent[1] / factor)  # the last square of pixels may lie partly outside
        small = modes.shrunk(im, factor, value, argument)
        small = small.resize((least[0] // SPARE, least[1] // SPARE), Image.Resampling.BILINEAR, box)
    else:
        small = modes.shrunk(im, 1, value, argument)
    grey, turn = modes.is_grey(im), _UPRIGHT.get(_orientation(exif))
    small = small if turn is None else small.transpose(turn)
    if small.mode == "F":
        values = np.asarray(small)
        values = values / np.float32(255) if 1 < values.max() <= 255 else values
        picture = replace(_from_array(values, argument, value), notices=tuple(notices))
    else:
        if small.mode in ("LA", "RGBA"):
            alpha = np.array(small.getchannel("A"))
            small = small.convert("L" if grey else "RGB")
        if not small.info.get("icc_profile") and small.mode in ("RGB", "YCbCr"):
            icc, said = profiles.by_exif(exif, os.path.basename(value))
            notices += [f"{label} {said}"] if said else []
            small = small.copy() if icc else small  # which may be the caller's own
            small.info |= {"icc_profile": icc} if icc else {}
        try:
            rgb = np.array(profiles.to_srgb(small))
        except Exception as error:  # a profile is foreign binary data too
            notices.append(f"{label}: its colour profile cannot be used ({reason(error)}) and is ignored")
            rgb = np.array(small.convert("RGB"))
        picture = Picture(*_flatten(rgb, alpha), tuple(notices))
    if fit is None:
        return picture
    on_its_side = _orientation(exif) in _ON_ITS_SIDE
    return resize(picture, *fit(*((height, width) if on_its_side else (width, height))))


def _exif(im: Image.Image) -> Image.Exif | None:
    """The EXIF of a picture; None where it is broken."""
    try:
        exif = im.getexif()
        exif.get(ExifTags.Base.Orientation)
    except Exception:  # in nearly any way
        return None
    return exif


def _orientation(exif: Image.Exif | None) -> Any:
    return 1 if exif is None else exif.get(ExifTags.Base.Orientation, 1)


def _least(exif: Image.Exif | None, width: int, height: int, fit: Fit) -> tuple[int, int]:
    """The (width, height), as stored, that must be left of a picture on its way to the size that is wanted."""
    if _orientation(exif) in _ON_ITS_SIDE:
        height, width = fit(height, width)
    else:
        width, height = fit(width, height)
    return SPARE * width, SPARE * height


def _from_array(source: Any, argument: str, value: str = "") -> Picture:
    try:
        raw = np.asarray(source)
    except Exception as error:  # ragged lists, tensors on a device, ...: each library raises its own
        problem = f"cannot be made an array ({reason(error)})"
        raise ImageError(argument, Plain(type(source).__name__), problem, f"give an array {_SHAPES}") from error
    if raw.dtype.kind not in "biufcV":
        remedy = f"give a path, a PIL image, or an array {_SHAPES} of uint8 or of floats in [0, 1]"
        raise ImageError(argument, Plain(type(source).__name__), "is not a picture", remedy)
    value = value or describe(raw)
    raw = raw[..., None] if raw.ndim == 2 else raw
    if raw.ndim != 3 or raw.shape[2] not in (1, 3, 4):
        raise ImageError(argument, value, "has the wrong shape", f"give {_SHAPES}")
    _check_sides(raw.shape[1], raw.shape[0], value, argument)
    if raw.dtype.kind == "f":
        low, high = raw.min(), raw.max()
        if not (low >= -1e-5 and high <= 1 + 1e-5):  # NaN fails both; a rounding error is no reason to refuse
            remedy = "divide by 255 first" if low >= 0 and 1 < high <= 255 else "clip or scale the values first"
            raise ImageError(argument, value, f"holds values from {low} to {high}, outside [0, 1]", remedy)
        raw = np.clip(raw, 0, 1).astype(np.float32)
    elif raw.dtype != np.uint8:
        raise ImageError(argument, value, "has the wrong dtype", "convert it to uint8 in 0..255 or to floats in [0, 1]")
    rgb = np.repeat(raw, 3, axis=-1) if raw.shape[2] == 1 else raw[..., :3].copy()
    return Picture(*_flatten(rgb, to_bytes(raw[..., 3]) if raw.shape[2] == 4 else None))


def _check_sides(width: int, height: int, value: str, argument: str) -> None:
    if min(width, height) < MIN_SIDE:
        problem = f"is {width}x{height} pixels, and each side must be at least {MIN_SIDE}"
        raise ImageError(argument, value, problem, "give a larger picture")


def _flatten(rgb: np.ndarray, alpha: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    alpha = _unless_opaque(alpha)
    return (rgb if alpha is None else over_white(rgb, alpha)), alpha


def _unless_opaque(alpha: np.ndarray | None) -> np.ndarray | None:
    return None if alpha is None or alpha.min() == 255 else alpha


def over_white(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`rgb` (H, W, 3), uint8 or float in [0, 1], under `alpha` (H, W) uint8 on a white ground; the dtype stays."""
    if rgb.dtype != np.uint8:
        cover = alpha[..., None] / np.float32(255)
        return rgb * cover + (1 - cover)
    cover = alpha[..., None].astype(np.uint16)  # 255 * 255 + 127 still fits
    return ((rgb * cover + 255 * (255 - cover) + 127) // 255).astype(np.uint8)


def off_white(pixels: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The inverse of `over_white` for float `pixels`, which are in [0, 1]; black where nothing can be seen."""
    cover = alpha[..., None] / np.float32(255)
    return np.clip((pixels - (1 - cover)) / np.maximum(cover, np.float32(1 / 255)), 0, 1)


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Floats clipped to [0, 1] and rounded to the nearest of 256 levels; uint8 as it is."""
    return values if values.dtype == np.uint8 else np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def describe(array: np.ndarray) -> Plain:
    """What an error shows of an array: its dtype and shape."""
    return Plain(f"{array.dtype} array of shape {array.shape}")
