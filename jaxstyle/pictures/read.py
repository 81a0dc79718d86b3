"""Pictures in: files, PIL images and arrays become `Picture`.

Layout (H, W, C), colours RGB in the sRGB space, either uint8 in 0..255 or float32 in [0, 1]. What is wrong with a
picture is an `ImageError`: one line that names the argument. What the user should merely know is a notice, a sentence
in `Picture.notices`.
"""

import contextlib
import difflib
import io
import os
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, UnidentifiedImageError

from jaxstyle.errors import ImageError, Plain, reason
from jaxstyle.pictures.size import MIN_SIDE

_SHAPES = "(H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"
_TURNS = "FLIP_LEFT_RIGHT ROTATE_180 FLIP_TOP_BOTTOM TRANSPOSE ROTATE_270 TRANSVERSE ROTATE_90"
_UPRIGHT = {orientation: Image.Transpose[turn] for orientation, turn in enumerate(_TURNS.split(), start=2)}
_ICC_MODES = {"RGB": ("RGB", "YCbCr", "L"), "GRAY": ("L",), "CMYK": ("CMYK",), "Lab": ("LAB",)}
# The filters of `warnings` are process-wide: one decoding at a time may change them, and each puts them back.
_FILTERS_LOCK = threading.Lock()


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


def load(source: Any, *, argument: str) -> Picture:
    """Reads a picture: upright, in sRGB, its alpha apart.

    Args:
        source: a path; a PIL image (its current frame); or an array, uint8 in 0..255 or floating in [0, 1], of shape
            (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), the fourth channel being alpha.
        argument: what the caller calls it ("content"), for errors and notices.

    The EXIF orientation is applied and an embedded ICC profile converted. 16-bit grey becomes 8-bit by rounding
    value / 257, and so does Pillow's mode "I", which must hold 0..65535. Float pixels (mode "F") are taken as [0, 1],
    or as 0..255 where the largest is above 1. Where alpha is below 255 the colour is put over white: what is stored
    under transparent pixels is an editor's leftover that nobody has seen, and white is what pages and viewers show.

    Raises ImageError for what cannot be read or used, and for pictures that Pillow holds for decompression bombs.
    """
    if isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        with _open(path, argument) as file:
            picture = _decode(file, path, argument, f"{argument} {Path(path).name}")
        return _large_enough(picture, path, argument)
    if isinstance(source, Image.Image):
        value = str(getattr(source, "filename", "")) or Plain(f"PIL image of mode {source.mode}")
        return _large_enough(_decode(source, value, argument, argument), value, argument)
    return _from_array(source, argument)


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


