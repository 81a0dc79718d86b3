"""Completion in a shell: `jaxstyle completion`. The scripts name everything themselves, so that no key waits for Python."""

import argparse
import dataclasses
import re
from collections.abc import Iterator, Sequence
from typing import Any

import shtab

from jaxstyle.cli.parser import SHELLS, whole_parser
from jaxstyle.cli.single import DEMO
from jaxstyle.domains.network import A2B, B2A
from jaxstyle.domains.step import METHODS
from jaxstyle.errors import unknown
from jaxstyle.network.weights import SOURCES
from jaxstyle.network.weights.files import SCALES
from jaxstyle.onepass.painting import MEMORY
from jaxstyle.pictures.size import OWN
from jaxstyle.pictures.spaces import SPACES
from jaxstyle.plans.config import INITS, Config
from jaxstyle.plans.schedule import AUTO
from jaxstyle.styles.model import WIDTHS
from jaxstyle.styles.network import BUNDLED, find, read

_FILES = re.compile(r"FILE|FOLDER|DIR|OUT|CONTENT|STYLE|PHOTO|PICTURE|MASK")
"""In the metavar of what is a file or a folder."""


def completion(options: argparse.Namespace) -> int:
    """Prints the script of a shell."""
    if options.shell not in SHELLS:
        raise unknown("shell", options.shell, SHELLS)
    print(script(options.shell))
    return 0


def script(shell: str) -> str:
    """What the shell reads once to complete commands, options, names and files."""
    parser = whole_parser()
    for path, action in _arguments(parser):
        action.complete, action.metavar = _completed(path, action), action.dest  # a metavar may hold what zsh reads as its own
    text = shtab.complete(parser, shell)
    return re.sub(r'^( *)"\(\*\)::?', r'\1"*:', text, flags=re.MULTILINE) if shell == "zsh" else text  # more than one file


def _arguments(parser: argparse.ArgumentParser, path: str = "") -> Iterator[tuple[str, Any]]:
    """What takes a value, with the command that it is of, such as ``"domains train"``."""
    for action in parser._actions:
        if isinstance(action.choices, dict):
            for name, sub in action.choices.items():
                yield from _arguments(sub, f"{path} {name}".strip())
        elif action.nargs != 0:
            yield path, action


def _names(path: str, action: argparse.Action) -> Sequence[str]:
    """Those that an argument may have."""
    if path == "apply":
        styles = [style for name in BUNDLED for style in read(find(name)).network.shown]
        known = {"style": styles, "network": BUNDLED, "direction": (A2B, B2A), "color_space": SPACES, "memory": MEMORY}
        return tuple(known.get(action.dest, ()))
    if path == "demo" and action.dest in DEMO:
        return DEMO[action.dest]
    here: dict[tuple[str, str], Any] = {
        ("train", "width"): WIDTHS,
        ("train", "add_to"): BUNDLED,
        ("domains train", "method"): METHODS,
        ("weights fetch", "name"): [name for name, source in SOURCES.items() if source.download],
        ("weights verify", "file"): SOURCES,
        ("weights convert", "scale"): SCALES,
        ("completion", "shell"): SHELLS,
    }
    if (path, action.dest) in here:
        return tuple(here[path, action.dest])
    if action.dest == "weights":
        return tuple(SOURCES)
    settings = {field.name: tuple(field.metadata["choices"]) for field in dataclasses.fields(Config)}
    if path.split(" ")[0] in ("train", "domains", "weights") or action.dest not in settings:
        return ()
    return {"init": INITS, "size": (OWN,), "scales": (AUTO,)}.get(action.dest, settings[action.dest])


def _completed(path: str, action: argparse.Action) -> Any:
    """What completes an argument, for shtab: for each shell the name of a function or a list."""
    names = _names(path, action)
    is_file = bool(_FILES.search(str(action.metavar))) or action.dest == "out"
    if is_file and not names:
        return shtab.FILE
    words = " ".join(names)
    if not is_file:
        of_bash, of_fish = f'compgen -W "{words}" -- "$1"', words
        of_zsh = f"({words})" if words else "_message value"
        name = f"_jaxstyle_name_{shtab.sha(words)}"
        return {"bash": name, "zsh": of_zsh, "fish": of_fish, "preamble": {"bash": f"{name}() {{ {of_bash}; }}"}}
    name = f"_jaxstyle_file_{shtab.sha(words)}"
    of_bash = f'compgen -W "{words}" -- "$1"; compgen -f -- "$1"'
    of_zsh = f"_alternative 'names:name:({words})' 'files:file:_files'"
    functions = {"bash": f"{name}() {{ {of_bash}; }}", "zsh": f"{name}() {{ {of_zsh} }}"}
    return {"bash": name, "zsh": name, "fish": f"{words} (__fish_complete_path (commandline -ct))", "preamble": functions}
