"""A network between two collections: `jaxstyle domains train`."""

import argparse
from typing import Any

from jaxstyle.cli.course import add_course, course_of
from jaxstyle.cli.display import Display, say_first
from jaxstyle.cli.interrupt import Interrupt, kept_words
from jaxstyle.cli.places import check_replaced
from jaxstyle.cli.values import number, positive
from jaxstyle.cli.watch import Watch, sheet_of
from jaxstyle.domains.api import STEPS, train_domains
from jaxstyle.domains.network import read
from jaxstyle.domains.recipe import Losses
from jaxstyle.domains.step import METHODS
from jaxstyle.errors import MISSING, InputError
from jaxstyle.pictures import write
from jaxstyle.results.beside import part_of
from jaxstyle.training.places import checked


def add_domains(sub: argparse.ArgumentParser, basics: Any) -> None:
    """The arguments of the command."""
    basics.add_argument("--a", metavar="FOLDER", nargs="+", required=True, help="pictures of one kind, such as photographs")
    basics.add_argument("--b", metavar="FOLDER", nargs="+", required=True, help="of the other, such as a painter's works")
    text = "the network, NAME.safetensors; NAME-samples.png beside it shows how it comes on"
    basics.add_argument("-o", "--out", metavar="NAME", help=text)
    names = list(METHODS)
    text = f"{names[0]}, from A to B, or {names[1]}, both ways (default: {names[0]})"
    basics.add_argument("--method", metavar="NAME", default=names[0], help=text)
    how = sub.add_argument_group("how it learns")
    add_course(basics, how, str(STEPS))
    how.add_argument("--width", metavar="N", help="channels at the full resolution; 32 has a quarter of the work (default: 64)")
    how.add_argument("--blocks", metavar="N", help="residual blocks (default: 9)")
    how.add_argument("--batch", metavar="N", help="crops of each kind in a step (default: one for each device)")
    text = "what it counts that the content stays (default: 1 with cut, 10 with cyclegan)"
    how.add_argument("--content-weight", metavar="W", help=text)
    how.add_argument("--learning-rate", metavar="R", help="for the first half of the steps; then it falls (default: 0.0002)")


def domains(options: argparse.Namespace) -> int:
    """Trains a network; what Ctrl-C interrupts is saved as it is."""
    if options.out is None:
        raise InputError("out", MISSING, "is missing", "give -o NAME.safetensors")
    path = checked(options.out, read)
    shown = sheet_of(path)
    check_replaced(write.check_output(shown), [], 0)
    how = course_of(options, "hours")
    for name in ("width", "blocks", "batch"):
        if (text := getattr(options, name)) is not None:
            how[name] = positive(name, text)
    for name in ("content_weight", "learning_rate"):
        if (text := getattr(options, name)) is not None:
            how[name] = number(name, text)
    notices: list[str] = []
    say_first(options)
    interrupt = Interrupt("this step", lambda: kept_words([part_of(path)]), options.quiet)
    with Display(how.get("steps", 0), options.quiet) as display, interrupt:
        watch = Watch(display, interrupt, shown, _words, options.quiet, notices)
        how |= dict(method=options.method, callback=watch, notices=notices, saying=watch.saying)
        file = train_domains(options.a, options.b, path, **how)
    ways = " and ".join(file.network.generators)
    return watch.tell(path, file.training, f"{ways}, {options.method}")


def _words(losses: Losses) -> str:
    parts = f"content {losses.content:.3g}, identity {losses.identity:.3g}"
    return f"generator {losses.adversarial:.3g}, discriminator {losses.discriminator:.3g} ({parts})"
