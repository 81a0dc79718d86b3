"""Opponent colours, and the fine colour of a picture. Images are float RGB, (H, W, 3), where 1 is white."""

import numpy as np

PIXEL = 255.0
"""Levels of an 8-bit channel: total variation, the solvers' variable and noise are measured in them."""
OPPONENT = np.array([[1, 1, 1], [1, 0, -1], [1, -2, 1]]) / np.sqrt([[3], [2], [6]])
"""Rows: brightness, red against blue, green against magenta; orthonormal."""
SMOOTH = 2.0
"""Deviation in pixels of the Gaussian that takes fine colour away."""
FULL = 0.2
"""Deviation of the two opponent colours over that of brightness from which a picture has all colours there are: paintings have
0.4 to 1, photographs 0.2 to 0.8, a sepia print 0.05."""
_REACH = 3
"""Deviations of the Gaussian that are summed, on either side."""


def smooth_colour(image: np.ndarray) -> np.ndarray:
    """`image` without its fine colour: the two opponent colours blurred by a Gaussian of `SMOOTH` pixels, brightness kept.

    VGG hardly sees colour that changes from pixel to pixel, so the loss does not move it: what a start has of it stays in the
    result, as coloured grain or as outlines in the content's colours.

    Args:
        image: (H, W, 3), each side at least 6 pixels.

    Returns:
        float32 (H, W, 3); values may leave [0, 1] a little.
    """
    colours = np.asarray(image, np.float32) @ OPPONENT.T.astype(np.float32)
    colours[..., 1:] = blur(colours[..., 1:], SMOOTH)
    return colours @ OPPONENT.astype(np.float32)


def colourfulness(covariance: np.ndarray) -> float:
    """How much colour a picture has beside its brightness: 0 for grey, 1 from `FULL` on.

    Args:
        covariance: of its opponent colours, (3, 3).
    """
    brightness, *colours = np.diag(covariance)
    return float(min(1.0, np.sqrt(sum(colours) / max(brightness, 1e-12)) / FULL))


def blur(channels: np.ndarray, deviation: float) -> np.ndarray:
    """(H, W, C) blurred by a Gaussian of this deviation in pixels, the borders mirrored."""
    weights = gaussian(deviation)
    reach = len(weights) // 2
    for axis in (0, 1):
        lines, length = channels.swapaxes(0, axis), channels.shape[axis]
        padded = np.pad(lines, ((reach, reach), (0, 0), (0, 0)), "symmetric")
        blurred = np.zeros_like(lines)
        for k, weight in enumerate(weights):
            blurred += weight * padded[k : k + length]
        channels = blurred.swapaxes(0, axis)
    return channels


def gaussian(deviation: float) -> np.ndarray:
    """The weights of a blur along one axis, float32; they add up to 1."""
    reach = round(_REACH * deviation)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    return (weights / weights.sum()).astype(np.float32)
