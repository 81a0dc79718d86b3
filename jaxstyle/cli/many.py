"""Many pictures: `jaxstyle batch` and `jaxstyle sweep`, on one host or several."""

import argparse
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jax.experimental import multihost_utils

from jaxstyle.batch.folder import GALLERY, SHEET, TABLE, Folder, write_table
from jaxstyle.batch.gallery import write_gallery
from jaxstyle.batch.jobs import Job, few, files_of, make_jobs
from jaxstyle.batch.run import BatchProgress, run_jobs
from jaxstyle.batch.sheet import write_sheet
from jaxstyle.batch.survey import Known, reasons, survey
from jaxstyle.cli.display import Display, say, say_first
from jaxstyle.cli.failures import say_error
from jaxstyle.cli.interrupt import Interrupt
from jaxstyle.cli.options import config_of, convert, flag
from jaxstyle.cli.values import positive
from jaxstyle.errors import MISSING, InputError, JaxstyleError, as_ours, reason, unknown
from jaxstyle.machine.modes import check_platform
from jaxstyle.pictures.find import expand, is_there, one
from jaxstyle.plans.config import Config
from jaxstyle.plans.library import Library
from jaxstyle.plans.plan import Plan
from jaxstyle.runs.checkpoint import Checkpoint, identity


def batch(options: argparse.Namespace) -> int:
    """Contents x styles, or pairs of them, x whatever is varied."""
    config, vary = config_of(options, Config()), varied(options.vary)
    styles: list[Any] = expand(map(_blended, options.styles), argument="styles")
    if options.interpolate:
        count = positive("interpolate", options.interpolate)
        if not 2 <= count <= 1001:  # steps of a thousandth
            problem = "must be at least 2, the two styles themselves" if count < 2 else "must be at most 1001"
            raise InputError("interpolate", options.interpolate, problem)
        if len(styles) != 2 or any(isinstance(style, list) for style in styles):
            raise InputError("styles", " ".join(options.styles), "must be two to go from the one to the other")
        if options.pairs or "blend" in vary:
            raise InputError("interpolate", options.interpolate, "does not go with --pairs or a varied blend", "leave one out")
        styles = [styles]
        vary["blend"] = [f"{1 - i / (count - 1):.4g},{i / (count - 1):.4g}" for i in range(count)]
    seeds = positive("seeds", options.seeds) if options.seeds else None
    return make(make_jobs(options.contents, styles, pairs=options.pairs, seeds=seeds, vary=vary, config=config), options)


def sweep(options: argparse.Namespace) -> int:
    """One content and style with every combination of settings."""
    vary = varied(options.vary)
    if not vary:
        raise InputError(
            "vary", MISSING, "is missing", "say what to vary, as in --vary style-weight=1e2,1e3 --vary init=content,noise"
        )
    styles = expand(options.styles, argument="styles")
    style = styles if len(styles) > 1 else styles[0]
    content = one(options.content, argument="content")
    return make(make_jobs([content], [style], vary=vary, config=config_of(options, Config())), options)


def varied(given: Sequence[str]) -> dict[str, list[Any]]:
    """``["style-weight=1e2,1e3", "style-layers=relu1_1,relu2_1;relu3_1"]`` -> {field: values}.

    Values are separated by commas, or by semicolons where there are any, so that a value may hold commas.
    """
    fields = {field.metadata["several"] or field.name: field for field in dataclasses.fields(Config)}
    found: dict[str, list[Any]] = {}
    for text in given:
        name, mark, values = text.partition("=")
        field = fields.get(name.strip().removeprefix("--").replace("-", "_"))
        if field is None:
            raise unknown("vary", name.strip(), [flag(known.name).removeprefix("--") for known in fields.values()])
        parts = [part.strip() for part in values.split(";" if ";" in values else ",")]
        if not mark or not all(parts):
            raise InputError("vary", text, "names no values", f"as in --vary {name.strip()}=A,B")
        if field.name in found:
            raise InputError("vary", text, f"varies {name.strip()} a second time", "give all its values at once")
        found[field.name] = [convert(field, part) for part in parts]
    return found


