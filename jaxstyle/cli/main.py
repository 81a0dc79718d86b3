"""The command line, made from the configuration dataclass.

Exit codes: 0 pictures were written, 1 something failed on the way, 2 bad input, 130 interrupted (what was in hand is saved).
"""

import argparse
import logging
import os
import shlex
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from jaxstyle.cli.display import say
from jaxstyle.errors import InputError, JaxstyleError, reason, unknown

NO_METADATA = "keep the record out of the picture; it lies in OUT.png.json all the same"


class _Parser(argparse.ArgumentParser):
    """Bad input is one line."""

    def error(self, message: str) -> NoReturn:
        raise _Usage(f"{message}; see {self.prog} --help")


class _Usage(Exception):
    pass


def _parser() -> _Parser:
    from jaxstyle import __version__
    from jaxstyle.cli.apply import add_apply
    from jaxstyle.cli.domains import add_domains
    from jaxstyle.cli.options import add_options
    from jaxstyle.cli.single import DEMO, DEMO_CONFIG
    from jaxstyle.cli.train import add_train
    from jaxstyle.transfer.config import Config

    parser = _Parser(prog="jaxstyle", description="Neural style transfer by optimisation, in JAX.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"jaxstyle {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)

    def command(group: Any, name: str, text: str) -> argparse.ArgumentParser:
        return group.add_parser(name, help=text, description=text, allow_abbrev=False)

    def transfer(name: str, text: str) -> tuple[argparse.ArgumentParser, Any]:
        """A command that takes the options of a transfer, and the first group of its help; its own -h comes last."""
        sub = commands.add_parser(name, help=text, description=text, allow_abbrev=False, add_help=False)
        return sub, sub.add_argument_group("basics")

    def add_last(sub: argparse.ArgumentParser, quiet: bool = True) -> None:
        group = sub.add_argument_group("other")
        if quiet:
            group.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
        group.add_argument("-h", "--help", action="help", help="show this and exit")

    def add_single(sub: argparse.ArgumentParser, basics: Any, out: str, defaults: Config) -> None:
        basics.add_argument("-o", "--out", metavar="OUT", help=f".png, .jpg, .webp or .tiff (default: {out})")
        add_options(sub, defaults, basics)
        add_run(sub, basics)

    def add_run(sub: argparse.ArgumentParser, basics: Any) -> None:
        basics.add_argument("--save-every", metavar="N", help="also save OUT-00050.png and so on, every N evaluations")
        text = (
            "go on where this command was stopped or killed, if it was (a run of more than half a minute keeps .OUT.png.part)"
        )
        basics.add_argument("--resume", action="store_true", help=text)
        text = "keep OUT.png.state too, from which `jaxstyle continue` goes on as if nothing had been between"
        basics.add_argument("--keep-state", action="store_true", help=text)
        text = "also write OUT.png.html, a page of the run: pictures on the way, losses, settings, timing"
        basics.add_argument("--report", action="store_true", help=text)
        basics.add_argument("--no-metadata", action="store_true", help=NO_METADATA)
        add_last(sub)

    sub, basics = transfer("stylize", "Paint CONTENT in the style of STYLE; several styles are blended.")
    sub.add_argument("content", metavar="CONTENT", help="the photograph")
    sub.add_argument("styles", metavar="STYLE", nargs="+", help="the painting, or several")
    add_single(sub, basics, "CONTENT-STYLE.png in the current folder", Config())

    sub, basics = transfer("demo", "Make a picture from bundled samples; nothing is downloaded.")
    for name, known in DEMO.items():
        text = f"{', '.join(known)} (default: {known[0]})"
        basics.add_argument(f"--{name}", metavar="NAME", default=known[0], help=text)
    add_single(sub, basics, "demo.png in the current folder", DEMO_CONFIG)

    def add_many(sub: argparse.ArgumentParser, basics: Any) -> None:
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
        add_last(sub)

    sub, basics = transfer("batch", "Paint every CONTENT in every STYLE, with a contact sheet, a gallery and a table.")
    sub.add_argument("contents", metavar="CONTENT", nargs="+", help="the photographs")
    basics.add_argument("--styles", metavar="STYLE", nargs="+", required=True, help="A+B is a blend of two")
    how = basics.add_mutually_exclusive_group()
    how.add_argument("--grid", action="store_true", help="every content with every style (the default)")
    how.add_argument("--pairs", action="store_true", help="the first content with the first style, and so on")
    basics.add_argument("--seeds", metavar="N", help="N pictures of each, from different noise")
    basics.add_argument("--interpolate", metavar="N", help="N pictures from the first of two styles to the second")
    add_many(sub, basics)

    sub, basics = transfer("sweep", "Paint CONTENT in the style of STYLE with every combination of settings.")
    sub.add_argument("content", metavar="CONTENT", help="the photograph")
    sub.add_argument("styles", metavar="STYLE", nargs="+", help="the painting, or several")
    add_many(sub, basics)

    sub, basics = transfer("estimate", "Memory and time of a run before it is started; without pictures, of 4:3 ones.")
    sub.add_argument("pictures", metavar="CONTENT STYLE", nargs="*", help="a photograph and its paintings")
    add_options(sub, Config(), basics)
    add_last(sub, quiet=False)

    sub, basics = transfer("apply", "Paint PHOTO in one pass, in a style that a network has learned; or list the styles.")
    add_apply(sub, basics)
    basics.add_argument("--no-metadata", action="store_true", help=NO_METADATA)
    add_last(sub)

    sub, basics = transfer(
        "train", "Teach a style network: it learns the STYLEs once, and then paints any picture in one pass."
    )
    add_train(sub, basics)
    add_last(sub)

    both = command(commands, "domains", "Networks between two collections of pictures, learned without pairs: train.")
    actions = both.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)
    text = "Teach a network to make pictures of A into pictures of B, from two folders without pairs; `apply` takes it."
    sub = actions.add_parser("train", help=text, description=text, allow_abbrev=False, add_help=False)
    add_domains(sub, sub.add_argument_group("basics"))
    add_last(sub)

    sub, basics = transfer(
        "continue", "Go on with a finished PICTURE, from its state where that was kept, else from its pixels."
    )
    sub.add_argument("picture", metavar="PICTURE", help="one that jaxstyle made, with its record")
    basics.add_argument("-o", "--out", metavar="OUT", help="(default: PICTURE-N.png, N the evaluations in all)")
    basics.add_argument("--evaluations", metavar="N", required=True, help="how many more")
    add_run(sub, basics)

    sub, basics = transfer("replay", "Make PICTURE again from its record, and say whether it is the same.")
    sub.add_argument("picture", metavar="PICTURE", help="one that jaxstyle made, with its record")
    text = "where to save it (default: nowhere if it is the same, else PICTURE-replay.png)"
    basics.add_argument("-o", "--out", metavar="OUT", help=text)
    add_last(sub)

    weights = command(commands, "weights", "Network weights: list, fetch, convert, verify.")
    actions = weights.add_subparsers(dest="action", metavar="ACTION", required=True, parser_class=_Parser)
    command(actions, "list", "What can be named, and what of it is on this machine.")
    sub = command(actions, "fetch", "Download weights at full precision, once, verified (needs jaxstyle[keras]).")
    sub.add_argument("name", metavar="NAME", nargs="?", default="vgg19-full", help="(default: %(default)s)")
    sub.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    sub = command(actions, "convert", "Rewrite Keras, torchvision, timm or Gatys weights in jaxstyle's format.")
    sub.add_argument("file", metavar="FILE")
    sub.add_argument("-o", "--out", metavar="OUT.safetensors", required=True)
    sub.add_argument("--scale", metavar="NAME", help="the input that FILE expects: caffe or torch (default: by its layout)")
    sub = command(actions, "verify", "Check names, shapes, hash, and the answer to a fixed pattern.")
    sub.add_argument("file", metavar="FILE", nargs="?", default="vgg19", help="a file or a name (default: %(default)s)")
    return parser


