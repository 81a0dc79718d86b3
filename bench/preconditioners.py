"""Evaluations to a given canonical loss, with and without the preconditioned variable, on three pairs and all three starts.

    python -m bench.preconditioners [--side 128] [--evaluations 200]

The plain run is L-BFGS as torch.optim.LBFGS does it (history 100); the table says after how many evaluations each other
setting has the loss that the plain run has at its marks.
"""

import argparse

import jax.numpy as jnp
import numpy as np
from PIL import Image

import jaxstyle
from bench.machine import describe
from jaxstyle import variable
from jaxstyle.cli import SAMPLES
from jaxstyle.loop import run
from jaxstyle.start import white_noise

CASES = [
    (("chelsea", "swirls"), "content"),
    (("chelsea", "swirls"), "noise"),
    (("coffee", "glass"), "content"),
    (("coffee", "glass"), "style"),
    (("coffee", "waves"), "noise"),
    (("coffee", "waves"), "style"),
]
SETTINGS = [("none", 20), ("0.25", 20), ("spectral", 20), ("spectral", 50), ("0.75", 20)]


def read(name: str, side: int) -> np.ndarray:
    """A sample picture with its shorter side at `side`, (H, W, 3), float32 in [0, 1]."""
    with Image.open(SAMPLES / f"{name}.jpg") as image:
        ratio = side / min(image.size)
        size = round(image.width * ratio), round(image.height * ratio)
        return np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR), np.float32) / 255


def curve(pair: tuple[str, str], init: str, side: int, evaluations: int, preconditioner: str, history: int) -> np.ndarray:
    """Lowest canonical loss after each evaluation."""
    params = jaxstyle.load_weights()
    content, style = (read(name, side) for name in pair)
    targets = jaxstyle.make_targets(params, jnp.asarray(content), [jnp.asarray(style)])
    height, width = content.shape[:2]
    levels = Image.fromarray((style * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BILINEAR)
    starts = {"content": content, "style": np.asarray(levels, np.float32) / 255}
    start = white_noise(content.shape, 0, 0.1) if init == "noise" else jnp.asarray(starts[init])
    outcome = run(
        start,
        params,
        targets,
        targets,
        objective=jaxstyle.CANONICAL,
        solver=jaxstyle.make_solver("lbfgs", history=history),
        evaluations=evaluations,
        preconditioner=preconditioner,
    )
    return np.minimum.accumulate([entry.objective for entry in outcome.trace])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--evaluations", type=int, default=200)
    options = parser.parse_args()
    for name, _ in SETTINGS:
        if name[0].isdigit():
            variable.PRECONDITIONERS[name] = float(name)
    marks = [mark for mark in (50, 100, 150, 200, 300, 500) if mark <= options.evaluations]
    print(f"shorter side {options.side}; {describe()}")
    for pair, init in CASES:
        plain = curve(pair, init, options.side, options.evaluations, "none", 100)
        print(f"{' x '.join(pair)} from {init}: plain {', '.join(f'{plain[m - 1]:.4g} at {m}' for m in marks)}")
        for name, history in SETTINGS:
            other = curve(pair, init, options.side, options.evaluations, name, history)
            needed = [int(np.argmax(other <= plain[m - 1])) + 1 if other[-1] <= plain[m - 1] else None for m in marks]
            print(f"  {name:<9} history {history:<3} reaches these after {needed}, ends at {other[-1] / plain[-1]:.3f} of it")


if __name__ == "__main__":
    main()
