"""The report's tables, each of one result or of two; as Markdown and as HTML."""

import html
import json
from dataclasses import dataclass
from math import hypot
from pathlib import Path
from typing import Any

from bench.report.data import Record, Result, Seconds, lowest, reached

LEAST_NOISE = 0.03
"""Share by which two runs on one machine may differ before anything is read into it, however steady each was."""


@dataclass(frozen=True)
class Table:
    """Rows of text below a header; the first column is left-aligned, the others right."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    note: str = ""

    def markdown(self, level: int = 3) -> str:
        lines = [f"{'#' * level} {self.title}", ""] if level else []
        lines += ["| " + " | ".join(self.header) + " |", "|---|" + "---:|" * (len(self.header) - 1)]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in self.rows]
        return "\n".join([*lines, *(["", self.note] if self.note else [])]) + "\n"

    def html(self) -> str:
        def row(cells: tuple[str, ...], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

        body = "".join(row(cells, "td") for cells in self.rows)
        note = f"<p class=note>{html.escape(self.note)}</p>" if self.note else ""
        caption = f"<caption>{html.escape(self.title)}</caption>"
        head = f"<thead>{row(self.header, 'th')}</thead>"
        return f"<div class=wide><table>{caption}{head}<tbody>{body}</tbody></table></div>{note}"


def milliseconds(seconds: Seconds) -> str:
    """``"588 (582 to 601)"``."""
    low, high = (f"{1e3 * value:.3g}" if value < 1 else f"{1e3 * value:.0f}" for value in seconds.range)
    middle = f"{1e3 * seconds.median:.3g}" if seconds.median < 1 else f"{1e3 * seconds.median:.0f}"
    return middle if len(seconds.data) == 1 else f"{middle} ({low} to {high})"


def megabytes(count: float | None) -> str:
    return "" if count is None else f"{count / 1e6:.0f}"


def machine(result: Result) -> Table:
    """The rates that bound everything else."""
    rows = [(f"matrix product, {name}", f"{rate / 1e9:.0f} GFLOP/s") for name, rate in result.flop_rates.items()]
    rows += [("memory, x + 2 y", f"{result.bandwidth / 1e9:.0f} GB/s")] if result.bandwidth else []
    return Table("What the machine can do", ("measured", "rate"), rows, "The best of the rounds, in this run.")


def kernel(result: Result, axis: str, title: str, note: str = "") -> Table:
    """Cases of one axis, apart into compilation, first call and steady state."""
    seconds, work = ("ms", "compile s", "first ms", "µs/pixel"), ("GFLOP/s", "as direct", "of products", "of memory")
    rows = []
    for record in result.kernels(axis):
        info, middle = record.info, record.seconds.median
        rate, memory = result.rates(record)
        rows.append(
            (
                label(record),
                milliseconds(record.seconds),
                f"{info['seconds']['compile']:.1f}",
                f"{1e3 * info['seconds']['first']:.0f}",
                f"{1e6 * middle / record.pixels:.2f}",
                f"{info['flops'] / middle / 1e9:.0f}",
                f"{info['direct_flops'] / middle / 1e9:.0f}",
                f"{info['flops'] / middle / rate:.0%}" if rate else "",
                f"{info['bytes_accessed'] / middle / memory:.0%}" if memory else "",
                megabytes(info["memory"]["temporary"] + info["memory"]["arguments"]),
                megabytes(record.peak),
            )
        )
    return Table(title, ("case", *seconds, *work, "MB", "MB peak"), rows, note)


def label(record: Record) -> str:
    """A kernel case's name without what pytest wraps it in."""
    return record.name.partition("[")[2].rstrip("]")


def kernels(result: Result) -> list[Table]:
    """One table for each axis of the kernel cases."""
    count = "GFLOP/s counts the compiled program's operations, 'as direct' those of direct convolutions in the same time; "
    count += "'of products' and 'of memory' are shares of the machine's rates above. MB: the program on a device; peak: all."
    wanted = [
        ("grid", "Every size with every precision", count),
        ("resolution", "Resolution", count),
        ("precision", "Precision of the convolutions' operands", ""),
        ("pooling", "Pooling", ""),
        ("padding", "Padding of the convolutions", ""),
        ("algorithm", "Convolution algorithm, forced for every layer; auto chooses by layer", ""),
        ("memory", "Memory: low computes features strip by strip", ""),
        ("batch", "Pictures at once, one vmap", ""),
        ("device", "Device", ""),
        ("devices", "Devices, a batch sharded over them", simulated(result)),
    ]
    if result.kernels("grid"):
        wanted = [parts for parts in wanted if parts[0] not in ("resolution", "precision")]
    # A size on its own still says what an evaluation takes; any other axis is a comparison.
    return [kernel(result, *parts) for parts in wanted if len(result.kernels(parts[0])) > (parts[0] != "resolution")]


def simulated(result: Result) -> str:
    return "Simulated devices: all share the same cores, and each is a queue of its own." if result.platform == "cpu" else ""


