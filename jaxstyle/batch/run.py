"""Many pictures: those of one shape and method run as members of one `vmap`, as many at a time as fit and pay.

A batch shares one loop, one compiled program and the network; each member has its own start, targets, weights, trace, best
image and reason to stop, and comes out as the same run alone would.
"""

import math
from collections.abc import Callable, Container, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax

from jaxstyle.batch.jobs import Job, make_jobs
from jaxstyle.batch.survey import Known, plan_of, survey
from jaxstyle.errors import InputError, JaxstyleError, as_ours
from jaxstyle.machine import memory
from jaxstyle.machine.compiler import Compiler
from jaxstyle.machine.devices import members_layout
from jaxstyle.machine.modes import computing
from jaxstyle.plans.config import Config
from jaxstyle.plans.library import Library
from jaxstyle.plans.plan import Plan
from jaxstyle.runs.checkpoint import Checkpoint
from jaxstyle.runs.engine import Engine, compile_to_fit
from jaxstyle.runs.loop import Progress
from jaxstyle.runs.run import run_plans
from jaxstyle.transfer.stylize import Result, finish, recolour

PAYS = {"cpu": 8 * 128 * 128}
"""Pixels of a batch beyond which more members gain nothing, by platform; measured by `pytest bench -k together`: on two cores
pictures of 128x128 come 1.5 times as fast by eights, of 256x256 as fast as one after another, of 512x512 slower."""
ELSEWHERE = 16 * 512 * 512
"""The same on accelerators, for each device: not measured yet."""
MOST = 16
"""Members on one device."""


@dataclass(frozen=True)
class BatchProgress:
    """What a batch's callback is told after an accepted iterate of the pictures in hand.

    Attributes:
        done: pictures that are finished or failed.
        pictures: how many there are.
        jobs: which ones are in hand, as indices.
        members: the progress of each of those.
    """

    done: int
    pictures: int
    jobs: tuple[int, ...]
    members: tuple[Progress, ...]


BatchCallback = Callable[[BatchProgress], Any]
Keeper = Callable[[Mapping[int, Plan]], Checkpoint]
"""Gives the checkpoint of some jobs that run at once."""


@dataclass
class Bucket:
    """Jobs that can share a program: one size, one method, one network.

    Attributes:
        jobs: indices.
        measured: whether the canonical loss of any must be measured along the way.
        is_instant: whether nothing is painted.
    """

    jobs: list[int]
    measured: bool
    is_instant: bool


def buckets_of(known: Mapping[int, Known]) -> list[Bucket]:
    """Sorts jobs into buckets, in the order of their first ones."""
    found: dict[Hashable, Bucket] = {}
    for index, one in known.items():
        bucket = found.setdefault(one.kind, Bucket([], False, not one.evaluations))
        bucket.jobs.append(index)
        bucket.measured |= not one.canonical
    return list(found.values())


