"""Settings of Sphinx: guides that lie elsewhere are included with their links, notebooks are read as text, public names are
documented where they are defined."""

import ast
import dataclasses
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_parser.parsers.sphinx_ import MystParser
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docstrings import prepare_docstring

import jaxstyle

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent

project, author, version = "jaxstyle", "The jaxstyle authors", jaxstyle.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
html_theme, html_title = "furo", f"jaxstyle {version}"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown", ".py": "percent"}
exclude_patterns = ["conf.py"]
default_role = "py:obj"  # a name in a docstring is a link where it is public
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
napoleon_use_ivar = True
napoleon_attr_annotations = False  # the signature has them
highlight_language = "text"

INCLUDED = {
    "README.md": "index",
    "CONTRIBUTING.md": "contributing",
    "CHANGELOG.md": "changelog",
    "jaxstyle/README.md": "package",
    "jaxstyle/samples/README.md": "samples",
    "bench/README.md": "benchmarks",
    "weights/README.md": "weights",
}
"""Guides that lie elsewhere in the repository, and the pages that include them."""


def linked(text: str, path: Path, base: Path) -> str:
    """A guide that lies at `path` with its links as they are from a folder: to pages and pictures; of other files the name."""

    def near(there: Path, anchor: str) -> str:
        return os.path.relpath(there, base) + (f"#{anchor}" if anchor else "")

    def replaced(link: re.Match[str]) -> str:
        mark, words, target = link.groups()
        if "://" in target or target.startswith("#"):
            return link[0]
        file, _, anchor = target.partition("#")
        there = (path.parent / file).resolve()
        name = there.relative_to(ROOT).as_posix()
        if mark:
            return f"![{words}]({near(there, '')})"
        if name in INCLUDED or name.startswith("docs/"):
            return f"[{words}]({near(DOCS / f'{INCLUDED[name]}.md' if name in INCLUDED else there, anchor)})"
        return f"{words} (`{name}`)" if name not in words else words

    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)  # code stays as it is
    return "".join(part if k % 2 else re.sub(r"(!?)\[([^][]*)\]\(([^)\s]+)\)", replaced, part) for k, part in enumerate(parts))


def on_include(app: Any, path: Path, page: str, content: list[str]) -> None:
    content[0] = linked(content[0], (DOCS / path).resolve(), DOCS)


def on_source(app: Any, page: str, content: list[str]) -> None:
    content[0] = linked(content[0], DOCS / f"{page}.md", (DOCS / page).parent)


class Percent(MystParser):
    """Notebooks as jupytext's percent text: cells begin with `# %%`, those of Markdown with `# %% [markdown]`."""

    supported = ("percent",)

    def parse(self, inputstring: str, document: nodes.document) -> None:
        super().parse("\n\n".join(cells(inputstring)), document)


def cells(text: str) -> Iterator[str]:
    """The cells of a notebook, each as Markdown."""
    for cell in re.split(r"^# %%", text, flags=re.MULTILINE)[1:]:
        head, _, body = cell.partition("\n")
        if "[markdown]" in head:
            yield re.sub(r"^# ?", "", body.strip(), flags=re.MULTILINE)
        elif body.strip():
            yield f"```python\n{body.strip()}\n```"


def modules() -> dict[str, str]:
    """The module of each public name."""
    stub = ast.parse((ROOT / "jaxstyle" / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: f"jaxstyle.{node.module}" for node in imports for alias in node.names}


def on_docstring(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Settings are told by their help, and several attributes that are told at once one by one."""
    if name == "jaxstyle.Config":
        lines += ["", "Attributes:"]
        lines += [f"    {field.name}: {field.metadata['help']}" for field in dataclasses.fields(value)]
    above, heading, below = "\n".join(lines).partition("\nAttributes:\n")
    told = re.sub(r"^    (\w+(?:, \w+)+): (.*(?:\n        .*)*)", one_by_one, below, flags=re.MULTILINE)
    lines[:] = f"{above}{heading}{told}".split("\n")


def one_by_one(entry: re.Match[str]) -> str:
    return "\n".join(f"    {name}: {entry[2]}" for name in entry[1].split(", "))


def on_value(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Data are told by the text below them in their module, which napoleon would take for a type where it has a colon."""
    public = name.rpartition(".")[2]
    if what == "data":
        told = ModuleAnalyzer.for_module(modules()[public]).find_attr_docs()
        lines[:] = told.get(("", public)) or prepare_docstring(inspect.getdoc(value) or "")
    elif what == "property":
        lines[:] = prepare_docstring(inspect.getdoc(value) or "")


def is_skipped(app: Any, what: str, name: str, value: Any, skip: bool, options: Any) -> bool | None:
    """The fields of named tuples and of `Config` are told by their classes."""
    return True if type(value).__name__ in ("_tuplegetter", "Field") else None


def setup(app: Any) -> None:
    app.add_source_parser(Percent)
    app.connect("include-read", on_include)
    app.connect("source-read", on_source)
    app.connect("autodoc-process-docstring", on_docstring, priority=400)  # before napoleon reads it
    app.connect("autodoc-process-docstring", on_value, priority=600)
    app.connect("autodoc-skip-member", is_skipped)