def _open(path: str, argument: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except FileNotFoundError as error:
        folder, name = os.path.split(path)
        remedy = f"give the path of a picture; relative paths start at {os.getcwd()!r}"
        if not os.path.isdir(folder or "."):
            remedy = f"there is no folder {folder!r} either"
        with contextlib.suppress(OSError):
            names = {other.lower(): other for other in os.listdir(folder or ".")}
            for near in difflib.get_close_matches(name.lower(), names, n=1):
                remedy = f"did you mean {os.path.join(folder, names[near])!r}?"
        raise ImageError(argument, path, "does not exist", remedy) from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        problem = "is a folder" if os.path.isdir(path) else f"cannot be read ({reason(error)})"
        raise ImageError(argument, path, problem, "give the path of one picture file") from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silences Pillow's warnings about odd metadata, and raises the one about decompression bombs."""
    with _FILTERS_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _decode(source: BinaryIO | Image.Image, value: str, argument: str, label: str) -> Picture:
    """The picture in an open file or a PIL image; every way in which Pillow can fail on it becomes an ImageError."""
    try:
        with quiet(), contextlib.ExitStack() as stack:
            im = source if isinstance(source, Image.Image) else stack.enter_context(Image.open(source))
            return _convert(im, value, argument, label)
    except (ImageError, MemoryError):
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        problem = f"has over {Image.MAX_IMAGE_PIXELS} pixels and is refused as a possible decompression bomb"
        raise ImageError(argument, value, problem, "scale it down first") from error
    except UnidentifiedImageError as error:
        remedy = "give a JPEG, PNG, WebP, TIFF, GIF or BMP file, and convert others to one of these first"
        raise ImageError(argument, value, "is not a picture that can be read", remedy) from error
    except Exception as error:  # damaged files raise nearly anything: OSError, SyntaxError, struct.error, KeyError, ...
        problem = f"is cut short, damaged or of an unusual kind ({reason(error)})"
        raise ImageError(argument, value, problem, "fetch it again, or save it anew as PNG") from error


def _convert(im: Image.Image, value: str, argument: str, label: str) -> Picture:
    notices, alpha = [], None
    if getattr(im, "is_animated", False) and im.format != "MPO":  # a phone's JPEG with extras such as a depth map
        what, part = ("several pages", "page") if im.format in ("TIFF", "DCX", "PSD") else ("animated", "frame")
        notices.append(f"{label}: {what}, its {'current' if im.tell() else 'first'} {part} is used")
    im.load()
    turn = _UPRIGHT.get(im.getexif().get(ExifTags.Base.Orientation, 1))
    im = im if turn is None else im.transpose(turn)
    grey = im.mode in ("1", "L", "LA", "La") or im.mode.startswith("I")
    if im.mode == "F":
        values = np.asarray(im)
        values = values / np.float32(255) if 1 < values.max() <= 255 else values
        return replace(_from_array(values, argument, value), notices=tuple(notices))
    if im.mode.startswith("I"):
        values, info = np.asarray(im), im.info
        if values.min() < 0 or values.max() > 65535:
            problem = f"has 32-bit pixels from {values.min()} to {values.max()}"
            raise ImageError(argument, value, problem, "scale them to 0..65535 or save it as an 8-bit picture")
        if isinstance(info.get("transparency"), int):
            alpha = np.where(values == info["transparency"], 0, 255).astype(np.uint8)
        im = Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
        im.info["icc_profile"] = info.get("icc_profile")
    elif im.has_transparency_data:
        im = (im.convert("LA") if im.mode == "La" else im).convert("RGBA")
        alpha = np.array(im.getchannel("A"))
    if grey or im.mode not in ("CMYK", "LAB", "YCbCr"):
        im = im.convert("L" if grey else "RGB")
    try:
        rgb = np.array(_to_srgb(im))
    except Exception as error:  # a profile is foreign binary data too
        notices.append(f"{label}: its colour profile cannot be used ({reason(error)}) and is ignored")
        rgb = np.array(im.convert("RGB"))
    return Picture(*_flatten(rgb, alpha), tuple(notices))


def _to_srgb(im: Image.Image) -> Image.Image:
    """`im` (L, RGB, CMYK, LAB or YCbCr) as RGB in sRGB, by its ICC profile if it has one; raises on a bad profile."""
    icc = im.info.get("icc_profile")
    if not icc:
        return im.convert("RGB")
    profile = ImageCms.getOpenProfile(io.BytesIO(icc))
    space = ImageCms.core.profile_frombytes(icc).xcolor_space.strip()
    if im.mode not in _ICC_MODES.get(space, ()):
        raise ValueError(f"it is for {space!r} pixels, not {im.mode!r}")
    if space == "RGB":
        im = im.convert("RGB")
    exact = ImageCms.Flags.NOOPTIMIZE  # the shortcuts of LittleCMS miss dark greys by up to 10 levels
    transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), im.mode, "RGB", flags=exact)
    if space == "RGB":
        # Most are some edition of sRGB: a trip through it would cost 0.2 s a megapixel and a level here and there.
        levels = np.linspace(0, 255, 9).astype(np.uint8)
        cube = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(27, 27, 3)
        moved = np.asarray(transform.apply(Image.fromarray(cube)))
        if np.abs(moved.astype(int) - cube).max() <= 1:
            return im
    return transform.apply(im)


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
    _large_enough(Picture(raw), value, argument)
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


def _large_enough(picture: Picture, value: str, argument: str) -> Picture:
    width, height = picture.size
    if min(width, height) < MIN_SIDE:
        problem = f"is {width}x{height} pixels, and each side must be at least {MIN_SIDE}"
        raise ImageError(argument, value, problem, "give a larger picture")
    return picture


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


def to_bytes(values: np.ndarray) -> np.ndarray:
    """Floats clipped to [0, 1] and rounded to the nearest of 256 levels; uint8 as it is."""
    return values if values.dtype == np.uint8 else np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def describe(array: np.ndarray) -> Plain:
    """What an error shows of an array: its dtype and shape."""
    return Plain(f"{array.dtype} array of shape {array.shape}")
