"""One self-contained page, and the same tables as Markdown."""

from collections.abc import Callable
from html import escape
from typing import Any

from matplotlib.figure import Figure

from bench.report import figures, grid, networks, tables, together, words
from bench.report.data import Result

CSS = """
:root { color-scheme: light }
body { font: 16px/1.5 system-ui, sans-serif; color: #111; background: #fff; max-width: 68rem; margin: 2rem auto;
  padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 1px solid #bbb }
svg { max-width: 100%; height: auto } figure { margin: 1rem 0; break-inside: avoid }
figcaption, .note { font-size: .9rem; color: #444 }
.wide { overflow-x: auto; break-inside: avoid }
table { border-collapse: collapse; font-size: .85rem; margin: 1rem 0; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding: .3rem 0 }
th, td { padding: .15rem .45rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }
th { border-bottom: 1px solid #888; font-weight: 600 } th:first-child, td:first-child { text-align: left }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1rem }
.gallery figure { margin: 0 }
.gallery img { width: 100%; height: auto; display: block }
@media print { body { max-width: none; margin: 0; font-size: 11px } h2 { break-after: avoid } .wide { overflow: visible } }
"""


def figure(title: str, caption: str, draw: Callable[..., Figure | None], *arguments: Any) -> str:
    """A figure with its caption, or nothing."""
    drawn = figures.svg(title, lambda: draw(*arguments))
    return f"<figure>{drawn}<figcaption>{escape(caption)}</figcaption></figure>" if drawn else ""


def listed(sentences: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>"


def gallery(result: Result) -> str:
    """The pictures that were made, each with its setting and loss."""
    items = []

    def add(data: str, caption: str) -> None:
        image = f'<img alt="{escape(caption)}" src="data:image/jpeg;base64,{data}">'
        items.append(f"<figure>{image}<figcaption>{escape(caption)}</figcaption></figure>")

    for record in result.records:
        if "picture" not in record.info:
            continue
        case = record.case
        pair = f"{case['content']} x {case['style']}"
        what = f"from {case['init']}, {case['solver']}" + (f", {case['precision']}" if case["precision"] != "float32" else "")
        if "rival" in record.info:
            add(record.rival["picture"], f"{pair}: {record.rival['name']}, loss {record.rival['loss']['total']:.4g}")
            what += f" (beside {record.rival['name']})"
        add(record.info["picture"], f"{pair}: {what}, loss {record.info['loss']['total']:.4g}")
    return f"<div class=gallery>{''.join(items)}</div>" if items else ""


def head(result: Result) -> str:
    """Where and when, in one line."""
    commit = (result.commit.get("id") or "unknown")[:10] + (" with changes" if result.commit.get("dirty") else "")
    return f"{result.label}: {result.words}; profile {result.profile['name']}, commit {commit}, {result.date[:10]}"


def parts(result: Result) -> list[tables.Table]:
    """Every table of one result, those without rows left out."""
    found = [
        tables.machine(result),
        grid.table(result),
        *tables.kernels(result),
        together.table(result),
        tables.quality(result),
        tables.commands(result),
        *networks.tables(result),
    ]
    found += [*tables.rivals(result), tables.times(result), tables.failures(result)]
    return [table for table in found if table.rows]


def markdown(results: list[Result]) -> str:
    """Words and tables."""
    lines = ["# jaxstyle benchmarks", ""]
    for result in results:
        lines += [f"## {head(result)}", ""]
        lines += [f"- {sentence}" for sentence in words.findings(result)]
        lines += ["", "What the numbers do not show:", "", *(f"- {sentence}" for sentence in words.caveats(result)), ""]
        lines += [table.markdown() for table in parts(result)]
    lines += [tables.comparison(results[0], other).markdown(2) for other in results[1:]]
    return "\n".join([*lines, tables.published().markdown(2)])


def page(results: list[Result]) -> str:
    """The whole page."""
    body = ["<h1>jaxstyle benchmarks</h1>"]
    for result in results:
        body += [f"<p>{escape(head(result))}</p>", "<h2>What the numbers show</h2>", listed(words.findings(result))]
        body += ["<h2>What they do not show</h2>", listed(words.caveats(result))]
    body += ["<h2>Time against resolution</h2>", figure("Time against resolution", RESOLUTION, figures.resolution, results)]
    body += [figure("Roofline", ROOFLINE, figures.roofline, results)]
    for axis, field in (("initialisation", "init"), ("solver", "solver")):
        body.append(f"<h2>Loss over time by {axis}</h2>")
        for result in results:
            caption = f"{result.label}. {CONVERGENCE}"
            body.append(figure(f"Loss by {axis}, {result.label}", caption, figures.convergence, result, axis, field))
    body += ["<h2>Devices and batches</h2>", figure("Devices", DEVICES, figures.devices, results)]
    for axis, field, name in (("batch", "batch", "pictures at once"), ("devices", "devices", "devices")):
        body.append(figure(f"Scaling by {name}", SCALING, figures.scaling, results, axis, field, name))
    body += ["<h2>Other programs</h2>", figure("Other programs", RIVALS, figures.rivals, results)]
    for other in results[1:]:
        body += [f"<h2>{escape(other.label)} against {escape(results[0].label)}</h2>"]
        body += [figure(f"{other.label} against {results[0].label}", COMPARISON, figures.comparison, results[0], other)]
        body.append(tables.comparison(results[0], other).html())
    body.append("<h2>Tables</h2>")
    for result in results:
        body += [f"<p>{escape(head(result))}</p>", *(table.html() for table in parts(result))]
    body.append(tables.published().html())
    body.append("<h2>The pictures</h2>")
    body += [gallery(result) for result in results]
    start = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>jaxstyle benchmarks</title><style>{CSS}</style>'
    return start + '<meta name="viewport" content="width=device-width">' + "\n".join(body) + "</html>\n"


RESOLUTION = "Logarithmic axes. Dotted: the least time that the machine's measured rates allow for the compiled program."
ROOFLINE = "Lines: measured rate of a large matrix product and of memory. A point under the slope is bound by memory."
CONVERGENCE = "Left: against evaluations. Right: against seconds of solving, compilation left out. Lower is better."
SCALING = "Dotted: in proportion to the first."
DEVICES = "One evaluation of the same picture on every platform of every machine; black lines: range of the rounds."
RIVALS = "Bars: medians; black lines: range of the rounds, which alternate between both programs. Left of 1 jaxstyle is faster."
COMPARISON = "Ratio of the medians. Cases of a single round are left out."
