"""The command line, made from the configuration dataclass.

Exit codes: 0 a picture was written, 1 something failed on the way, 2 bad input, 130 interrupted (the best image is saved).
"""

import argparse
import dataclasses
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NoReturn

from jaxstyle.errors import InputError, JaxstyleError, unknown

SAMPLES = Path(__file__).resolve().parent / "samples"
DEMO = {"content": "chelsea", "style": "swirls", "size": 384, "evaluations": 150}


class _Parser(argparse.ArgumentParser):
    """Bad input is one line."""

    def error(self, message: str) -> NoReturn:
        raise _Usage(f"{message}; see {self.prog} --help")


class _Usage(Exception):
    pass


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _add_options(parser: argparse.ArgumentParser, defaults: Any) -> None:
    """One flag for each field of Config. Values stay text here; `_config` converts them with better errors."""
    from jaxstyle.config import Config

    group = parser.add_argument_group("the transfer")
    for option in dataclasses.fields(Config):
        about = option.metadata
        default = getattr(defaults, option.name)
        text = about["help"]
        if about["choices"]:
            text += f": {', '.join(about['choices'])}"
        if default is not None:
            text += f" (default: {default})"
        group.add_argument(_flag(option.name), metavar=about["metavar"] or "NAME", help=text.replace("%", "%%"))


def _config(options: argparse.Namespace, defaults: Any) -> Any:
    changes = {}
    for option in dataclasses.fields(defaults):
        text = getattr(options, option.name, None)
        if text is not None:
            changes[option.name] = _convert(option, text)
    return dataclasses.replace(defaults, **changes)


def _convert(option: dataclasses.Field, text: str) -> Any:
    kind = str(option.type)
    if "str" in kind:
        return text
    convert, words = (float, "a number") if "float" in kind else (int, "a whole number")
    try:
        return convert(text)
    except ValueError:
        raise InputError(option.name, text, f"is not {words}") from None


