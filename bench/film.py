"""Films by every way of painting them: how much they change along exact flow, and what that costs.

    python -m bench.film -o film [--films parallax,still:40] [--size 192x108] [--frames 12] [--style starry_night]

Films of `bench.films`, painted

- alone: each frame by optimisation, as the first one of a film of its own. That is slow, so only frames 0, 1, 11, the middle
  and the last are painted so;
- by `jaxstyle video` with its default steadiness; one film (`--steady-on`) with 0 and 1 too;
- by networks, frame by frame, the first of which has learned the style.

For each film and way (levels are 8-bit ones):

- warping error, of Lai et al. (`bench.films.warping_error`), in squared levels: to the frame before, and over 10 frames, the
  mean of all pairs. Beside it stands what it is of the error of the pairs that are painted alone;
- flicker: mean absolute change between neighbouring frames over that of the source;
- drift: mean of the last frame less that of the one that is painted alone, in levels;
- loss, canonical, of frame 1, the middle and the last, over that of the frame painted alone. It is taken of 8-bit frames;
- sharpness: mean absolute difference of neighbouring pixels over that of the frame painted alone, of the last frame;
- evaluations of loss and gradient, and seconds: of the first frame, and the median of the later ones.

DIR keeps every frame. The command goes on where it ended, takes no frame again that is there, and writes `film.json`,
`film.md` with the tables, and a strip of pictures for each film.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw

import jaxstyle
from bench import kernel
from bench.films import FILMS, Film, warping_error
from bench.machine import describe, in_words
from bench.pictures import SAMPLES, pixels

STEADY = 0.5
"""As `jaxstyle video` has it."""
ALONE, USUAL = "alone", f"steady {STEADY:g}"
OTHERS = (0.0, 1.0)
"""Steadinesses that one film is painted with too."""
NETWORKS = {"styles": ("starry_night",), "styles26": ("night-strokes", "candy-brush")}
"""In the box, with the styles that are measured."""
FAR = 10
"""Frames back of the second warping error."""
Frames = Mapping[int, np.ndarray]
"""By number, (H, W, 3) uint8."""
Painted = Iterator[tuple[int, np.ndarray, int]]
"""Number, frame, evaluations."""


def alone(frames: int) -> list[int]:
    """Which frames of a film are painted alone too."""
    return sorted({0, 1, min(FAR + 1, frames - 1), frames // 2, frames - 1})


def painted_alone(film: Film, style: Path) -> Painted:
    for i in alone(len(film)):
        (made,) = jaxstyle.stylize_frames([film.frame(i)], style, size="content")
        yield i, made.image, made.evaluations


def painted_on(film: Film, style: Path, steady: float) -> Painted:
    """All frames but the first, which is as painted alone."""
    frames = (film.frame(i) for i in range(len(film)))
    for i, made in enumerate(jaxstyle.stylize_frames(frames, style, size="content", steady=steady)):
        if i:
            yield i, made.image, made.evaluations


def painted_by(film: Film, network: str, style: str) -> Painted:
    for i in range(len(film)):
        yield i, np.rint(255 * jaxstyle.apply_style(film.frame(i), network, style=style).image).astype(np.uint8), 0


def ways(film: Film, style: Path, steadies: Sequence[float], kept: Callable[[str], Frames]) -> Iterator[tuple[str, Painted]]:
    """Every way with what paints a film by it; `kept` gives what a way has painted."""
    for network, styles in NETWORKS.items():
        for name in styles:
            yield f"{network} {name}", painted_by(film, network, name)
    yield ALONE, painted_alone(film, style)
    for steady in steadies:
        yield f"steady {steady:g}", painted_on(film, style, steady)


class Folder:
    """Frames that are painted, and what they cost.

    Args:
        path: of the folder of one film.
    """

    def __init__(self, path: Path):
        self.path = path
        self.costs_file = path / "costs.json"
        self.costs: dict[str, list[tuple[int, int, float]]] = {}
        if self.costs_file.exists():
            self.costs = json.loads(self.costs_file.read_text())

    def frames(self, way: str) -> Frames:
        found = {number: pixels(self._file(way, number)) for number, *_ in self.costs.get(way, ())}
        return {0: pixels(self._file(ALONE, 0)), **found} if way.startswith("steady") else found

    def take(self, way: str, painted: Painted) -> None:
        """Paints by a way; nothing where that was done to the end."""
        if way in self.costs:
            return
        costs, began = [], time.perf_counter()
        for number, image, evaluations in painted:
            costs.append((number, evaluations, round(time.perf_counter() - began, 2)))
            file = self._file(way, number)
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(file)
            began = time.perf_counter()
        self.costs[way] = costs
        self.costs_file.write_text(json.dumps(self.costs, indent=1))

    def _file(self, way: str, number: int) -> Path:
        return self.path / way.replace(" ", "-") / f"{number:03}.png"


def warping(film: Film, frames: Frames, back: int) -> dict[int, float]:
    """The warping error of every frame whose one so far back is there, by its number."""
    pairs = [(now, now - back) for now in frames if now - back in frames]
    return {now: warping_error([frames[before], frames[now]], [film.motion(now, before)]) for now, before in pairs}


def flicker(frames: Frames, sources: Frames) -> float:
    """Mean absolute change between neighbouring frames over that of the same frames of the source."""
    pairs = [(now, now - 1) for now in frames if now - 1 in frames]
    made, own = (np.sum([change(kept[a], kept[b]) for a, b in pairs]) for kept in (frames, sources))
    return float(made / own)


def change(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference of two pictures, in levels."""
    return float(np.abs(a.astype(float) - b).mean())


