"""The page of a film: the film itself, a strip of its frames, and how it was made. It needs nothing but the film beside it."""

from contextlib import suppress
from fractions import Fraction
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jaxstyle.errors import InputError
from jaxstyle.films.film import Film
from jaxstyle.films.forms import ANIMATED
from jaxstyle.films.opened import opened
from jaxstyle.pictures import write
from jaxstyle.pictures.ours import GENERATOR
from jaxstyle.pictures.read import Picture
from jaxstyle.transfer.page import STYLE, encoded, facts_of, page_of

FRAMES, SHOWN = 12, 320
"""How many frames stand in the strip, and their longest side."""


def write_page(path: Path, record: dict[str, Any]) -> Path:
    """Writes the page of a film, OUT.mp4.html.

    Args:
        path: the film, or the folder of its pictures.
        record: of the film, as plain data.

    Raises:
        ImageError: where it cannot be written, or the film cannot be read.
    """
    page = page_of(path)
    write.write_atomically(page, _rendered(path, record).encode())
    return page


def _strip(path: Path) -> list[tuple[float, Picture]]:
    """Frames of a film, each with its second: at even distances, or all where they are few."""
    source = opened(str(path))
    if source.count is not None and source.count <= FRAMES:
        return [(float(frame.pts * source.time_base), frame.picture) for frame in Film(source, "film").frames()]
    length = source.length or Fraction(source.count or FRAMES) / source.rate
    found = []
    for start in (length * k / FRAMES for k in range(FRAMES)):
        with suppress(InputError):  # there is no frame from there on, where the last one is shown for long
            found.append((float(start), next(Film(source, "film", start).frames()).picture))
    return found


def _rendered(path: Path, known: dict[str, Any]) -> str:
    name, (width, height), seconds = path.name, known["size"], known["seconds"]
    shown = ""
    if path.suffix.lower() in ANIMATED:
        shown = f'<img src="{quote(name)}" alt="the film">'
    elif path.suffix:
        shown = f'<video src="{quote(name)}" controls loop playsinline></video>'
    figures = (
        f'<figure><img src="{encoded(frame.rgb, SHOWN)}" alt="frame"><figcaption>{second:.2f} s</figcaption></figure>'
        for second, frame in _strip(path)
    )
    inputs = known["inputs"]
    steadiness = known.get("steadiness") or {}
    facts = [
        ("film", Path(inputs["film"]["path"]).name),
        ("styles", ", ".join(Path(style["path"]).name for style in inputs.get("styles", []))),
        *((key.replace("_", " "), value) for key, value in known["config"].items()),
        ("frames", f"{known['frames']}, {known['rate']:g} a second"),
        ("first frames of a scene", ", ".join(map(str, known.get("scenes", [])))),
        ("evaluations", known.get("evaluations", "")),
        ("compiling", f"{seconds['compile']:.1f} s"),
        ("painting", f"{seconds['paint']:.1f} s, {seconds['paint'] / known['frames']:.2g} s a frame"),
        ("warping error", f"{steadiness['warping_error']:g} squared levels" if steadiness else ""),
    ]
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{GENERATOR}
<title>{escape(name)}</title>
<style>
{STYLE}
video, .film img {{ display: block; width: 100%; max-height: 80vh; }}
</style>
<h1>{escape(name)}</h1>
<p>{width}x{height}: {escape(known["stop_reason"])}.</p>
<div class="film">{shown}</div>
<h2>Frames</h2>
<div class="strip" tabindex="0">{"".join(figures)}</div>
<h2>How it was made</h2>
{facts_of([(key, value) for key, value in facts if value not in ("", None)])}
<h2>Command</h2>
<p><code>{escape(str(known["command"]))}</code></p>
</html>
"""
