"""What `jaxstyle` alone, `--help` and `--help-all` show; examples are lines that the commands take."""

import re
import shlex
import subprocess
import sys

import pytest

from jaxstyle.cli.help import COMMON, EXAMPLES, FRONT, Help
from jaxstyle.cli.main import main
from jaxstyle.cli.options import config_of
from jaxstyle.cli.parser import COMMANDS, whole_parser
from jaxstyle.plans.config import Config


def parsers(parser=None, path=""):
    """Every command and action, by its names."""
    parser = parser or whole_parser()
    found = {path: parser}
    for action in parser._actions:
        if isinstance(action.choices, dict):
            for name, sub in action.choices.items():
                found |= parsers(sub, f"{path} {name}".strip())
    return found


PARSERS = parsers()


def shown(capsys, *argv):
    with pytest.raises(SystemExit) as stop:
        main([*argv])
    assert stop.value.code == 0
    return capsys.readouterr().out


def options_in(text):
    return re.findall(r"^  (?:-\w(?: \S+)?, )?(--[a-z-]+)", text, re.MULTILINE)


def test_jaxstyle_alone_shows_six_commands(capsys):
    assert main([]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = [line.split()[1] for line in printed.out.splitlines() if line.startswith("    jaxstyle ")]
    assert lines == ["stylize", "apply", "video", "batch", "estimate", "train"]
    assert "jaxstyle --help" in printed.out


LINES = [line for examples in EXAMPLES.values() for _, line in examples]
LINES += [line.strip() for line in FRONT.splitlines() if line.startswith("    jaxstyle ")]


@pytest.mark.parametrize("line", LINES)
def test_an_example_is_a_line_that_its_command_takes(line, monkeypatch, capsys):
    seen = []
    monkeypatch.setattr("jaxstyle.cli.main._handler", lambda command: lambda options: seen.append(options) or 0)
    assert main(shlex.split(line.partition(" > ")[0])[1:]) == 0, capsys.readouterr().err
    if seen[0].command in ("stylize", "demo", "batch", "sweep", "estimate"):
        config_of(seen[0], Config())  # numbers are numbers


@pytest.mark.parametrize("path", PARSERS)
def test_the_help_begins_with_the_usage_and_two_examples(path, capsys):
    assert len(EXAMPLES[path]) >= 2
    text = shown(capsys, *path.split(), "--help")
    assert text.startswith(f"usage: {' '.join(['jaxstyle', *path.split()])} ")
    headings = re.findall(r"^([a-z ]+):$", text, re.MULTILINE)
    assert headings[0] == "examples"
    assert all(f"\n    {line}\n" in text for _, line in EXAMPLES[path])
    if path:  # an example is of its command
        assert any(line.startswith(f"jaxstyle {path}") for _, line in EXAMPLES[path])
    assert len(text.splitlines()) < 65


@pytest.mark.parametrize("path", [path for path in PARSERS if path])
def test_the_rest_of_the_options_is_in_help_all_only(path, capsys):
    few, all_of_them = (options_in(shown(capsys, *path.split(), flag)) for flag in ("--help", "--help-all"))
    known = [action.option_strings[-1] for action in PARSERS[path]._actions if action.option_strings]
    assert sorted(all_of_them) == sorted(set(known) - {"--version"})
    usual = [name for name in few if name not in ("--help", "--help-all")]
    assert usual == list(COMMON.get(path, usual))
    assert set(few) <= set(known)
    assert ("--help-all" in few) == (set(usual) != set(all_of_them) - {"--help", "--help-all"})
    required = [action.option_strings[-1] for action in PARSERS[path]._actions if action.required and action.option_strings]
    assert set(required) <= set(few)


def test_there_is_an_entry_for_every_command_and_for_nothing_else():
    assert set(EXAMPLES) == set(PARSERS)
    assert set(COMMON) <= set(PARSERS)
    assert {path.split()[0] for path in PARSERS if path} == set(COMMANDS)


def test_defaults_are_values(capsys):
    text = " ".join(shown(capsys, *path.split(), "--help-all") for path in PARSERS if path)
    assert "preset's" not in text
    assert not re.search(r"default: (None|\d+\.0\))", text)
    defaults = re.findall(r"\(default: ([^)]+)\)", " ".join(text.split()))
    for value in ("1000", "relu4_2", "fixed weights", "2000; with --add-to 500", "good"):
        assert value in defaults


def test_the_usage_shows_what_must_be_given(capsys):
    for path, words in (
        ("stylize", "CONTENT STYLE [STYLE ...] [OPTIONS]"),
        ("batch", "CONTENT [CONTENT ...] --styles STYLE [STYLE ...] [OPTIONS]"),
        ("apply", "[PHOTO ...] [OPTIONS]"),
        ("continue", "PICTURE --evaluations N [OPTIONS]"),
        ("weights fetch", "[NAME] [OPTIONS]"),
    ):
        assert shown(capsys, *path.split(), "-h").splitlines()[0] == f"usage: jaxstyle {path} {words}"


def test_both_options_are_helps():
    helps = [action.option_strings for action in PARSERS["stylize"]._actions if isinstance(action, Help)]
    assert helps == [["-h", "--help"], ["--help-all"]]


@pytest.mark.parametrize("argv", [[], ["--help"], ["--help-all"], ["--version"], ["stylise"]])
def test_no_word_waits_for_jax(argv):
    """Its import takes longer than all of the rest."""
    lines = f"import sys; sys.argv = ['jaxstyle', *{argv!r}]\nfrom jaxstyle.cli.main import entry\n"
    lines += "try:\n    entry()\nexcept SystemExit:\n    print('jax' in sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "False"
