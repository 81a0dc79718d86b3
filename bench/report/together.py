"""Whole pictures at once: what a batch gains over the same pictures one after another."""

from bench.report.data import Record, Result
from bench.report.tables import Table, megabytes

EVALUATIONS = 300
"""Of the pictures that are counted a minute: jaxstyle's default. An evaluation takes as long in a shorter run."""


def rates(record: Record) -> tuple[float, float, float]:
    """Seconds of an evaluation of one picture; pictures a minute without and with compilation."""
    count, seconds = record.case["pictures"], record.info["seconds"]
    evaluation = seconds["solve"] / record.case["evaluations"]
    bare, whole = (60 * count / (compiling + EVALUATIONS * evaluation) for compiling in (0, seconds["compile"]))
    return evaluation / count, bare, whole


def table(result: Result) -> Table:
    """A line for each size and number of pictures; ratios against pictures one after another at the same size."""
    rows, alone = [], {}
    for record in result.along("together"):
        each, bare, whole = rates(record)
        if record.case["pictures"] == 1:
            alone[record.case["side"]] = bare, whole
        one = alone.get(record.case["side"])
        gains = [f"{rate / other:.2f}" for rate, other in zip((bare, whole), one, strict=True)] if one else ["", ""]
        size = f"{record.case['side']}x{record.case['side']}"
        count, compiling = str(record.case["pictures"]), f"{record.info['seconds']['compile']:.1f}"
        rows.append(
            (size, count, f"{1e3 * each:.1f}", compiling, f"{bare:.2f}", f"{whole:.2f}", *gains, megabytes(record.peak))
        )
    header = ("size", "at once", "ms each", "compile s", "a minute", "with compiling", "gain", "gain with compiling", "MB peak")
    note = f"Pictures a minute at {EVALUATIONS} evaluations each. Gain: against one after another, each of which compiles anew "
    note += "where compiling counts; in one process, or with the command's cache of programs, the gain is that without."
    return Table("Whole pictures at once", header, rows, note)


def sentence(result: Result) -> list[str]:
    """Where batching pays."""
    best: dict[int, tuple[float, int]] = {}
    alone: dict[int, float] = {}
    for record in result.along("together"):
        side, (_, bare, _) = record.case["side"], rates(record)
        if record.case["pictures"] == 1:
            alone[side] = bare
        elif side in alone:
            best[side] = max(best.get(side, (0.0, 0)), (bare / alone[side], record.case["pictures"]))
    found = [f"{side}x{side} {gain:.2f} times ({count})" for side, (gain, count) in best.items()]
    return [f"Most pictures a minute in a batch, against one after another (at once): {', '.join(found)}."] if found else []
