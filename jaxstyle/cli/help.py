"""What the help shows: examples and what most people need with ``--help``, every option with ``--help-all``."""

import argparse
import re
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

FRONT = """\
jaxstyle paints a photograph in the style of a painting.

  one picture at the best quality
    jaxstyle stylize photo.jpg painting.jpg -o out.png
  any picture in a second, in a style that a network has learned; --list shows which
    jaxstyle apply photo.jpg --style starry_night
  a film
    jaxstyle video holiday.mp4 painting.jpg -o painted.mp4
  many photographs in many styles
    jaxstyle batch photos --styles painting.jpg other.jpg -o out
  how much memory and time a run takes
    jaxstyle estimate photo.jpg painting.jpg --size 2048
  a network that learns your paintings
    jaxstyle train painting.jpg --photos photos -o mine.safetensors

No pictures at hand? `jaxstyle demo` takes its own.
All commands: jaxstyle --help. The options of one: jaxstyle stylize --help."""
"""What `jaxstyle` alone prints."""

_RUN = ("--out", "--size", "--quality", "--strength", "--stroke", "--colors", "--region")
_MANY = ("--out", "--vary", "--size", "--quality", "--strength", "--resume")
COMMON: dict[str, tuple[str, ...]] = {
    "stylize": (*_RUN, "--memory", "--resume", "--report"),
    "demo": ("--content", "--style", *_RUN[:-1]),
    "batch": ("--styles", "--pairs", *_MANY),
    "sweep": _MANY,
    "estimate": ("--size", "--style-size", "--quality", "--evaluations", "--memory"),
    "apply": ("--style", "--list", "--out", "--strength", "--size", "--region", "--network", "--start", "--end", "--fps"),
    "mask": ("--out",),
    "video": ("--out", "--size", "--quality", "--strength", "--steady", "--start", "--end", "--fps", "--region", "--resume"),
    "train": ("--photos", "--out", "--minutes", "--steps", "--add-to", "--style-weight", "--resume"),
    "domains train": ("--a", "--b", "--out", "--method", "--hours", "--steps", "--resume"),
    "continue": ("--evaluations", "--out", "--resume"),
    "replay": ("--out",),
    "weights fetch": (),
    "weights convert": ("--out", "--scale"),
}
"""Of each command, the options that most people need, in the order of `--help`; all where there is no entry."""

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "": (
        ("a first picture, of pictures that come with jaxstyle", "jaxstyle demo"),
        ("your own", "jaxstyle stylize photo.jpg painting.jpg -o out.png"),
    ),
    "stylize": (
        ("a picture whose longest side has 1024 pixels", "jaxstyle stylize photo.jpg painting.jpg --size 1024 -o out.png"),
        (
            "more of the photograph, in its own colours",
            "jaxstyle stylize photo.jpg painting.jpg --strength 0.5 --colors content",
        ),
        ("faces stay as they are", "jaxstyle stylize photo.jpg painting.jpg --region faces=keep"),
    ),
    "demo": (
        ("demo.png in the current folder", "jaxstyle demo"),
        ("another photograph and style", "jaxstyle demo --content coffee --style the_scream -o coffee.png"),
    ),
    "batch": (
        ("every photograph of a folder in two styles", "jaxstyle batch photos --styles painting.jpg other.jpg -o out"),
        ("seven steps from one style to another", "jaxstyle batch photo.jpg --styles one.jpg two.jpg --interpolate 7"),
    ),
    "sweep": (
        ("three strengths side by side", "jaxstyle sweep photo.jpg painting.jpg --vary strength=0.4,0.6,0.8"),
        (
            "every combination of two settings",
            "jaxstyle sweep photo.jpg painting.jpg --vary stroke=0.5,1,2 --vary scales=1,2,3 -o compared",
        ),
    ),
    "estimate": (
        ("whether this large picture fits", "jaxstyle estimate photo.jpg painting.jpg --size 2048"),
        ("any photograph of 4:3, without pictures", "jaxstyle estimate --size 512 --quality best"),
        ("a film", "jaxstyle estimate holiday.mp4 painting.jpg --size 480"),
    ),
    "apply": (
        ("one picture", "jaxstyle apply photo.jpg --style starry_night"),
        ("a folder, in a blend of two styles", "jaxstyle apply photos --style waves:2+glass -o out"),
        ("a film, with its sound", "jaxstyle apply holiday.mp4 --style waves -o painted.mp4"),
    ),
    "mask": (
        ("masks of three kinds, and a sheet of them", "jaxstyle mask photo.jpg faces people subject -o masks"),
        ("all but the faces, with some more around them", "jaxstyle mask photo.jpg not:faces+2%"),
    ),
    "video": (
        ("a film, with its sound", "jaxstyle video holiday.mp4 painting.jpg -o painted.mp4"),
        (
            "five seconds of it, small, to see how it looks",
            "jaxstyle video holiday.mp4 painting.jpg --start 0:03 --end 0:08 --fps 12 --size 320 -o trial.mp4",
        ),
    ),
    "train": (
        ("two styles, for half an hour", "jaxstyle train one.jpg two.jpg --photos photos --minutes 30 -o mine.safetensors"),
        ("another style for that network", "jaxstyle train three.jpg --photos photos --add-to mine.safetensors"),
    ),
    "domains": (
        ("photographs into a painter's works", "jaxstyle domains train --a photos --b monet -o monet.safetensors"),
        ("a picture by that network", "jaxstyle apply photo.jpg --network monet.safetensors"),
    ),
    "domains train": (
        (
            "photographs into a painter's works",
            "jaxstyle domains train --a photos --b monet --hours 8 -o monet.safetensors",
        ),
        (
            "both ways, summer into winter and winter into summer",
            "jaxstyle domains train --a summer --b winter --method cyclegan -o seasons.safetensors",
        ),
    ),
    "continue": (
        ("100 evaluations more", "jaxstyle continue out.png --evaluations 100"),
        ("the same under a name of its own", "jaxstyle continue out.png --evaluations 100 -o longer.png"),
    ),
    "replay": (
        ("check that it comes out the same", "jaxstyle replay out.png"),
        ("keep the new picture in any case", "jaxstyle replay out.png -o again.png"),
    ),
    "weights": (
        ("what there is", "jaxstyle weights list"),
        ("check the weights in use", "jaxstyle weights verify"),
    ),
    "weights list": (
        ("what there is", "jaxstyle weights list"),
        ("use what is listed", "jaxstyle stylize photo.jpg painting.jpg --weights vgg19-full"),
    ),
    "weights fetch": (
        ("VGG-19", "jaxstyle weights fetch"),
        ("VGG-16", "jaxstyle weights fetch vgg16-full"),
    ),
    "weights convert": (
        ("weights of torchvision", "jaxstyle weights convert vgg19.pth -o mine.safetensors"),
        (
            "weights whose input is scaled as torchvision's",
            "jaxstyle weights convert other.pth -o mine.safetensors --scale torch",
        ),
    ),
    "weights verify": (
        ("those in the box", "jaxstyle weights verify"),
        ("your own", "jaxstyle weights verify mine.safetensors"),
    ),
    "completion": (
        (
            "bash; make the folder first where there is none",
            "jaxstyle completion bash > ~/.local/share/bash-completion/completions/jaxstyle",
        ),
        ("zsh, with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc", "jaxstyle completion zsh > ~/.zfunc/_jaxstyle"),
        ("fish", "jaxstyle completion fish > ~/.config/fish/completions/jaxstyle.fish"),
    ),
}
"""Of each command and action, by their names: what an example does, and its line."""


