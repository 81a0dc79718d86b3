"""Time to picture: `jaxstyle stylize` from the shell, nothing compiled before, and PyTorch's L-BFGS until it is as low.

    python -m bench.studies.race [CONTENT STYLE] [--size 682x512] [--evaluations 200] [--most 1000]

PyTorch runs Gatys' notebook with the same weights and pixels, after jaxstyle has ended. Its seconds count from its targets on,
without the start of the process, the import and the weights, which jaxstyle's contain. `--most` ends it where it does not come
as low.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageOps

from bench import commands
from bench.machine import describe, in_words
from bench.pictures import PAIRS, SAMPLES
from bench.report.data import reached
from bench.worker import Worker


def prepared(content: Path, style: Path, width: int, height: int, folder: Path) -> tuple[Path, Path, str]:
    """Both as PNG files that nobody has to scale, and the style's size: its own aspect, with the content's shorter side."""
    found = folder / "content.png", folder / "style.png"
    with Image.open(content) as image:
        ImageOps.fit(image.convert("RGB"), (width, height), Image.Resampling.BILINEAR).save(found[0])
    with Image.open(style) as image:
        scale = min(width, height) / min(image.size)
        size = round(image.width * scale), round(image.height * scale)
        image.convert("RGB").resize(size, Image.Resampling.BILINEAR).save(found[1])
    return *found, f"{size[0]}x{size[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="*", metavar="CONTENT STYLE", type=Path)
    parser.add_argument("--size", default="682x512")
    parser.add_argument("--evaluations", type=int, default=200, help="jaxstyle's")
    parser.add_argument("--most", type=int, default=1000, help="evaluations of PyTorch's")
    options = parser.parse_args()
    if len(options.pictures) not in (0, 2):
        parser.error("give a content and a style, or neither")
    content, style = options.pictures or (SAMPLES / f"{name}.jpg" for name in PAIRS[0])
    width, height = map(int, options.size.split("x"))
    print(f"{content.stem} x {style.stem}, {options.size}; {in_words(describe())}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.png"
        first, second, style_size = prepared(content, style, width, height, Path(folder))
        began = time.perf_counter()
        commands.jaxstyle(first, second, out, options.size, options.evaluations, Path(folder) / "cache", style_size)
        ours = time.perf_counter() - began
        record = json.loads(Path(f"{out}.json").read_text())
        loss, each = record["loss"]["total"], record["seconds"]["solve"] / record["evaluations"]
        print(f"jaxstyle: loss {loss:.6g} after {ours:.1f} s, {record['evaluations']} evaluations of {each:.3g} s", flush=True)
        race = {"content": str(first), "style": str(second), "evaluations": options.most, "until": loss}
        with Worker("rivals:torch_race", race) as worker:
            trace = worker.run()["trace"]
    marks = [trace[mark - 1] for mark in (1, 10, 50, 100, 200, 300, 400, 500) if mark <= len(trace)]
    print("PyTorch:  " + ", ".join(f"{value:.6g} at {count}" for count, value, _ in marks))
    count, seconds = reached(trace, loss) or (trace[-1][0], trace[-1][2])
    value = trace[count - 1][1]
    print(f"PyTorch:  loss {value:.6g} after {seconds:.1f} s, {count} evaluations of {seconds / count:.3g} s")
    words = "as low" if value <= loss else f"not as low after {count} evaluations, so the ratio is more than"
    parts = f"{count / record['evaluations']:.2f} in evaluations x {seconds / count / each:.2f} each"
    print(
        f"{words}: {seconds / ours:.2f} times as long = {parts} / {ours / record['seconds']['solve']:.3f} for jaxstyle's start"
    )


if __name__ == "__main__":
    main()
