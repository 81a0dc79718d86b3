"""A style network of the user's own: `jaxstyle train`."""

import argparse
from dataclasses import replace
from typing import Any

from jaxstyle.cli.course import add_course, course_of
from jaxstyle.cli.display import Display, say_first
from jaxstyle.cli.interrupt import Interrupt, kept_words
from jaxstyle.cli.places import check_replaced
from jaxstyle.cli.values import number, positive
from jaxstyle.cli.watch import Watch, sheet_of
from jaxstyle.errors import MISSING, InputError
from jaxstyle.loss.objective import Losses
from jaxstyle.loss.presets import Objective
from jaxstyle.network.vgg import Architecture
from jaxstyle.network.weights import load_weights
from jaxstyle.pictures import write
from jaxstyle.plans.loss import parse_layers
from jaxstyle.results.beside import part_of
from jaxstyle.styles.api import ADDED_STEPS, STEPS, train_styles
from jaxstyle.styles.network import BUNDLED, read
from jaxstyle.styles.step import OBJECTIVE
from jaxstyle.training.places import checked


def add_train(sub: argparse.ArgumentParser, basics: Any) -> None:
    """The arguments of the command."""
    sub.add_argument(
        "styles",
        metavar="STYLE",
        nargs="+",
        help="the paintings; each is known by its file's name, which is no number and has no + or :",
    )
    text = "photographs to learn from, files or folders: sixteen or more, none smaller than --size"
    basics.add_argument("--photos", metavar="FOLDER", nargs="+", required=True, help=text)
    text = "where the network goes, NAME.safetensors (default: the file of --add-to); NAME-samples.png shows how it comes on"
    basics.add_argument("-o", "--out", metavar="NAME", help=text)
    text = f"add the styles to this network, whose other styles stay as they are: a file, or {' or '.join(BUNDLED)} in the box"
    basics.add_argument("--add-to", metavar="NAME|FILE", help=text)
    how = sub.add_argument_group("how it learns")
    add_course(basics, how, f"{STEPS}; with --add-to {ADDED_STEPS}")
    text = "of the network, full, half or slim: 1.7, 0.4 or 0.14 million values (default: half)"
    how.add_argument("--width", metavar="NAME", default="half", help=text)
    how.add_argument("--batch", metavar="N", help="crops in a step (default: 4)")
    text = f"how much the style counts; the content counts 1 (default: {OBJECTIVE.style_weight:g})"
    how.add_argument("--style-weight", metavar="W", help=text)
    how.add_argument("--tv-weight", metavar="W", help=f"how much smoothness counts (default: {OBJECTIVE.tv_weight:g})")
    text = "layers at which the content is compared (default: relu3_3)"
    how.add_argument("--content-layers", metavar="TAP[=W],...", help=text)
    text = "layers at which the style is compared (default: relu1_1,relu2_1,relu3_1,relu4_1,relu5_1)"
    how.add_argument("--style-layers", metavar="TAP[=W],...", help=text)
    how.add_argument("--weights", metavar="NAME|FILE", help="the loss network (default: vgg19)")


def train(options: argparse.Namespace) -> int:
    """Trains a network, or adds styles to one; what Ctrl-C interrupts is saved as it is."""
    out = options.out or (None if options.add_to in BUNDLED else options.add_to)
    if out is None:
        raise InputError("out", MISSING, "is missing", "give -o NAME.safetensors")
    path = checked(out, read)
    how = course_of(options, "minutes")
    shown = sheet_of(path)
    check_replaced(write.check_output(shown), options.styles, 0)
    params = load_weights(options.weights)
    notices: list[str] = []
    say_first(options)
    interrupt = Interrupt("this step", lambda: kept_words([part_of(path)]), options.quiet)
    with Display(how.get("steps", 0), options.quiet) as display, interrupt:
        watch = Watch(display, interrupt, shown, _words, options.quiet, notices)
        file = train_styles(
            options.styles,
            options.photos,
            path,
            width=options.width,
            batch=positive("batch", options.batch or "4"),
            objective=_objective(options, params.architecture),
            add_to=options.add_to,
            weights=params,
            callback=watch,
            notices=notices,
            saying=watch.saying,
            **how,
        )
    lines = []
    for name, losses in file.training.get("canonical", {}).items():
        parts = f"content {losses['content']:.4g}, style {losses['style']:.4g}"
        lines.append(f"{name}: canonical loss {losses['total']:.4g} ({parts}), mean of 8 crops")
    return watch.tell(path, file.training, ", ".join(file.network.shown), lines)


def _words(losses: Losses) -> str:
    return f"loss {losses.total:.3g} (content {losses.content:.3g}, style {losses.style:.3g})"


def _objective(options: argparse.Namespace, architecture: Architecture) -> Objective:
    changes: dict[str, Any] = {}
    for name in ("content_layers", "style_layers"):
        if (text := getattr(options, name)) is not None:
            changes[name] = parse_layers(text, getattr(OBJECTIVE, name), architecture, name)
    for name in ("style_weight", "tv_weight"):
        if (text := getattr(options, name)) is not None:
            changes[name] = number(name, text, least=0)
    return replace(OBJECTIVE, **changes)
