"""The command line.

Exit codes: 0 pictures were written, 1 something failed on the way, 2 bad input, 130 interrupted (what was in hand is saved).
"""

import argparse
import difflib
import io
import logging
import os
import shlex
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from jaxstyle.cli.display import say
from jaxstyle.cli.failures import say_error
from jaxstyle.cli.help import FRONT, Usage
from jaxstyle.cli.interrupt import NOT_SAVED, Interrupt
from jaxstyle.cli.parser import commands_with, options_of, parser_for
from jaxstyle.errors import InputError, JaxstyleError, reason, unknown


def _handler(command: str) -> Callable[[argparse.Namespace], int]:
    """What runs a command; each imports only what it needs."""
    if command in ("batch", "sweep"):
        from jaxstyle.cli import many

        return many.batch if command == "batch" else many.sweep
    if command == "apply":
        from jaxstyle.cli.apply import apply

        return apply
    if command == "mask":
        from jaxstyle.cli.mask import mask

        return mask
    if command == "video":
        from jaxstyle.cli.video import video

        return video
    if command == "train":
        from jaxstyle.cli.train import train

        return train
    if command == "domains":
        from jaxstyle.cli.domains import domains

        return domains
    if command == "completion":
        from jaxstyle.cli.completion import completion

        return completion
    if command == "weights":
        from jaxstyle.cli import weights

        return weights.weights
    if command in ("continue", "replay"):
        from jaxstyle.cli import again

        return again.proceed if command == "continue" else again.replay
    from jaxstyle.cli import single

    return {"stylize": single.stylize, "demo": single.demo, "estimate": single.estimate}[command]


def main(
    argv: Sequence[str] | None = None, notes: Callable[[], Sequence[str]] = tuple, prepare: Callable[[], object] | None = None
) -> int:
    """Runs a command line and returns its exit code; errors are one line on stderr, whatever they are.

    Args:
        argv: by default the process' own; without any argument it is told what there is.
        notes: gives sentences about this machine, which are said before a run.
        prepare: is called once it is clear what to do, before anything is done.
    """
    options = None
    try:
        arguments = sys.argv[1:] if argv is None else list(argv)
        if not arguments:
            print(FRONT)
            return 0
        options, rest = parser_for(arguments).parse_known_args(arguments)
        options.flags = options_of(options.command, getattr(options, "action", ""))
        if options.quiet_first and not hasattr(options, "quiet"):
            command = " ".join([options.command, *([options.action] if "action" in options else [])])
            raise InputError("argument", "--quiet", f"is not for {command}", "leave it out")
        if rest:
            wrong, action = rest[0].partition("=")[0], getattr(options, "action", "")
            known = [name for name in options.flags if name.startswith("--")]
            misspelt = action or difflib.get_close_matches(wrong, known, n=1, cutoff=0.9)
            if not misspelt and (others := commands_with(wrong)):
                raise InputError("argument", wrong, f"is not for {options.command}", f"it is for {', '.join(others)}")
            raise unknown("argument", wrong, known)
        options.quiet = options.quiet_first or getattr(options, "quiet", False)
        options.line = shlex.join(["jaxstyle", *arguments])
        options.notes = notes
        if prepare is not None:
            prepare()
        with Interrupt():
            from jaxstyle.machine.modes import computing

            with computing(check=not getattr(options, "coordinator", None)):
                return _handler(options.command)(options)
    except Usage as error:
        return _fail(str(error), 2)
    except BrokenPipeError:  # nobody reads on, as after `| head`
        return 1
    except KeyboardInterrupt as error:
        return _fail(str(error) or f"interrupted; {NOT_SAVED}", 130)
    except Exception as error:
        say_error(error, options)
        return 2 if isinstance(error, InputError) else 1


def _fail(message: str, code: int) -> int:
    say(f"jaxstyle: error: {message}")
    return code


def entry() -> NoReturn:
    """The console script: the process is its own, so that it may keep its memory and compiled programs."""
    open_streams()
    Interrupt.leave = os._exit
    try:
        code = _run()
    except SystemExit as stop:  # of --help and --version
        code = stop.code
    except KeyboardInterrupt as error:
        code = _fail(str(error) or "interrupted; nothing was begun", 130)
    except Exception as error:  # JAX cannot be imported, where a variable of its own has no value that it knows
        say_error(error)
        code = 1
    code = flushed(code)
    if Interrupt.computes_on:
        os._exit(code)
    sys.exit(code)


def _run() -> int:
    """`main` in a process of its own."""
    from jaxstyle.machine.allocator import keep_pages

    keep_pages()
    problem = ""

    def notes() -> list[str]:
        from jaxstyle.machine.devices import has_unused_gpu

        return [*([problem] if problem else []), *([UNUSED_GPU] if has_unused_gpu() else [])]

    def prepare() -> None:
        nonlocal problem
        problem = _set_up_jax()

    with Interrupt(kept=lambda: "nothing was begun"):  # until the command has its own
        return main(notes=notes, prepare=prepare)


def open_streams() -> None:
    """Gives the process the standard streams that it was started without, since the next file that is opened would take the
    number of one that is closed, and every word would go into it. Characters that a stream does not have are escaped."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout, sys.stderr = (sys.stdout or os.fdopen(1, "w"), sys.stderr or os.fdopen(2, "w"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def flushed(code: Any) -> Any:
    """The exit code once all that was printed has gone out, or 1 where it could not; Python would tell of that by itself."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for another try at the exit
        if not isinstance(error, BrokenPipeError):  # nobody reads on, as after `| head`
            say_error(JaxstyleError(f"standard output cannot be written ({reason(error)})"))
        return code or 1
    return code


UNUSED_GPU = (
    "there is an NVIDIA GPU, but JAX computes on the CPU; `pip install 'jaxstyle[cuda]'` and a recent driver let it use the GPU"
)


def _set_up_jax() -> str:
    """Compiled programs are kept in the user's cache folder, one folder a version, safe to delete.

    Returns a sentence about why they cannot be, or nothing.
    """
    import jax

    from jaxstyle.machine.folders import cache_root

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
