"""Where the pictures of a batch go: their names, what is there already, and what is written about all of them.

A picture is known by its record's `key`, a hash of everything that made it: inputs may be renamed or moved.
"""

import csv
import io
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxstyle import outputs, record
from jaxstyle.errors import InputError, JaxstyleError, reason
from jaxstyle.jobs import Job
from jaxstyle.stylize import Result

TABLE = "results.csv"


@dataclass(frozen=True)
class Entry:
    """A job and what became of it.

    Attributes:
        labels: what tells it from the others.
        path: of its picture; None where there is none.
        record: its run record; None where there is none.
        problem: why there is no picture; empty where there is one.
    """

    labels: Mapping[str, str]
    path: Path | None
    record: Mapping[str, Any] | None
    problem: str = ""


class Folder:
    """A folder of pictures with their records.

    Raises:
        InputError: where it cannot be made or written to.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError("out", os.fspath(path), f"cannot be made a folder ({reason(error)})", "choose another") from error
        outputs.check_output(self.path / "probe.png")
        self._names: dict[str, str] = {}

    def finished(self) -> dict[str, tuple[Path, dict[str, Any]]]:
        """Pictures by key, with their records, of all that ran to their end; what cannot be read is passed over."""
        found = {}
        for path, known in self._records():
            if known.get("complete") and (picture := path.with_name(str(known.get("picture")))).is_file():
                found[known["key"]] = picture, known
        return found

    def _records(self) -> list[tuple[Path, dict[str, Any]]]:
        found = []
        for path in sorted(self.path.glob("*.json")):
            try:
                known = json.loads(path.read_text())
            except (OSError, ValueError):
                continue
            if isinstance(known, dict) and known.get("schema") == record.SCHEMA and "key" in known:
                found.append((path, known))
        return found

    def name(self, jobs: Sequence[Job], keys: Sequence[str], *, keep: bool) -> None:
        """Gives every job a file name from its labels; `keep` spares the pictures of other jobs that are there."""
        taken = {path.with_suffix(".png").name: known["key"] for path, known in self._records()} if keep else {}
        for job, key in zip(jobs, keys, strict=True):
            stem, number = _stem(job, jobs), 1
            while taken.get(name := f"{stem}.png" if number == 1 else f"{stem}-{number}.png", key) != key:
                number += 1
            taken[name] = key
            self._names[key] = name

    def save(self, key: str, result: Result, **more: Any) -> tuple[Path, tuple[str, ...]]:
        """Writes a picture, then its record; `more` is added to that. Returns the path and notices about the format."""
        path = self.path / self._names[key]
        result.record.update(key=key, complete=not result.stopped_early, picture=path.name, **more)
        return path, result.save(path)

    def entries(self, jobs: Sequence[Job], keys: Sequence[str], problems: Mapping[int, JaxstyleError]) -> list[Entry]:
        """Every job with what is in the folder of it, unfinished pictures included."""
        known = {found["key"]: (path.with_name(str(found.get("picture"))), found) for path, found in self._records()}
        made = []
        for index, (job, key) in enumerate(zip(jobs, keys, strict=True)):
            path, found = known.get(key, (None, None))
            if path is not None and path.is_file():
                made.append(Entry(job.labels, path, found))
            else:
                made.append(Entry(job.labels, None, None, str(problems.get(index, "not made yet"))))
        return made


def _stem(job: Job, jobs: Sequence[Job]) -> str:
    """A file name from what tells this job from the others, content and style always."""
    parts = []
    for name, value in job.labels.items():
        if name in ("content", "style"):
            parts.append(value)
        elif len({other.labels[name] for other in jobs}) > 1:
            parts.append(f"{name}={value}")
    words = [re.sub(r"[^\w.,+=-]+", "_", part).strip(".") or "_" for part in parts]
    content, *settings, style = words
    return "-".join([content, style, *settings])[:150]


def write_table(path: Path, entries: Sequence[Entry]) -> None:
    """A CSV with a line for each job: its labels, losses, evaluations, seconds and file."""
    text = io.StringIO()
    names = list(entries[0].labels)
    losses = ("total", "content", "style", "tv")
    head = [*names, "width", "height", *(f"loss_{part}" for part in losses)]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*head, "evaluations", "stop_reason", "solve_seconds", "pictures_at_once", "picture", "problem"])
    for entry in entries:
        row: list[Any] = [entry.labels[name] for name in names]
        if (known := entry.record) is not None and entry.path is not None:
            row += [*known["size"], *(known["loss"][part] for part in losses), known["evaluations"], known["stop_reason"]]
            row += [known["seconds"]["solve"], known["batch"]["members"], entry.path.name, ""]
        else:
            row += [""] * (len(losses) + 7) + [entry.problem]
        writer.writerow(row)
    outputs.write_atomically(path, text.getvalue().encode())
