"""Films by optimisation: `jaxstyle video holiday.mp4 starry_night.jpg -o painted.mp4`."""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxstyle.cli.display import Display, duration
from jaxstyle.cli.film import Asked, asked, film_of, make
from jaxstyle.cli.options import config_of
from jaxstyle.cli.values import positive, real
from jaxstyle.errors import InputError, named
from jaxstyle.films.film import Frame
from jaxstyle.films.forms import form_of
from jaxstyle.films.part import Part
from jaxstyle.films.produce import Painter
from jaxstyle.films.recalled import recalled
from jaxstyle.machine.memory import gigabytes
from jaxstyle.pictures.find import expand
from jaxstyle.pictures.read import as_float
from jaxstyle.pictures.size import USUAL, Size, parse_size
from jaxstyle.plans.config import Config
from jaxstyle.plans.library import Library
from jaxstyle.plans.plan import Plan
from jaxstyle.plans.regions import files_of
from jaxstyle.plans.resolve import resolve
from jaxstyle.results import record
from jaxstyle.runs.loop import Progress
from jaxstyle.transfer.estimate import estimate as estimate_run
from jaxstyle.video.carrying import Earlier, carry
from jaxstyle.video.painter import LAGS, FilmPainter, budgets_of
from jaxstyle.video.settings import STEADY

BYTES = 0.2
"""A pixel and frame, about, that H.264 takes for paintings."""


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
    film = asked(options, given, options.made, _size(config), [*styles, *files_of(config.regions)])
    return film, _plan(next(film.film.frames()), styles, config)


def _size(config: Config) -> Size:
    return Size((USUAL,), gentle=True) if config.size is None else parse_size(config.size)


def _plan(first: Frame, styles: list[str], config: Config) -> Plan:
    picture = first.picture
    pixels = picture.rgb if picture.alpha is None else np.dstack([picture.rgb, picture.alpha])
    return resolve(pixels, styles, replace(config, size="content"), Library(lenient=True))


def estimate(options: argparse.Namespace) -> int:
    """Prints what a film will take."""
    config, (given, *styles) = config_of(options, Config()), options.pictures
    check(config, STEADY)
    film = film_of(options, [given], form_of("film.mp4"), _size(config))
    (first, *more), styles = list(islice(film.frames(), 3)), expand(styles, argument="style")
    plan, later = _plan(first, styles, config), (more or [first])[-1].picture
    with Display(None, quiet=False) as display:
        how: Any = dict(config=replace(config, size="content"), saying=display.doing)
        found = estimate_run(first.picture.rgb, styles, **how)
        frames = [as_float(picture) for picture in (later, first.picture)]
        carry(frames[0], [Earlier(frames[1], frames[1])])
        began = time.perf_counter()
        jax.block_until_ready(carry(frames[0], [Earlier(frames[1], frames[1])]))
        carrying = time.perf_counter() - began
    (once, each), (width, height), count = budgets_of(plan), film.size, film.count
    every = each * found.evaluation + carrying
    print(f"size            {width}x{height}, style {', '.join(f'{w}x{h}' for w, h in found.style_sizes)}")
    print(f"memory          {gigabytes(found.memory)}{', strip by strip' * found.strips}")
    print(f"compiling       {found.compiling:.1f} s, where it was not compiled before")
    print(f"first frame     {duration(found.seconds)}, {once} evaluations; the same after every cut")
    print(f"each later one  {every:.2g} s, {each} evaluations of {found.evaluation:.2g} s and {carrying:.2g} s for its motion")
    if count is None:
        print("the film        says not how long it is")
        return 0
    seconds, size = found.seconds + every * (count - 1), BYTES * width * height * count
    print(f"{count:<5} frames    {duration(seconds)} without cuts; about {gigabytes(round(size))} on the disk as .mp4")
    return 0


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
        problem, remedy = "is for pictures: a frame goes on from the one before as it was seen", named("colors", "content")
        raise InputError("color_space", config.color_space, problem, f"leave it out, or give {remedy}")
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
        if "regions" in sources:  # a word's mask is another one in each frame
            of_first = ("path", "sha256")
            self.inputs["regions"] = [
                {name: value for name, value in source.items() if "word" not in source or name not in of_first}
                if source["role"] == "mask"
                else source
                for source in sources["regions"]
            ]
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
        painter.recall(*recalled(part, self._film, painter.recalled))

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
