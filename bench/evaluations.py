"""Evaluations to a given canonical loss: the default against L-BFGS as torch.optim.LBFGS runs it, on sample pictures.

    python -m bench.evaluations [--side 128] [--evaluations 300] [--options preconditioner=none history=50 ...]

The table says after how many evaluations a setting first has the loss that the plain run (no preconditioner, history 100)
has at its marks, and its final loss as a share of the plain one's. Every pair of samples below, from each of the three starts.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import jaxstyle
from bench.machine import describe

SAMPLES = Path(jaxstyle.__file__).parent / "samples"
PAIRS = [("chelsea", "swirls"), ("coffee", "glass"), ("coffee", "waves")]
MARKS = (50, 100, 150, 200, 300, 500)


def curve(pair: tuple[str, str], init: str, side: int, evaluations: int, **options: Any) -> np.ndarray:
    """Lowest canonical loss after each evaluation."""
    content, style = (SAMPLES / f"{name}.jpg" for name in pair)
    result = jaxstyle.stylize(content, style, size=f"short:{side}", init=init, evaluations=evaluations, **options)
    return np.minimum.accumulate([entry.objective for entry in result.trace])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=128, help="the shorter one")
    parser.add_argument("--evaluations", type=int, default=300)
    parser.add_argument("--options", nargs="*", default=[], metavar="NAME=VALUE", help="of the setting; none: the defaults")
    options = parser.parse_args()
    setting: dict[str, Any] = dict(text.split("=") for text in options.options)
    setting |= {name: int(value) for name, value in setting.items() if value.isdigit()}
    marks = [mark for mark in MARKS if mark <= options.evaluations]
    print(f"shorter side {options.side}, {setting or 'defaults'}; {describe()}")
    ratios = []
    for pair in PAIRS:
        for init in ("content", "noise", "style"):
            case = (pair, init, options.side, options.evaluations)
            plain, ours = curve(*case, preconditioner="none", history=100), curve(*case, **setting)
            needed = [int(np.argmax(ours <= plain[m - 1])) + 1 if ours[-1] <= plain[m - 1] else None for m in marks]
            ratios.append([n / m if n else np.nan for n, m in zip(needed, marks, strict=True)])
            text = ", ".join(f"{plain[m - 1]:.4g} {m} -> {n}" for m, n in zip(marks, needed, strict=True))
            print(f"{' x '.join(pair):<17} {init:<8} {text}; ends at {ours[-1] / plain[-1]:.3f}", flush=True)
    means = np.exp(np.nanmean(np.log(ratios), axis=0))
    print("geometric mean    " + ", ".join(f"{m}: {mean:.2f}" for m, mean in zip(marks, means, strict=True)))


if __name__ == "__main__":
    main()
