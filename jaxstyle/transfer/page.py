"""A run's page: one HTML file beside the picture that shows what went in, how the picture came about, what came out and how
long it took. It holds its pictures and plots and needs nothing from elsewhere.
"""

import base64
import io
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from jaxstyle.loss.objective import Losses
from jaxstyle.machine.memory import gigabytes
from jaxstyle.pictures import write
from jaxstyle.pictures.ours import GENERATOR, record_path
from jaxstyle.pictures.read import over_white, to_bytes
from jaxstyle.plans.config import Config
from jaxstyle.plans.plan import Plan
from jaxstyle.results import record
from jaxstyle.runs.loop import Progress
from jaxstyle.transfer.stylize import Result

MOMENTS = 24
"""How often a run is looked at, evenly on a logarithmic scale of evaluations; a measurement costs a third of one."""
SHOWN, SMALL = 1024, 160
"""Longest sides of the pictures in a page, and of those on the way."""
TERMS = {"total": "total", "style": "style", "content": "content", "tv": "total variation"}


def page_of(path: str | os.PathLike[str]) -> Path:
    """The file of a picture's page."""
    path = Path(path)
    return path.with_name(f"{path.name}.html")


@dataclass(frozen=True)
class Moment:
    """What a run was on its way.

    Attributes:
        evaluation, seconds: when.
        picture: the best so far, small, as a data URL.
        losses: its canonical losses, at the size of the moment.
    """

    evaluation: int
    seconds: float
    picture: str
    losses: Losses


class Diary:
    """Looks at a run now and then, and writes its page."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.moments: list[Moment] = []
        self._due = sorted({round(n) for n in np.geomspace(1, max(1, plan.evaluations), MOMENTS)})

    def enter(self, progress: Progress) -> None:
        """Notes the moment if it is time."""
        if not self._due or progress.evaluation < self._due[0]:
            return
        self._due = [evaluation for evaluation in self._due if evaluation > progress.evaluation]
        picture = encoded(progress.image(), SMALL, progress.alpha)
        self.moments.append(Moment(progress.evaluation, progress.seconds, picture, progress.losses()))

    def write(self, path: Path, result: Result) -> Path:
        """Writes the page of a finished picture that was saved at `path`."""
        page = page_of(path)
        write.write_atomically(page, render(path, self.plan, self.moments, result).encode())
        return page


def encoded(rgb: np.ndarray, longest: int, alpha: np.ndarray | None = None) -> str:
    """A picture as a data URL, at most so large."""
    pixels = to_bytes(rgb)
    image = Image.fromarray(pixels if alpha is None else over_white(pixels, alpha))
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=88)
    return f"data:image/jpeg;base64,{base64.b64encode(data.getvalue()).decode()}"


STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1a1a1a; --soft: #666; --line: #ddd;
  --total: #1a1a1a; --style: #c0392b; --content: #1f6fb2; --tv: #2e8b57; }
@media (prefers-color-scheme: dark) { :root { --ground: #161616; --ink: #eee; --soft: #aaa; --line: #444;
  --total: #eee; --style: #ff7b6b; --content: #6cb6ff; --tv: #6fd39a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 1160px; background: var(--ground); color: var(--ink);
  font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0 0 .3rem; overflow-wrap: anywhere; } h2 { font-size: 1rem; margin: 1.6rem 0 .5rem; }
p { margin: 0 0 .8rem; } figure { margin: 0; } img { display: block; max-width: 100%; height: auto; }
figcaption { font-size: 13px; color: var(--soft); padding-top: .25rem; overflow-wrap: anywhere; }
.result img { width: 100%; max-height: 80vh; object-fit: contain; object-position: left; }
.top { display: grid; grid-template-columns: minmax(0, 2.2fr) minmax(0, 1fr); gap: 1rem; align-items: start; }
.inputs { display: grid; gap: 1rem; } .inputs img { max-height: 38vh; }
.strip { display: flex; gap: .5rem; overflow-x: auto; padding-bottom: .5rem; } .strip figure { flex: none; }
.strip img { height: 7rem; width: auto; max-width: none; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
svg { display: block; width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
.grid { stroke: var(--line); } .stage { stroke: var(--soft); stroke-dasharray: 3 3; }
.curve { fill: none; stroke-width: 1.6; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: 13px; margin-bottom: .4rem; }
.key i { display: inline-block; width: 1.4em; height: 3px; vertical-align: middle; margin-right: .4em; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .1rem 1rem; margin: 0; font-size: 14px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 0 2rem; }
code { overflow-wrap: anywhere; }
@media (max-width: 640px) { .top { grid-template-columns: 1fr; } .inputs { grid-template-columns: 1fr 1fr; } }
""".strip()


