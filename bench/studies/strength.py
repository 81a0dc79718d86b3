"""Strength: whether one number means the same for every pair and size.

    python -m bench.studies.strength [--sizes 64,96,144] [--evaluations 30] [--vary strength=0,0.5,1] [--sheet strength.jpg]

For six pairs and every size and value: the content loss over that of the last value, and the style loss over that of the
photograph, both canonical; what they are compared with stands before them. Below, over all pairs and sizes, for each value:
their geometric means, and the factor of one deviation around them. `--vary style-weight=1e1,1e3,1e5` shows the same for
fixed weights.
"""

import argparse
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

import jaxstyle
from bench.machine import describe, in_words
from bench.pictures import SAMPLES
from bench.studies.grain import PAIRS


def measure(
    content: str, style: str, size: int, evaluations: int, name: str, values: Sequence[float]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Content and style loss for each value, (N, 2), after a row with what they are compared with; and the pictures."""
    pictures = [str(SAMPLES / f"{each}.jpg") for each in (content, style)]
    vary = {name.replace("-", "_"): values}
    batch = jaxstyle.stylize_batch(*pictures, vary=vary, size=size, evaluations=evaluations)
    results = [result for result in batch if isinstance(result, jaxstyle.Result)]
    whole = results[-1].loss["content"], results[0].trace[0].loss or 0.0
    losses = [whole, *((r.loss["content"] / whole[0], r.loss["style"] / whole[1]) for r in results)]
    return np.array(losses), [np.round(r.image * 255).astype(np.uint8) for r in results]


def as_row(size: int, content: str, style: str, losses: np.ndarray) -> str:
    """A row of the table."""
    cells = [f"{losses[0][0]:.3g}, {losses[0][1]:.3g}", *(f"{c:.3f}, {s:.3f}" for c, s in losses[1:])]
    return f"| {size} | {content} x {style} | {' | '.join(cells)} |"


def head(name: str, values: Sequence[float]) -> str:
    """The first rows of the table."""
    return f"| size | pair | content, style | {' | '.join(f'{name} {v:g}' for v in values)} |\n{'|---' * (3 + len(values))}|"


def summary(found: Sequence[np.ndarray]) -> str:
    """The last rows: over all pairs and sizes."""
    rows = []
    for place, words in enumerate(("content", "style")):
        cells = [spread([losses[1 + i][place] for losses in found]) for i in range(len(found[0]) - 1)]
        rows.append(f"| all | {words} | | {' | '.join(cells)} |")
    return "\n".join(rows)


def spread(values: Sequence[float]) -> str:
    """Geometric mean, and the factor of one deviation."""
    if min(values) <= 0:
        return f"{np.mean(values):.3g}"
    logs = np.log(values)
    return f"{np.exp(logs.mean()):.3g} */ {np.exp(logs.std()):.2f}"


def write_sheet(rows: Sequence[Sequence[np.ndarray]], titles: Sequence[str], path: str) -> None:
    """Rows of pictures as one, with a title above each column."""
    height, width = (max(image.shape[axis] for row in rows for image in row) for axis in (0, 1))
    sheet = Image.new("RGB", (len(titles) * (width + 6), 14 + len(rows) * (height + 6)), "white")
    for x, title in enumerate(titles):
        ImageDraw.Draw(sheet).text((x * (width + 6) + 2, 0), title, "black")
        for y, row in enumerate(rows):
            sheet.paste(Image.fromarray(row[x]), (x * (width + 6), 14 + y * (height + 6)))
    sheet.save(path, quality=85)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="64,96,144")
    parser.add_argument("--evaluations", type=int, default=30)
    parser.add_argument("--vary", default="strength=0,0.25,0.5,0.75,1")
    parser.add_argument("--sheet", help="a picture of all results of the last size")
    options = parser.parse_args()
    jaxstyle.keep_pages()
    name, _, given = options.vary.partition("=")
    values = [float(value) for value in given.split(",")]
    print(f"{in_words(describe())}\n\n{options.evaluations} evaluations\n\n{head(name, values)}", flush=True)
    found, rows = [], []
    for size in map(int, options.sizes.split(",")):
        rows = []
        for content, style in PAIRS:
            losses, pictures = measure(content, style, size, options.evaluations, name, values)
            print(as_row(size, content, style, losses), flush=True)
            found.append(losses)
            rows.append(pictures)
    print(summary(found))
    if options.sheet:
        write_sheet(rows, [f"{name} {value:g}" for value in values], options.sheet)


if __name__ == "__main__":
    main()
