"""A user's time with the command itself, each part in a process of its own.

    python -m bench.command first [--size 512x384]            # to the first evaluation: cold, warm; and the import alone
    python -m bench.command picture CONTENT STYLE [--size 682x512] [--style-size short:512] [--loss 303827]
                                                              # to a canonical loss, beside PyTorch's L-BFGS

`picture` runs `jaxstyle stylize` with an empty program cache until the loss is reached, and times ten evaluations of PyTorch at
the same size: Gatys' notebook comes to 303827 in 499 of them on Tuebingen and The Starry Night (`--torch-evaluations`).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.machine import describe


def seconds(*arguments: str, cache: str) -> float:
    """Of a Python process from its start to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, env=os.environ | {"JAXSTYLE_CACHE": cache})
    return time.perf_counter() - began


def first(options: argparse.Namespace) -> None:
    """From the start of the command to the end of its first evaluation, when it also writes a picture."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "jaxstyle", "demo", "-q", "--size", options.size, "--evaluations", "2", "--save-every", "1"]
        print(f"import      {seconds('-c', 'import jaxstyle', cache=folder):.2f} s")
        for name in ("cold", "warm", "warm again"):
            began = time.time()
            seconds(*command, "-o", f"{folder}/out.png", cache=folder)
            until = Path(folder, "out-00001.png").stat().st_mtime - began
            compiling = json.loads(Path(folder, "out.json").read_text())["seconds"]["compile"]
            print(f"{name:<12}{until:.2f} s to the first evaluation and its picture; compiling {compiling:.2f} s in all")


def picture(options: argparse.Namespace) -> None:
    """The whole command until a loss is reached; PyTorch's time for the same loss from its seconds per evaluation."""
    with tempfile.TemporaryDirectory() as folder:
        inputs = [options.content, options.style, "--size", options.size, "--style-size", options.style_size]
        command = [
            "-m",
            "jaxstyle",
            "stylize",
            *inputs,
            "--evaluations",
            str(options.evaluations),
            "-q",
            "-o",
            f"{folder}/out.png",
        ]
        whole = seconds(*command, *options.options, cache=folder)
        record = json.loads(Path(folder, "out.json").read_text())
    trace = record["trace"]
    reached = next((entry for entry in trace if entry["loss"] is not None and entry["loss"] <= options.loss), None)
    print(f"jaxstyle: {whole:.1f} s in all, {trace[-1]['evaluation']} evaluations, loss {record['loss']['total']:.0f}")
    if reached is None:
        print(f"the loss {options.loss:.0f} was not reached")
        return
    ours = whole - trace[-1]["seconds"] + reached["seconds"]
    each = reached["seconds"] / reached["evaluation"]
    print(f"loss {options.loss:.0f} after {ours:.1f} s: {reached['evaluation']} evaluations of {each:.3f} s, the rest starting")
    width, height = record["size"]
    side = round((width * height) ** 0.5 / 16) * 16
    done = subprocess.run(
        [sys.executable, "-m", "bench.evaluation", "--only-torch", "--sides", str(side), "--rounds", "10"],
        check=True,
        capture_output=True,
        text=True,
    )
    theirs = float(done.stdout.split()[-1]) * width * height / side**2
    total = theirs * options.torch_evaluations
    print(f"PyTorch: {theirs:.3f} s per evaluation at that size, {options.torch_evaluations} of them: {total:.0f} s")
    fewer = options.torch_evaluations / reached["evaluation"]
    print(f"{total / ours:.2f} times faster: {theirs / each:.2f} by evaluation, {fewer:.2f} by their number")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(required=True)
    sub = parts.add_parser("first")
    sub.add_argument("--size", default="512x384")
    sub.set_defaults(run=first)
    sub = parts.add_parser("picture")
    sub.add_argument("content")
    sub.add_argument("style")
    sub.add_argument("--size", default="682x512")
    sub.add_argument("--style-size", default="short:512")
    sub.add_argument("--loss", type=float, default=303827)
    sub.add_argument("--evaluations", type=int, default=450)
    sub.add_argument("--torch-evaluations", type=int, default=499)
    sub.add_argument("options", nargs="*", help="more options of jaxstyle stylize, after --")
    sub.set_defaults(run=picture)
    options = parser.parse_args()
    print(describe())
    options.run(options)


if __name__ == "__main__":
    main()