def _blended(text: str) -> str | list[str]:
    """A style's path, or those of ``A+B``, unless there is a file of that very name or a pattern matches it."""
    return text if "+" not in text or is_there(text) else text.split("+")


def _processes(options: argparse.Namespace) -> tuple[int, int]:
    """Joins the other hosts, if there are any. Returns this process' number and how many there are."""
    given = (options.coordinator, options.processes, options.process)
    if not any(given):
        return 0, 1
    if not all(given):
        raise InputError("coordinator", options.coordinator or MISSING, "needs --processes and --process too", "give all three")
    count = positive("processes", options.processes)
    if not options.process.isdecimal() or not int(options.process) < count:
        raise InputError("process", options.process, f"must be a whole number from 0 to {count - 1}")
    jax.distributed.initialize(options.coordinator, count, int(options.process))
    check_platform()
    return int(options.process), count


def make(jobs: list[Job], options: argparse.Namespace) -> int:
    """Makes what is not there yet, each picture written as it is finished; then the sheet, the gallery and the table."""
    size = positive("batch_size", options.batch_size) if options.batch_size else None
    process, processes = _processes(options)
    with Display(len(files_of(jobs)), options.quiet) as display:
        library = Library(display.reading)
        known, bad = survey(jobs, library)
    for names, error in reasons(jobs, bad):
        say_error(error, options, names)
    if not known:
        return 2
    jobs, known, bad, doubles = without_doubles(jobs, known, bad)
    keys = [known[i].key if i in known else None for i in range(len(jobs))]
    folder = Folder(options.out or options.command)
    there = folder.finished() if options.resume else set()
    moved = folder.name(jobs, known, keep=options.resume)
    mine = {i: one for i, one in known.items() if i % processes == process}
    wanted = {i: one for i, one in mine.items() if one.key not in there}
    problems: dict[int, JaxstyleError] = {i: errors[0] for i, errors in bad.items()}
    before, solving = 0, dict[int, float]()  # seconds of what runs at once, by how many pictures were done before it

    def tell(text: str) -> None:
        if not options.quiet:
            say(text)

    if doubles:
        tell(f"note: made once, since they give the same picture: {doubles}")
    if moved:
        tell(f"note: {few(moved)}")
    if len(paddings := {one.padding for one in known.values()}) > 1:
        tell(f"note: losses with different paddings cannot be compared: {', '.join(sorted(paddings))}")
    say_first(options)
    left = f"the finished pictures are in {folder.path}; the same command with --resume makes the rest"
    interrupt = Interrupt("this evaluation", lambda: left, options.quiet)
    with Display(sum(one.evaluations for one in wanted.values()), options.quiet) as display, interrupt:

        def callback(progress: BatchProgress) -> bool:
            now = progress.members
            solving[progress.done] = max((m.seconds for m in now), default=0.0)
            words = f"{progress.done + 1} to {progress.done + len(now)}" if len(now) > 1 else f"{progress.done + 1}"
            words += f" of {progress.pictures}"
            if now:
                words += f": {now[0].size[0]}x{now[0].size[1]}, loss {sum(m.loss for m in now) / len(now):.4g}"
            display.update(before + sum(m.evaluation for m in now), words, sum(solving.values()))
            return interrupt.came

        def keeper(plans: Mapping[int, Plan]) -> Checkpoint:
            """Where pictures at once are kept: by the name of the first. What is of others there is removed, with a note."""
            path = folder.part(mine[next(iter(plans))].key)
            checkpoint = Checkpoint(path, identity([*plans.values()]), resume=options.resume)
            try:
                checkpoint.check()
            except InputError as error:  # of another run, or damaged
                tell(f"note: these begin anew: {error.told}")
                checkpoint.remove()
            return checkpoint

        how: Any = dict(batch_size=size, callback=callback, library=library, keeper=keeper)
        for index, result in run_jobs(jobs, known=mine, there=mine.keys() - wanted.keys(), **how):
            before += wanted[index].evaluations
            if isinstance(result, JaxstyleError):
                problems[index] = result
                say_error(result, options, ", ".join(jobs[index].labels.values()))
                continue
            result.record["command"] = options.line
            labels = dict(jobs[index].labels)
            try:
                path, notices, problem = folder.save(wanted[index].key, result, metadata=not options.no_metadata, labels=labels)
            except Exception as error:  # the others may fit still
                path, notices, problem = None, (), as_ours(error)
            if problem:
                problems[index] = problem
                say_error(problem, options)
            for notice in (*result.notices, *notices):
                tell(f"note: {notice}")
            height, width, _ = result.image.shape
            if path is not None:
                loss = f", loss {result.loss['total']:.6g}" if result.loss else ""
                tell(f"{path} {width}x{height}{loss}: {result.stop_reason}")

        interrupt.saving = True
        made, whole = sum_up(folder, jobs, keys, problems, options)
        if processes > 1 and not interrupt.came:
            multihost_utils.sync_global_devices("every process has written its pictures")
            made, whole = sum_up(folder, jobs, keys, problems, options) if process == 0 else (made, whole)
    there_already = f", {sum(key in there for key in keys)} of them from before" if options.resume else ""
    tell(f"{folder.path}: {made} of {len(jobs)} pictures{there_already}; {SHEET}, {GALLERY}, {TABLE}")
    if interrupt.came:
        tell("interrupted; the same command with --resume makes the rest")
        return 130
    return 1 if problems or not whole else 0


