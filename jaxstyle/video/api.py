"""Films from Python: `jaxstyle.stylize_frames`."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from jaxstyle.errors import InputError
from jaxstyle.machine.modes import computing
from jaxstyle.pictures.find import one
from jaxstyle.pictures.read import load, resize
from jaxstyle.plans.config import Config, make_config
from jaxstyle.plans.library import Library
from jaxstyle.plans.resolve import resolve
from jaxstyle.runs.loop import Progress
from jaxstyle.video.painter import FilmPainter, PaintedFrame
from jaxstyle.video.settings import STEADY


def stylize_frames(
    frames: Iterable[Any],
    style: Any,
    *,
    steady: float = STEADY,
    config: Config | None = None,
    callback: Callable[[Progress], object] | None = None,
    **options: Any,
) -> Iterator[PaintedFrame]:
    """Paints the frames of a film by optimisation, each on from the one before (Ruder, Dosovitskiy, Brox, GCPR 2016).

    Args:
        frames: pictures, as `stylize` takes them; those of another size than the first are scaled to it. They are asked for one
            by one, and one that is the same object as that before it is not painted again.
        style: as of `stylize`.
        steady: 0 to 1, how much a frame is held to the painting of the one before.
        config: all settings; the defaults otherwise. Later frames get a sixth of the evaluations.
        callback: told how far a frame is.
        **options: fields of `Config` to change.

    Returns:
        An iterator over a `PaintedFrame` for each frame.

    Raises:
        InputError (ImageError, WeightsError among them): one line that names the argument, its value and the remedy, with the
            first frame.
    """
    config = make_config(config, **options)
    if not 0 <= steady <= 1:
        raise InputError("steady", steady, "must be a number from 0 to 1")

    def painted() -> Iterator[PaintedFrame]:
        painter = before = made = size = None
        for frame in frames:
            if made is None or frame is not before:
                with computing():
                    picture = load(one(frame, argument="frames"), argument="frames")
                    if painter is None or size is None:
                        plan = resolve(frame, style, config, Library(lenient=True))
                        painter, size = FilmPainter(plan, steady, callback), plan.content.size
                    made = painter.paint(resize(picture, *size))
            before = frame
            yield made

    return painted()