def _parser() -> _Parser:
    from jaxstyle import __version__
    from jaxstyle.config import Config

    parser = _Parser(prog="jaxstyle", description="Neural style transfer by optimisation, in JAX.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"jaxstyle {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)

    def command(group: Any, name: str, text: str) -> argparse.ArgumentParser:
        return group.add_parser(name, help=text, description=text, allow_abbrev=False)

    def shared(sub: argparse.ArgumentParser, out: str) -> None:
        sub.add_argument("-o", "--out", metavar="OUT", help=f".png, .jpg, .webp or .tiff (default: {out})")
        sub.add_argument("--save-every", metavar="N", help="also save OUT-00050.png and so on, every N evaluations")
        sub.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")

    sub = command(commands, "stylize", "Paint CONTENT in the style of STYLE; several styles are blended.")
    sub.add_argument("content", metavar="CONTENT")
    sub.add_argument("styles", metavar="STYLE", nargs="+")
    shared(sub, "CONTENT-STYLE.png in the current folder")
    _add_options(sub, Config())

    sub = command(commands, "demo", "Make a picture from bundled samples; nothing is downloaded.")
    sub.add_argument("--content", metavar="NAME", default=DEMO["content"], help="chelsea, coffee (default: %(default)s)")
    sub.add_argument("--style", metavar="NAME", default=DEMO["style"], help="swirls, glass, waves (default: %(default)s)")
    shared(sub, "demo.png in the current folder")
    _add_options(sub, _demo_config())

    sub = command(commands, "estimate", "Memory and time of a run before it is started; without pictures, of 4:3 ones.")
    sub.add_argument("pictures", metavar="CONTENT STYLE", nargs="*")
    _add_options(sub, Config())

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


def _demo_config() -> Any:
    from jaxstyle.config import Config

    return Config(size=DEMO["size"], evaluations=DEMO["evaluations"])


def _stylize(options: argparse.Namespace) -> int:
    from jaxstyle.config import Config

    out = options.out or f"{Path(options.content).stem}-{Path(options.styles[0]).stem}.png"
    return _paint(options.content, options.styles, out, _config(options, Config()), options)


def _demo(options: argparse.Namespace) -> int:
    paths = []
    for argument, names in (("content", ("chelsea", "coffee")), ("style", ("swirls", "glass", "waves"))):
        name = getattr(options, argument)
        if name not in names:
            raise unknown(argument, name, names)
        paths.append(str(SAMPLES / f"{name}.jpg"))
    return _paint(paths[0], paths[1:], options.out or "demo.png", _config(options, _demo_config()), options)


def _paint(content: str, styles: Sequence[str], out: str, config: Any, options: argparse.Namespace) -> int:
    from jaxstyle import outputs
    from jaxstyle.stylize import stylize

    path = outputs.check_output(out)
    for source in (content, *styles):
        if os.path.exists(path) and os.path.exists(source) and os.path.samefile(path, source):
            raise InputError("out", out, "is one of the input pictures", "write to another file")
    every = _positive("save_every", options.save_every) if options.save_every else 0
    interrupted: list[bool] = []

    def on_interrupt(*_: Any) -> None:
        if interrupted:
            raise KeyboardInterrupt
        interrupted.append(True)

    saved = 0
    with _Display(config.evaluations, options.quiet) as display:

        def callback(progress: Any) -> bool:
            nonlocal saved
            display.update(progress)
            if every and progress.evaluation // every > saved:
                saved = progress.evaluation // every
                outputs.save(path.with_stem(f"{path.stem}-{saved * every:05d}"), progress.image())
            return bool(interrupted)

        previous = signal.signal(signal.SIGINT, on_interrupt)
        try:
            result = stylize(content, list(styles), config=config, callback=callback)
        finally:
            signal.signal(signal.SIGINT, previous)
    result.record["command"] = options.line
    notices = (*result.notices, *result.save(path))
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
    return 130 if interrupted else 0


def _estimate(options: argparse.Namespace) -> int:
    from jaxstyle.config import Config
    from jaxstyle.estimate import estimate
    from jaxstyle.memory import gigabytes

    content, *styles = options.pictures or [None, None]
    if not styles:
        raise InputError("style", "", "is missing", "give a content and its styles, or no picture at all")
    found = estimate(content, None if content is None else styles, config=_config(options, Config()))
    (width, height), fits = found.size, ""
    if found.free is not None:
        fits = f", {gigabytes(found.free)} to be had"
    if found.largest is not None:
        fits += f": does not fit, at most {found.largest[0]}x{found.largest[1]} would"
    print(f"size            {width}x{height}, style {', '.join(f'{w}x{h}' for w, h in found.style_sizes)}")
    print(f"memory          {gigabytes(found.memory)}{fits}")
    print(f"compiling       {found.compiling:.1f} s, where it was not compiled before")
    print(f"one evaluation  {found.evaluation:.3g} s")
    print(f"{found.evaluations:<4}evaluations {int(found.seconds) // 60}:{int(found.seconds) % 60:02d}")
    return 0


def _positive(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise InputError(name, text, "must be a whole number of at least 1")
    return int(text)


class _Display:
    """The progress bar on stderr: evaluations, canonical loss, and the time left, compilation left out."""

    def __init__(self, evaluations: int, quiet: bool):
        self._bar: Any = nullcontext()
        if not quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
            self._bar = Progress(*columns, TextColumn("{task.fields[left]}"), console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("reading and compiling", total=evaluations, left="")
        self._shown = not isinstance(self._bar, nullcontext)

    def __enter__(self) -> "_Display":
        self._bar.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._bar.__exit__(*details)

    def update(self, progress: Any) -> None:
        if self._shown:
            left = progress.seconds / progress.evaluation * max(0, progress.evaluations - progress.evaluation)
            self._bar.update(
                self._task,
                completed=progress.evaluation,
                description=f"loss {progress.loss:.4g}",
                left=f"{int(left) // 60}:{int(left) % 60:02d} left",
            )


def _weights(options: argparse.Namespace) -> int:
    from jaxstyle import weights
    from jaxstyle.weights import load

    if options.action == "list":
        for source in weights.SOURCES.values():
            path = load.installed(source.name)
            where = str(path) if path else f"not here; jaxstyle weights fetch {source.name}"
            print(f"{source.name:<12}{source.architecture:<7}{source.origin}; {source.licence}\n{'':<12}{where}")
        return 0
    if options.action == "fetch":
        path = weights.fetch_weights(options.name, progress=not options.quiet)
        if not options.quiet:
            print(f"{path}: use it with --weights {options.name}")
        return 0
    if options.action == "convert":
        found = weights.convert_weights(options.file, options.out, scale=options.scale)
        print(f"{options.out}: {found.architecture}, input scale {found.scale}")
        return 0
    checks = weights.verify(options.file)
    for check in checks:
        print(f"{ {True: 'ok', False: 'WRONG', None: '?'}[check.ok]:<6}{check.text}")
    return 2 if any(check.ok is False for check in checks) else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit code; errors are one line on stderr."""
    handlers = {"stylize": _stylize, "demo": _demo, "estimate": _estimate, "weights": _weights}
    try:
        parser = _parser()
        options, rest = parser.parse_known_args(argv)
        if rest:
            positional = ("command", "action", "content", "styles", "pictures", "name", "file")
            known = [_flag(name) for name in vars(options) if name not in positional]
            raise unknown("argument", rest[0].partition("=")[0], known)
        options.line = shlex.join(["jaxstyle", *(sys.argv[1:] if argv is None else argv)])
        return handlers[options.command](options)
    except _Usage as error:
        return _fail(str(error), 2)
    except InputError as error:
        return _fail(str(error), 2)
    except JaxstyleError as error:
        return _fail(str(error), 1)
    except MemoryError:
        return _fail("not enough memory; try a smaller --size", 1)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was saved", 130)
    except Exception as error:
        if "RESOURCE_EXHAUSTED" in str(error):
            return _fail("not enough memory; try a smaller --size", 1)
        raise


def _fail(message: str, code: int) -> int:
    print(f"jaxstyle: error: {message}", file=sys.stderr)
    return code


def entry() -> NoReturn:
    """The console script: the process is its own, so that it may keep its memory and compiled programs."""
    from jaxstyle.allocator import keep_pages

    keep_pages()
    _set_up_jax()
    sys.exit(main())


def _set_up_jax() -> None:
    """Compiled programs are kept in the user's cache folder, one folder a version, safe to delete."""
    import jax

    from jaxstyle.weights.fetch import cache_root

    # The loop waits for each evaluation on a CPU anyway, and `keep_pages` works for what this thread allocates.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    if os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return
    jax.config.update("jax_compilation_cache_dir", str(cache_root() / "compiled" / jax.__version__))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


if __name__ == "__main__":
    entry()
