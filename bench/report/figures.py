"""The report's figures: legible in grey and on paper, in colours that the colour-blind tell apart (Okabe & Ito, 2008)."""

import io
import re
from collections.abc import Callable, Iterator
from html import escape
from itertools import cycle
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import networks
from bench.report.data import Record, Result, Seconds, lowest
from bench.report.tables import noise, shared

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
MARKERS, LINES = "os^DvPX", ("-", "--", "-.", ":", "-", "--", "-.")
AXES = {"resolution": "resolutions, float32", "precision": "precisions", "algorithm": "algorithms", "batch": "batches"}
STYLE: Any = {
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
}


def looks() -> Iterator[dict[str, Any]]:
    """Colour, marker and line style of one series after another."""
    for colour, marker, line in cycle(zip(COLOURS, MARKERS, LINES, strict=True)):
        yield dict(color=colour, marker=marker, linestyle=line)


def svg(name: str, draw: Callable[[], Figure | None]) -> str:
    """A figure as an inline SVG, the same bytes each time; empty where there is nothing to draw."""
    with mpl.rc_context({**STYLE, "svg.hashsalt": name}):
        figure = draw()
        if figure is None:
            return ""
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    found = buffer.getvalue()
    found = found[found.index("<svg") :]
    found = re.sub(r'\bid="(?!m[0-9a-f]{10}|p[0-9a-f]{10})[^"]*"', "", found)  # names that repeat from figure to figure
    return found.replace("<svg", f'<svg role="img" aria-label="{escape(name)}"', 1)


def pixels_axis(axes: Axes, records: list[Record]) -> None:
    """Pixels on a logarithmic axis, named by the sides of their squares."""
    axes.set_xscale("log")
    sides = sorted({r.case["width"] for r in records if r.case["width"] == r.case["height"]})
    axes.set_xticks([side**2 for side in sides], [f"{side}²" for side in sides])
    axes.minorticks_off()
    axes.set_xlabel("pixels")


def resolution(results: list[Result]) -> Figure | None:
    """Seconds of an evaluation against pixels, with the least that the machine's rates allow, and the rivals."""
    records = [record for result in results for record in result.along("resolution")]
    if not records:
        return None
    figure, look = Figure(figsize=(8, 5)), looks()
    axes = figure.add_subplot()
    for result in results:
        own, style = sorted(result.along("resolution"), key=lambda r: r.pixels), next(look)
        name = result.label if len(results) > 1 else "jaxstyle float32"
        for shape, marker in (("square", "s"), ("4:3", "o")):
            points = [r for r in own if (r.case["width"] == r.case["height"]) == (shape == "square")]
            label = f"{name}, {shape}"
            axes.plot(*xy(points), color=style["color"], marker=marker, linestyle="-" if shape == "square" else "", label=label)
        bounds = [(r.pixels, bound) for r in own if (bound := result.bound(r))]
        if bounds:
            axes.plot(*zip(*bounds, strict=True), color=style["color"], linestyle=":", label=f"{name}: roofline")
        by_rival: dict[str, list[Record]] = {}
        for record in result.along("rival evaluation"):
            by_rival.setdefault(record.rival["name"], []).append(record)
        for rival, points in by_rival.items():
            label = f"{rival}, {result.label}" if len(results) > 1 else rival
            medians = [Seconds(tuple(r.rival["data"])).median for r in points]
            axes.plot([r.pixels for r in points], medians, **next(look), label=label)
    axes.set_yscale("log")
    pixels_axis(axes, records)
    axes.set_ylabel("seconds per evaluation")
    axes.legend()
    return figure


def xy(records: list[Record]) -> tuple[list[int], list[float]]:
    return [r.pixels for r in records], [r.seconds.median for r in records]


