"""The arguments of every command."""

import argparse
from collections.abc import Callable, Container, Sequence
from itertools import takewhile
from typing import Any

from jaxstyle.cli.help import Parser, add_help
from jaxstyle.errors import InputError, unknown

FIRST = ("-h", "--help", "--help-all", "--version", "-q", "--quiet")
"""Options that may stand before the command."""
SHELLS = ("bash", "zsh", "fish")
"""Those that `jaxstyle completion` is for."""
NO_METADATA = "keep the record out of the picture; it lies in OUT.png.json all the same"


def parser_for(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """The parser of this command line. Only its command's arguments are there: each command imports what it needs for them.

    Raises:
        InputError: where another option than one of `FIRST` stands before the command, or there is no such command.
    """
    parser = _top()
    for argument in takewhile(lambda text: text.startswith("-"), arguments):
        if argument not in FIRST:
            problem = f"is not one of those that may stand before the command: {', '.join(FIRST)}"
            raise InputError("argument", argument, problem, "others stand after it, as in jaxstyle demo --size 256")
    wanted = next((argument for argument in arguments if not argument.startswith("-")), None)
    if wanted is not None and wanted not in COMMANDS:
        raise unknown("command", wanted, COMMANDS)
    _add_commands(parser, [] if wanted is None else [wanted])
    return parser


def whole_parser() -> argparse.ArgumentParser:
    """The parser of every command."""
    parser = _top()
    _add_commands(parser, COMMANDS)
    return parser


def _top() -> Parser:
    """What may stand before the command."""
    text = "Neural style transfer in JAX, by optimisation and by networks that paint in one pass."
    parser = Parser(prog="jaxstyle", description=text, allow_abbrev=False, add_help=False)
    parser.set_defaults(quiet_first=False)
    _add_quiet(parser, first=True)
    _add_version(parser, "show the version and exit")
    add_help(parser)
    return parser


def _add_commands(parser: Parser, wanted: Container[str]) -> None:
    """All of them; only those that are wanted have their arguments."""
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name, (text, fill) in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text, allow_abbrev=False, add_help=False)
        if name in wanted:
            fill(sub)


def options_of(command: str, action: str = "") -> list[str]:
    """The options of a command, or of one of its actions."""
    sub = Parser(prog=f"jaxstyle {command}", allow_abbrev=False, add_help=False)
    COMMANDS[command][1](sub)
    if action:
        sub = next(part.choices[action] for part in sub._actions if isinstance(part.choices, dict))
    return [*sub._option_string_actions]


def commands_with(option: str) -> list[str]:
    """The commands, but for those with actions of their own, that take this option."""
    return [name for name in COMMANDS if option in options_of(name)]


def _add_version(parser: Any, text: str) -> None:
    from jaxstyle import __version__

    parser.add_argument("--version", action="version", version=f"jaxstyle {__version__}", help=text)


def _add_quiet(parser: Any, first: bool) -> None:
    """What is quiet: a command or action, or what is `first` before it, which must not undo the other."""
    how: Any = dict(dest="quiet_first", default=argparse.SUPPRESS) if first else {}
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors", **how)


def _add_last(sub: argparse.ArgumentParser, quiet: bool = True, first: bool = False) -> None:
    """What is the same for all; a command's own -h comes last. `first` is for what has actions."""
    group = sub.add_argument_group("other")
    if quiet:
        _add_quiet(group, first)
    _add_version(group, argparse.SUPPRESS)
    add_help(group)


def _basics(sub: argparse.ArgumentParser) -> Any:
    """The first group of a command's help."""
    return sub.add_argument_group("basics")


def _actions(sub: argparse.ArgumentParser) -> Callable[[str, str], argparse.ArgumentParser]:
    """Makes parsers of a command's actions."""
    _add_last(sub, first=True)
    actions = sub.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=Parser)
    return lambda name, text: actions.add_parser(name, help=text, description=text, allow_abbrev=False, add_help=False)


def _add_single(sub: argparse.ArgumentParser, basics: Any, out: str, defaults: Any) -> None:
    from jaxstyle.cli.options import add_options

    basics.add_argument("-o", "--out", metavar="OUT", help=f".png, .jpg, .webp or .tiff (default: {out})")
    add_options(sub, defaults, basics)
    _add_run(sub, basics)


def _add_run(sub: argparse.ArgumentParser, basics: Any) -> None:
    basics.add_argument("--save-every", metavar="N", help="also save OUT-00050.png and so on, every N evaluations")
    text = "go on where this command was stopped or killed, if it was (a run of more than half a minute keeps .OUT.png.part)"
    basics.add_argument("--resume", action="store_true", help=text)
    text = "save the optimiser's state, OUT.png.state, so that `jaxstyle continue` resumes exactly"
    basics.add_argument("--keep-state", action="store_true", help=text)
    text = "also write OUT.png.html, a page of the run: pictures on the way, losses, settings, timing"
    basics.add_argument("--report", action="store_true", help=text)
    basics.add_argument("--no-metadata", action="store_true", help=NO_METADATA)
    _add_last(sub)


