"""Where the pictures of a batch go: their names, what is there already, and what is written about all of them.

A picture is known by its record's `key`, a hash of everything that made it: inputs may be renamed or moved.
"""

import csv
import io
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxstyle.batch.jobs import Job, differing
from jaxstyle.errors import InputError, JaxstyleError, reason
from jaxstyle.pictures import write
from jaxstyle.transfer import record
from jaxstyle.transfer.stylize import Result

TABLE = "results.csv"


@dataclass(frozen=True)
class FolderEntry:
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
        write.check_output(self.path / "probe.png")
        self._names: dict[str, str] = {}

    def finished(self) -> set[str]:
        """Keys of the pictures that are there and ran to their end."""
        return {known["key"] for known in self._records().values() if known.get("complete")}

    def _records(self) -> dict[Path, dict[str, Any]]:
        """The record of every picture that has one, beside it or inside."""
        found = {}
        for path in sorted(self.path.glob("*.png")):
            known = record.read_record(path)
            if known is not None and "key" in known:
                found[path] = known
        return found

    def name(self, jobs: Sequence[Job], keys: Sequence[str], *, keep: bool) -> None:
        """Gives every job a file name from its labels; `keep` spares the pictures of other jobs that are there."""
        taken = {path.name: known["key"] for path, known in self._records().items()} if keep else {}
        names = differing(jobs)
        for job, key in zip(jobs, keys, strict=True):
            stem, number = _stem(job, names), 1
            while taken.get(name := f"{stem}.png" if number == 1 else f"{stem}-{number}.png", key) != key:
                number += 1
            taken[name] = key
            self._names[key] = name

    def save(self, key: str, result: Result, **more: Any) -> tuple[Path, tuple[str, ...]]:
        """Writes a picture, then its record; `more` is added to that. Returns the path and notices about the format."""
        path = self.path / self._names[key]
        result.record.update(key=key, complete=not result.stopped_early, picture=path.name, **more)
        return path, result.save(path)

    def entries(self, jobs: Sequence[Job], keys: Sequence[str], problems: Mapping[int, JaxstyleError]) -> list[FolderEntry]:
        """Every job with what is in the folder of it, unfinished pictures included."""
        known = {found["key"]: (path, found) for path, found in self._records().items()}
        made = []
        for index, (job, key) in enumerate(zip(jobs, keys, strict=True)):
            problem = "" if key in known else str(problems.get(index, "not made yet"))
            made.append(FolderEntry(job.labels, *known.get(key, (None, None)), problem))
        return made


def _stem(job: Job, names: Sequence[str]) -> str:
    """A file name from content and style, and the other labels of these names."""
    settings = [f"{name}={job.labels[name]}" for name in names if name not in ("content", "style")]
    parts = [job.labels["content"], job.labels["style"], *settings]
    return "-".join(re.sub(r"[^\w.,+=-]+", "_", part).strip(".") or "_" for part in parts)[:150]


def write_table(path: Path, entries: Sequence[FolderEntry]) -> None:
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
    write.write_atomically(path, text.getvalue().encode())
