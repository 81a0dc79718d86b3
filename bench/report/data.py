"""Result files as the report reads them."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.machine import in_words

SCHEMA = "jaxstyle-bench-1"
RANGES = {2: 1.128, 3: 1.693, 4: 2.059}
"""Expected range of so few normal values, in standard deviations (Shewhart's d2)."""


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
        """Standard deviation as a share of the median, from the quartiles, of few rounds from the range; None for one."""
        if len(self.data) < 2:
            return None
        if len(self.data) in RANGES:
            return (max(self.data) - min(self.data)) / RANGES[len(self.data)] / self.median
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
    def peak(self) -> int | None:
        """The most bytes held: of the device, or on a CPU of the process."""
        return self.info["peak"]["device"] or self.info["peak"]["host"]

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

    def kernels(self, axis: str) -> list[Record]:
        """The evaluations among them."""
        return [record for record in self.along(axis) if "direct_flops" in record.info]

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

    def rates(self, record: Record) -> tuple[float | None, float | None]:
        """FLOP/s and bytes a second of the devices that a kernel case ran on; None where they were not measured."""
        if record.case["platform"] != self.platform:
            return None, None
        rate, count = self.flop_rates.get(record.case["precision"]), 1 if self.platform == "cpu" else record.case["devices"]
        return rate and count * rate, self.bandwidth and count * self.bandwidth

    def bound(self, record: Record) -> float | None:
        """Seconds below which the machine's measured rates do not let an evaluation's compiled program come (roofline)."""
        rate, bandwidth = self.rates(record)
        return max(record.info["flops"] / rate, record.info["bytes_accessed"] / bandwidth) if rate and bandwidth else None


def load(path: Path) -> Result:
    """Reads one result file.

    Raises:
        ReportError: where it is none of this suite's.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReportError(f"{path}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise ReportError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise ReportError(f"{path}: is no result of `pytest bench --benchmark-json=FILE` (schema {SCHEMA})")
    try:
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
        machine, commit = found["machine_info"], found["commit_info"]
        return Result(path.stem, machine, commit, found["datetime"], found["profile"], records, found["failures"])
    except (KeyError, TypeError) as error:
        raise ReportError(f"{path}: is damaged, {error} is missing or not what it should be") from None
