"""Films whose flow is known exactly, made of the sample pictures; and how much a film changes along it.

A film is a stack of layers. Each is a picture under a window that moves over it by an affine map of its own in every frame, so
that the place of every pixel in any other frame, and whether it is seen there, follow by arithmetic.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import ndimage

import jaxstyle
from bench.pictures import SAMPLES, pixels

LEVELS = 255.0


@dataclass(frozen=True)
class Layer:
    """A picture and the window over it.

    Attributes:
        picture: of a sample, by name; mirrored beyond its border.
        maps: by frame, (2, 3): from a place (x, y, 1) of the frame to one of the picture.
        ellipse: the middle (x, y) in the picture and the half axes of the part that is there; None for all of it.
    """

    picture: str
    maps: np.ndarray
    ellipse: tuple[float, float, float, float] | None = None

    @cached_property
    def texture(self) -> np.ndarray:
        return pixels(SAMPLES / f"{self.picture}.jpg").astype(np.float64)

    def found(self, frame: int, places: np.ndarray) -> np.ndarray:
        """The places (H, W, 2) of a frame in the picture."""
        return places @ self.maps[frame, :, :2].T + self.maps[frame, :, 2]

    def to(self, frame: int, other: int, places: np.ndarray) -> np.ndarray:
        """Where the things at places (H, W, 2) of a frame lie in another."""
        return (self.found(frame, places) - self.maps[other, :, 2]) @ np.linalg.inv(self.maps[other, :, :2]).T

    def cover(self, frame: int, places: np.ndarray) -> np.ndarray:
        """How much of the layer there is at places of a frame, (H, W), from 0 to 1 over about a pixel at its edge."""
        if self.ellipse is None:
            return np.ones(places.shape[:2])
        x, y, across, down = self.ellipse
        radius = np.hypot(*np.moveaxis((self.found(frame, places) - (x, y)) / (across, down), 2, 0))
        return np.clip((1 - radius) * min(across, down) + 0.5, 0, 1)

    def drawn(self, frame: int, places: np.ndarray) -> np.ndarray:
        """The picture at places of a frame, (H, W, 3), by a cubic spline."""
        at = np.moveaxis(self.found(frame, places), 2, 0)[::-1]
        planes = [ndimage.map_coordinates(self.texture[..., k], at, order=3, mode="mirror") for k in range(3)]
        return np.stack(planes, 2)


class Motion(NamedTuple):
    """Of one frame to another.

    Attributes:
        flow: (H, W, 2), float32, pixels, x before y; what is at x lies at x + flow(x) in the other frame.
        visible: (H, W, 1), bool: whether it is seen there, neither outside nor behind a nearer layer.
    """

    flow: np.ndarray
    visible: np.ndarray


@dataclass(frozen=True)
class Film:
    """Frames with exact flow.

    Attributes:
        width, height: of a frame, in pixels.
        layers: the nearest first; the last one covers everything.
        gains: by frame, what its values are multiplied by.
        grain: deviation of the noise of each value, in levels of 255; another in every frame.
    """

    width: int
    height: int
    layers: tuple[Layer, ...]
    gains: np.ndarray
    grain: float = 0

    def __len__(self) -> int:
        return len(self.gains)

    @property
    def places(self) -> np.ndarray:
        """(H, W, 2): x before y of every pixel."""
        return np.stack(np.meshgrid(np.arange(self.width), np.arange(self.height)), 2).astype(np.float64)

    def frame(self, i: int) -> np.ndarray:
        """uint8 (H, W, 3)."""
        found = np.zeros((self.height, self.width, 3))
        for layer in reversed(self.layers):
            share = layer.cover(i, self.places)[..., None]
            found = found * (1 - share) + layer.drawn(i, self.places) * share
        noise = np.random.default_rng(i).normal(0, 1, found.shape) * self.grain
        return np.clip(np.round(found * self.gains[i] + noise), 0, 255).astype(np.uint8)

    def nearest(self, i: int, places: np.ndarray) -> np.ndarray:
        """Which layer is seen at places (H, W, 2) of a frame, (H, W)."""
        return np.argmax([layer.cover(i, places) >= 0.5 for layer in self.layers], 0)

    def motion(self, i: int, j: int) -> Motion:
        """Of frame i to frame j."""
        places = self.places
        seen = self.nearest(i, places)
        moved = np.select([seen[..., None] == k for k in range(len(self.layers))], [a.to(i, j, places) for a in self.layers])
        x, y = moved[..., 0], moved[..., 1]
        there = (x >= 0) & (x <= self.width - 1) & (y >= 0) & (y <= self.height - 1)
        visible = there & (self.nearest(j, moved) == seen)
        return Motion((moved - places).astype(np.float32), visible[..., None])

    def shots(self) -> Iterator[tuple[np.ndarray, Motion | None]]:
        """Every frame with its motion to the one before it; the first frame has none."""
        for i in range(len(self)):
            yield self.frame(i), self.motion(i, i - 1) if i else None


def _maps(frames: int, at: tuple[float, float], speed: tuple[float, float] = (0, 0)) -> np.ndarray:
    """A window that begins at a place of the picture and moves by so many pixels a frame."""
    offsets = np.asarray(at) + np.arange(frames)[:, None] * np.asarray(speed)
    return np.concatenate([np.broadcast_to(np.eye(2), (frames, 2, 2)), offsets[:, :, None]], 2)


def _turned(frames: int, size: tuple[int, int], at: tuple[float, float], zoom: float, degrees: float) -> np.ndarray:
    """A window that is zoomed into and turned about its middle, every frame by as much."""
    middle, found = (np.asarray(size) - 1) / 2, []
    for i in range(frames):
        angle, scale = np.radians(degrees * i), zoom**-i
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        found.append(np.column_stack([turn, middle - turn @ middle + at]))
    return np.stack(found)


def pan(width: int, height: int, frames: int) -> Film:
    """2.7 pixels to the right and 0.8 down a frame."""
    return Film(width, height, (Layer("coffee", _maps(frames, (40, 30), (2.7, 0.8))),), np.ones(frames))


def zoom(width: int, height: int, frames: int) -> Film:
    """2% a frame."""
    maps = _turned(frames, (width, height), (80, 60), 1.02, 0)
    return Film(width, height, (Layer("coffee", maps),), np.ones(frames))


def roll(width: int, height: int, frames: int) -> Film:
    """1.5 degrees a frame."""
    maps = _turned(frames, (width, height), (80, 60), 1, 1.5)
    return Film(width, height, (Layer("coffee", maps),), np.ones(frames))


def parallax(width: int, height: int, frames: int) -> Film:
    """A cat's face, an ellipse, moves to the right by 3.2 pixels a frame, before a background that moves to the left by 1.3."""
    half = width / 5, height / 3.2
    start = 235 - width / 3, 115 - height / 2
    near = Layer("chelsea", _maps(frames, start, (-3.2, 0.4)), (235, 115, *half))
    return Film(width, height, (near, Layer("coffee", _maps(frames, (40, 60), (1.3, 0)))), np.ones(frames))