def roofline(results: list[Result]) -> Figure | None:
    """FLOP/s against FLOP per byte of the compiled programs, under the machine's measured roof."""
    if not any(result.flop_rates and result.bandwidth for result in results):
        return None
    figure = Figure(figsize=(8, 5))
    axes = figure.add_subplot()
    for number, result in enumerate(results):
        if not result.bandwidth:
            continue
        tag = f"{result.label}: " if len(results) > 1 else ""
        for (precision, rate), line in zip(result.flop_rates.items(), LINES, strict=False):
            ridge = rate / result.bandwidth
            roof = [(x, min(rate, x * result.bandwidth) / 1e9) for x in (0.5, ridge, 1000)]
            axes.plot(*zip(*roof, strict=True), color="#777777", linestyle=line)
            axes.annotate(f"{tag}{precision} products", (1000, rate / 1e9), ha="right", va="bottom", fontsize=9)
        for (axis, name), style in zip(AXES.items(), looks(), strict=False):
            points = result.kernels(axis)
            shape: dict[str, Any] = style | {"linestyle": "", "fillstyle": "none" if number else "full"}
            x = [r.info["flops"] / r.info["bytes_accessed"] for r in points]
            axes.plot(x, [r.info["flops"] / r.seconds.median / 1e9 for r in points], **shape, label=tag + name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("FLOP per byte, as XLA counts the compiled program")
    axes.set_ylabel("GFLOP/s")
    axes.legend(loc="lower right")
    return figure


def convergence(result: Result, axis: str, field: str) -> Figure | None:
    """The lowest loss so far against evaluations and against seconds, for each pair of pictures."""
    records = [r for r in result.along(axis) if "trace" in r.info]
    pairs = list(dict.fromkeys((r.case["content"], r.case["style"]) for r in records))
    if not records:
        return None
    figure = Figure(figsize=(9, 3.4 * len(pairs)))
    grid: Any = figure.subplots(len(pairs), 2, squeeze=False, sharey="row")
    for pair, (left, right) in zip(pairs, grid, strict=True):
        look = looks()
        for record in (r for r in records if (r.case["content"], r.case["style"]) == pair):
            style = next(look)
            trace = record.trace
            every = max(1, len(trace) // 8)
            for axes, column in ((left, 0), (right, 2)):
                axes.plot([p[column] for p in trace], [p[1] for p in trace], **style, markevery=every, label=record.case[field])
        if axis == "solver" and pair == pairs[0]:
            for record in result.along("rival solve"):
                trace = lowest(record.rival["trace"])
                for axes, column in ((left, 0), (right, 2)):
                    axes.plot(
                        [p[column] for p in trace],
                        [p[1] for p in trace],
                        color="#777777",
                        linewidth=1,
                        label="PyTorch's L-BFGS",
                    )
        left.set_title(f"{pair[0]} x {pair[1]}", loc="left")
        left.set_ylabel("canonical loss, lowest so far")
        left.set_xlabel("evaluations")
        right.set_xlabel("seconds of solving")
        left.set_yscale("log")
        right.set_xscale("log")
        right.legend(fontsize=9)
        late = [p[1] for r in records if (r.case["content"], r.case["style"]) == pair for p in r.trace[len(r.trace) // 10 :]]
        if late and max(late) > 0:
            left.set_ylim(min(late) * 0.9, max(min(max(late), min(late) * 1000), min(late) * 2))
    return figure


def scaling(results: list[Result], axis: str, field: str, name: str) -> Figure | None:
    """Evaluations of a picture a second against a count; a dotted line would be in proportion."""
    if not any(len(result.along(axis)) > 1 for result in results):
        return None
    figure = Figure(figsize=(7, 4))
    axes = figure.add_subplot()
    look = looks()
    ticks: set[int] = set()
    highest: list[float] = []
    for result in results:
        records = sorted(result.along(axis), key=lambda r: r.case[field])
        if not records:
            continue
        style, counts = next(look), [r.case[field] for r in records]
        rates = [r.case["batch"] / r.seconds.median for r in records]
        axes.plot(counts, rates, **style, label=f"{result.label}, {records[0].size}")
        axes.plot(counts, [rates[0] * c / counts[0] for c in counts], color=style["color"], linestyle=":", linewidth=1)
        ticks |= set(counts)
        highest.append(max(rates))
    axes.set_xscale("log", base=2)
    axes.set_xticks(sorted(ticks), [str(tick) for tick in sorted(ticks)])
    axes.set_ylim(0, 1.6 * max(highest))
    axes.set_xlabel(name)
    axes.set_ylabel("evaluations of a picture a second")
    axes.legend()
    return figure


def devices(results: list[Result]) -> Figure | None:
    """Evaluations a second on each platform of each machine, as bars."""
    rows = []
    for result in results:
        for record in result.along("device"):
            kind = ", ".join(result.machine["devices"][record.case["platform"]]["kinds"])
            name = result.machine["processor"] if kind == "cpu" else kind
            rows.append((f"{name} ({result.label}), {record.size}", [1 / second for second in record.seconds.data]))
    return bars(rows, "evaluations a second") if len(rows) > 1 else None


def rivals(results: list[Result]) -> Figure | None:
    """Our seconds as a share of theirs, each with the range of its rounds."""
    rows: list[tuple[str, list[float]]] = []
    for result in results:
        tag = f"{result.label}: " if len(results) > 1 else ""
        for record in result.along("rival evaluation"):
            rows.append((f"{tag}{record.size}, {record.rival['name']}", record.rival["ratios"]))
        for record in [*result.along("rival solve"), *result.along("rival command")]:
            what = "picture" if "trace" in record.info else "command"
            rows.append((f"{tag}{record.size}, {record.rival['name']} ({what})", record.rival["ratios"]))
        for record in result.along("rival painting"):
            rows.append((f"{tag}{record.size}, {record.rival['name']} (one pass)", record.rival["ratios"]))
        for record in result.along("rival training"):
            rows.append((f"{tag}{networks.named(record)}, {record.rival['name']} (training)", record.rival["ratios"]))
    return bars(rows, "jaxstyle's seconds as a share of theirs (less is faster)", rule=1)


def comparison(first: Result, second: Result) -> Figure | None:
    """Ratios of the cases that two results share, with the noise as whiskers around 1."""
    pairs = [(a, b) for a, b in shared(first, second) if noise(a.seconds, b.seconds) is not None]
    if not pairs:
        return None
    figure = Figure(figsize=(8, 1 + 0.26 * len(pairs)))
    axes = figure.add_subplot()
    for row, (a, b) in enumerate(pairs):
        chance, share = noise(a.seconds, b.seconds) or 0.0, b.seconds.median / a.seconds.median
        axes.plot([1 - chance, 1 + chance], [row, row], color="#bbbbbb", linewidth=5, solid_capstyle="butt")
        clear = abs(share - 1) > chance
        axes.plot([share], [row], color=COLOURS[1] if clear and share > 1 else COLOURS[0], marker="D" if clear else "o")
    axes.set_yticks(range(len(pairs)), [a.name.removeprefix("test_") for a, _ in pairs], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(1, color="#777777", linewidth=1)
    axes.set_xlabel(f"seconds, {second.label} / {first.label}; grey: within the noise; diamonds: beyond it")
    return figure


def bars(rows: list[tuple[str, list[float]]], name: str, rule: float | None = None) -> Figure | None:
    """Horizontal bars of medians with the range as a line; beyond `rule` in another colour."""
    if not rows:
        return None
    figure = Figure(figsize=(8, 1 + 0.34 * len(rows)))
    axes = figure.add_subplot()
    for row, (_, data) in enumerate(rows):
        found = Seconds(tuple(data))
        axes.barh(row, found.median, color=COLOURS[0] if rule is None or found.median < rule else COLOURS[1], height=0.6)
        axes.plot(found.range, [row, row], color="#000000", linewidth=1.2)
        axes.annotate(f" {found.median:.2f}", (max(found.range), row), va="center", fontsize=9)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows])
    axes.invert_yaxis()
    if rule is not None:
        axes.axvline(rule, color="#000000", linewidth=1, linestyle="--")
    axes.set_xlabel(name)
    axes.grid(axis="y", visible=False)
    return figure
