"""Strength: whether one number means the same for every pair and size.

    python -m bench.strength [--sizes 96,144,216] [--evaluations 36] [--vary strength=0,0.25,0.5,0.75,1] [--sheet strength.jpg]

For six pairs and every size and value: the content loss, and the style loss over that of the photograph, both canonical. Below,
over all pairs and sizes, for each value: their geometric means, and the factor of one deviation around them.
`--vary style-weight=1e1,1e2,1e3,1e4` shows the same for fixed weights.
"""

import argparse

import numpy as np
from PIL import Image, ImageDraw

import jaxstyle
from bench.grain import PAIRS
from bench.machine import describe, in_words
from bench.pictures import SAMPLES


def spread(values: list[float]) -> str:
    """Geometric mean, and the factor of one deviation."""
    logs = np.log(values)
    return f"{np.exp(logs.mean()):.3g} */ {np.exp(logs.std()):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="96,144,216")
    parser.add_argument("--evaluations", type=int, default=36)
    parser.add_argument("--vary", default="strength=0,0.25,0.5,0.75,1")
    parser.add_argument("--sheet", help="a picture of all results of the middle size")
    options = parser.parse_args()
    jaxstyle.keep_pages()
    name, _, given = options.vary.partition("=")
    values, sizes = [float(value) for value in given.split(",")], [int(size) for size in options.sizes.split(",")]
    print(in_words(describe()))
    print(f"\n{options.evaluations} evaluations; content loss, style loss over the photograph's\n")
    print("| size | pair | " + " | ".join(f"{value:g}" for value in values) + " |")
    print("|---|---|" + "---|" * len(values), flush=True)
    found: list[list[tuple[float, float]]] = []
    rows = []
    for size in sizes:
        for content, style in PAIRS:
            pictures = [str(SAMPLES / f"{each}.jpg") for each in (content, style)]
            how = dict(size=size, evaluations=options.evaluations)
            photograph = jaxstyle.stylize(*pictures, strength=0, **how).loss["style"]
            vary = {name.replace("-", "_"): values}
            results = [r for r in jaxstyle.stylize_batch(*pictures, vary=vary, **how) if isinstance(r, jaxstyle.Result)]
            found.append([(r.loss["content"], r.loss["style"] / photograph) for r in results])
            print(f"| {size} | {content} x {style} | {' | '.join(f'{c:.3g}, {s:.2g}' for c, s in found[-1])} |", flush=True)
            if size == sizes[len(sizes) // 2]:
                rows.append([np.round(r.image * 255).astype(np.uint8) for r in results])
    for place, words in enumerate(("content", "style")):
        cells = [spread([max(row[i][place], 1e-9) for row in found]) for i in range(len(values))]
        print(f"| all | {words} | {' | '.join(cells)} |")
    if options.sheet:
        write_sheet(rows, [f"{name} {value:g}" for value in values], options.sheet)


def write_sheet(rows: list[list[np.ndarray]], titles: list[str], path: str) -> None:
    """Rows of pictures as one, with a title above each column."""
    height, width = (max(image.shape[axis] for row in rows for image in row) for axis in (0, 1))
    sheet = Image.new("RGB", (len(titles) * (width + 6), 14 + len(rows) * (height + 6)), "white")
    for x, title in enumerate(titles):
        ImageDraw.Draw(sheet).text((x * (width + 6) + 2, 0), title, "black")
        for y, row in enumerate(rows):
            sheet.paste(Image.fromarray(row[x]), (x * (width + 6), 14 + y * (height + 6)))
    sheet.save(path, quality=85)


if __name__ == "__main__":
    main()