def exposure(width: int, height: int, frames: int) -> Film:
    """A slow pan that becomes darker by 2% a frame."""
    return Film(width, height, (Layer("coffee", _maps(frames, (40, 30), (0.7, 0.3))),), 0.98 ** np.arange(frames))


def still(width: int, height: int, frames: int) -> Film:
    """A camera that does not move, with grain of 4 levels."""
    return Film(width, height, (Layer("coffee", _maps(frames, (80, 60))),), np.ones(frames), 4)


FILMS: dict[str, Callable[[int, int, int], Film]] = {
    maker.__name__: maker for maker in (pan, zoom, roll, parallax, exposure, still)
}
"""By name: width, height, number of frames -> a film."""


def warping_error(frames: Sequence[np.ndarray], motions: Sequence[Motion], back: int = 1, kernel: str = "cubic") -> float:
    """How much a film changes along its flow: the warping error of Lai et al., "Learning blind video temporal consistency"
    (ECCV 2018). It is the mean, over pairs of frames, of the squared difference of frame t and frame t - `back` warped onto it,
    over the pixels that are seen in both.

    Args:
        frames: (H, W, 3), uint8 or of the same range.
        motions: of frame t to frame t - `back`, for t from `back` on. Their masks count: that of a `Film` is exact.
            Lai et al. estimate it from flow there and back.
        kernel: of the warp. Lai et al. have ``"bilinear"``, whose blur counts as a change.

    Returns:
        Squared levels of 255, the mean of the channels.
    """
    errors = []
    for now, before, motion in zip(frames[back:], frames, motions, strict=False):
        warped = np.asarray(jaxstyle.warp(before / np.float32(LEVELS), motion.flow, kernel).picture) * LEVELS
        errors.append(float(np.square(now - warped).mean(2)[motion.visible[..., 0]].mean()))
    return float(np.mean(errors))
