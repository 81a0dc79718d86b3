"""What is known of the pictures of a batch before any is made: which can be, and why others cannot."""

import os
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxstyle.batch.jobs import Job, called
from jaxstyle.errors import ImageError, InputError, Plain
from jaxstyle.pictures.ours import named_for
from jaxstyle.pictures.size import USUAL, Size
from jaxstyle.transfer.library import Library
from jaxstyle.transfer.plan import Plan
from jaxstyle.transfer.resolve import resolve


def plan_of(job: Job, library: Library) -> Plan:
    """`resolve` for a job."""
    return resolve(job.content, job.style, job.config, library)


@dataclass(frozen=True)
class Known:
    """What is known of a job before it is run.

    Attributes:
        key: of its plan, by which a rerun knows the picture.
        evaluations: of all stages.
        kind: jobs of the same kind can share a program.
        canonical: whether its own loss is the canonical one.
        padding: with which its loss is read.
        files: hashes of its photograph and styles, as `ours.named_for` has them.
    """

    key: str
    evaluations: int
    kind: Hashable
    canonical: bool
    padding: str
    files: tuple[str, ...]


def survey(jobs: Sequence[Job], library: Library) -> tuple[dict[int, Known], dict[int, list[InputError]]]:
    """Resolves all jobs, so that whatever is wrong is known before anything is computed.

    Returns:
        By index, what is known of the jobs that can be made, and of the others why not: the error of the job itself first,
        then those of its other pictures.

    Raises:
        InputError: where an option is wrong with which no job at all can be made, and nothing else is.
    """
    known: dict[int, Known] = {}
    bad: dict[int, list[InputError]] = {}
    for index, job in enumerate(jobs):
        try:
            plan = plan_of(job, library)
        except InputError as error:
            bad[index] = [error]
            continue
        stages = tuple(stage._replace(evaluations=0) for stage in plan.stages)
        parts = plan.regions and (len(plan.regions.painted), plan.regions.keep is None)
        kind = (plan.method, plan.fallback, stages, plan.devices, plan.network.sha256, parts)
        files = named_for(plan.sources)
        known[index] = Known(plan.key, plan.evaluations, kind, plan.is_canonical, plan.objective.padding, files)
    first = [error for (error,) in bad.values()]
    if not known and len({*map(_kind, first)}) == 1 and not isinstance(first[0], ImageError):
        raise _together(first)
    read: dict[Any, InputError | None] = {}
    for index in known:
        read |= {_same(source): None for source, _ in _pictures(jobs[index])}
    for index, (error,) in bad.items():
        read |= {_same(source): error for source, _ in _pictures(jobs[index]) if _same(source) == error.value}
    for index, errors in bad.items():
        for source, argument in _pictures(jobs[index]):
            if _same(source) not in read:
                read[_same(source)] = _problem(source, argument, library)
            error = read[_same(source)]
            errors += [error] if error and error.value != errors[0].value else []
    return known, bad


def reasons(jobs: Sequence[Job], bad: Mapping[int, list[InputError]]) -> list[str]:
    """Why jobs cannot be made, as `survey` has found it, in lines: each reason once, after the jobs that it stops. A content or
    style that cannot be used is told once, by its own name, in whatever places it stands."""
    found: dict[Any, tuple[list[InputError], list[Job]]] = {}
    for index, errors in bad.items():
        own = {_same(source) for source, _ in _pictures(jobs[index])}
        for error in errors:
            named = isinstance(error, ImageError) and error.value in own
            alike, stopped = found.setdefault(error.value if named else _kind(error), ([], []))
            alike += [] if named and alike else [error]
            stopped += [] if named else [jobs[index]]
    lines = ((called(stopped, jobs), _together(alike)) for alike, stopped in found.values())
    return [f"{names}: {error}" if names else str(error) for names, error in lines]


def _kind(error: InputError) -> Hashable:
    """Equal for errors that differ in the value only."""
    return type(error), error.argument, error.problem


def _together(errors: Iterable[InputError]) -> InputError:
    """Errors of one kind as one."""
    first, *others = {error.shown: error for error in errors}.values()
    values = Plain(", ".join(error.shown for error in (first, *others)))
    return InputError(first.argument, values, first.problem) if others else first


def _pictures(job: Job) -> list[tuple[Any, str]]:
    """The content and the styles of a job, and what each is called."""
    styles = job.style if isinstance(job.style, list | tuple) else [job.style]
    return [(job.content, "content"), *((style, "style") for style in styles)]


def _same(source: Any) -> Any:
    """Equal for the same picture."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else id(source)


def _problem(source: Any, argument: str, library: Library) -> InputError | None:
    """Why a picture cannot be read at all, if it cannot."""
    try:
        library.fitted(source, argument, Size((USUAL,), gentle=True))
    except InputError as error:
        return error
    return None