def _handler(command: str) -> Callable[[argparse.Namespace], int]:
    """What runs a command; each imports only what it needs."""
    if command in ("batch", "sweep"):
        from jaxstyle.cli import many

        return many.batch if command == "batch" else many.sweep
    if command == "apply":
        from jaxstyle.cli.apply import apply

        return apply
    if command == "train":
        from jaxstyle.cli.train import train

        return train
    if command == "domains":
        from jaxstyle.cli.domains import domains

        return domains
    if command == "weights":
        from jaxstyle.cli import weights

        return weights.weights
    if command in ("continue", "replay"):
        from jaxstyle.cli import again

        return again.proceed if command == "continue" else again.replay
    from jaxstyle.cli import single

    return {"stylize": single.stylize, "demo": single.demo, "estimate": single.estimate}[command]


def main(argv: Sequence[str] | None = None, notes: Callable[[], Sequence[str]] = tuple) -> int:
    """Runs a command line and returns its exit code; errors are one line on stderr.

    Args:
        argv: by default the process' own.
        notes: gives sentences about this machine, which are said before a run.
    """
    try:
        parser = _parser()
        options, rest = parser.parse_known_args(argv)
        if rest:
            positional = ("command", "action", "content", "contents", "picture", "pictures", "name", "file")
            known = ["--" + name.replace("_", "-") for name in vars(options) if name not in positional]
            raise unknown("argument", rest[0].partition("=")[0], known)
        options.line = shlex.join(["jaxstyle", *(sys.argv[1:] if argv is None else argv)])
        options.notes = notes
        return _handler(options.command)(options)
    except _Usage as error:
        return _fail(str(error), 2)
    except InputError as error:
        return _fail(str(error), 2)
    except JaxstyleError as error:
        return _fail(str(error), 1)
    except BrokenPipeError:  # nobody reads on, as after `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError:
        return _fail("not enough memory; try --memory low, or a smaller --size", 1)
    except KeyboardInterrupt:
        return _fail("interrupted; what was in hand is not saved", 130)
    except Exception as error:
        if "RESOURCE_EXHAUSTED" in str(error):
            return _fail("not enough memory; try --memory low, or a smaller --size", 1)
        raise