def members_at_once(jobs: int, width: int, height: int, devices: int, batch_size: int | None) -> int:
    """How many of these pictures run at once: the same number in every chunk, a multiple of the devices.

    Args:
        jobs: pictures of this size.
        width, height: of each.
        devices: among which they are spread.
        batch_size: the most that the user wants; by default what pays.
    """
    pays = PAYS.get(jax.default_backend(), ELSEWHERE)
    most = batch_size or min(MOST, max(1, pays // (width * height))) * devices
    chunks = math.ceil(jobs / most)
    return math.ceil(jobs / chunks / devices) * devices


def run_jobs(
    jobs: Sequence[Job],
    *,
    known: Mapping[int, Known] | None = None,
    there: Container[int] = (),
    batch_size: int | None = None,
    callback: BatchCallback | None = None,
    library: Library | None = None,
    keeper: Keeper | None = None,
) -> Iterator[tuple[int, Result | JaxstyleError]]:
    """Makes pictures, each given out as soon as it is finished.

    Args:
        jobs: from `make_jobs`.
        known: those of the batch, from `survey`; all by default.
        there: those of them that are made already. The others run in the company that they would have had.
        batch_size: the most to run at once; by default as many as pay on this machine. Fewer where memory is short.
        callback: called with a `BatchProgress` after each accepted iterate; a true answer ends the batch: the pictures in
            hand come out as they are, the others do not.
        library: where pictures that were read already are kept.
        keeper: gives the checkpoint of some jobs with their plans; none by default.

    Yields:
        The index of a job with its result, or with an error where a picture cannot be read or went away, a setting cannot be,
        its loss is not finite at the start, its size does not fit, or whatever else goes wrong: the others go on. An error of
        another kind is the ``__cause__`` of the one that is given. What the callback raises ends the batch.

    Raises:
        InputError: before anything is computed, where `batch_size` is wrong or no job at all can be made.
    """
    if batch_size is not None and (not isinstance(batch_size, int) or batch_size < 1):
        raise InputError("batch_size", batch_size, "must be a whole number of at least 1")
    library = library or Library()
    if known is None:
        known, bad = survey(jobs, library)
        if bad and not known:
            raise next(iter(bad.values()))[0]
        yield from ((index, errors[0]) for index, errors in bad.items())
    hand = _Hand(callback, sum(index not in there for index in known))
    for bucket in buckets_of(known):
        if all(index in there for index in bucket.jobs):
            continue
        for index, result in _run_bucket(bucket, jobs, there, library, batch_size, hand, keeper):
            hand.done += 1
            yield index, result
        if hand.stopped:
            return


@dataclass
class _Hand:
    """What the callback is told between chunks, and what it said, or raised."""

    callback: BatchCallback | None
    pictures: int
    done: int = 0
    stopped: bool = False
    raised: Exception | None = None

    def tell(self, members: list[Progress], jobs: list[int]) -> bool:
        """Passes the progress of some jobs on; a true answer holds from then on."""
        progress = BatchProgress(self.done, self.pictures, tuple(jobs), tuple(members))
        try:
            self.stopped = self.stopped or bool(self.callback and self.callback(progress))
        except Exception as error:
            self.raised = error
            raise
        return self.stopped

    def failed(self, error: Exception) -> JaxstyleError:
        """An error of a picture as one of ours; that of the callback is none, and is raised again."""
        if error is self.raised:
            raise error
        return as_ours(error)


def _run_bucket(
    bucket: Bucket,
    jobs: Sequence[Job],
    there: Container[int],
    library: Library,
    batch_size: int | None,
    hand: _Hand,
    keeper: Keeper | None,
) -> Iterator[tuple[int, Result | JaxstyleError]]:
    if bucket.is_instant:
        yield from _recolour(bucket, jobs, there, library, hand)
        return
    compiler = Compiler()

    def each_alone(indices: Sequence[int], error: Exception) -> Iterator[tuple[int, Result | JaxstyleError]]:
        """What went wrong for several may be the fault of one."""
        failure, wanted = hand.failed(error), [index for index in indices if index not in there]
        if len(indices) == 1:
            yield from ((index, failure) for index in wanted)
            return
        for index in wanted:
            if not hand.stopped:
                yield from _run_bucket(replace(bucket, jobs=[index]), jobs, there, library, 1, hand, keeper)

    try:
        engines, needed = _compile(bucket, jobs, library, batch_size, compiler)
    except Exception as error:
        yield from each_alone(bucket.jobs, error)
        return
    size = engines[-1].members or 1
    for first in range(0, len(bucket.jobs), size):
        chunk = bucket.jobs[first : first + size]
        if all(index in there for index in chunk):
            continue
        if hand.stopped:
            return
        plans: dict[int, Plan] = {}
        for index in chunk:
            try:
                plans[index] = plan_of(jobs[index], library)
            except Exception as error:  # it was there when the batch began
                if index not in there:
                    yield index, hand.failed(error)
        if not plans:
            continue
        # Where they were left half-way all of them go on, as they were; else only those that are wanted begin.
        checkpoint = keeper and keeper(plans)
        wanted = {index: plan for index, plan in plans.items() if index not in there}
        if len(wanted) < len(plans) and not (checkpoint and checkpoint.is_there()):
            plans, checkpoint = wanted, keeper and keeper(wanted)
        costs = {"compile": compiler.seconds, "predicted": needed}
        how: Any = dict(library=library, checkpoint=checkpoint)
        try:
            ends = run_plans(engines, [*plans.values()], partial(hand.tell, jobs=[*plans]), **how)
        except Exception as error:
            yield from each_alone([*plans], error)
            continue
        for place, ((index, plan), end) in enumerate(zip(plans.items(), ends, strict=True)):
            if index in there:
                continue
            try:
                batch = {"members": len(plans), "member": place}
                made = end if isinstance(end, JaxstyleError) else finish(plan, end, engines[-1], costs, batch=batch)
            except Exception as error:
                made = hand.failed(error)
            yield index, made
        if checkpoint and not hand.stopped:
            checkpoint.remove()


def _recolour(
    bucket: Bucket, jobs: Sequence[Job], there: Container[int], library: Library, hand: _Hand
) -> Iterator[tuple[int, Result | JaxstyleError]]:
    """Makes pictures of which nothing is painted."""
    for index in bucket.jobs:
        if index in there:
            continue
        if hand.tell([], [index]):
            return
        try:
            made = recolour(plan_of(jobs[index], library), batch={"members": 1, "member": 0})
        except Exception as error:  # it was there when the batch began
            made = hand.failed(error)
        yield index, made


def _compile(
    bucket: Bucket, jobs: Sequence[Job], library: Library, batch_size: int | None, compiler: Compiler
) -> tuple[list[Engine], float]:
    """The engines of a bucket with as many members as fit, and the bytes that they will take."""
    plan = plan_of(jobs[bucket.jobs[0]], library)
    (width, height), shared = plan.content.size, plan.devices
    here = jax.local_devices()
    devices = here[: min(len(here), len(bucket.jobs))] if shared == 1 else here[:1]
    members = members_at_once(len(bucket.jobs), width, height, len(devices), batch_size if shared == 1 else 1)

    layout = members_layout(devices) if shared == 1 else None
    while True:
        count, fewest = members if members > 1 else None, members == len(devices)
        how: Any = dict(members=count, layout=layout, measured=bucket.measured, library=library)
        engines, needed, free = compile_to_fit(plan, compiler, lower=fewest, **how)
        if free is None or needed <= free or fewest:
            break
        members = max(1, int(members * 0.9 * free / needed) // len(devices)) * len(devices)
    memory.check(width, height, needed, free)
    return engines, needed + memory.resident()


@computing()
def stylize_batch(
    contents: Any,
    styles: Any,
    *,
    pairs: bool = False,
    seeds: int | Sequence[int] | None = None,
    style_weights: Sequence[float] | None = None,
    vary: Mapping[str, Sequence[Any]] | None = None,
    batch_size: int | None = None,
    config: Config | None = None,
    callback: BatchCallback | None = None,
    **options: Any,
) -> list[Result | JaxstyleError]:
    """Paints every content in every style, pictures of one shape together: one compiled program, one network.

    Each picture is the one that `stylize` would make of it alone, but for rounding.

    Args:
        contents: one or more of what `stylize` takes; a folder or a pattern (``"photos/*.jpg"``) stands for its pictures.
        styles: the same; a list among them is blended into one style.
        pairs: the first content with the first style and so on, in place of every content with every style.
        seeds: how many, from `config.seed` on, or which ones; one picture for each.
        style_weights: one picture for each.
        vary: values by field of `Config`, as in ``{"init": ["content", "noise"]}``; one picture for each combination.
        batch_size: the most to run at once; by default as many as pay on this machine. Fewer where memory is short.
        config: all other settings; the defaults otherwise.
        callback: called with a `BatchProgress` after each accepted iterate of the pictures in hand; a true answer ends the
            batch.
        **options: fields of `Config` to change, as in ``size=256, evaluations=200``.

    Returns:
        One `Result` for each picture, by content, then by setting, then by style. In its place stands a `JaxstyleError` where
        the picture could not be made, an input could not be read, a setting was impossible for it, or the batch ended before.

    Raises:
        InputError: before anything is computed, where an argument is wrong or no picture can be made.
    """
    choice: dict[str, Any] = dict(pairs=pairs, seeds=seeds, style_weights=style_weights, vary=vary, config=config)
    jobs = make_jobs(contents, styles, **choice, **options)
    results: list[Result | JaxstyleError] = [JaxstyleError("the batch was ended before this picture")] * len(jobs)
    for index, result in run_jobs(jobs, batch_size=batch_size, callback=callback):
        results[index] = result
    return results