def _stylize(sub: argparse.ArgumentParser) -> None:
    from jaxstyle.plans.config import Config

    basics = _basics(sub)
    sub.add_argument("content", metavar="CONTENT", help="the photograph")
    sub.add_argument("styles", metavar="STYLE", nargs="+", help="the painting, or several")
    _add_single(sub, basics, "CONTENT-STYLE.png in the current folder", Config())


def _demo(sub: argparse.ArgumentParser) -> None:
    from jaxstyle.cli.single import DEMO, DEMO_CONFIG

    basics = _basics(sub)
    for name, known in DEMO.items():
        text = f"{', '.join(known)} (default: {known[0]})"
        basics.add_argument(f"--{name}", metavar="NAME", default=known[0], help=text)
    _add_single(sub, basics, "demo.png in the current folder", DEMO_CONFIG)


def _add_many(sub: argparse.ArgumentParser, basics: Any) -> None:
    from jaxstyle.cli.options import add_options
    from jaxstyle.plans.config import Config

    basics.add_argument("-o", "--out", metavar="DIR", help=f"the folder (default: {sub.prog.split()[-1]})")
    text = "one picture for each value of a setting; values with commas in them are separated by ; (may be repeated)"
    basics.add_argument("--vary", metavar="SETTING=A,B,...", action="append", default=[], help=text)
    basics.add_argument("--resume", action="store_true", help="skip the pictures that DIR has already, by their content")
    basics.add_argument("--no-metadata", action="store_true", help=NO_METADATA)
    add_options(sub, Config(), basics)
    several = sub.add_argument_group("several at once")
    several.add_argument("--batch-size", metavar="N", help="at most N at once (default: as many as pay and fit)")
    text = "several hosts, each with the same command and its own number: the address of process 0"
    several.add_argument("--coordinator", metavar="HOST:PORT", help=text)
    several.add_argument("--processes", metavar="N", help="how many hosts there are")
    several.add_argument("--process", metavar="I", help="which one this is, from 0")
    _add_last(sub)


def _batch(sub: argparse.ArgumentParser) -> None:
    basics = _basics(sub)
    sub.add_argument("contents", metavar="CONTENT", nargs="+", help="the photographs")
    basics.add_argument("--styles", metavar="STYLE", nargs="+", required=True, help="the paintings; A+B is a blend of two")
    how = basics.add_mutually_exclusive_group()
    how.add_argument("--grid", action="store_true", help="every content with every style (the default)")
    how.add_argument("--pairs", action="store_true", help="the first content with the first style, and so on")
    basics.add_argument("--seeds", metavar="N", help="N pictures of each, from different noise")
    basics.add_argument("--interpolate", metavar="N", help="N pictures from the first of two styles to the second")
    _add_many(sub, basics)


def _sweep(sub: argparse.ArgumentParser) -> None:
    basics = _basics(sub)
    sub.add_argument("content", metavar="CONTENT", help="the photograph")
    sub.add_argument("styles", metavar="STYLE", nargs="+", help="the painting, or several")
    _add_many(sub, basics)


def _estimate(sub: argparse.ArgumentParser) -> None:
    from jaxstyle.cli.film import add_film
    from jaxstyle.cli.options import add_options
    from jaxstyle.plans.config import Config

    basics = _basics(sub)
    sub.add_argument("pictures", metavar="CONTENT STYLE", nargs="*", help="a photograph or a film, and its paintings")
    add_film(sub, made=False)
    add_options(sub, Config(), basics)
    _add_last(sub, quiet=False)


def _apply(sub: argparse.ArgumentParser) -> None:
    from jaxstyle.cli.apply import add_apply

    basics = _basics(sub)
    add_apply(sub, basics)
    basics.add_argument("--no-metadata", action="store_true", help=NO_METADATA)
    _add_last(sub)


def _mask(sub: argparse.ArgumentParser) -> None:
    from jaxstyle.cli.mask import add_mask

    add_mask(sub, _basics(sub))
    _add_last(sub)


