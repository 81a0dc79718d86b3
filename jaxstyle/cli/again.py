"""Finished pictures: `jaxstyle replay` makes one again, `jaxstyle continue` goes on with one."""

import argparse
import os
import sys

from jaxstyle.cli.display import Display, Interrupt
from jaxstyle.cli.options import positive
from jaxstyle.cli.single import carry_on
from jaxstyle.errors import InputError
from jaxstyle.pictures import write
from jaxstyle.transfer.again import made, more
from jaxstyle.transfer.loop import Progress
from jaxstyle.transfer.stylize import carry_out


def proceed(options: argparse.Namespace) -> int:
    """More evaluations of a finished picture, as a new one."""
    count = positive("evaluations", options.evaluations)
    was = made(options.picture)
    plan, begun, about, words = more(was, count)
    total = was.record["evaluations"] + count
    path = write.check_output(options.out or was.picture.with_stem(f"{was.picture.stem}-{total}"))
    if begun is None and path.exists() and os.path.samefile(path, was.picture):
        raise InputError("out", str(path), "is the picture that this goes on from", "write to another file")
    if not options.quiet:
        print(f"note: {was.picture} {words}", file=sys.stderr)
    return carry_on(plan, path, options, begun, continued=about)


def replay(options: argparse.Namespace) -> int:
    """Makes a picture again and says whether it is the same; 1 where it is not."""
    was = made(options.picture)
    path = write.check_output(options.out or was.picture.with_stem(f"{was.picture.stem}-replay"))
    wanted, differences = was.record.get("pixels_sha256"), was.differences()
    with Display(was.plan.evaluations, options.quiet) as display, Interrupt() as interrupt:

        def callback(progress: Progress) -> bool:
            display.update(progress.evaluation, f"loss {progress.loss:.4g}", progress.seconds)
            return interrupt.came or was.is_over(progress)

        result = carry_out(was.plan, callback)
    found = result.record["pixels_sha256"]
    if interrupt.came:
        print(f"interrupted after {result.evaluations} evaluations; nothing is compared", file=sys.stderr)
        return 130
    same = found == wanted
    if options.out or not same:
        result.record["command"] = options.line
        result.save(path)
    if same:
        if not options.quiet:
            print(f"{was.picture}: the same picture again, sha256 {found} of its pixels", file=sys.stderr)
        return 0
    reasons = ", ".join(differences) or "no reason that the record knows"
    print(f"{was.picture}: another picture, {path}: sha256 {found[:12]}, not {str(wanted)[:12]}; {reasons}", file=sys.stderr)
    return 1