def goal(result: Result, record: Record) -> tuple[float, int] | None:
    """Final loss and evaluations of the plain L-BFGS on the same pictures at the same size, from the same start."""
    same = ("content", "style", "width", "height", "init")
    for other in (r for r in result.records if "trace" in r.info):
        if other.case["solver"] == "torch-lbfgs" and all(other.case[name] == record.case[name] for name in same):
            return other.trace[-1][1], other.trace[-1][0]
    return None


def quality(result: Result) -> Table:
    """Whole pictures: what each start, solver and precision comes to."""
    rows = []
    for record in (r for r in result.records if "trace" in r.info and "rival" not in r.info):
        case, trace, info = record.case, record.trace, record.info
        aim = goal(result, record)
        found = reached(trace, aim[0]) if aim else None
        setting = case["solver"] if case["precision"] == "float32" else f"{case['solver']}, {case['precision']}"
        rows.append(
            (
                f"{case['content']} x {case['style']}",
                case["init"],
                setting,
                f"{info['evaluations']}",
                f"{info['loss']['total']:.4g}",
                f"{found[0]} in {found[1]:.1f} s" if found else "not reached" if aim else "",
                f"{info['seconds']['compile']:.1f}",
                f"{info['seconds']['solve']:.1f}",
                f"{1e3 * info['seconds']['solve'] / info['evaluations']:.0f}",
                megabytes(record.peak),
            )
        )
    size = next((f" at {r.size}" for r in result.along("solver")), "")
    columns = ("evaluations", "loss", "to plain L-BFGS' loss", "compile s", "solve s", "ms each", "MB peak")
    note = "Loss: canonical, of the picture at the end. To plain L-BFGS' loss: evaluations and seconds of solving until it "
    note += "is as low as that of torch-lbfgs, L-BFGS run as PyTorch runs it, from the same start, after all its evaluations."
    return Table(f"Whole pictures{size}", ("pictures", "start", "solver", *columns), rows, note)


def commands(result: Result) -> Table:
    """From the shell."""
    words = {
        "import": "python -c 'import jaxstyle'",
        "cold": "jaxstyle demo, one evaluation, nothing compiled",
        "warm": "the same, programs in the cache",
    }
    found = result.along("command")
    rows = [(words[r.case["what"]], f"{r.seconds.median:.2f}", span(r.seconds)) for r in found]
    return Table(f"From the shell, {found[0].case['size'] if found else ''}", ("command", "s", "range"), rows)


def span(seconds: Seconds) -> str:
    return f"{seconds.range[0]:.2f} to {seconds.range[1]:.2f}"


def ratio(record: Record) -> str:
    """``"0.55 (0.54 to 0.57)"``: our seconds over theirs, round by round."""
    ratios = Seconds(tuple(record.rival["ratios"]))
    return f"{ratios.median:.2f}" + (f" ({span(ratios)})" if len(ratios.data) > 1 else "")


def rivals(result: Result) -> list[Table]:
    """Against other programs, turn about."""
    tables = []
    if found := result.along("rival evaluation"):
        rows = [
            (
                record.size,
                f"{record.case['precision']} / {record.rival['name']}",
                milliseconds(record.seconds),
                milliseconds(Seconds(tuple(record.rival["data"]))),
                ratio(record),
                f"{record.rival['info']['loss']['total'] / record.info['loss']['total'] - 1:+.1e}",
            )
            for record in found
        ]
        header = ("size", "ours / theirs", "our ms", "their ms", "ours / theirs (range)", "their loss / ours - 1")
        note = "Both with the same weights, input and allocator setting, each in its own process, their rounds alternating."
        tables.append(Table("One evaluation against PyTorch (channels_last)", header, rows, note))
    if found := [*result.along("rival solve"), *result.along("rival command")]:
        rows = [
            (
                f"{record.rival['name']}{'' if 'trace' in record.info else ', whole command'}",
                record.size,
                f"{record.case['evaluations']}",
                f"{record.seconds.median:.1f}",
                f"{Seconds(tuple(record.rival['data'])).median:.1f}",
                ratio(record),
                f"{record.info['loss']['total']:.4g}",
                f"{record.rival['loss']['total']:.4g}",
            )
            for record in found
        ]
        header = ("rival", "size", "evaluations", "our s", "their s", "ours / theirs (range)", "our loss", "their loss")
        note = "Equal pictures, sizes, layers and evaluations, from the content; jaxstyle compiles within its seconds. "
        note += "Losses are canonical; those of whole commands are measured from the PNG files."
        tables.append(Table("Whole pictures against other programs", header, rows, note))
    return tables


