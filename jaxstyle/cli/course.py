"""The flags of every training: how long it takes, what is kept of it, and crops."""

import argparse
from typing import Any

from jaxstyle.cli.values import number, positive, whole
from jaxstyle.errors import InputError, named


def add_course(basics: Any, how: Any, steps: str) -> None:
    """The arguments.

    Args:
        basics, how: groups of the command's help.
        steps: how many are made by default.
    """
    basics.add_argument("--steps", metavar="N", help=f"how many steps in all (default: {steps})")
    basics.add_argument("--minutes", metavar="M", help="how long it learns once all is compiled, in place of --steps")
    basics.add_argument("--hours", metavar="H", help="how many hours it learns, in place of --steps")
    basics.add_argument("--size", metavar="N", help="pixels a side of the crops that it learns from (default: 256)")
    text = "go on where this command was stopped or killed, if it was; with more --steps or --minutes a finished training too"
    basics.add_argument("--resume", action="store_true", help=text)
    text = "keep the network beside, as NAME-STEP.safetensors, every M minutes: the last one is not always the best"
    basics.add_argument("--keep-every", metavar="M", help=text)
    how.add_argument("--no-flip", action="store_true", help="no mirrored crops: for text, faces and all that has a side")
    how.add_argument("--seed", metavar="N", help="of the network's first values and of every crop (default: 0)")


def course_of(options: argparse.Namespace, unit: str) -> dict[str, Any]:
    """What the flags say, as arguments of a training that takes its time in `unit`, ``"minutes"`` or ``"hours"``."""
    found: dict[str, Any] = {"resume": options.resume, "flip": not options.no_flip}
    found["seed"] = whole("seed", options.seed or "0")
    given = [name for name in ("steps", "minutes", "hours") if getattr(options, name) is not None]
    if len(given) > 1:
        raise InputError(given[1], getattr(options, given[1]), f"says the same as {named(given[0])}", "give one of them")
    if options.steps is not None:
        found["steps"] = positive("steps", options.steps)
    elif given:
        time = number(given[0], getattr(options, given[0]))
        found[unit] = time if given[0] == unit else time / 60 if unit == "hours" else 60 * time
    if options.keep_every is not None:
        found["keep_every"] = number("keep_every", options.keep_every)
    if options.size is not None:
        found["size"] = positive("size", options.size)
    return found
