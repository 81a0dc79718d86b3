"""Films by optimisation: `jaxstyle video holiday.mp4 starry_night.jpg -o painted.mp4`."""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxstyle.cli.film import Asked, asked, make
from jaxstyle.cli.options import config_of
from jaxstyle.cli.values import positive, real
from jaxstyle.errors import InputError, named
from jaxstyle.films.film import Frame
from jaxstyle.films.part import Part
from jaxstyle.films.produce import Painter
from jaxstyle.films.recalled import recalled
from jaxstyle.pictures.find import expand
from jaxstyle.pictures.size import USUAL, Size, parse_size
from jaxstyle.plans.config import Config
from jaxstyle.plans.plan import Plan
from jaxstyle.plans.regions import files_of
from jaxstyle.plans.resolve import resolve
from jaxstyle.results import record
from jaxstyle.runs.loop import Progress
from jaxstyle.video.painter import LAGS, FilmPainter
from jaxstyle.video.settings import STEADY


def video(options: argparse.Namespace) -> int:
    """Paints one film in the style of one or more pictures."""
    config, steady = config_of(options, Config()), STEADY if options.steady is None else real("steady", options.steady)
    options.save_every = positive("save_every", options.save_every) if options.save_every else 0
    styles = expand(options.styles, argument="style")
    options.made = Path(styles[0]).stem
    film, plan = planned(options, [options.film], styles, config, steady)
    return make(options, film, _Way(options, film, plan, config, steady))


def planned(
    options: argparse.Namespace, given: list[str], styles: list[str], config: Config, steady: float
) -> tuple[Asked, Plan]:
    """The film that is asked for, and the plan of its first frame."""
    check(config, steady)
    size = Size((USUAL,), gentle=True) if config.size is None else parse_size(config.size)
    film = asked(options, given, options.made, size, [*styles, *files_of(config.regions)])
    first = next(film.film.frames()).picture
    pixels = first.rgb if first.alpha is None else np.dstack([first.rgb, first.alpha])
    return film, resolve(pixels, styles, replace(config, size="content"))


def check(config: Config, steady: float) -> None:
    """What is wrong for every film is said before it is read.

    Raises:
        InputError: for a steadiness beyond its range, or an option that is not for films.
    """
    if not 0 <= steady <= 1:
        raise InputError("steady", steady, "must be a number from 0 to 1")
    if config.colors == "style-only":
        raise InputError("colors", config.colors, "paints nothing, and is for pictures", "give another, or leave it out")
    if config.color_space is not None and config.colors != "content":
        problem = (
            f"is not for films, but with {named('colors', 'content')}: a frame begins with the one before it as it is seen"
        )
        raise InputError("color_space", config.color_space, problem, "leave it out")
    if config.devices != 1:
        raise InputError("devices", config.devices, "is for pictures: a film's frames follow each other", "leave it out")


class _Facts(NamedTuple):
    """What is known of a painted frame when its picture is gone."""

    number: int
    evaluations: int
    loss: dict[str, float]
    is_first: bool
    change: float | None


class _Way:
    """See `film.Way`."""

    def __init__(self, options: argparse.Namespace, asked: Asked, plan: Plan, config: Config, steady: float):
        self._film, self._plan, self._steady = asked.film, plan, steady
        self._painter: FilmPainter | None = None
        self._painted: list[_Facts] = []
        self._from = 0
        given = {name: value for name, value in asdict(config).items() if value != getattr(Config(), name)}
        given |= {name: value for name in ("start", "end", "fps", "codec") if (value := getattr(options, name)) is not None}
        given = record.plain(given | {"steady": steady})
        self.config = given | {"memory": config.memory}
        sources = plan.sources
        self.inputs = {name: source for name, source in sources.items() if name != "content"}
        self.head = {
            "objective": plan.objective,
            "start": plan.start,
            "network": plan.network.params.architecture.name,
            "weights": {"name": plan.network.name, "sha256": plan.network.sha256},
            "solver": plan.method.solver,
            "preconditioner": plan.method.preconditioner,
            "colours": plan.colours,
            "style_sizes": [picture.size for picture in plan.styles],
            "flow": "raft-small, refined",
            "frames_back": LAGS,
        }
        settings = {name: value for name, value in given.items() if name != "memory"}
        self.key = settings | {"styles": [source["sha256"] for source in sources["styles"]], "plan": plan.key}

    def painter(self, part: Part, within: Callable[[str, float], object]) -> Painter:
        number = self._from = part.done

        def tell(progress: Progress) -> None:
            share = progress.evaluation / progress.evaluations
            within(f"frame {number + 1}, evaluation {progress.evaluation} of {progress.evaluations}", share)

        painter = self._painter = FilmPainter(self._plan, self._steady, tell)
        painter.recall(*recalled(part, self._film, max(LAGS)))

        def paint(frames: Iterator[Frame]) -> Iterator[tuple[Frame, np.ndarray]]:
            nonlocal number
            before, image = None, None
            for frame in frames:
                if image is None or frame.picture is not before:
                    painted = painter.paint(frame.picture)
                    image = painted.image
                    self._painted.append(_Facts(number, painted.evaluations, painted.loss, painted.is_first, painted.change))
                before, number = frame.picture, number + 1
                yield frame, image

        return paint

    def work(self, frames: float) -> float:
        first, later = (1, 1) if self._painter is None else self._painter.budgets
        return later * frames + (first - later) * min(1.0, frames)

    def tail(self) -> dict[str, Any]:
        """The numbers of this run."""
        assert self._painter is not None
        changes = [painted.change for painted in self._painted if painted.change is not None]
        last = self._painted[-1].loss if self._painted else {}
        return {
            "compile": self._painter.compiler.seconds,
            "evaluations": sum(painted.evaluations for painted in self._painted),
            "painted_from": self._from + 1,
            "scenes": [painted.number + 1 for painted in self._painted if painted.is_first],
            "loss": last,
            "steadiness": {"warping_error": round(float(np.mean(changes)), 3)} if changes else None,
        }
