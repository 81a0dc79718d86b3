"""Many pictures: `jaxstyle batch` and `jaxstyle sweep`, on one host or several."""

import argparse
import dataclasses
import glob
import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jax.experimental import multihost_utils

from jaxstyle.batch.folder import TABLE, Folder, write_table
from jaxstyle.batch.gallery import write_gallery
from jaxstyle.batch.jobs import Job, make_jobs
from jaxstyle.batch.run import BatchProgress, plan_of, run_jobs
from jaxstyle.batch.sheet import write_sheet
from jaxstyle.cli.display import Display, Interrupt
from jaxstyle.cli.options import config_of, convert, flag, positive
from jaxstyle.errors import InputError, JaxstyleError, unknown
from jaxstyle.pictures.find import expand
from jaxstyle.transfer.config import Config
from jaxstyle.transfer.library import Library

SHEET, GALLERY = "sheet.png", "index.html"


def batch(options: argparse.Namespace) -> int:
    """Contents x styles, or pairs of them, x whatever is varied."""
    config, vary = config_of(options, Config()), varied(options.vary)
    styles: list[Any] = expand(map(_blended, options.styles), argument="styles")
    if options.interpolate:
        count = positive("interpolate", options.interpolate)
        if count < 2:
            raise InputError("interpolate", options.interpolate, "must be at least 2, the two styles themselves")
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
            "vary", "", "is missing", "say what to vary, as in --vary style-weight=1e2,1e3 --vary init=content,noise"
        )
    styles = expand(options.styles, argument="styles")
    style = styles if len(styles) > 1 else styles[0]
    return make(make_jobs([options.content], [style], vary=vary, config=config_of(options, Config())), options)


def varied(given: Sequence[str]) -> dict[str, list[Any]]:
    """``["style-weight=1e2,1e3", "style-layers=relu1_1,relu2_1;relu3_1"]`` -> {field: values}.

    Values are separated by commas, or by semicolons where there are any, so that a value may hold commas.
    """
    fields = {field.name: field for field in dataclasses.fields(Config)}
    found: dict[str, list[Any]] = {}
    for text in given:
        name, mark, values = text.partition("=")
        field = fields.get(name.strip().removeprefix("--").replace("-", "_"))
        if field is None:
            raise unknown("vary", name.strip(), [flag(known).removeprefix("--") for known in fields])
        parts = [part.strip() for part in values.split(";" if ";" in values else ",")]
        if not mark or not all(parts):
            raise InputError("vary", text, "names no values", f"as in --vary {name.strip()}=A,B")
        if field.name in found:
            raise InputError("vary", text, f"varies {name.strip()} a second time", "give all its values at once")
        found[field.name] = [convert(field, part) for part in parts]
    return found


def _blended(text: str) -> str | list[str]:
    """A style's path, or those of ``A+B``, unless there is a file of that very name or a pattern matches it."""
    return text if "+" not in text or os.path.exists(text) or glob.glob(text) else text.split("+")


def _processes(options: argparse.Namespace) -> tuple[int, int]:
    """Joins the other hosts, if there are any. Returns this process' number and how many there are."""
    given = (options.coordinator, options.processes, options.process)
    if not any(given):
        return 0, 1
    if not all(given):
        raise InputError("coordinator", str(options.coordinator), "needs --processes and --process too", "give all three")
    count = positive("processes", options.processes)
    if not options.process.isdecimal() or not int(options.process) < count:
        raise InputError("process", options.process, f"must be a whole number from 0 to {count - 1}")
    jax.distributed.initialize(options.coordinator, count, int(options.process))
    return int(options.process), count


def make(jobs: list[Job], options: argparse.Namespace) -> int:
    """Makes what is not there yet, each picture written as it is finished; then the sheet, the gallery and the table."""
    size = positive("batch_size", options.batch_size) if options.batch_size else None
    process, processes = _processes(options)
    pictures = {id(source) for job in jobs for source in (job.content, job.style)}
    with Display(len(pictures), options.quiet) as display:
        library = Library(display.reading)
        keys, evaluations = zip(
            *((plan.key, plan.evaluations) for plan in (plan_of(job, library) for job in jobs)), strict=True
        )
    twice = next((i for i, key in enumerate(keys) if key in keys[:i]), None)
    if twice is not None:
        first, second = (", ".join(jobs[i].labels.values()) for i in (keys.index(keys[twice]), twice))
        raise InputError("contents", second, f"would give the same picture as {first!r}", "leave one of them out")
    folder = Folder(options.out or options.command)
    there = folder.finished() if options.resume else set()
    folder.name(jobs, keys, keep=options.resume)
    wanted = [i for i, key in enumerate(keys) if key not in there and i % processes == process]
    problems: dict[int, JaxstyleError] = {}
    began, before = time.monotonic(), 0

    def say(text: str) -> None:
        if not options.quiet:
            print(text, file=sys.stderr)

    with Display(sum(evaluations[i] for i in wanted), options.quiet) as display, Interrupt() as interrupt:

        def callback(progress: BatchProgress) -> bool:
            now = progress.members
            words = f"{progress.done + 1} to {progress.done + len(now)}" if len(now) > 1 else f"{progress.done + 1}"
            words += f" of {progress.pictures}: loss {sum(m.loss for m in now) / len(now):.4g}"
            display.update(before + sum(m.evaluation for m in now), words, time.monotonic() - began)
            return interrupt.came

        for index, result in run_jobs(jobs, wanted=wanted, batch_size=size, callback=callback, library=library):
            before += evaluations[index]
            if isinstance(result, JaxstyleError):
                problems[index] = result
                print(f"jaxstyle: error: {', '.join(jobs[index].labels.values())}: {result}", file=sys.stderr)
                continue
            result.record["command"] = options.line
            path, notices = folder.save(keys[index], result, labels=dict(jobs[index].labels))
            for notice in (*result.notices, *notices):
                say(f"note: {notice}")
            height, width, _ = result.image.shape
            say(f"{path} {width}x{height}, loss {result.loss['total']:.6g}: {result.stop_reason}")

    made = sum_up(folder, jobs, keys, problems, options.line)
    if processes > 1 and not interrupt.came:
        multihost_utils.sync_global_devices("every process has written its pictures")
        made = sum_up(folder, jobs, keys, problems, options.line) if process == 0 else made
    there_already = f", {sum(key in there for key in keys)} of them from before" if options.resume else ""
    say(f"{folder.path}: {made} of {len(jobs)} pictures{there_already}; {SHEET}, {GALLERY}, {TABLE}")
    if interrupt.came:
        say("interrupted; the same command with --resume makes the rest")
        return 130
    return 1 if problems else 0


def sum_up(
    folder: Folder, jobs: Sequence[Job], keys: Sequence[str], problems: Mapping[int, JaxstyleError], command: str
) -> int:
    """Writes the sheet, the gallery and the table of all jobs; returns how many have a picture."""
    entries = folder.entries(jobs, keys, problems)
    inputs = {(name, job.labels[name]): getattr(job, name) for job in jobs for name in ("content", "style")}
    write_sheet(folder.path / SHEET, entries, inputs)
    write_gallery(folder.path / GALLERY, entries, command)
    write_table(folder.path / TABLE, entries)
    return sum(entry.path is not None for entry in entries)
