"""Films by a network: `jaxstyle apply holiday.mp4 --style waves -o painted.mp4`."""

import argparse
from collections.abc import Callable
from typing import Any

from jaxstyle.cli.film import Asked, asked, chosen, make
from jaxstyle.domains.apply import loaded as domain_network, no_style
from jaxstyle.films.part import Part
from jaxstyle.films.produce import Painter
from jaxstyle.onepass.frames import FramePainter, members
from jaxstyle.onepass.painting import Manner, check_memory
from jaxstyle.onepass.regions import FrameOverlays, mask_files, parse_overlays
from jaxstyle.pictures.size import parse_size
from jaxstyle.styles.apply import loaded, manner_of


def films(options: argparse.Namespace) -> int:
    """Paints one film."""
    low = check_memory(options.memory)
    size = None if options.size is None else parse_size(options.size)
    film = asked(options, options.pictures, options.made, size, mask_files(options.regions))
    return make(options, film, _Way(options, film, low))


class _Way:
    """See `film.Way`."""

    def __init__(self, options: argparse.Namespace, asked: Asked, low: bool):
        names = ("style", "direction", "strength", "size", "color_space", "start", "end", "fps", "codec")
        given, (manner, network, manner_of) = chosen(options, *names), _manner(options)
        over = None
        if regions := parse_overlays(options.regions, manner_of):
            stretched = asked.film.aspect != 1 or (options.size is not None and len(parse_size(options.size).sides) == 2)
            over = FrameOverlays(regions, asked.film.size, options.feather, stretched)
            given |= {"regions": options.regions, "feather": options.feather}
        self.config, self.head = given | {"memory": options.memory}, {"network": network}
        self.inputs: dict[str, Any] = {} if over is None else {"regions": over.sources}
        self.key = {"network": network["sha256"] or network["name"], **given, **self.inputs}
        self._film = asked.film
        self._painter = FramePainter(manner, members(*asked.film.size), low, options.color_space, over)

    def painter(self, part: Part, within: Callable[[str, float], object]) -> Painter:
        if wanted := min(self._painter.recalled, part.done):
            frames = self._film.frames(part.done - wanted)
            self._painter.recall(frame.picture for frame, _ in zip(frames, range(wanted), strict=False))
        return self._painter

    def work(self, frames: float) -> float:
        return frames

    def tail(self) -> dict[str, Any]:
        return {"compile": self._painter.compiler.seconds}


def _manner(options: argparse.Namespace) -> tuple[Manner, dict[str, Any], Callable[[Any], Manner]]:
    """How frames are painted, what the record says of the network, and how regions are."""
    if options.style is None:
        held, about = domain_network(options.network)
        return Manner(held.styled(options.direction), options.strength), about, no_style
    network, about = loaded(options.network)

    def manner(style: Any) -> Manner:
        return manner_of(network, style, options.strength)

    return manner(options.style), about, manner
