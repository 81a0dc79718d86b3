"""The frames of a film through a network: several at once where that pays, a frame that repeats the one before not again."""

from collections.abc import Generator, Iterable, Iterator

import jax
import numpy as np

from jaxstyle.films.film import Frame
from jaxstyle.machine.compiler import Compiler
from jaxstyle.onepass.painting import Manner, rendered_all
from jaxstyle.onepass.regions import FrameOverlays, Overlays, mixed
from jaxstyle.pictures.read import Picture, as_float
from jaxstyle.pictures.spaces import with_colours_of

Made = tuple[Picture, np.ndarray]
"""A picture, and what it became."""
TOGETHER, PIXELS = 8, 2**23
"""Frames that an accelerator paints at once, at the most, and their pixels; a CPU is busy with one."""


def members(width: int, height: int) -> int:
    """How many frames of this size are painted at once."""
    if jax.local_devices()[0].platform == "cpu":
        return 1
    return max(1, min(TOGETHER, PIXELS // (width * height)))


class FramePainter:
    """Paints frames of one size, in order; a `films.produce.Painter`.

    Args:
        manner: how.
        count: frames at once.
        low: whether every frame is painted strip by strip.
        space: the colour space in which the film's own colours are put back; None for not at all.
        overlays: regions of the frames; None where there are none.

    Attributes:
        compiler: counts the seconds of compiling.
    """

    def __init__(self, manner: Manner, count: int, low: bool, space: str | None, overlays: FrameOverlays | None = None):
        self._manner, self._count, self._low, self._space, self._overlays = manner, count, low, space, overlays
        self.compiler = Compiler()

    @property
    def recalled(self) -> int:
        """How many of the last frames `recall` takes."""
        return 0 if self._overlays is None else self._overlays.recalled

    def recall(self, frames: Iterable[Picture]) -> None:
        """Takes frames that were painted before, the latest last: their masks count for those of the next ones."""
        for frame in frames:
            if self._overlays is not None:
                self._overlays.at(frame)

    def __call__(self, frames: Iterator[Frame]) -> Iterator[tuple[Frame, np.ndarray]]:
        """Each frame with its painting, float32 (H, W, 3) in [0, 1]."""
        before: Made | None = None
        waiting: list[Frame] = []
        for frame in frames:
            if waiting and len(_distinct(waiting, before)) >= self._count:
                before = yield from self._painted(waiting, before)
                waiting = []
            waiting.append(frame)
            if self._count == 1:  # nothing is held back where nothing is gained
                before = yield from self._painted(waiting, before)
                waiting = []
        if waiting:
            yield from self._painted(waiting, before)

    def _painted(self, frames: list[Frame], before: Made | None) -> Generator[tuple[Frame, np.ndarray], None, Made | None]:
        pictures = _distinct(frames, before)
        images = self._rendered(self._manner, pictures)
        if self._overlays is not None:
            pairs = zip(images, pictures, strict=True)
            images = [self._mixed(image, picture, self._overlays.at(picture)) for image, picture in pairs]
        if self._space is not None:
            pairs = zip(images, pictures, strict=True)
            images = [with_colours_of(image, as_float(picture), self._space) for image, picture in pairs]
        made = iter(zip(pictures, images, strict=True))
        for frame in frames:
            if before is None or frame.picture is not before[0]:
                before = next(made)
            yield frame, before[1]
        return before

    def _rendered(self, manner: Manner, pictures: list[Picture]) -> list[np.ndarray]:
        return rendered_all(manner, pictures, self._count, self._low, self.compiler) if pictures else []

    def _mixed(self, image: np.ndarray, picture: Picture, overlays: Overlays) -> np.ndarray:
        return mixed(image, overlays, picture, lambda manner: self._rendered(manner, [picture])[0])


def _distinct(frames: list[Frame], before: Made | None) -> list[Picture]:
    """Their pictures, repeated ones once."""
    found = [] if before is None else [before[0]]
    for frame in frames:
        if not found or frame.picture is not found[-1]:
            found.append(frame.picture)
    return found[before is not None :]
