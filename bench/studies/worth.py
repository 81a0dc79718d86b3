"""How many evaluations of the optimisation a style network is worth.

    python -m bench.studies.worth [--network styles] [--size 256] [--style-size 384] [--init content] [--photographs FILE ...]

For each style and photograph: the canonical loss of what the network paints, and after how many evaluations plain L-BFGS from
the content, or from white noise, is as low. Photographs are the bundled ones by default, which no bundled network was trained
on. Styles are the samples after which a style of the network is named, with `-strong` at its end or not.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

import jaxstyle
from bench.cases import PRESET
from bench.kernel import OBJECTIVE
from bench.machine import describe, in_words
from bench.pictures import SAMPLES

STRONG = "-strong"


def scaled(path: Path, size: int) -> np.ndarray:
    """A picture, its longest side `size`, in [0, 1]."""
    with Image.open(path) as image:
        factor = size / max(image.size)
        small = image.convert("RGB").resize([round(s * factor) for s in image.size], Image.Resampling.LANCZOS)
    return np.asarray(small, np.float32) / 255


def worth(content: np.ndarray, style: np.ndarray, loss: float, init: str, most: int) -> int | None:
    """The evaluation after which plain L-BFGS is at this loss; None where it takes more than `most`."""
    found: list[int] = []

    def reached(progress: jaxstyle.Progress) -> bool:
        if progress.loss <= loss:
            found.append(progress.evaluation)
        return bool(found)

    size = f"{content.shape[1]}x{content.shape[0]}"
    style_size = f"{style.shape[1]}x{style.shape[0]}"
    how: Any = dict(size=size, style_size=style_size)
    config = jaxstyle.Config(preset=PRESET, evaluations=most, metric="plain", init=init, **how)
    jaxstyle.stylize(content, style, config=config, callback=reached)
    return found[0] if found else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="styles")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--photographs", nargs="+", type=Path, default=[SAMPLES / "chelsea.jpg", SAMPLES / "coffee.jpg"])
    parser.add_argument("--style-size", type=int, help="longest side of the styles (default: the photographs')")
    parser.add_argument("--init", default="content", help="where L-BFGS starts: content or noise")
    parser.add_argument("--most", type=int, default=150)
    options = parser.parse_args()
    jaxstyle.keep_pages()
    print(in_words(describe()))
    print("| style | photograph | network's loss | content | style | worth | evaluations, s | network, s |")
    print("|---|---|" + "---:|" * 6)
    params = jaxstyle.load_weights()
    measure = jax.jit(lambda params, image, targets: jaxstyle.loss_parts(image, params, targets, objective=OBJECTIVE))
    make = jax.jit(lambda params, content, style: jaxstyle.make_targets(params, content, [style], objective=OBJECTIVE))
    found: dict[bool, list[int]] = {}
    jaxstyle.apply_style(scaled(options.photographs[0], options.size), options.network, style=0)  # so that mistakes are told
    named = [(f"{path.stem}{end}", path) for end in ("", STRONG) for path in sorted(SAMPLES.glob("*.jpg"))]
    for name, path in named:
        for photograph in options.photographs:
            content, style = scaled(photograph, options.size), scaled(path, options.style_size or options.size)
            try:
                jaxstyle.apply_style(content, options.network, style=name)  # compiles
            except jaxstyle.InputError:  # no style of this network
                continue
            began = time.perf_counter()
            painted = jaxstyle.apply_style(content, options.network, style=name).image
            seconds = time.perf_counter() - began
            losses = measure(params, jnp.asarray(painted), make(params, jnp.asarray(content), jnp.asarray(style)))
            began = time.perf_counter()
            evaluations = worth(content, style, float(losses.total), options.init, options.most)
            took = time.perf_counter() - began
            found.setdefault(name.endswith(STRONG), []).append(evaluations or options.most)
            shown = evaluations or f"more than {options.most}"
            numbers = " | ".join(f"{float(value):.4g}" for value in losses[:3])
            print(f"| {name} | {photograph.stem} | {numbers} | {shown} | {took:.1f} | {seconds:.2f} |", flush=True)
    for strong, each in found.items():
        print(f"\n{'strong' if strong else 'plain'}: median {np.median(each):g}, least {min(each)}")


if __name__ == "__main__":
    main()
