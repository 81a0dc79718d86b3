"""Result files as the report reads them."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.machine import in_words

SCHEMA = "jaxstyle-bench-1"


class ReportError(Exception):
    """A file that cannot be reported on, in one line."""


@dataclass(frozen=True)
class Seconds:
    """Rounds of one measurement."""

    data: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.data)

    @property
    def spread(self) -> float | None:
        """Standard deviation as a share of the median, from the quartiles; None for a single round."""
        if len(self.data) < 2:
            return None
        low, _, high = quantiles(self.data, n=4, method="inclusive")
        return (high - low) / 1.35 / self.median

    @property
    def range(self) -> tuple[float, float]:
        return min(self.data), max(self.data)


@dataclass(frozen=True)
class Record:
    """One case.

    Attributes:
        name: unique within a result.
        axes: what it is compared along.
        case: its fields.
        seconds: its rounds.
        info: whatever else was found.
    """

    name: str
    axes: tuple[str, ...]
    case: dict[str, Any]
    seconds: Seconds
    info: dict[str, Any]

    @property
    def size(self) -> str:
        return f"{self.case['width']}x{self.case['height']}"

    @property
    def pixels(self) -> int:
        """Of all pictures of the case together."""
        return self.case["width"] * self.case["height"] * self.case.get("batch", 1)

    @property
    def rival(self) -> dict[str, Any]:
        return self.info["rival"]

    @property
    def trace(self) -> list[tuple[int, float, float]]:
        """(evaluation, lowest loss so far, seconds) of a whole picture, where the loss was measured."""
        return lowest(self.info["trace"])


def lowest(trace: list[Any]) -> list[tuple[int, float, float]]:
    """A trace with the lowest loss so far in place of each."""
    best, found = float("inf"), []
    for evaluation, loss, seconds in trace:
        if loss is not None:
            best = min(best, loss)
            found.append((evaluation, best, seconds))
    return found


def reached(trace: list[tuple[int, float, float]], loss: float) -> tuple[int, float] | None:
    """Evaluations and seconds after which a trace is first at or below a loss."""
    return next(((evaluation, seconds) for evaluation, value, seconds in trace if value <= loss), None)


@dataclass(frozen=True)
class Result:
    """One file: a machine, a profile, its cases and what failed."""

    label: str
    machine: dict[str, Any]
    commit: dict[str, Any]
    date: str
    profile: dict[str, Any]
    records: tuple[Record, ...]
    failures: list[dict[str, str]]

    @property
    def platform(self) -> str:
        """The best one of the machine, on which all but the comparison of devices ran."""
        return next(iter(self.machine["devices"]))

    @property
    def words(self) -> str:
        return in_words(self.machine)

    def along(self, axis: str) -> list[Record]:
        """The cases of an axis, in the order of the file."""
        return [record for record in self.records if axis in record.axes]

    @cached_property
    def flop_rates(self) -> dict[str, float]:
        """FLOP/s of a large matrix product, the best round, by precision."""
        found = [record for record in self.along("machine") if "flops" in record.info]
        return {record.case["precision"]: record.info["flops"] / min(record.seconds.data) for record in found}

    @cached_property
    def bandwidth(self) -> float | None:
        """Bytes a second of the triad, the best round."""
        found = [record for record in self.along("machine") if "bytes_accessed" in record.info]
        return max((record.info["bytes_accessed"] / min(record.seconds.data) for record in found), default=None)

    def bound(self, record: Record) -> float | None:
        """Seconds below which the machine's measured rates do not let an evaluation's compiled program come (roofline)."""
        rate = self.flop_rates.get(record.case["precision"])
        if not rate or not self.bandwidth or record.case["platform"] != self.platform:
            return None
        return max(record.info["flops"] / rate, record.info["bytes_accessed"] / self.bandwidth)


def load(path: Path) -> Result:
    """Reads one result file.

    Raises:
        ReportError: where it is none of this suite's.
    """
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        raise ReportError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise ReportError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise ReportError(f"{path}: is no result of `pytest bench --benchmark-json=FILE` (schema {SCHEMA})")
    records = tuple(
        Record(
            bench["name"],
            tuple(bench["extra_info"]["axes"]),
            bench["extra_info"]["case"],
            Seconds(tuple(bench["stats"]["data"])),
            bench["extra_info"],
        )
        for bench in found["benchmarks"]
    )
    return Result(
        path.stem,
        found["machine_info"],
        found["commit_info"],
        found["datetime"],
        found["profile"],
        records,
        found["failures"],
    )
