"""One picture: `jaxstyle stylize`, `demo` and `estimate`."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jaxstyle.cli.display import Display, duration, say, say_first
from jaxstyle.cli.failures import say_error
from jaxstyle.cli.interrupt import Interrupt, kept_words
from jaxstyle.cli.options import config_of
from jaxstyle.cli.places import SAMPLES, check_place, check_replaced, step_path, unnamed
from jaxstyle.cli.values import positive
from jaxstyle.errors import MISSING, ImageError, InputError, JaxstyleError, unknown
from jaxstyle.machine.memory import gigabytes
from jaxstyle.pictures import write
from jaxstyle.pictures.find import expand, one
from jaxstyle.pictures.ours import is_ours
from jaxstyle.pictures.paths import is_film_name
from jaxstyle.plans.config import Config
from jaxstyle.plans.plan import Plan
from jaxstyle.plans.regions import files_of
from jaxstyle.plans.resolve import resolve
from jaxstyle.results.beside import part_of, state_of
from jaxstyle.runs.checkpoint import Checkpoint, Kept, identity, is_kept
from jaxstyle.runs.loop import Progress
from jaxstyle.transfer.estimate import estimate as estimate_run
from jaxstyle.transfer.page import Diary, page_of
from jaxstyle.transfer.stylize import carry_out

DEMO = {
    "content": ("chelsea", "coffee"),
    "style": ("starry_night", "the_scream", "shipwreck", "swirls", "glass", "waves"),
}
"""Samples that the demo takes; the first of each by default."""
DEMO_CONFIG = Config(size=400)


def stylize(options: argparse.Namespace) -> int:
    """Paints one content in the style of one or more styles."""
    content, styles = one(options.content, argument="content"), expand(options.styles, argument="style")
    out = options.out
    if out is None:
        out, note = unnamed(write.file_stem([Path(content).stem, Path(styles[0]).stem]), [content, *styles])
        if note and not options.quiet:
            say(f"note: {note}")
    return paint(content, styles, out, config_of(options, Config()), options)


def demo(options: argparse.Namespace) -> int:
    """The same with bundled pictures."""
    paths = []
    for argument, names in DEMO.items():
        name = getattr(options, argument)
        if name not in names:
            raise unknown(argument, name, names)
        paths.append(str(SAMPLES / f"{name}.jpg"))
    return paint(paths[0], paths[1:], options.out or "demo.png", config_of(options, DEMO_CONFIG), options)


def paint(content: str, styles: Sequence[str], out: str | Path, config: Any, options: argparse.Namespace) -> int:
    """Makes a picture and its record."""
    path = write.check_output(out)
    sources = (content, *styles, config.init, *files_of(config.regions))
    return carry_on(lambda: resolve(content, list(styles), config), path, sources, options)


def carry_on(
    plan_of: Callable[[], Plan],
    path: Path,
    sources: Sequence[Any],
    options: argparse.Namespace,
    begun: Kept | None = None,
    **more: Any,
) -> int:
    """Carries out a plan, or goes on where it was left; what is ended early is saved as it is.

    Args:
        plan_of: gives the plan; reads the pictures.
        path: of the picture.
        sources: files that must not be replaced.
        options: of the command.
        begun: the end of an earlier run, from which this one goes on.
        **more: what is added to the record.
    """
    every = positive("save_every", options.save_every) if options.save_every else 0
    metadata, saved = not options.no_metadata, 0
    check_replaced(path, sources, every)
    for argument, made, known in (("report", page_of(path), is_ours), ("keep_state", state_of(path), is_kept)):
        if getattr(options, argument):
            check_place(argument, made, sources, known)
    say_first(options)
    problems: list[JaxstyleError] = []
    interrupt = Interrupt("this evaluation", lambda: kept_words([part_of(path)]), options.quiet)
    with Display(None, options.quiet) as display, interrupt:
        plan = plan_of()
        state = state_of(path) if options.keep_state else None
        checkpoint = Checkpoint(part_of(path), identity([plan]), resume=options.resume, state=state, begun=begun)
        try:
            checkpoint.check()
        except InputError as error:
            if not checkpoint.is_damaged():
                raise
            checkpoint.notices.append(f"{checkpoint.path} {error.problem.partition(':')[0]}, so the run began anew")
            checkpoint.remove()
        diary = Diary(plan) if options.report else None

        def callback(progress: Progress) -> bool:
            nonlocal saved
            words = f"{progress.size[0]}x{progress.size[1]}, " if len(plan.sizes) > 1 else ""
            words += f"loss {progress.loss:.4g}"
            share = plan.share_of_work(progress.evaluation)
            display.update(progress.evaluation, words, progress.seconds, progress.evaluations, share)
            if every and progress.evaluation // every > saved:
                saved = progress.evaluation // every
                try:
                    write.save(step_path(path, saved * every), progress.image(), alpha=progress.alpha)
                except ImageError as error:  # the run goes on
                    problems[:] = problems or [error]
            if diary is not None:
                diary.enter(progress)
            return interrupt.came

        result = carry_out(plan, callback, checkpoint, measured=True if diary else None, **more)
        interrupt.saving = True
        result.record["command"] = options.line
        path, notices, problem = result.keep(path, metadata=metadata)
        problems += [problem] if problem else []
        if diary is not None:
            try:
                diary.write(path, result)
            except ImageError as error:
                problems.append(error)
        if not result.stopped_early:  # it may be over where it was interrupted
            checkpoint.remove()
    if not options.quiet:
        for notice in (*result.notices, *notices, *checkpoint.notices):
            say(f"note: {notice}")
        seconds, loss = result.record["seconds"], result.loss
        parts = f" (content {loss['content']:.4g}, style {loss['style']:.4g})" if loss else ""
        words = f", loss {loss['total']:.6g}{parts}" if loss else ""
        compiling = f" + {seconds['compile']:.1f} s compiling" if loss else ""
        size = f"{result.image.shape[1]}x{result.image.shape[0]}"
        say(f"{path} {size}{words}: {result.stop_reason}; {seconds['solve']:.1f} s{compiling}")
        if interrupt.came and checkpoint.is_there():
            say("interrupted; the same command with --resume goes on from here")
    for problem in problems:
        say_error(problem, options)
    return 130 if interrupt.came else 1 if problems else 0


def estimate(options: argparse.Namespace) -> int:
    """Prints what a run will take."""
    content, *styles = options.pictures or [None, None]
    if not styles:
        raise InputError("style", MISSING, "is missing", "give a content and its styles, or no picture at all")
    if content is not None and is_film_name(content):
        from jaxstyle.cli.video import estimate as estimate_film

        return estimate_film(options)
    for name in ("start", "end", "fps"):
        if value := getattr(options, name):
            raise InputError(name, value, "is for films, and no film is given", "leave it out")
    with Display(None, quiet=False) as display:
        how: Any = dict(config=config_of(options, Config()), saying=display.doing)
        found = estimate_run(content, None if content is None else styles, **how)
    (width, height), fits = found.size, ""
    if found.free is not None:
        fits = f", {gigabytes(found.free)} to be had"
    if found.largest is not None:
        fits += f": does not fit, at most {found.largest[0]}x{found.largest[1]} would"
    print(f"size            {width}x{height}, style {', '.join(f'{w}x{h}' for w, h in found.style_sizes)}")
    print(f"memory          {gigabytes(found.memory)}{', strip by strip' * found.strips}{fits}")
    print(f"compiling       {found.compiling:.1f} s, where it was not compiled before")
    print(f"one evaluation  {found.evaluation:.3g} s{' at full size' if found.coarse else ''}")
    smaller = f", {found.coarse} of them at smaller sizes" if found.coarse else ""
    print(f"{found.evaluations:<3} evaluations {duration(found.seconds)}{smaller}")
    return 0
