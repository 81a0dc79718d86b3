"""Finished pictures: `jaxstyle replay` makes one again, `jaxstyle continue` goes on with one."""

import argparse
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from jaxstyle.cli.display import Display, say
from jaxstyle.cli.failures import say_error
from jaxstyle.cli.interrupt import Interrupt
from jaxstyle.cli.places import check_replaced
from jaxstyle.cli.single import carry_on
from jaxstyle.cli.values import positive
from jaxstyle.pictures import write
from jaxstyle.pictures.read import to_bytes
from jaxstyle.plans.plan import Plan
from jaxstyle.runs.loop import Progress
from jaxstyle.transfer.again import continuation, load_recorded_run
from jaxstyle.transfer.stylize import carry_out


def proceed(options: argparse.Namespace) -> int:
    """More evaluations of a finished picture, as a new one."""
    count = positive("evaluations", options.evaluations)
    was = load_recorded_run(options.picture)
    plan, begun, about, words = continuation(was, count)
    total = was.record["evaluations"] + count
    path = write.check_output(options.out or was.picture.with_stem(f"{was.picture.stem}-{total}"))
    if not options.quiet:
        say(f"note: {was.picture} {words}")
    sources = [source["path"] for source in _inputs(plan)]
    sources += [was.picture] if begun is None else []
    return carry_on(lambda: plan, path, sources, options, begun, continued=about)


def _inputs(plan: Plan) -> list[dict[str, str]]:
    """The pictures that a plan is made of, apart from the one to start from."""
    return [plan.sources["content"], *plan.sources["styles"], *plan.sources.get("regions", ())]


LOSSLESS = (".png", ".tif", ".tiff")


def _apart(picture: Path, image: np.ndarray) -> str:
    """How far an image (H, W, 3) in [0, 1] is from a picture, in words; nothing where its file is lossy, or gone."""
    if picture.suffix.lower() not in LOSSLESS or not picture.exists():
        return ""
    with suppress(Exception), Image.open(picture) as opened:
        gaps = np.abs(np.asarray(opened.convert("RGB"), np.int16) - to_bytes(image))
        return f"{gaps.mean():.2g} of 255 levels apart in the mean, {gaps.max()} at most; "
    return ""


def replay(options: argparse.Namespace) -> int:
    """Makes a picture again and says whether it is the same; 1 where it is not."""
    was = load_recorded_run(options.picture)
    path = write.check_output(options.out or was.picture.with_stem(f"{was.picture.stem}-replay"))
    begun = [was.plan.sources["init"]] if "init" in was.plan.sources else []
    inputs = [*_inputs(was.plan), *begun, {"path": was.picture}]
    check_replaced(path, [source["path"] for source in inputs], 0)
    wanted, differences = was.record.get("pixels_sha256"), was.differences()
    interrupt = Interrupt("this evaluation", lambda: f"{was.picture} is as it was", options.quiet)
    with Display(was.plan.evaluations, options.quiet) as display, interrupt:

        def callback(progress: Progress) -> bool:
            display.update(progress.evaluation, f"loss {progress.loss:.4g}", progress.seconds)
            return interrupt.came or was.is_over(progress)

        result = carry_out(was.plan, callback)
        found, problem = result.record["pixels_sha256"], None
        if interrupt.came:
            say(f"interrupted after {result.evaluations} evaluations; nothing is compared")
            return 130
        same = found == wanted and not was.is_cut
        if options.out or not same:
            result.record["command"] = options.line
            path, _, problem = result.keep(path)
    if problem:
        say_error(problem, options)
    if found == wanted and not same:
        say(f"{was.picture}: is cut short or damaged; {path} is the picture that it was")
    elif not same:
        reasons = ", ".join(differences) or "for no reason that the record knows"
        say(f"{was.picture}: another picture, {path}: {_apart(was.picture, result.image)}{reasons}")
    elif not options.quiet:
        say(f"{was.picture}: the same picture again, sha256 {found} of its pixels")
    return 1 if problem or not same else 0
