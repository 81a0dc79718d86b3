"""The structure: imports go one way, only `solvers` knows jaxopt and optax, the public names are all there."""

import ast
import inspect
from pathlib import Path

import pytest

import jaxstyle

PACKAGE = Path(jaxstyle.__file__).parent
BENCH = Path(__file__).resolve().parents[1] / "bench"
# Lower layers first; a module may import from layers above its own in this list only, and from its own layer never,
# the parts of `weights` apart, which have an order of their own.
LAYERS = [
    {"allocator", "errors", "metric", "start"},
    {"convolution", "memory", "sizes"},
    {"compiler", "pyramid"},
    {"vgg"},
    {"images"},
    {"outputs"},
    {"weights.fetch"},
    {"weights.registry"},
    {"weights.files"},
    {"weights.load"},
    {"weights.verify"},
    {"weights"},
    {"losses"},
    {"strips"},
    {"objective", "variable", "lbfgs"},
    {"solvers"},
    {"config", "devices", "record"},
    {"loop"},
    {"prepare"},
    {"stages"},
    {"search"},
    {"estimate", "stylize", "jobs"},
    {"batch"},
    {"folder"},
    {"sheet"},
    {"gallery"},
    {"commands.display", "commands.options"},
    {"commands.many", "commands.network", "commands.single"},
    {"commands"},
    {"cli"},
    {"__main__"},
]


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        if not name.startswith("samples") and name != "__init__":
            yield name, path


def imported(path):
    """(module, whether at the top level) of every import in a file."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in tree.body) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            module = node.module or ""
            for alias in node.names:
                is_module = (PACKAGE.parent / (f"{module}.{alias.name}".replace(".", "/") + ".py")).exists()
                yield (f"{module}.{alias.name}" if is_module else module), node in tree.body


def layer(name):
    return next(i for i, names in enumerate(LAYERS) if name in names)


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=lambda value: str(value) if isinstance(value, str) else "")
def test_imports_go_one_way(name, path):
    for module, _ in imported(path):
        if module == "jaxstyle":  # the version and other public names, for the command line
            assert name == "cli"
        elif module.startswith("jaxstyle."):
            assert layer(module.removeprefix("jaxstyle.")) < layer(name), f"{name} imports {module}"
        elif module.split(".")[0] in ("jaxopt", "optax"):
            assert name == "solvers"


def test_the_library_never_imports_the_benchmarks():
    assert not [path for _, path in modules() if "import bench" in path.read_text()]


def test_the_benchmarks_use_public_names_only():
    paths = list(BENCH.rglob("*.py"))
    assert len(paths) > 10
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "jaxstyle":
                assert node.attr in {*jaxstyle.__all__, "__file__"}, f"{path.name}: jaxstyle.{node.attr}"
        for module, _ in imported(path):
            assert module == "jaxstyle" or module.split(".")[0] not in ("jaxstyle", "jaxopt", "optax"), f"{path.name}: {module}"
        assert "from jaxstyle import" not in path.read_text(), path.name


def test_all_is_complete():
    public = {name for name, value in vars(jaxstyle).items() if not name.startswith("_") and not inspect.ismodule(value)}
    assert public | {"__version__"} == set(jaxstyle.__all__)


def test_everything_public_is_documented():
    for name in jaxstyle.__all__:
        value = getattr(jaxstyle, name)
        if callable(value):
            assert inspect.getdoc(value), name


def test_files_stay_small():
    files = [*modules(), *((str(path), path) for path in BENCH.rglob("*.py"))]
    long = {name: count for name, path in files if (count := len(path.read_text().splitlines())) > 400}
    assert not long