def _fail(message: str, code: int) -> int:
    say(f"jaxstyle: error: {message}")
    return code


def entry() -> NoReturn:
    """The console script: the process is its own, so that it may keep its memory and compiled programs."""
    from jaxstyle.machine.allocator import keep_pages

    keep_pages()
    problem = _set_up_jax()

    def notes() -> list[str]:
        from jaxstyle.machine.devices import has_unused_gpu

        return [*([problem] if problem else []), *([UNUSED_GPU] if has_unused_gpu() else [])]

    sys.exit(main(notes=notes))


UNUSED_GPU = (
    "there is an NVIDIA GPU, but JAX computes on the CPU; `pip install 'jaxstyle[cuda]'` and a recent driver let it use the GPU"
)


def _set_up_jax() -> str:
    """Compiled programs are kept in the user's cache folder, one folder a version, safe to delete.

    Returns a sentence about why they cannot be, or nothing.
    """
    import jax

    from jaxstyle.network.weights.fetch import cache_root

    # The loop waits for each evaluation on a CPU anyway, and `keep_pages` works for what this thread allocates.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    warnings.filterwarnings("ignore", ".*persistent compilation cache")  # a full disk, say, while the run goes on
    # `UNUSED_GPU` says it better.
    logging.getLogger("jax._src.xla_bridge").addFilter(lambda r: not r.getMessage().startswith("An NVIDIA GPU may be present"))
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return ""
    folder = cache_root() / "compiled" / jax.__version__
    try:
        if str(folder).startswith("~"):
            raise FileNotFoundError("there is no home folder")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
    except OSError as error:
        remedy = "set JAXSTYLE_CACHE to a folder that can be written"
        return f"compiled programs cannot be kept in {str(folder)!r} ({reason(error)}), so every run compiles anew; {remedy}"
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    return ""


if __name__ == "__main__":
    entry()
