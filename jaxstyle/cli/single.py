"""One picture: `jaxstyle stylize`, `demo` and `estimate`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxstyle.cli.display import Display, Interrupt
from jaxstyle.cli.options import config_of, positive
from jaxstyle.errors import InputError, unknown
from jaxstyle.machine.memory import gigabytes
from jaxstyle.pictures import write
from jaxstyle.transfer.checkpoint import Checkpoint, Kept, identity, part_of, state_of
from jaxstyle.transfer.config import Config
from jaxstyle.transfer.estimate import estimate as estimate_run
from jaxstyle.transfer.loop import Progress
from jaxstyle.transfer.page import Diary
from jaxstyle.transfer.plan import Plan
from jaxstyle.transfer.resolve import resolve
from jaxstyle.transfer.stylize import carry_out

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
DEMO = {
    "content": ("chelsea", "coffee"),
    "style": ("starry_night", "the_scream", "shipwreck", "swirls", "glass", "waves"),
}
"""Samples that the demo takes; the first of each by default."""
DEMO_CONFIG = Config(size=400)


def stylize(options: argparse.Namespace) -> int:
    """Paints one content in the style of one or more styles."""
    out = options.out or f"{Path(options.content).stem}-{Path(options.styles[0]).stem}.png"
    return paint(options.content, options.styles, out, config_of(options, Config()), options)


def demo(options: argparse.Namespace) -> int:
    """The same with bundled pictures."""
    paths = []
    for argument, names in DEMO.items():
        name = getattr(options, argument)
        if name not in names:
            raise unknown(argument, name, names)
        paths.append(str(SAMPLES / f"{name}.jpg"))
    return paint(paths[0], paths[1:], options.out or "demo.png", config_of(options, DEMO_CONFIG), options)


def paint(content: str, styles: Sequence[str], out: str, config: Any, options: argparse.Namespace) -> int:
    """Makes a picture and its record; what Ctrl-C interrupts is saved as it is."""
    path = write.check_output(out)
    for source in (content, *styles):
        if os.path.exists(path) and os.path.exists(source) and os.path.samefile(path, source):
            raise InputError("out", out, "is one of the input pictures", "write to another file")
    return carry_on(resolve(content, list(styles), config), path, options)


def carry_on(plan: Plan, path: Path, options: argparse.Namespace, begun: Kept | None = None, **more: Any) -> int:
    """Carries out a plan, or goes on where it was `begun` or left, and saves what it made; `more` is added to the record."""
    every = positive("save_every", options.save_every) if options.save_every else 0
    saved = 0
    state = state_of(path) if options.keep_state else None
    checkpoint = Checkpoint(part_of(path), identity([plan]), resume=options.resume, state=state, begun=begun)
    checkpoint.check()
    diary = Diary(plan) if options.report else None
    with Display(plan.evaluations, options.quiet) as display, Interrupt() as interrupt:

        def callback(progress: Progress) -> bool:
            nonlocal saved
            display.update(progress.evaluation, f"loss {progress.loss:.4g}", progress.seconds)
            if every and progress.evaluation // every > saved:
                saved = progress.evaluation // every
                write.save(path.with_stem(f"{path.stem}-{saved * every:05d}"), progress.image())
            if diary is not None:
                diary.enter(progress)
            return interrupt.came

        result = carry_out(plan, callback, checkpoint, measured=True if diary else None, **more)
    result.record["command"] = options.line
    notices = (*result.notices, *result.save(path), *checkpoint.notices)
    if diary is not None:
        diary.write(path, result)
    if not interrupt.came:
        checkpoint.remove()
    if not options.quiet:
        for notice in notices:
            print(f"note: {notice}", file=sys.stderr)
        seconds = result.record["seconds"]
        print(
            f"{path} {result.image.shape[1]}x{result.image.shape[0]}, loss {result.loss['total']:.6g} "
            f"(content {result.loss['content']:.4g}, style {result.loss['style']:.4g}): {result.stop_reason}; "
            f"{seconds['solve']:.1f} s + {seconds['compile']:.1f} s compiling",
            file=sys.stderr,
        )
        if interrupt.came and part_of(path).exists():
            print("interrupted; the same command with --resume goes on from here", file=sys.stderr)
    return 130 if interrupt.came else 0


def estimate(options: argparse.Namespace) -> int:
    """Prints what a run will take."""
    content, *styles = options.pictures or [None, None]
    if not styles:
        raise InputError("style", "", "is missing", "give a content and its styles, or no picture at all")
    found = estimate_run(content, None if content is None else styles, config=config_of(options, Config()))
    (width, height), fits = found.size, ""
    if found.free is not None:
        fits = f", {gigabytes(found.free)} to be had"
    if found.largest is not None:
        fits += f": does not fit, at most {found.largest[0]}x{found.largest[1]} would"
    print(f"size            {width}x{height}, style {', '.join(f'{w}x{h}' for w, h in found.style_sizes)}")
    print(f"memory          {gigabytes(found.memory)}{', strip by strip' * found.strips}{fits}")
    print(f"compiling       {found.compiling:.1f} s, where it was not compiled before")
    print(f"one evaluation  {found.evaluation:.3g} s")
    print(f"{found.evaluations:<4}evaluations {int(found.seconds) // 60}:{int(found.seconds) % 60:02d}")
    return 0