def _video(sub: argparse.ArgumentParser) -> None:
    from jaxstyle.cli.film import add_film
    from jaxstyle.cli.options import add_options
    from jaxstyle.plans.config import Config
    from jaxstyle.video.settings import STEADY

    basics = _basics(sub)
    sub.add_argument("film", metavar="FILM", help="a video, a folder or quoted pattern of numbered pictures, a GIF")
    sub.add_argument("styles", metavar="STYLE", nargs="+", help="the painting, or several")
    text = ".mp4, .mov, .mkv, .webm, .webp or .gif, or a folder for pictures (default: FILM-STYLE.mp4 in the current folder)"
    basics.add_argument("-o", "--out", metavar="OUT", help=text)
    text = f"0 to 1, how much a frame is held to the painting of the one before (default: {STEADY:g})"
    basics.add_argument("--steady", metavar="S", help=text)
    basics.add_argument("--save-every", metavar="N", help="also save every Nth frame, OUT-00050.png and so on")
    text = "also write OUT.mp4.html, a page with the film and a strip of its frames"
    basics.add_argument("--report", action="store_true", help=text)
    basics.add_argument("--no-metadata", action="store_true", help=NO_METADATA.replace("OUT.png", "OUT.mp4"))
    add_film(sub)
    add_options(sub, Config(), basics)
    _add_last(sub)


def _train(sub: argparse.ArgumentParser) -> None:
    from jaxstyle.cli.train import add_train

    add_train(sub, _basics(sub))
    _add_last(sub)


def _domains(sub: argparse.ArgumentParser) -> None:
    from jaxstyle.cli.domains import add_domains

    text = "Teach a network to make pictures of A into pictures of B, from two folders without pairs; `apply` takes it."
    action = _actions(sub)("train", text)
    add_domains(action, _basics(action))
    _add_last(action)


def _continue(sub: argparse.ArgumentParser) -> None:
    basics = _basics(sub)
    sub.add_argument("picture", metavar="PICTURE", help="one that jaxstyle made, with its record")
    basics.add_argument("-o", "--out", metavar="OUT", help="the new picture (default: PICTURE-N.png, N the evaluations in all)")
    basics.add_argument("--evaluations", metavar="N", required=True, help="how many more")
    _add_run(sub, basics)


def _replay(sub: argparse.ArgumentParser) -> None:
    basics = _basics(sub)
    sub.add_argument("picture", metavar="PICTURE", help="one that jaxstyle made, with its record")
    text = "where to save it (default: nowhere if it is the same, else PICTURE-replay.png)"
    basics.add_argument("-o", "--out", metavar="OUT", help=text)
    _add_last(sub)


def _weights(sub: argparse.ArgumentParser) -> None:
    add = _actions(sub)
    _add_last(add("list", "What can be named, and what of it is on this machine."), quiet=False)
    action = add("fetch", "Download weights at full precision, once, verified (needs jaxstyle[keras]).")
    action.add_argument("name", metavar="NAME", nargs="?", default="vgg19-full", help="which (default: %(default)s)")
    _add_last(action)
    action = add("convert", "Rewrite Keras, torchvision, timm or Gatys weights in jaxstyle's format.")
    action.add_argument("file", metavar="FILE", help=".h5, .pth, .pt or .safetensors")
    action.add_argument("-o", "--out", metavar="OUT.safetensors", required=True, help="where they go")
    action.add_argument("--scale", metavar="NAME", help="the input that FILE expects: caffe or torch (default: by its layout)")
    _add_last(action, quiet=False)
    action = add("verify", "Check names, shapes, hash, and the answer to a fixed pattern.")
    action.add_argument("file", metavar="FILE", nargs="?", default="vgg19", help="a file or a name (default: %(default)s)")
    _add_last(action, quiet=False)


def _completion(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("shell", metavar="SHELL", help=", ".join(SHELLS))
    _add_last(sub, quiet=False)


COMMANDS: dict[str, tuple[str, Callable[[argparse.ArgumentParser], None]]] = {
    "stylize": ("Paint CONTENT in the style of STYLE; several styles are blended.", _stylize),
    "demo": ("Make a picture from bundled samples; nothing is downloaded.", _demo),
    "batch": ("Paint every CONTENT in every STYLE, with a contact sheet, a gallery and a table.", _batch),
    "sweep": ("Paint CONTENT in the style of STYLE with every combination of settings.", _sweep),
    "estimate": ("Predict memory and time of a run; without pictures, for a photograph of 4:3.", _estimate),
    "apply": ("Paint PHOTO in one pass, in a style that a network has learned; or list the styles.", _apply),
    "mask": ("Find faces, people, the subject or the background of PHOTO, and write their masks.", _mask),
    "video": ("Paint FILM in the style of STYLE, each frame on from the one before, so that it does not flicker.", _video),
    "train": ("Teach a style network: it learns the STYLEs once, and then paints any picture in one pass.", _train),
    "domains": ("Networks between two collections of pictures, learned without pairs: train.", _domains),
    "continue": ("Go on with a finished PICTURE, from its state where that was kept, else from its pixels.", _continue),
    "replay": ("Make PICTURE again from its record, and say whether it is the same.", _replay),
    "weights": ("Network weights: list, fetch, convert, verify.", _weights),
    "completion": ("Print the script by which a shell completes commands, options, names of styles and files.", _completion),
}
"""By name: what it does, and what adds its arguments."""
