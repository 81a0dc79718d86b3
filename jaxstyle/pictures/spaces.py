"""Brightness apart from colour, in four colour spaces. Images are float RGB in [0, 1] (sRGB), (..., 3).

Every space has three channels, brightness first. ``"yuv"`` and ``"ycbcr"`` have the luma Y of ITU-R BT.601, 0..1, and two
differences of colours from it. Both differ in the scale of these only, so putting colours back gives the same in either.
``"luv"`` and ``"lab"`` are those of CIE 1976 for D65, with the lightness L, 0..100.
"""

from typing import Any

import numpy as np

from jaxstyle.errors import unknown

SPACES = ("yuv", "ycbcr", "luv", "lab")

_LUMA = np.array([0.299, 0.587, 0.114])
_LINEAR = {
    "yuv": np.stack([_LUMA, 0.492 * (np.eye(3)[2] - _LUMA), 0.877 * (np.eye(3)[0] - _LUMA)]),
    "ycbcr": np.stack([_LUMA, (np.eye(3)[2] - _LUMA) / 1.772, (np.eye(3)[0] - _LUMA) / 1.402]),
}
"""Rows: channels of RGB. ITU-R BT.601, without the offsets that bytes need."""
_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
"""From linear sRGB (ITU-R BT.709 primaries, D65)."""
_WHITE = _XYZ.sum(1)
_EDGE, _SLOPE = (6 / 29) ** 3, (29 / 3) ** 3
"""Of CIE lightness: below this share of white it is linear, 903.3 times it."""


def check_space(name: str | None) -> None:
    """Raises an InputError where the space is unknown; None is none."""
    if name is not None and name not in SPACES:
        raise unknown("color_space", name, SPACES)


def to_space(rgb: Any, space: str) -> np.ndarray:
    """An image's channels in one of `SPACES`, (..., 3), brightness first."""
    rgb = np.asarray(rgb)
    if space in _LINEAR:
        return _times(_LINEAR[space], rgb)
    xyz = _times(_XYZ, _linear(rgb))
    lightness = _lightness(xyz[..., 1])
    if space == "lab":
        x, y, z = np.moveaxis((_lightness(_over_white(xyz)) + 16) / 116, -1, 0)
        return np.stack([lightness, 500 * (x - y), 200 * (y - z)], -1)
    return np.concatenate([lightness[..., None], 13 * lightness[..., None] * (_uv(xyz) - _white_uv(rgb.dtype))], -1)


def from_space(channels: Any, space: str) -> np.ndarray:
    """The image of these channels, (..., 3); outside [0, 1] where no RGB has that colour."""
    channels = np.asarray(channels)
    if space in _LINEAR:
        return _times(np.linalg.inv(_LINEAR[space]), channels)
    lightness = channels[..., 0]
    if space == "lab":
        y = (lightness + 16) / 116
        shares = np.stack([y + channels[..., 1] / 500, y, y - channels[..., 2] / 200], -1)
        xyz = _luminance(116 * shares - 16) * _WHITE.astype(channels.dtype)
    else:
        dark = lightness <= 1e-6  # black, which has no colour
        u, v = np.moveaxis(
            channels[..., 1:] / (13 * np.where(dark, 1, lightness))[..., None] + _white_uv(channels.dtype), -1, 0
        )
        y, v = np.where(dark, 0, _luminance(lightness)), np.maximum(v, 1e-3)
        xyz = np.stack([y * 9 * u / (4 * v), y, y * (12 - 3 * u - 20 * v) / (4 * v)], -1)
    return encoded(_times(np.linalg.inv(_XYZ), xyz))


def grey(rgb: Any, space: str = "yuv") -> np.ndarray:
    """The level of the grey that is as bright as each pixel in this space, (..., 1), in [0, 1] as the image is."""
    rgb = np.asarray(rgb)
    if space in _LINEAR:
        return _times(_LINEAR[space][:1], rgb)
    return encoded(_times(_XYZ[1:2], _linear(rgb)))


def with_colours_of(image: Any, content: Any, space: str = "yuv") -> np.ndarray:
    """The brightness of `image` and the colours of `content`, both (..., 3) in [0, 1], in one of `SPACES`; in [0, 1]."""
    channels = np.concatenate([to_space(image, space)[..., :1], to_space(content, space)[..., 1:]], -1)
    return np.clip(from_space(channels, space), 0, 1)


def _times(matrix: np.ndarray, channels: np.ndarray) -> np.ndarray:
    return channels @ matrix.T.astype(channels.dtype)


def _over_white(xyz: np.ndarray) -> np.ndarray:
    return xyz / _WHITE.astype(xyz.dtype)


def _linear(rgb: np.ndarray) -> np.ndarray:
    """Light from sRGB's levels (IEC 61966-2-1)."""
    rgb = np.clip(rgb, 0, 1)
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    """Linear light, 1 being white, as sRGB has it (IEC 61966-2-1); nothing is darker than black."""
    light = np.maximum(light, 0)
    return np.where(light <= 0.04045 / 12.92, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _lightness(share: np.ndarray) -> np.ndarray:
    """CIE lightness, 0..100, of a share of white."""
    return np.where(share <= _EDGE, _SLOPE * share, 116 * np.cbrt(share) - 16)


def _luminance(lightness: np.ndarray) -> np.ndarray:
    """The inverse of `_lightness`."""
    return np.where(lightness <= 8, lightness / _SLOPE, ((lightness + 16) / 116) ** 3)


def _uv(xyz: np.ndarray) -> np.ndarray:
    """u' and v' of CIE 1976; those of white for black."""
    whole = xyz[..., :1] + 15 * xyz[..., 1:2] + 3 * xyz[..., 2:]
    dark = whole <= 1e-9
    pair = np.concatenate([4 * xyz[..., :1], 9 * xyz[..., 1:2]], -1) / np.where(dark, 1, whole)
    return np.where(dark, _white_uv(xyz.dtype), pair)


def _white_uv(dtype: np.dtype) -> np.ndarray:
    whole = _WHITE @ [1, 15, 3]
    return np.array([4 * _WHITE[0] / whole, 9 * _WHITE[1] / whole], dtype)
