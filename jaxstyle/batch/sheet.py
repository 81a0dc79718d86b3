"""The contact sheet: the pictures of a batch as one labelled image, and the table that it and the gallery share."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jaxstyle.batch.folder import FolderEntry
from jaxstyle.batch.jobs import differing
from jaxstyle.errors import JaxstyleError
from jaxstyle.pictures import read, write

SIDE, LEAST = 256, 64
"""Longest side of a picture on the sheet, in pixels; smaller where there are many columns, but not below `LEAST`."""
WIDEST = 4096
_GROUND, _INK, _GREY, _GAP = (255, 255, 255), (20, 20, 20), (225, 225, 225), 8


@dataclass(frozen=True)
class Table:
    """Entries as rows and columns.

    Attributes:
        rows, columns: titles; empty ones where a list is only wrapped.
        cells: by row and column; None where there is nothing.
        captions: whether each cell needs its labels below it.
        down, along: the label that the titles of rows and of columns are of; empty where they are of none or several.
    """

    rows: list[str]
    columns: list[str]
    cells: list[list[FolderEntry | None]]
    captions: bool
    down: str = ""
    along: str = ""


def words(name: str) -> str:
    """A setting's name as people write it."""
    return name.replace("_", " ")


def caption(labels: Mapping[str, str], names: Sequence[str]) -> str:
    """Some of an entry's labels as one line; contents and styles without their name."""
    return ", ".join(labels[n] if n in ("content", "style") else f"{words(n)} {labels[n]}" for n in names)


def tabulate(entries: Sequence[FolderEntry]) -> Table:
    """Lays entries out by what differs among them: the last such label along the columns, the others down the rows.

    Where not every combination is there, as with pairs, they are a list in lines of about equal length.
    """
    names = list(entries[0].labels)
    values = {name: list(dict.fromkeys(entry.labels[name] for entry in entries)) for name in names}
    varied = differing(entries)
    if len(entries) != math.prod(len(values[name]) for name in varied) or (len(varied) == 1 and len(entries) > 8):
        width = math.ceil(math.sqrt(len(entries)))
        lines = [list(entries[i : i + width]) for i in range(0, len(entries), width)]
        cells: list[list[FolderEntry | None]] = [[*line, *[None] * (width - len(line))] for line in lines]
        return Table([""] * len(cells), [""] * width, cells, True)
    *down, along = varied or [names[-1]]
    by_labels = {tuple(entry.labels[n] for n in (*down, along)): entry for entry in entries}
    rows = list(dict.fromkeys(tuple(entry.labels[n] for n in down) for entry in entries))
    grid: list[list[FolderEntry | None]] = [[by_labels.get((*row, value)) for value in values[along]] for row in rows]
    titles = [caption(dict(zip(down, row, strict=True)), down) for row in rows]
    columns = [caption({along: value}, [along]) for value in values[along]]
    return Table(titles, columns, grid, False, down[0] if len(down) == 1 else "", along)


def write_sheet(path: Path, entries: Sequence[FolderEntry], inputs: Mapping[tuple[str, str], object]) -> None:
    """Writes the contact sheet.

    Args:
        path: .png.
        entries: all jobs; those without a picture are grey fields.
        inputs: pictures of contents and styles by label and title, shown beside the titles of rows and columns.
    """
    table = tabulate(entries)
    side = max(LEAST, min(SIDE, WIDEST // len(table.columns) - _GAP))
    small = side // 3
    names = differing(entries)
    points = max(11, side // 16)
    font, line = ImageFont.load_default(points), round(points * 1.4)
    cells = [[_thumbnail(cell, side) for cell in row] for row in table.cells]
    tall = [max(cell.height for cell in row) + (line if table.captions else 0) for row in cells]
    heads = [_input(inputs.get((table.along, title)), small) for title in table.columns]
    sides = [_input(inputs.get((table.down, title)), small) for title in table.rows]
    top = (line if any(table.columns) else 0) + max((h.height + 4 for h in heads if h), default=0)
    measure = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    left = round(min(side, max((measure.textlength(title, font) for title in table.rows), default=0)))
    left = max(left, *(s.width for s in sides if s), 0) if any(sides) else left
    left += _GAP if left else 0
    size = (left + len(table.columns) * (side + _GAP) + _GAP, top + sum(tall) + (len(tall) + 1) * _GAP)
    sheet = Image.new("RGB", size, _GROUND)
    draw = ImageDraw.Draw(sheet)

    def put(x: int, y: int, text: str, most: int) -> None:
        while text and draw.textlength(text, font) > most:
            text = text[:-2].rstrip("…") + "…" if len(text) > 2 else ""
        draw.text((x, y), text, _INK, font)

    for column, (title, head) in enumerate(zip(table.columns, heads, strict=True)):
        x = left + _GAP + column * (side + _GAP)
        if head:
            sheet.paste(head, (x, top - line - head.height + _GAP // 4))
        put(x, top - line + _GAP // 2, title, side)
    y = top + _GAP
    for title, beside, row, entries_here, height in zip(table.rows, sides, cells, table.cells, tall, strict=True):
        if beside:
            sheet.paste(beside, (_GAP // 2, y + line))
        put(_GAP // 2, y, title, left - _GAP // 2)
        for column, (cell, entry) in enumerate(zip(row, entries_here, strict=True)):
            x = left + _GAP + column * (side + _GAP)
            sheet.paste(cell, (x, y))
            if entry is not None and entry.path is None:
                put(x + 4, y + 4, "no picture", side - 8)
            if table.captions and entry is not None:
                put(x, y + cell.height, caption(entry.labels, names), side)
        y += height + _GAP
    write.save(path, np.asarray(sheet))


def _thumbnail(entry: FolderEntry | None, side: int) -> Image.Image:
    if entry is None:
        return Image.new("RGB", (side, 1), _GROUND)
    if entry.path is None:
        return Image.new("RGB", (side, side * 3 // 4), _GREY)
    with Image.open(entry.path) as picture:
        return _fitted(picture.convert("RGBA"), side)


def _input(source: object, side: int) -> Image.Image | None:
    if source is None or isinstance(source, list | tuple):
        return None
    try:
        picture = read.load(source, argument="content", fit=lambda w, h: _within(side, w, h)).rgb
    except JaxstyleError:  # it was there when the batch began
        return None
    return Image.fromarray(read.to_bytes(picture))


def _within(side: int, width: int, height: int) -> tuple[int, int]:
    factor = side / max(width, height)
    return max(1, round(width * factor)), max(1, round(height * factor))


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    found = picture.resize(_within(side, *picture.size), Image.Resampling.LANCZOS)
    ground = Image.new("RGBA", found.size, (*_GROUND, 255))
    return Image.alpha_composite(ground, found).convert("RGB")
