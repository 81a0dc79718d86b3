"""A run from its smallest size to the full one: for one picture, or for the members of a batch side by side."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple

from jaxstyle import memory, pyramid
from jaxstyle.compiler import Compiler
from jaxstyle.config import metric_of
from jaxstyle.devices import Layout, layout_of
from jaxstyle.errors import JaxstyleError
from jaxstyle.loop import Entry, Outcome, Progress, run_members
from jaxstyle.prepare import Inputs, Pictures, resized, starting_image
from jaxstyle.stages import Engine, compile_engine


class Found(NamedTuple):
    """A run's last outcome with the trace of the whole run, and the size, metric and evaluations of each of its stages."""

    outcome: Outcome
    stages: list[dict[str, Any]]


def compile_engines(
    run: Inputs,
    compiler: Compiler,
    *,
    members: int | None = None,
    layout: Layout | None = None,
    measured: bool | None = None,
    pictures: Pictures | None = None,
) -> list[Engine]:
    """An engine for each size of a run, from the smallest to the full one; by default on as many devices as the run wants."""
    sizes = pyramid.sizes(*run.content.size, run.config.scales)
    how: Any = dict(members=members, measured=measured)
    layouts = [layout or layout_of(*size, run.config.devices) for size in sizes]
    return [
        compile_engine(resized(run, *size, pictures), compiler, layout=place, **how)
        for size, place in zip(sizes, layouts, strict=True)
    ]


def compile_to_fit(
    run: Inputs, compiler: Compiler, *, lower: bool = True, pictures: Pictures | None = None, **how: Any
) -> tuple[list[Engine], int, int | None]:
    """`compile_engines`, strip by strip where the run does not fit otherwise and has the choice (`Config.memory`).

    Args:
        lower: False to leave it at what was asked for.

    Returns:
        The engines, the bytes that they need, and those that are free; None where the device does not say.
    """
    engines = compile_engines(run, compiler, pictures=pictures, **how)
    needed, free = memory_of(engines, run, pictures), memory.available()
    if free is None or needed <= free or not lower or run.config.memory == "low" or run.config.devices != 1:
        return engines, needed, free
    engines = compile_engines(run.low, compiler, pictures=pictures, **how)
    return engines, memory_of(engines, run.low, pictures), free


def memory_of(engines: Sequence[Engine], run: Inputs, pictures: Pictures | None = None) -> int:
    """`Engine.memory` of the size of a run that takes the most."""
    return max(engine.memory([resized(run, *engine.size, pictures)]) for engine in engines)


def search(
    engines: Sequence[Engine],
    runs: Sequence[Inputs],
    callback: Callable[[list[Progress]], Any] | None = None,
    pictures: Pictures | None = None,
) -> list[Found | JaxstyleError]:
    """Searches for the pictures of one or more runs of one size and method.

    Args:
        engines: one for each size.
        runs: as many as the engines' members, or fewer.
        callback: told of every run's progress after each accepted iterate; a true answer stops them all.
        pictures: where resized pictures are kept.

    Returns:
        By run, what was found, or an error where its loss was not finite at the start.
    """
    plans = [pyramid.stages(run.config.evaluations, run.config.scales, metric_of(run.config)) for run in runs]
    limits = [list(accumulate(stage.evaluations for stage in plan)) for plan in plans]
    totals = [limit[-1] for limit in limits]
    traces: list[list[Entry]] = [[] for _ in runs]
    done: list[list[dict[str, Any]]] = [[] for _ in runs]
    found: list[Found | JaxstyleError | None] = [None] * len(runs)
    reached: dict[int, tuple[Any, Any, Engine]] = {}  # the last stage's image, where a run at its size starts, its engine
    spent = [(0, 0.0)] * len(runs)
    stopped: dict[int, str] = {}

    def tell(progress: list[Progress], live: list[int]) -> Any:
        whole = [replace(p, evaluations=totals[i]) for p, i in zip(progress, live, strict=True)]
        return callback is not None and callback(whole)

    def begin(i: int, engine: Engine, run: Inputs) -> tuple[Any, Any]:  # where a stage starts, and a run at its size
        if i in reached and reached[i][2] is engine:
            return reached[i][:2]
        start = starting_image(run)
        return pyramid.hand_over(*reached[i][:2], start) if i in reached else start, start

    for number, stage in enumerate(plans[0] if plans else ()):  # alike in all runs of a method, but for the evaluations
        engine, last = engines[stage.scale], number + 1 == len(plans[0])
        live = [i for i, end in enumerate(found) if end is None and (last or limits[i][number] > spent[i][0])]
        if not live or (stopped and not last):
            continue
        here = [resized(runs[i], *engine.size, pictures) for i in live]
        starts, own = zip(*(begin(i, engine, run) for i, run in zip(live, here, strict=True)), strict=True)
        ends = run_members(
            engine.task(here, starts, stage.metric),
            engine.params,
            engine.method,
            # a stopped run is still measured at full size
            budgets=[spent[i][0] + 1 if stopped else limits[i][number] for i in live],
            spent=[spent[i] for i in live],
            callback=None if stopped else partial(tell, live=live),
            programs=engine.programs,
        )
        for i, start, end in zip(live, own, ends, strict=True):
            if isinstance(end, JaxstyleError):
                found[i] = end
                continue
            traces[i] += end.trace
            done[i].append({"size": engine.size, "metric": stage.metric, "evaluations": end.evaluations - spent[i][0]})
            reached[i], spent[i] = (end.image, start, engine), (end.evaluations, end.seconds)
            if end.stopped_by_callback:
                stopped[i] = f"stopped on request after {end.evaluations} of {totals[i]} evaluations"
        if stopped and not last:  # members whose part of the stage was over just then
            for i in live:
                stopped.setdefault(i, f"stopped on request after {spent[i][0]} of {totals[i]} evaluations")
        over = last or (stopped and engine is engines[-1])
        for i, end in zip(live, ends, strict=True):
            if over and not isinstance(end, JaxstyleError):
                reason = stopped.get(i) or end.stop_reason
                whole = end._replace(trace=traces[i], stop_reason=reason, stopped_by_callback=i in stopped)
                found[i] = Found(whole, done[i])
    return [end for end in found if end is not None]
