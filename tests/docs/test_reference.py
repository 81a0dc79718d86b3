"""The public docstrings, by rule: arguments, shapes, what comes back, errors, sources; and their place in the documentation."""

import ast
import inspect
import re
import textwrap
from pathlib import Path

import pytest

import jaxstyle

DOCS = Path(__file__).resolve().parents[2] / "docs"
PUBLIC = {name: getattr(jaxstyle, name) for name in jaxstyle.__all__ if name != "__version__"}
FUNCTIONS = {name: value for name, value in PUBLIC.items() if inspect.isfunction(inspect.unwrap(value))}
CLASSES = {name: value for name, value in PUBLIC.items() if inspect.isclass(value)}
FROM_PAPERS = ("gram", "content_loss", "style_loss", "total_loss", "conv3x3", "stylize", "apply_style", "train_domains")
ARRAYS = {"Array", "np.ndarray", "Sequence[Array]"}


def section(doc, title):
    """The text below a heading such as `Args:`."""
    found = re.search(rf"^{title}:\n((?:    .*\n|\n)*)", f"{doc}\n", re.MULTILINE)
    return textwrap.dedent(found[1]) if found else ""


def entries(text):
    """{name: what is said of it} of a section's `first, second: ...`."""
    parts = re.split(r"^((?:\*{0,2}\w+(?:, )?)+)(?: \([^\n]*?\))?: ", text, flags=re.MULTILINE)[1:]
    return {name.strip("*"): said for names, said in zip(parts[::2], parts[1::2], strict=True) for name in names.split(", ")}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_argument_is_told(name):
    function = inspect.unwrap(FUNCTIONS[name])
    told, wanted = entries(section(inspect.getdoc(function), "Args")), inspect.signature(function).parameters
    assert set(wanted) == set(told)
    for parameter, about in wanted.items():
        if str(about.annotation) in ARRAYS or getattr(about.annotation, "__name__", "") == "Array":
            assert re.search(r"\((\w+, )*\w*\)|\(.*C.*\)|as of", told[parameter]), f"the shape of {parameter}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_comes_back_and_what_is_raised_is_told(name):
    function = inspect.unwrap(FUNCTIONS[name])
    doc, tree = inspect.getdoc(function), ast.parse(textwrap.dedent(inspect.getsource(function)))
    if inspect.signature(function).return_annotation is not None:
        assert section(doc, "Returns")
        assert ":" not in section(doc, "Returns").splitlines()[0], "Sphinx would take what comes before it for a type"
    if any(isinstance(node, ast.Raise) and node.exc is not None for node in ast.walk(tree)):
        assert re.search(r"^\w*Error", section(doc, "Raises"))


def fields_of(kind):
    """What the objects of a class hold."""
    return getattr(kind, "_fields", None) or getattr(kind, "__dataclass_fields__", {})


@pytest.mark.parametrize("name", CLASSES)
def test_every_field_of_a_class_is_told(name):
    kind = CLASSES[name]
    doc = inspect.getdoc(kind)
    assert not doc.startswith(f"{name}("), "no docstring of its own"
    if name == "Config":
        assert all(field.metadata["help"] for field in kind.__dataclass_fields__.values())
    elif name != "Losses":  # which says it in one sentence
        assert set(fields_of(kind)) <= set(entries(section(doc, "Attributes")))


@pytest.mark.parametrize("name", FROM_PAPERS)
def test_sources_are_told(name):
    assert re.search(r"(CVPR|ECCV|ICCV|ICLR) \d{4}", inspect.getdoc(PUBLIC[name]))


def test_every_public_name_stands_in_the_documentation_once():
    pages = [page.read_text(encoding="utf-8") for page in (DOCS / "api").glob("*.md")]
    told = [
        name
        for page in pages
        for name in re.findall(r"^\.\. auto(?:function|class|data|exception):: jaxstyle\.(\w+)", page, re.M)
    ]
    assert sorted(told) == sorted(PUBLIC)
    listed = [name for page in pages for name in re.findall(r"^   (\w+)$", page, re.MULTILINE)]
    assert sorted(listed) == sorted(PUBLIC), "in the tables at the top of the pages too"