def times(result: Result) -> Table:
    """How soon each is at the other's loss, of runs with unequal evaluations."""
    rows = []
    for record in result.along("rival time"):
        rival, trace, theirs = record.rival, record.trace, lowest(record.rival["trace"])
        ours_there, theirs_there = reached(trace, theirs[-1][1]), reached(theirs, trace[-1][1])
        rows.append(
            (
                f"{record.size}, {rival['name']}",
                *(f"{part['evaluations']}" for part in (record.info, rival)),
                f"{trace[-1][1]:.4g}",
                f"{theirs[-1][1]:.4g}",
                f"{record.seconds.median:.1f}",
                f"{rival['data'][0]:.1f}",
                f"{ours_there[0]} in {compiled(record) + ours_there[1]:.1f} s" if ours_there else "not reached",
                f"{theirs_there[0]} in {theirs_there[1]:.1f} s" if theirs_there else "not reached",
            )
        )
    header = ("size, rival", "our evaluations", "theirs", "our loss", "their loss", "our s", "their s")
    note = "The last columns: evaluations and seconds of ours until the loss is as low as theirs at their end, and of theirs "
    note += "until it is as low as ours. Our seconds contain compilation."
    return Table("Time to a loss", (*header, "ours at their loss", "theirs at our loss"), rows, note)


def compiled(record: Record) -> float:
    """Seconds of a whole picture that are no solving: compilation, mostly."""
    return record.seconds.median - record.info["seconds"]["solve"]


def failures(result: Result) -> Table:
    """What was not measured, and why."""
    rows = [(failure["name"], failure["kind"], failure["reason"]) for failure in result.failures]
    return Table("Not measured", ("case", "kind", "reason"), rows)


def published() -> Table:
    """What others say of theirs: read, not measured."""
    found: dict[str, Any] = json.loads((Path(__file__).parent / "published.json").read_text(encoding="utf-8"))
    rows = []
    for row in found["rows"]:
        each = 1e3 * row["seconds"] / row["iterations"]
        rows.append((f"{row['program']}, {row['settings']}", row["machine"], f"{row['seconds']:g}", f"{each:.0f}"))
    sources = "; ".join(f"{name}: {source}" for name, source in found["sources"].items())
    header = ("program", "machine", "s", "ms an iteration")
    return Table("Published by others, on other machines", header, rows, f"{found['note']} Sources: {sources}.")


def noise(first: Seconds, second: Seconds) -> float | None:
    """Share by which medians may differ by chance: two standard deviations, at least `LEAST_NOISE`; None from single rounds."""
    if first.spread is None or second.spread is None:
        return None
    return max(LEAST_NOISE, 2 * hypot(first.spread, second.spread))


def shared(first: Result, second: Result) -> list[tuple[Record, Record]]:
    """The cases that two results have in common."""
    others = {record.name: record for record in second.records}
    return [(r, others[r.name]) for r in first.records if r.name in others and r.case == others[r.name].case]


def comparison(first: Result, second: Result) -> Table:
    """The cases that two results share: what changed by more than the noise."""
    rows = []
    for record, other in shared(first, second):
        share, chance = other.seconds.median / record.seconds.median, noise(record.seconds, other.seconds)
        verdict = "one round" if chance is None else "within the noise"
        if chance is not None and abs(share - 1) > chance:
            verdict = "slower" if share > 1 else "faster"
        losses = [found.info["loss"]["total"] for found in (record, other)] if "trace" in record.info else []
        rows.append(
            (
                record.name.removeprefix("test_"),
                milliseconds(record.seconds),
                milliseconds(other.seconds),
                f"{share:.2f}",
                "" if chance is None else f"±{chance:.0%}",
                verdict,
                f"{losses[1] / losses[0]:.3f}" if losses else "",
            )
        )
    header = ("case", f"{first.label} ms", f"{second.label} ms", "ratio", "noise", "verdict", "loss ratio")
    note = "Noise: two standard deviations of both, estimated from their rounds, and at least 3%. "
    note += "A single round is not judged. Final losses move by some percent with rounding alone."
    return Table(f"{second.label} against {first.label}", header, rows, note)


def summary(result: Result) -> Table:
    """For a README: our seconds beside theirs."""
    rows = []
    for record in (r for r in result.records if "rival" in r.info):
        ours, theirs = record.seconds.median, Seconds(tuple(record.rival["data"])).median
        if "rival evaluation" in record.axes:
            what, times = f"one evaluation, {record.size}", (f"{1e3 * ours:.0f} ms", f"{1e3 * theirs:.0f} ms")
        elif "widths" in record.case:
            what = (
                f"training step, {record.case['widths']}, {record.case['batch']} of {record.case['side']}x{record.case['side']}"
            )
            times = f"{1e3 * ours:.0f} ms", f"{1e3 * theirs:.0f} ms"
        elif "network" in record.case:
            what, times = f"one pass, {record.size}", (f"{1e3 * ours:.0f} ms", f"{1e3 * theirs:.0f} ms")
        else:
            kind = "picture" if "trace" in record.info else "whole command"
            counts = dict.fromkeys((record.info.get("evaluations", record.case["evaluations"]), record.case["evaluations"]))
            what = f"{kind}, {record.size}, {' against '.join(map(str, counts))} evaluations"
            times = f"{ours:.1f} s", f"{theirs:.1f} s"
        rows.append((what, record.rival["name"], *times, ratio(record)))
    return Table("", ("what", "rival", "jaxstyle", "rival's", "ratio (range)"), rows)
