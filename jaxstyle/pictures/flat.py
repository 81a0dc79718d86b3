"""Flat areas of a picture, and noise to begin with there. Images are float RGB, (H, W, 3), where 1 is white.

Where a photograph has one colour, all features are alike and pull all pixels the same way: texture can only grow in from the
borders and neighbours of the area, and a weak style leaves it half as rough as it is itself.
"""

import numpy as np

from jaxstyle.pictures.colour import PIXEL, blur
from jaxstyle.pictures.noise import GREY, long_waves, soft_noise

NARROW, WIDE, AROUND = 1.0, 4.0, 4.0
"""Deviations in pixels of the Gaussians between which texture is looked for, and of the one that averages it."""
PLAIN, ROUGH = 0.5, 1.0
"""In 8-bit levels: less roughness than the first is wholly flat, more than the second not at all. Most of a photograph has 4 to
20 at sizes of 128 to 512 pixels."""
WAVES = 16.0
"""Pixels: shorter waves of noise are left in skies as worms and specks, longer ones become strokes."""
_LUMA = (0.299, 0.587, 0.114)


def roughness(image: np.ndarray) -> np.ndarray:
    """How much texture there is around each pixel: deviation of the band-passed luminance in 8-bit levels, (H, W)."""
    luma = (np.asarray(image, np.float32) @ np.asarray(_LUMA, np.float32))[..., None] * np.float32(PIXEL)
    band = blur(luma, NARROW) - blur(luma, WIDE)
    return np.sqrt(np.maximum(blur(band**2, AROUND), 0))[..., 0]


def fill_flat(image: np.ndarray, wanted: float, shortest: float = 0.0) -> np.ndarray:
    """`image` with noise where it is flat, of the roughness `wanted`; the same object where it is flat nowhere.

    The noise is always the same: it is there to be replaced. With `shortest`, in pixels, it is brightness of longer waves only;
    shorter ones are left in the result as worms and specks.
    """
    share = np.clip((ROUGH - roughness(image)) / (ROUGH - PLAIN), 0, 1)
    if not share.any():
        return image
    if shortest:
        noise = long_waves(image.shape[:2], shortest)
    else:
        noise = soft_noise(image.shape, 0, 1 / PIXEL) - np.asarray(GREY, np.float32)
    return image + (share * np.float32(wanted / roughness(noise).mean()))[..., None] * noise
