"""Commands and options in the documents are those that the parser takes, and Python in the README runs as pasted.

pytest-markdown-docs and sybil would collect the README outside of this folder, where the fixtures that keep tests away from the
user's cache and weights do not hold.
"""

import dataclasses
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxstyle.cli.options import config_of
from jaxstyle.cli.parser import COMMANDS, options_of, parser_for
from jaxstyle.plans.config import Config

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = ("*.md", "jaxstyle/**/README.md", "weights/README.md", "docs/**/*.md")
PAGES = [page for pattern in PATTERNS for page in sorted(ROOT.glob(pattern))]
OTHERS = {
    "--record",
    "--rivals",
    "--side",
    "--accelerator",
    "--quick",
    "--benchmark-only",
    "--compare",
    "--van-gogh",
    "--dist",
    "--check",
}
"""Options of other programs that the documents name."""


def fences(page, *languages):
    """The blocks of code in a page that are in one of these languages."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [code for language, code in found if language in languages]


def commands():
    """Every command line of ours, in blocks and in the text."""
    for page in PAGES:
        lines = [line for code in fences(page, "", "bash", "console") for line in code.splitlines()]
        spans = re.findall(r"`(jaxstyle [a-z]+ [^`\n]*)`", page.read_text(encoding="utf-8"))
        for part in (part for line in [*lines, *spans] for part in line.removeprefix("$ ").split("&&")):
            if part.strip().startswith("jaxstyle ") and re.search(r"[-.]", part):  # no mere name of a command
                yield f"{page.relative_to(ROOT)}: {part.strip()}"


@pytest.mark.parametrize("line", dict.fromkeys(commands()))
def test_the_parser_takes_every_command(line):
    arguments = shlex.split(line.partition(": ")[2], comments=True)[1:]
    if "..." in arguments or "--help" in arguments:
        return
    options = parser_for(arguments).parse_args(arguments)
    if {field.name for field in dataclasses.fields(Config)} <= set(vars(options)):
        assert isinstance(config_of(options, Config()), Config)


def test_every_option_in_the_text_is_one_of_ours():
    known = OTHERS | {"--help", "--version"} | {option for name in COMMANDS for option in options_of(name)}
    known |= set(options_of("domains", "train")) | set(options_of("weights", "convert"))
    for page in PAGES:
        spans = re.findall(r"`([^`\n]*)`", page.read_text(encoding="utf-8"))
        found = {
            option
            for span in spans
            if not span.startswith(("pytest", "python", "pip", "sphinx", "ruff"))
            for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", span)
        }
        assert found <= known, page


@pytest.fixture
def pictures(empty_folder):
    """The pictures that the README names, small."""
    rng = np.random.default_rng(0)
    for name in ("photo", "painting", "other"):
        Image.fromarray(rng.integers(0, 256, (36, 48, 3), dtype=np.uint8)).save(f"{name}.jpg")


@pytest.mark.slow
@pytest.mark.usefixtures("pictures", "small_network")
def test_the_python_of_the_readme_runs():
    first, _ = fences(ROOT / "README.md", "python")
    names = {}
    exec(compile(first, "README.md", "exec"), names)
    assert {"out.png", "out.png.json"} <= set(os.listdir())
    assert [result.image.shape for result in names["results"]] == [(36, 48, 3)] * 4
    assert names["painted"].image.shape == (36, 48, 3)


@pytest.mark.slow
@pytest.mark.usefixtures("pictures")
def test_the_jax_of_the_readme_runs():
    _, second = fences(ROOT / "README.md", "python")
    names = {}
    exec(compile(second, "README.md", "exec"), names)
    assert names["taps"]["relu4_2"].shape == (4, 6, 512)
    np.testing.assert_allclose(names["losses"][0], names["loss"], rtol=1e-5)
    assert names["losses"].shape == (2,)
    assert names["picture"].shape == (36, 48, 3)
    assert 20 <= names["state"].evaluations < 30
    assert names["state"].best_value < names["loss"] / 2