def sharpness(image: np.ndarray) -> float:
    """Mean absolute difference of neighbouring pixels, (H, W, 3), across and down, in levels."""
    return float(np.mean([np.abs(np.diff(image.astype(float), axis=axis)).mean() for axis in (0, 1)]))


class Canonical:
    """The canonical loss of pictures in one style.

    Args:
        style: the picture of it.
    """

    def __init__(self, style: Path):
        self.style, self._params = style, kernel.network()
        self._targets = jax.jit(lambda params, content, style: jaxstyle.make_targets(params, content, [style]))
        self._loss = jax.jit(lambda image, params, targets: jaxstyle.loss_parts(image, params, targets).total)

    def __call__(self, image: np.ndarray, content: np.ndarray) -> float:
        """Of a picture of a content, both uint8 (H, W, 3); the style has the size that a run gives it."""
        with Image.open(self.style) as style:
            share = min(1, max(content.shape) / max(style.size))
            size = [round(share * side) for side in style.size]
            seen = np.asarray(style.convert("RGB").resize(size, Image.Resampling.BILINEAR))
        given, own, seen = (jnp.asarray(picture, jnp.float32) / 255 for picture in (image, content, seen))
        return float(self._loss(given, self._params, self._targets(self._params, own, seen)))


def mean(values: Mapping[int, float]) -> float:
    return float(np.mean(list(values.values())))


