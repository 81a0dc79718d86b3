"""The preview of a larger picture: the run that `AUTO` begins with, as the user would ask for it alone."""

from dataclasses import replace

from jaxstyle.pictures.size import MIN_SIDE, Size, parse_size
from jaxstyle.plans import schedule
from jaxstyle.plans.config import Config


def preview_of(config: Config, width: int, height: int) -> Config | None:
    """The settings of the preview of a `width` x `height` picture; None where it is made at its own size alone."""
    first, *finer = schedule.preview_sizes(width, height)
    if not finer:
        return None
    wish = Size(()) if config.size is None else parse_size(config.size)
    sides = first if len(wish.sides) == 2 else (min(first) if wish.shorter else max(first),)
    style_size = None
    if config.style_size is not None:
        styles = parse_size(config.style_size, argument="style_size")
        factor = max(first) / max(width, height)
        style_size = str(replace(styles, sides=tuple(max(MIN_SIDE, round(side * factor)) for side in styles.sides)))
    return replace(config, size=str(replace(wish, sides=sides)), style_size=style_size, scales=None, devices=1)
