"""What is known of the pictures of a batch before any is made: which can be, and why others cannot."""

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxstyle.batch.jobs import Job, called
from jaxstyle.errors import ImageError, InputError, JaxstyleError, Plain, as_ours
from jaxstyle.pictures.ours import named_for
from jaxstyle.pictures.size import USUAL, Size
from jaxstyle.plans.library import Library
from jaxstyle.plans.plan import Plan
from jaxstyle.plans.resolve import resolve


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


def survey(jobs: Sequence[Job], library: Library) -> tuple[dict[int, Known], dict[int, list[JaxstyleError]]]:
    """Resolves all jobs, so that whatever is wrong is known before anything is computed.

    Returns:
        By index, what is known of the jobs that can be made, and of the others why not: the error of the job itself first,
        then those of its other pictures.

    Raises:
        InputError: where an option is wrong with which no job at all can be made, and nothing else is.
    """
    known: dict[int, Known] = {}
    bad: dict[int, list[JaxstyleError]] = {}
    for index, job in enumerate(jobs):
        try:
            plan = plan_of(job, library)
        except Exception as error:  # whatever it is, it stops this one only
            bad[index] = [as_ours(error)]
            continue
        stages = tuple(stage._replace(evaluations=0) for stage in plan.stages)
        parts = plan.regions and (len(plan.regions.painted), plan.regions.keep is None)
        kind = (plan.method, plan.fallback, stages, plan.devices, plan.network.sha256, parts)
        files = named_for(plan.sources)
        known[index] = Known(plan.key, plan.evaluations, kind, plan.is_canonical, plan.objective.padding, files)
    first = [error for (error,) in bad.values()]
    is_option = bool(first) and isinstance(first[0], InputError) and not isinstance(first[0], ImageError)
    if is_option and not known and len({*map(_kind, first)}) == 1:
        raise _together(first)
    read: dict[Any, JaxstyleError | None] = {}
    for index in known:
        read |= {_same(source): None for source, _ in _pictures(jobs[index])}
    for index, (error,) in bad.items():
        read |= {_same(source): error for source, _ in _pictures(jobs[index]) if _same(source) == _value(error)}
    for index, errors in bad.items():
        for source, argument in _pictures(jobs[index]):
            if _same(source) not in read:
                read[_same(source)] = _problem(source, argument, library)
            error = read[_same(source)]
            errors += [error] if error and _value(error) != _value(errors[0]) else []
    return known, bad


def reasons(jobs: Sequence[Job], bad: Mapping[int, list[JaxstyleError]]) -> list[tuple[str, JaxstyleError]]:
    """Why jobs cannot be made, as `survey` has found it: each reason once, after the names of the jobs that it stops, if any. A
    content or style that cannot be used is told once, by its own name, in whatever places it stands."""
    found: dict[Any, tuple[list[JaxstyleError], list[Job]]] = {}
    for index, errors in bad.items():
        own = {_same(source) for source, _ in _pictures(jobs[index])}
        for error in errors:
            named = isinstance(error, ImageError) and error.value in own
            alike, stopped = found.setdefault(_value(error) if named else _kind(error), ([], []))
            alike += [] if named and alike else [error]
            stopped += [] if named else [jobs[index]]
    return [(called(stopped, jobs), _together(alike)) for alike, stopped in found.values()]


def _value(error: JaxstyleError) -> Any:
    """What an argument got; nothing where the error is none of an argument."""
    return error.value if isinstance(error, InputError) else None


def _kind(error: JaxstyleError) -> Hashable:
    """Equal for errors that differ in the value only."""
    return (type(error), error.argument, error.problem) if isinstance(error, InputError) else str(error)


def _together(errors: Sequence[JaxstyleError]) -> JaxstyleError:
    """Errors of one kind as one."""
    by_value = {error.shown: error for error in errors if isinstance(error, InputError)}
    if len(by_value) < 2:
        return errors[0]
    first = next(iter(by_value.values()))
    return InputError(first.argument, Plain(", ".join(by_value)), first.problem)


def _pictures(job: Job) -> list[tuple[Any, str]]:
    """The content and the styles of a job, and what each is called."""
    styles = job.style if isinstance(job.style, list | tuple) else [job.style]
    return [(job.content, "content"), *((style, "style") for style in styles)]


def _same(source: Any) -> Any:
    """Equal for the same picture."""
    return os.fspath(source) if isinstance(source, str | os.PathLike) else id(source)


def _problem(source: Any, argument: str, library: Library) -> JaxstyleError | None:
    """Why a picture cannot be read at all, if it cannot."""
    try:
        library.fitted(source, argument, Size((USUAL,), gentle=True))
    except Exception as error:
        return as_ours(error)
    return None