def measured(film: Film, frames: Frames, own: Frames, loss: Callable[[np.ndarray, np.ndarray], float] | None) -> dict[str, Any]:
    """The measures of a way.

    Args:
        frames, own: as it painted them, and as they are painted alone.
        loss: of a frame and the film's frame; None for another style, of which nothing is compared with frames painted alone.
    """
    last = len(film) - 1
    sources = {i: film.frame(i) for i in frames}
    found: dict[str, Any] = {"flicker": flicker(frames, sources)}
    for name, back in (("next", 1), ("far", FAR)):
        errors, by_own = warping(film, frames, back), warping(film, own, back)
        if errors:
            found[f"warping {name}"] = errors
            found[f"warping {name} of alone"] = mean(errors) / mean(by_own) if by_own else None
    if loss is not None:
        at = [i for i in (1, len(film) // 2, last) if i in frames and i in own]
        found["loss alone"] = {i: loss(own[i], sources[i]) for i in at}
        found["loss"] = {i: loss(frames[i], sources[i]) / found["loss alone"][i] for i in at}
        found["level alone"] = {i: float(own[i].mean()) for i in at}
        found["drift"] = {i: float(frames[i].mean() - own[i].mean()) for i in at}
        found["sharpness"] = {i: sharpness(frames[i]) / sharpness(own[i]) for i in at}
    return found


def cost(costs: Sequence[Sequence[float]], first: Sequence[float]) -> dict[str, Any]:
    """Evaluations and seconds of the first frame and, by the median, of the later ones."""
    later = [each for each in costs if each[0]]
    return {
        "evaluations": [first[1], float(np.median([each[1] for each in later]))],
        "seconds": [first[2], float(np.median([each[2] for each in later]))],
    }


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The numbers of every film and way, as Markdown."""
    head = ("film", "way", "warping error (of alone)", f"over {FAR} frames", "flicker", "drift", "loss: 1, middle, last")
    lines = ["| " + " | ".join((*head, "sharpness", "evaluations", "s")) + " |", "|---|---|" + "---:|" * 8]
    for film, each in found.items():
        for way, row in each.items():
            cells = [film, way]
            for name in ("next", "far"):
                errors, share = row.get(f"warping {name}"), row.get(f"warping {name} of alone")
                shown = "" if share is None or way == ALONE else f" ({share:.3f})"
                cells.append(f"{mean(errors):.4g}{shown}" if errors else "")
            cells.append(f"{row['flicker']:.2f}")
            if "loss" not in row or way == ALONE:
                cells += ["", "", ""]
            else:
                losses = ", ".join(f"{value:.2f}" for value in row["loss"].values())
                drift, sharp = (list(row[name].values())[-1] for name in ("drift", "sharpness"))
                cells += [f"{drift:+.1f}", losses, f"{sharp:.2f}"]
            first, later = row["evaluations"]
            cells.append(f"{first:g}, {later:g}" if first else "")
            cells.append(", ".join(f"{value:.2g}" for value in row["seconds"]))
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def strip(film: Film, rows: Mapping[str, Frames]) -> Image.Image:
    """Frames of the film and of each way, where all have them; a row for each."""
    numbers = [i for i in alone(len(film)) if all(i in frames for frames in rows.values())]
    shown = {"film": {i: film.frame(i) for i in numbers}, **rows}
    made = Image.new("RGB", (len(numbers) * (film.width + 2), len(shown) * (film.height + 14)), "white")
    for down, (name, frames) in enumerate(shown.items()):
        for across, i in enumerate(numbers):
            corner = across * (film.width + 2), down * (film.height + 14)
            made.paste(Image.fromarray(frames[i]), corner)
            ImageDraw.Draw(made).text((corner[0], corner[1] + film.height + 1), f"{name}, frame {i}", fill="black")
    return made


def rounded(value: Any) -> Any:
    """Plain data with floats of five digits."""
    if isinstance(value, Mapping):
        return {str(name): rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(each) for each in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = ",".join([*(name for name in FILMS if name != "still"), "still:40"])
    parser.add_argument(
        "--films", default=usual, help="by name, with the number of frames after a colon (default: %(default)s)"
    )
    parser.add_argument("--size", default="192x108")
    parser.add_argument("--frames", type=int, default=12, help="of a film with no number of its own")
    parser.add_argument("--style", default="starry_night", help="a sample")
    parser.add_argument("--steady-on", default="parallax", help="the film that is painted with other steadinesses too")
    parser.add_argument("-o", "--out", type=Path, required=True, help="a folder for all that is made; it goes on there")
    options = parser.parse_args()
    jaxstyle.keep_pages()
    width, height = map(int, options.size.split("x"))
    style = SAMPLES / f"{options.style}.jpg"
    canonical = Canonical(style)
    films: dict[str, dict[str, Any]] = {}
    head = {"machine": describe(), "size": [width, height], "style": options.style}
    for text in options.films.split(","):
        name, _, number = text.partition(":")
        film, folder = FILMS[name](width, height, int(number or options.frames)), Folder(options.out / name)
        steadies = (STEADY, *OTHERS) if name == options.steady_on else (STEADY,)
        for way, painted in ways(film, style, steadies, folder.frames):
            print(f"{name}, {way}", flush=True)
            folder.take(way, painted)
        own = folder.frames(ALONE)
        found = films[f"{name}, {len(film)} frames"] = {}
        for way in (ALONE, *(each for each in folder.costs if each != ALONE)):
            is_same = way.startswith(("alone", "steady")) or way.endswith(f" {options.style}")
            row = measured(film, folder.frames(way), own, canonical if is_same else None)
            first = folder.costs[ALONE if way.startswith("steady") else way][0]
            found[way] = rounded(row | cost(folder.costs[way], first))
        network = next(way for way in folder.costs if way.startswith("styles "))
        shown = {way: folder.frames(way) for way in (ALONE, USUAL, network)}
        strip(film, shown).save(options.out / f"{name}.jpg", quality=88)
        (options.out / "film.json").write_text(json.dumps(head | {"films": films}, indent=1))
        (options.out / "film.md").write_text(f"{in_words(describe())}\n\n{table(films)}\n")
        print(table({name: found}), flush=True)


if __name__ == "__main__":
    main()
