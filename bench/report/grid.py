"""Every size with every precision: evaluations a second, as a share of what the device's matrix products would allow."""

from bench.report.data import Record, Result, Seconds
from bench.report.tables import Table, milliseconds


def share(result: Result, record: Record) -> float | None:
    """The rate of direct convolutions in the same time as a share of the matrix rate of that precision."""
    rate = result.flop_rates.get(record.case["precision"])
    return rate and record.info["direct_flops"] / record.seconds.median / rate


def theirs(result: Result, record: Record) -> tuple[str, str]:
    """Evaluations of PyTorch a second at this size in this precision: eager, and compiled."""
    found = {}
    for other in result.along("rival evaluation"):
        if other.size == record.size and other.case["precision"] == record.case["precision"]:
            found[other.rival["name"].endswith("compile")] = f"{1 / Seconds(tuple(other.rival['data'])).median:.4g}"
    return found.get(False, ""), found.get(True, "")


def table(result: Result) -> Table:
    """A line for each size and precision."""
    rows = []
    for record in result.along("grid"):
        rate, part = result.flop_rates.get(record.case["precision"]), share(result, record)
        rows.append(
            (
                record.size,
                record.case["precision"],
                milliseconds(record.seconds),
                f"{1 / record.seconds.median:.4g}",
                f"{record.info['direct_flops'] / record.seconds.median / 1e12:.3g}",
                f"{rate / 1e12:.3g}" if rate else "",
                f"{part:.0%}" if part else "",
                *theirs(result, record),
            )
        )
    header = ("size", "precision", "ms", "a second", "TFLOP/s", "matrix TFLOP/s", "share", "PyTorch a second", "compiled")
    note = (
        "TFLOP/s: the operations of direct convolutions and Grams in the time of an evaluation, and as a share of the rate of "
    )
    note += (
        "a large matrix product of that precision in this run. PyTorch: channels_last, eager (bfloat16 by autocast); compiled."
    )
    return Table("Evaluations a second", header, rows, note)


def sentences(result: Result) -> list[str]:
    """The shares, precision by precision."""
    found: dict[str, list[str]] = {}
    for record in result.along("grid"):
        if part := share(result, record):
            listed = f"{record.size} {1 / record.seconds.median:.4g} ({part:.0%})"
            found.setdefault(record.case["precision"], []).append(listed)
    return [f"Evaluations a second in {name} (share of the matrix rate): {', '.join(each)}." for name, each in found.items()]