def _figure(picture: str, caption: str, kind: str = "") -> str:
    attributes = f' class="{kind}"' if kind else ""
    return (
        f'<figure{attributes}><img src="{picture}" alt="{escape(caption)}"><figcaption>{escape(caption)}</figcaption></figure>'
    )


def facts_of(facts: Sequence[tuple[str, Any]]) -> str:
    """Names and values as a list of definitions."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in facts)
    return f"<dl>{rows}</dl>"


def render(path: Path, plan: Plan, moments: Sequence[Moment], result: Result) -> str:
    """The page's text."""
    known = record.plain(result.record)
    sources, seconds, (width, height) = known["inputs"], known["seconds"], known["size"]
    names = [Path(source["path"]).name for source in sources["styles"]]
    shares = [f", {share:.0%}" if len(names) > 1 else "" for share in plan.blend]
    inputs = [
        _figure(
            encoded((plan.original_content or plan.content).rgb, SHOWN // 2),
            f"content: {Path(sources['content']['path']).name}",
        )
    ]
    for picture, name, share in zip(plan.styles, names, shares, strict=True):
        inputs.append(_figure(encoded(picture.rgb, SHOWN // 2), f"style: {name}{share}"))
    if plan.regions is not None:
        for name, mask in plan.regions.named:
            shown = encoded(np.repeat(mask[..., None], 3, -1), SHOWN // 4)
            inputs.append(_figure(shown, f"region: {name}, {mask.mean():.0%} of the picture"))
    strip = "".join(_figure(each.picture, f"{each.evaluation}") for each in moments)
    given = [(n.replace("_", " "), v) for n, v in known["config"].items() if v != record.plain(getattr(Config(), n))]
    objective = known["objective"]
    settings = [
        ("size", f"{width}x{height}"),
        ("evaluations", known["evaluations"]),
        *[(name, value) for name, value in given if name not in ("size", "evaluations")],
        ("preset", known["config"]["preset"]),
        ("content weight", f"{objective['content_weight']:g}"),
        ("style weight", f"{objective['style_weight']:g}"),
        ("solver", f"{known['config']['solver']}, {known['preconditioner']}"),
        ("stages", "; ".join(f"{'x'.join(map(str, s['size']))} {s['metric']}: {s['evaluations']}" for s in known["stages"])),
        ("network", f"{known['network']}, weights {known['weights']['name']}"),
    ]
    device, memory = known["device"], known["memory"]
    timing = [
        ("compiling", f"{seconds['compile']:.1f} s"),
        ("evaluations", f"{seconds['solve']:.1f} s, {seconds['solve'] / max(1, known['evaluations']):.3g} s each"),
        ("memory", f"{gigabytes(memory['peak'])} at most" if memory.get("peak") else "not known"),
        ("device", f"{device['count']} x {device['kind']} ({device['platform']})"),
        ("versions", ", ".join(f"{name} {known['versions'][name]}" for name in ("jaxstyle", "jax", "python"))),
    ]
    losses = [(TERMS[name], f"{value:.6g}") for name, value in known["loss"].items() if name != "tv" or value]
    notes = "".join(f"<p>{escape(notice)}</p>" for notice in known["notices"])
    loss = f", loss {known['loss']['total']:.6g}" if known["loss"] else ""
    course = ""
    if known["loss"]:
        course = f"""<h2>On the way, by evaluation</h2>
<div class="strip" tabindex="0">{strip}</div>
<h2>Loss</h2>
{_plots(moments, known)}
"""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{GENERATOR}
<title>{escape(path.name)}</title>
<style>
{STYLE}
</style>
<h1>{escape(path.name)}</h1>
<p>{width}x{height}{loss}: {escape(known["stop_reason"])}.
<a href="{quote(path.name)}">picture</a> · <a href="{quote(record_path(path).name)}">record</a></p>
<div class="top">
{_figure(encoded(result.image, SHOWN, result.alpha), "result", "result")}
<div class="inputs">{"".join(inputs)}</div>
</div>
{course}<div class="facts">
<div><h2>Settings</h2>{facts_of(list(dict(settings).items()))}</div>
<div><h2>Result</h2>{facts_of(losses)}<h2>Time</h2>{facts_of(timing)}</div>
</div>
{notes}
<h2>Command</h2>
<p><code>{escape(str(known["command"] or "called from Python"))}</code></p>
</html>
"""


Points = list[tuple[float, float]]


def _plots(moments: Sequence[Moment], known: dict[str, Any]) -> str:
    """Loss by term over evaluations and over seconds, and the key to both."""
    before = sum(stage["evaluations"] for stage in known["stages"] if stage["size"] != known["size"])
    trace = [entry for entry in known["trace"] if entry["loss"] is not None]

    def curves(key: str, end: float) -> dict[str, Points]:
        found: dict[str, Points] = {"total": [(entry[key], entry["loss"]) for entry in trace]}
        for name in ("style", "content", "tv"):
            measured = [(float(getattr(m, key)), getattr(m.losses, name)) for m in moments]
            found[name] = [*measured, (end, known["loss"][name])]
        return {name: [p for p in points if p[1] > 0] for name, points in found.items() if any(p[1] > 0 for p in points)}

    by_evaluation = curves("evaluation", known["evaluations"])
    steps = [sum(s["evaluations"] for s in known["stages"][:n]) for n in range(1, len(known["stages"]))]
    first = _plot(by_evaluation, "evaluations", steps)
    times = [next((e["seconds"] for e in known["trace"] if e["evaluation"] > step), None) for step in steps]
    second = _plot(curves("seconds", known["seconds"]["solve"]), "seconds", [t for t in times if t is not None])
    keys = "".join(f'<span><i style="background: var(--{name})"></i>{TERMS[name]}</span>' for name in by_evaluation)
    words = f" Up to evaluation {before} at smaller sizes." if before else ""
    lines = f"<p>Dashed lines: a new stage.{words}</p>" if steps else ""
    return f'<div class="key">{keys}</div><div class="plots">{first}{second}</div>{lines}'


def _plot(curves: dict[str, Points], title: str, steps: Sequence[float]) -> str:
    """Curves on a logarithmic scale as inline SVG."""
    wide, high, left, right, top, bottom = 400, 250, 46, 8, 8, 34
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return ""
    most = max(max(x for x, _ in points), 1e-9)
    low, top_value = (math.log10(f(y for _, y in points)) for f in (min, max))
    low, top_value = (low - 0.1, top_value + 0.1) if top_value - low < 0.2 else (low, top_value)

    def x(value: float) -> float:
        return round(left + (wide - left - right) * value / most, 1)

    def y(value: float) -> float:
        return round(top + (high - top - bottom) * (top_value - math.log10(value)) / (top_value - low), 1)

    parts = []
    for value in _ticks(10**low, 10**top_value):
        parts.append(f'<line class="grid" x1="{left}" x2="{wide - right}" y1="{y(value)}" y2="{y(value)}"/>')
        parts.append(f'<text x="{left - 5}" y="{y(value) + 4}" text-anchor="end">{value:.4g}</text>')
    step = 10 ** math.floor(math.log10(most / 3))
    step *= next(f for f in (1, 2, 5, 10) if most / (step * f) <= 6)
    for n in range(int(most / step) + 1):
        parts.append(f'<text x="{x(n * step)}" y="{high - bottom + 15}" text-anchor="middle">{n * step:.6g}</text>')
    parts.append(f'<text x="{(left + wide - right) / 2}" y="{high - 4}" text-anchor="middle">{title}</text>')
    for value in steps:
        parts.append(f'<line class="stage" x1="{x(value)}" x2="{x(value)}" y1="{top}" y2="{high - bottom}"/>')
    for name, curve in reversed(curves.items()):
        way = " ".join(f"{x(a)},{y(b)}" for a, b in curve)
        parts.append(f'<polyline class="curve" style="stroke: var(--{name})" points="{way}"/>')
    label = f"loss over {title}, logarithmic"
    return f'<svg viewBox="0 0 {wide} {high}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between two positive ones, three to nine of them where that can be."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5), range(1, 10)):
        ticks = [f * 10.0**d for d in decades for f in factors if low <= f * 10.0**d <= high]
        if len(ticks) >= 3:
            return ticks[:: math.ceil(len(ticks) / 9)]
    return [low, high]
