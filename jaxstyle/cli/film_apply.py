"""Films by a network: `jaxstyle apply holiday.mp4 --style waves -o painted.mp4`."""

import argparse
from collections.abc import Callable
from typing import Any

from jaxstyle.cli.film import Asked, asked, chosen, make
from jaxstyle.domains.apply import loaded as domain_network
from jaxstyle.films.part import Part
from jaxstyle.films.produce import Painter
from jaxstyle.onepass.frames import FramePainter, members
from jaxstyle.onepass.painting import Manner, check_memory
from jaxstyle.pictures.size import parse_size
from jaxstyle.styles.apply import loaded, manner_of


def films(options: argparse.Namespace) -> int:
    """Paints one film."""
    low = check_memory(options.memory)
    size = None if options.size is None else parse_size(options.size)
    film = asked(options, options.pictures, options.made, size)
    return make(options, film, _Way(options, film, low))


class _Way:
    """See `film.Way`."""

    def __init__(self, options: argparse.Namespace, asked: Asked, low: bool):
        names = ("style", "direction", "strength", "size", "color_space", "start", "end", "fps", "codec")
        given, (manner, network) = chosen(options, *names), _manner(options)
        self.config, self.inputs, self.head = given | {"memory": options.memory}, dict[str, Any](), {"network": network}
        self.key = {"network": network["sha256"] or network["name"], **given}
        self._painter = FramePainter(manner, members(*asked.film.size), low, options.color_space)

    def painter(self, part: Part, within: Callable[[str, float], object]) -> Painter:
        return self._painter

    def work(self, frames: float) -> float:
        return frames

    def tail(self) -> dict[str, Any]:
        return {"compile": self._painter.compiler.seconds}


def _manner(options: argparse.Namespace) -> tuple[Manner, dict[str, Any]]:
    """How frames are painted, and what the record says of the network."""
    if options.style is None:
        held, about = domain_network(options.network)
        return Manner(held.styled(options.direction), options.strength), about
    held, about = loaded(options.network)
    return manner_of(held, options.style, options.strength), about