def without_doubles(
    jobs: list[Job], known: Mapping[int, Known], bad: Mapping[int, list[JaxstyleError]]
) -> tuple[list[Job], dict[int, Known], dict[int, list[JaxstyleError]], str]:
    """Leaves out jobs that give the same picture as an earlier one; in words, which those were."""
    first: dict[str, int] = {}
    alike = {i: first[one.key] for i, one in known.items() if first.setdefault(one.key, i) != i}
    left = [i for i in range(len(jobs)) if i not in alike]
    words = [f"{_called(jobs[i])} and {_called(jobs[j])}" for j, i in alike.items()]
    place = {i: n for n, i in enumerate(left)}
    kept = {place[i]: one for i, one in known.items() if i in place}
    return [jobs[i] for i in left], kept, {place[i]: errors for i, errors in bad.items()}, few(words)


def _called(job: Job) -> str:
    return repr(", ".join(job.labels.values()))


def sum_up(
    folder: Folder,
    jobs: Sequence[Job],
    keys: Sequence[str | None],
    problems: Mapping[int, JaxstyleError],
    options: argparse.Namespace,
) -> tuple[int, bool]:
    """Writes the table, the gallery and the sheet of all jobs; each without the others, if need be.

    Returns:
        How many jobs have a picture, and whether all three could be written.
    """
    entries, whole = folder.entries(jobs, keys, problems), True
    inputs = {(name, job.labels[name]): getattr(job, name) for job in jobs for name in ("content", "style")}
    writers = {
        TABLE: lambda path: write_table(path, entries),
        GALLERY: lambda path: write_gallery(path, entries, options.line),
        SHEET: lambda path: write_sheet(path, entries, inputs),
    }
    for name, write in writers.items():
        try:
            write(folder.path / name)
        except Exception as error:  # a picture may be damaged since: the pictures themselves are not to suffer from that
            whole = False
            ours = error if isinstance(error, JaxstyleError) else JaxstyleError(f"{name} cannot be made ({reason(error)})")
            say_error(ours, options)
    return sum(entry.path is not None for entry in entries), whole
