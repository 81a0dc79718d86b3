"""High dynamic range (PQ, HLG) and wide gamut (BT.2020) as pictures in sRGB, as a player shows them on an ordinary screen.

Sources: SMPTE ST 2084 and ITU-R BT.2100 (PQ, HLG), BT.2087 (BT.2020 to BT.709), BT.2390 5.4 (the curve that brings highlights
into range), BT.2408 (white at 203 cd/m2).
"""

from functools import lru_cache

import numpy as np

from jaxstyle.pictures.spaces import encoded

PQ, HLG = 16, 18
"""Transfers, as H.273 numbers them."""
BT2020 = 9
"""Primaries, and the matrix, as H.273 numbers them."""
WHITE = 203.0
"""cd/m2 of the white of a picture (BT.2408): it becomes 1."""
PEAK = 1000.0
"""cd/m2 of the brightest that is kept apart: the screen of HLG, and what most PQ films are graded for."""
_M1, _M2, _C1, _C2, _C3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073
_TO_709 = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]], np.float32
)
"""From linear BT.2020 to linear BT.709 (BT.2087)."""
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)
"""Of BT.2020."""
_LEVELS = 4096
"""Of the tables that take the place of powers: a twelfth of an 8-bit level apart at the most."""


def pq_light(signal: np.ndarray) -> np.ndarray:
    """cd/m2 of a PQ signal in [0, 1] (ST 2084)."""
    root = np.asarray(signal, np.float64) ** (1 / _M2)
    return 10000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)


def pq_signal(light: np.ndarray) -> np.ndarray:
    """The inverse of `pq_light`."""
    power = (np.asarray(light, np.float64) / 10000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def hlg_scene(signal: np.ndarray) -> np.ndarray:
    """Light of the scene, 0..1, of an HLG signal in [0, 1] (BT.2100)."""
    signal = np.asarray(signal, np.float64)
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - _C) / _A) + _B) / 12)


def in_range(light: np.ndarray) -> np.ndarray:
    """The light, cd/m2, that a screen of `WHITE` shows for this one of up to `PEAK`: the curve of BT.2390, 5.4.1."""
    top = pq_signal(np.array(PEAK))
    signal, most = np.minimum(pq_signal(light) / top, 1), pq_signal(np.array(WHITE)) / top
    knee = 1.5 * most - 0.5
    t = np.maximum(signal - knee, 0) / (1 - knee)
    bent = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * most
    return pq_light(np.where(signal < knee, signal, bent) * top)


def to_srgb(signal: np.ndarray, transfer: int) -> np.ndarray:
    """A frame with BT.2020 primaries as a picture.

    Args:
        signal: (H, W, 3) uint16, R'G'B' of full range.
        transfer: as H.273 numbers it: `PQ`, `HLG`, or any of ordinary range.

    Returns:
        (H, W, 3) uint8, sRGB.
    """
    light = _light(transfer)[signal >> 4]
    if transfer == HLG:  # the system's gamma at 1000 cd/m2, 1.2, goes by luminance
        light = light * (PEAK * np.maximum(light @ _LUMINANCE, 1e-6) ** 0.2)[..., None]
    if transfer in (PQ, HLG):
        brightest = np.minimum(light.max(-1), PEAK)
        light = light * _bend()[(np.sqrt(brightest / PEAK) * (_LEVELS - 1)).astype(np.int32)][..., None]
    wide = np.clip(light @ _TO_709.T, 0, 1)
    return _coded()[np.rint(np.sqrt(wide) * (16 * _LEVELS - 1)).astype(np.int32)]


@lru_cache(maxsize=4)
def _light(transfer: int) -> np.ndarray:
    """Light of every level of a signal: cd/m2 of PQ, the scene's of HLG, shares of white of others, which are taken as sRGB."""
    signal = np.linspace(0, 1, _LEVELS)
    if transfer in (PQ, HLG):
        return (pq_light(signal) if transfer == PQ else hlg_scene(signal)).astype(np.float32)
    return np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4).astype(np.float32)


@lru_cache(maxsize=1)
def _bend() -> np.ndarray:
    """What light is multiplied by, to be a share of white, by the root of its brightest channel over `PEAK`."""
    light = np.maximum(np.linspace(0, 1, _LEVELS) ** 2 * PEAK, 1e-4)
    return (in_range(light) / light / WHITE).astype(np.float32)


@lru_cache(maxsize=1)
def _coded() -> np.ndarray:
    """sRGB in 8 bits, by the root of light: roots spread what is dark."""
    return np.rint(encoded(np.linspace(0, 1, 16 * _LEVELS) ** 2) * 255).clip(0, 255).astype(np.uint8)
