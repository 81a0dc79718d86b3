"""The gallery: a page of the pictures of a batch that shows each one's settings and losses on hover, tap or focus."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from jaxstyle.batch.folder import TABLE, FolderEntry
from jaxstyle.batch.sheet import tabulate, words
from jaxstyle.pictures import write
from jaxstyle.pictures.ours import GENERATOR, record_path

_STYLE = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1a1a1a; --line: #ddd; }
@media (prefers-color-scheme: dark) { :root { --ground: #161616; --ink: #eee; --line: #444; } }
body { margin: 1rem; background: var(--ground); color: var(--ink); font: 15px/1.4 system-ui, sans-serif; }
table { border-spacing: .5rem; } th { font-weight: 600; text-align: left; vertical-align: top; max-width: 10rem; }
figure { position: relative; margin: 0; min-width: 9rem; } img { display: block; width: 100%; height: auto; }
td { vertical-align: top; width: 20rem; }
figcaption { position: absolute; inset: 0 0 auto 0; min-height: 100%; box-sizing: border-box; z-index: 1;
  padding: .4rem .6rem; color: #fff;
  background: rgb(0 0 0 / .78); font-size: 13px; opacity: 0; transition: opacity .12s; pointer-events: none; }
figure:hover figcaption, figure:focus figcaption, figure:focus-within figcaption { opacity: 1; pointer-events: auto; }
figcaption dl { display: grid; grid-template-columns: auto 1fr; gap: 0 .6rem; margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
figcaption a { color: #fff; } .none { border: 1px dashed var(--line); padding: 1rem; font-size: 13px; }
@media (max-width: 700px) { figcaption { position: fixed; inset: auto 0 0 0; min-height: 0; } }
.below { font-size: 13px; } figure:focus { outline: 2px solid #4a90d9; }
""".strip()


_LOSSES = {"loss": "total", "content loss": "content", "style loss": "style"}


def _facts(entry: FolderEntry) -> list[tuple[str, str]]:
    known = entry.record
    assert known is not None
    loss, seconds = known["loss"], known["seconds"]["solve"]
    facts = [(words(name), value) for name, value in entry.labels.items()]
    facts += [(name, f"{loss[part]:.6g}") for name, part in _LOSSES.items() if part in loss]
    facts += [("tv", f"{loss['tv']:.4g}")] if loss.get("tv") else []
    facts += [("size", "x".join(map(str, known["size"]))), ("evaluations", str(known["evaluations"]))]
    count = known["batch"]["members"]
    facts.append(("seconds", f"{seconds:.1f}" + (f" for {count} at once" if count > 1 else "")))
    facts.append(("stopped", str(known["stop_reason"])))
    return facts + [("note", str(notice)) for notice in known.get("notices", ())]


def _figure(entry: FolderEntry | None, captions: bool) -> str:
    if entry is None:
        return ""
    name = ", ".join(entry.labels.values())
    if entry.path is None or entry.record is None:
        return f'<div class="none"><b>{escape(name)}</b><br>{escape(entry.problem)}</div>'
    width, height = entry.record["size"]
    source, notes = quote(entry.path.name), quote(record_path(entry.path).name)
    rows = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in _facts(entry))
    links = f'<a href="{source}">picture</a> · <a href="{notes}">record</a>'
    image = f'<img src="{source}" width="{width}" height="{height}" loading="lazy" alt="{escape(name)}">'
    below = f'<div class="below">{escape(name)}</div>' if captions else ""
    return f'<figure tabindex="0">{image}<figcaption><dl>{rows}</dl>{links}</figcaption></figure>{below}'


def write_gallery(path: Path, entries: Sequence[FolderEntry], command: str) -> None:
    """Writes the page; it refers to the pictures and records beside it, and needs nothing else."""
    table = tabulate(entries)
    head = "".join(f"<th>{escape(title)}</th>" for title in table.columns)
    body = "\n".join(
        f"<tr><th>{escape(title)}</th>" + "".join(f"<td>{_figure(cell, table.captions)}</td>" for cell in row) + "</tr>"
        for title, row in zip(table.rows, table.cells, strict=True)
    )
    made = sum(entry.path is not None for entry in entries)
    page = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
{GENERATOR}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{made} of {len(entries)} pictures</title>
<style>
{_STYLE}
</style>
<p>{made} of {len(entries)} pictures. Point at one, tap it or tab to it for its settings and losses; all of them in
<a href="{TABLE}">{TABLE}</a>.</p>
<table>
<tr><th></th>{head}</tr>
{body}
</table>
<p><code>{escape(command)}</code></p>
</html>
"""
    write.write_atomically(path, page.encode(errors="replace"))
