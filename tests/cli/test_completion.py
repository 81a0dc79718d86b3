"""`jaxstyle completion`: the scripts as each shell reads them."""

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from jaxstyle.cli.completion import script
from jaxstyle.cli.main import main
from jaxstyle.cli.parser import SHELLS

pytestmark = pytest.mark.usefixtures("empty_folder")

script = cache(script)
BASH = """
COMP_WORDS=({line} "{begun}")
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_shtab_jaxstyle 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
CASES = [
    ("jaxstyle", "st", {"stylize"}),
    ("jaxstyle", "t", {"train"}),
    ("jaxstyle domains", "", {"train"}),
    ("jaxstyle domains train", "--me", {"--method"}),
    ("jaxstyle stylize", "--help", {"--help", "--help-all"}),
    ("jaxstyle stylize", "pho", {"photo.jpg"}),
    ("jaxstyle stylize photo.jpg", "pai", {"painting.jpg"}),
    ("jaxstyle stylize photo.jpg painting.jpg", "pho", {"photo.jpg"}),
    ("jaxstyle stylize photo.jpg painting.jpg --colors", "con", {"content", "content-histogram"}),
    ("jaxstyle stylize photo.jpg painting.jpg --init", "no", {"noise"}),
    ("jaxstyle stylize photo.jpg painting.jpg --init", "pho", {"photo.jpg"}),
    ("jaxstyle stylize photo.jpg painting.jpg --seed", "", set()),
    ("jaxstyle apply photo.jpg --style", "starry", {"starry_night", "starry_night-strong"}),
    ("jaxstyle apply photo.jpg --network", "styles", {"styles", "styles26"}),
    ("jaxstyle batch photo.jpg --styles painting.jpg", "pai", {"painting.jpg"}),
    ("jaxstyle demo --style", "sw", {"swirls"}),
    ("jaxstyle train painting.jpg --photos", "pho", {"photo.jpg"}),
    ("jaxstyle train painting.jpg --width", "f", {"full"}),
    ("jaxstyle completion", "", {"bash", "zsh", "fish"}),
]


@pytest.fixture
def pictures(empty_folder):
    for name in ("photo.jpg", "painting.jpg"):
        Path(name).touch()


def needs(shell):
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


def answers(command):
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return {line.partition("\t")[0] for line in done.stdout.splitlines() if line}


@needs("bash")
def test_bash_completes(pictures):
    for line, begun, wanted in CASES:
        assert answers(["bash", "-c", script("bash") + BASH.format(line=line, begun=begun)]) == wanted, line


@needs("fish")
def test_fish_completes(pictures):
    for line, begun, wanted in CASES:
        found = answers(["fish", "-c", f"{script('fish')}\ncomplete -C '{line} {begun}'"])
        assert found == wanted, line


@needs("zsh")
def test_zsh_reads_it():
    """Completion itself needs a terminal there."""
    subprocess.run(["zsh", "-n", "-c", script("zsh")], check=True, timeout=60)


def test_zsh_completes_every_picture_and_not_the_first_alone():
    text = script("zsh")
    for command in ("apply", "stylize", "batch"):
        options = text.partition(f"_shtab_jaxstyle_{command}_options=(")[2].partition("\n)")[0]
        assert [line for line in options.splitlines() if line.strip().startswith('"*:')]
    assert '"(*):' not in text


@pytest.mark.parametrize("shell", SHELLS)
def test_every_script_has_all_commands_and_styles(shell, capsys):
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert text.strip() == script(shell).strip()
    for word in ("stylize", "domains", "help-all", "ochre-and-sky", "content-histogram", "cyclegan", "vgg16-full"):
        assert word in text


def test_another_shell_is_refused(capsys):
    assert main(["completion", "tcsh"]) == 2
    assert capsys.readouterr().err == "jaxstyle: error: `shell` (='tcsh') is unknown; known: bash, zsh, fish\n"