class Usage(Exception):
    """A command line that no command takes."""


class Parser(argparse.ArgumentParser):
    """Bad input is one line, -1e2 is a number, and the help is short."""

    def __init__(self, *args: Any, **more: Any):
        super().__init__(*args, **more)
        self._negative_number_matcher = re.compile(r"-(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$|-inf$", re.IGNORECASE)

    def error(self, message: str) -> NoReturn:
        raise Usage(f"{message}; see {self.prog} --help")

    @property
    def path(self) -> str:
        """The names of the command and the action, as in ``"domains train"``."""
        return self.prog.partition(" ")[2]

    def format_usage(self) -> str:
        """One line, with options only where they must be given."""
        needed = [action for action in self._actions if action.required and action.option_strings]
        places = [action for action in self._actions if not action.option_strings]
        words = [*map(_typed, places), *(f"{action.option_strings[-1]} {_typed(action)}" for action in needed)]
        return f"usage: {' '.join([self.prog, *words, '[OPTIONS]'])}\n"

    def format_help(self) -> str:
        """What most people need; ``--help-all`` is shown where there is more."""
        every = {one.option_strings[-1]: one for one in self._actions if one.option_strings and one.help != argparse.SUPPRESS}
        usual = [name for name, action in every.items() if not isinstance(action, Help)]
        names = COMMON.get(self.path, usual)
        last = [one for one in every.values() if isinstance(one, Help) and (not one.whole or set(usual) - set(names))]
        return self._formatted([("options", [*(every[name] for name in names), *last])])

    def format_all(self) -> str:
        """Every option, in groups."""
        groups = [(group.title or "", group._group_actions) for group in self._action_groups]
        return self._formatted([(title, [one for one in actions if one.option_strings]) for title, actions in groups])

    def _formatted(self, groups: Iterable[tuple[str, Sequence[argparse.Action]]]) -> str:
        top, rest = self._get_formatter(), self._get_formatter()
        top.add_text(self.description)
        places = [action for action in self._actions if not action.option_strings]
        for action in places:
            if isinstance(action, argparse._SubParsersAction):
                groups = [("commands", list(action._get_subactions())), *groups]
        arguments = [action for action in places if not isinstance(action.choices, dict)]
        for title, actions in [("arguments", arguments), *groups]:
            rest.start_section(title)
            rest.add_arguments(actions)
            rest.end_section()
        lines = [f"  {about}:\n    {line}\n" for about, line in EXAMPLES.get(self.path, ())]
        parts = [self.format_usage(), top.format_help(), "examples:\n" + "".join(lines), rest.format_help()]
        return "\n".join(parts)


def _typed(action: argparse.Action) -> str:
    """The value of an argument, as it stands in the usage."""
    name = str(action.metavar or action.dest)
    return {"+": f"{name} [{name} ...]", "*": f"[{name} ...]", "?": f"[{name}]"}.get(str(action.nargs), name)


class Help(argparse.Action):
    """``--help``, or ``--help-all`` with `whole`."""

    def __init__(self, option_strings: Sequence[str], dest: str, *, whole: bool = False, help: str | None = None):
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, help=help)
        self.whole = whole

    def __call__(self, parser: Any, *_: Any) -> None:
        print(parser.format_all() if self.whole else parser.format_help(), end="")
        parser.exit()


def add_help(group: Any) -> None:
    """The two options."""
    group.add_argument("-h", "--help", action=Help, help="show this and exit")
    group.add_argument("--help-all", action=Help, whole=True, help="show every option and exit")
