"""Strength: whether one number means the same for every pair and size.

    python -m bench.strength [--sizes 64,96,144] [--evaluations 30] [--vary strength=0,0.25,0.5,0.75,1] [--sheet strength.jpg]

For six pairs and every size and value: the content loss over that of the last value, and the style loss over that of the
photograph, both canonical; what they are compared with stands before them. Below, over all pairs and sizes, for each value:
their geometric means, and the factor of one deviation around them. `--vary style-weight=1e1,1e3,1e5` shows the same for
fixed weights.
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
    if min(values) <= 0:
        return f"{np.mean(values):.3g}"
    logs = np.log(values)
    return f"{np.exp(logs.mean()):.3g} */ {np.exp(logs.std()):.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="64,96,144")
    parser.add_argument("--evaluations", type=int, default=30)
    parser.add_argument("--vary", default="strength=0,0.25,0.5,0.75,1")
    parser.add_argument("--sheet", help="a picture of all results of the middle size")
    options = parser.parse_args()
    jaxstyle.keep_pages()
    name, _, given = options.vary.partition("=")
    values, sizes = [float(value) for value in given.split(",")], [int(size) for size in options.sizes.split(",")]
    print(in_words(describe()))
    print(f"\n{options.evaluations} evaluations; {name}: content loss over the last one's, style loss over the photograph's\n")
    print("| size | pair | content, style | " + " | ".join(f"{value:g}" for value in values) + " |")
    print("|---|---|---|" + "---|" * len(values), flush=True)
    found: list[list[tuple[float, float]]] = []
    rows = []
    for size in sizes:
        for content, style in PAIRS:
            pictures = [str(SAMPLES / f"{each}.jpg") for each in (content, style)]
            vary = {name.replace("-", "_"): values}
            batch = jaxstyle.stylize_batch(*pictures, vary=vary, size=size, evaluations=options.evaluations)
            results = [result for result in batch if isinstance(result, jaxstyle.Result)]
            alone, photograph = results[-1].loss["content"], results[0].trace[0].loss or 0
            found.append([(r.loss["content"] / alone, r.loss["style"] / photograph) for r in results])
            cells = [f"{alone:.3g}, {photograph:.3g}", *(f"{c:.3f}, {s:.3f}" for c, s in found[-1])]
            print(f"| {size} | {content} x {style} | {' | '.join(cells)} |", flush=True)
            if size == sizes[len(sizes) // 2]:
                rows.append([np.round(r.image * 255).astype(np.uint8) for r in results])
    for place, words in enumerate(("content", "style")):
        cells = [spread([row[i][place] for row in found]) for i in range(len(values))]
        print(f"| all | {words} | | {' | '.join(cells)} |")
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
