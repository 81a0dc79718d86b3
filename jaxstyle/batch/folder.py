"""Where the pictures of a batch go: their names, what is there already, and what is written about all of them.

A picture is known by its record's `key`, a hash of everything that made it: inputs may be renamed or moved.
"""

import contextlib
import csv
import io
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxstyle.batch.jobs import Job, differing, files_of
from jaxstyle.batch.survey import Known
from jaxstyle.errors import InputError, JaxstyleError
from jaxstyle.pictures import ours, write
from jaxstyle.results.beside import part_of
from jaxstyle.transfer.stylize import Result

SHEET, GALLERY, TABLE = "sheet.png", "index.html", "results.csv"
_LAST_COLUMNS = ("evaluations", "stop_reason", "solve_seconds", "pictures_at_once", "picture", "problem")


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
    """A folder of pictures with their records, and of what is written about all of them.

    Nothing in it that is not ours is replaced, and no input picture.

    Raises:
        InputError: where it cannot be made or written to, or a file of the user's has the name of the sheet, gallery or table.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = write.make_folder(path)
        for name in (SHEET, GALLERY, TABLE):
            if os.path.lexists(self.path / name) and not _is_summary(self.path / name):
                problem = f"has a file {name!r} that jaxstyle did not make"
                raise InputError("out", os.fspath(path), problem, "move it, or choose another folder")
        self._names: dict[str, str] = {}

    def finished(self) -> set[str]:
        """Keys of the pictures that are there and ran to their end."""
        return {known["key"] for _, known in self._whole() if known.get("complete")}

    def _whole(self) -> list[tuple[Path, dict[str, Any]]]:
        """Every picture that can be decoded to its end, with its record."""
        return [(path, known) for path, known in self._records().items() if ours.is_whole(path, known.get("size"))]

    def _records(self) -> dict[Path, dict[str, Any]]:
        """The record of every picture that has one, beside it or inside."""
        found = {}
        for path in sorted(self.path.glob("*.png")):
            known = ours.read_record(path)
            if known is not None and "key" in known:
                found[path] = known
        return found

    def name(self, jobs: Sequence[Job], known: Mapping[int, Known], *, keep: bool) -> list[str]:
        """Gives every job that is known a file name from its labels.

        Pictures that are there are replaced by others of the same files, where `keep` by those of the same settings only.

        Returns:
            Words about names that are those of other pictures.
        """
        there = {path.name: found["key"] for path, found in self._records().items()}
        inputs, taken, names, moved = ours.identities(files_of(jobs)), set(), differing(jobs), list[str]()
        for index, one in known.items():

            def replaces(path: Path, one: Known = one) -> bool:
                return there.get(path.name) == one.key or (not keep and ours.is_result_of(path, one.files))

            stem = _stem(jobs[index], names, self.path)
            mine = write.folded(f"{stem}.png") not in taken
            path = ours.free_path(self.path, stem, taken, inputs, replaces)
            self._names[one.key] = path.name
            if mine and path.stem != stem:
                moved.append(f"{stem}.png is another picture, and stays; this one is {path.name}")
        return moved

    def part(self, key: str) -> Path:
        """Where the run of a picture, and of those at once with it, is kept on its way."""
        return part_of(self.path / self._names[key])

    def save(
        self, key: str, result: Result, *, metadata: bool = True, **more: Any
    ) -> tuple[Path, tuple[str, ...], JaxstyleError | None]:
        """Writes a picture and its record, to which `more` is added, and if need be elsewhere: see `Result.keep`."""
        path = self.path / self._names[key]
        result.record.update(key=key, complete=not result.stopped_early, picture=path.name, **more)
        with contextlib.suppress(OSError):
            self.path.mkdir(parents=True, exist_ok=True)  # it was there, and somebody may have taken it away
        return result.keep(path, metadata=metadata)

    def entries(
        self, jobs: Sequence[Job], keys: Sequence[str | None], problems: Mapping[int, JaxstyleError]
    ) -> list[FolderEntry]:
        """Every job with what is in the folder of it, unfinished pictures included."""
        known = {found["key"]: (path, found) for path, found in self._whole()}
        made = []
        for index, (job, key) in enumerate(zip(jobs, keys, strict=True)):
            path, found = known.get(key, (None, None)) if key else (None, None)
            made.append(FolderEntry(job.labels, path, found, "" if path else str(problems.get(index, "not made yet"))))
        return made


def _stem(job: Job, names: Sequence[str], folder: Path) -> str:
    """A file name from content and style, and the other labels of these names."""
    settings = [f"{name}={job.labels[name]}" for name in names if name not in ("content", "style")]
    parts = [unicodedata.normalize("NFC", part) for part in (job.labels["content"], job.labels["style"], *settings)]
    return write.file_stem([re.sub(r"[^\w.,+=-]+", "_", part).strip(".") or "_" for part in parts], folder)


def _is_summary(path: Path) -> bool:
    """Whether a file is a sheet, gallery or table of ours."""
    if path.name != TABLE:
        return ours.is_ours(path)
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(2000).partition("\n")[0].endswith(",".join(_LAST_COLUMNS))
    except (OSError, ValueError):
        return False


def write_table(path: Path, entries: Sequence[FolderEntry]) -> None:
    """A CSV with a line for each job: its labels, losses, evaluations, seconds and file."""
    text = io.StringIO()
    names = list(entries[0].labels)
    losses = ("total", "content", "style", "tv")
    head = [*names, "width", "height", *(f"loss_{part}" for part in losses)]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*head, *_LAST_COLUMNS])
    for entry in entries:
        row: list[Any] = [entry.labels[name] for name in names]
        if (known := entry.record) is not None and entry.path is not None:
            row += [
                *known["size"],
                *(known["loss"].get(part, "") for part in losses),
                known["evaluations"],
                known["stop_reason"],
            ]
            row += [known["seconds"]["solve"], known["batch"]["members"], entry.path.name, ""]
        else:
            row += [""] * (len(losses) + 7) + [entry.problem]
        writer.writerow(row)
    write.write_atomically(path, text.getvalue().encode(errors="replace"))
