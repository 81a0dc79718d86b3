"""The structure: rooms import from rooms below them only, the public names are all there, files stay small."""

import ast
import inspect
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import jaxstyle
from jaxstyle.cli.places import SAMPLES

PACKAGE = Path(jaxstyle.__file__).parent
BENCH = Path(__file__).resolve().parents[1] / "bench"
ROOMS = [
    "cli",
    "batch",
    "video",
    "transfer",
    "runs",
    "plans",
    "solvers",
    "domains",
    "styles",
    "training",
    "onepass",
    "loss",
    "masks",
    "flow",
    "network",
    "films",
    "results",
    "machine",
    "pictures",
    "errors",
]
"""Each imports from those below it."""


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        if name not in ("__init__", "__main__") and not name.startswith("samples"):
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


@pytest.mark.parametrize(("name", "path"), list(modules()), ids=lambda value: str(value) if isinstance(value, str) else "")
def test_rooms_import_from_below(name, path):
    room = name.split(".")[0]
    for module, _ in imported(path):
        if module == "jaxstyle":  # the version
            assert room == "cli"
        elif module.startswith("jaxstyle."):
            other = module.split(".")[1]
            assert ROOMS.index(other) >= ROOMS.index(room), f"{name} imports {module}"
        elif module.split(".")[0] in ("jaxopt", "optax"):
            assert room in ("solvers", "styles", "domains")


def test_no_module_of_a_room_depends_on_itself():
    graph = {f"jaxstyle.{name}": {module for module, _ in imported(path)} for name, path in modules()}
    order = list(TopologicalSorter(graph).static_order())  # raises where there is a circle
    assert len(order) > len(graph) > 30


def test_every_module_lies_in_a_room():
    assert {name.split(".")[0] for name, _ in modules()} == set(ROOMS)
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py", "errors.py"}


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
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    public = {alias.asname for node in ast.walk(stub) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert public | {"__version__"} == set(jaxstyle.__all__)
    assert set(jaxstyle.__all__) == set(dir(jaxstyle))


@pytest.mark.slow
def test_rooms_are_attributes_and_threads_may_ask_at_once():
    program = """
import sys, threading
import jaxstyle
assert issubclass(jaxstyle.errors.InputError, ValueError) and jaxstyle.pictures.__name__ == "jaxstyle.pictures"
assert not hasattr(jaxstyle, "nosuch")
failed = []
def ask(names):
    try:
        [getattr(jaxstyle, name) for name in names]
    except BaseException as error:
        failed.append(error)
names = sorted(jaxstyle.__all__)
threads = [threading.Thread(target=ask, args=(names[k:] + names[:k],)) for k in range(0, len(names), 2)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
sys.exit(repr(failed) if failed else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_picture_in_one_pass_needs_no_solver(tmp_path):
    """Imports are most of the time of `jaxstyle apply`."""
    program = """
import sys
from jaxstyle.cli.main import main
code = main(sys.argv[1:])
print(*sorted({"flax", "jaxopt", "optax", "scipy", "requests", "h5py"} & set(sys.modules)), file=sys.stderr)
raise SystemExit(code)
"""
    picture, out = str(SAMPLES / "chelsea.jpg"), tmp_path / "out.png"
    arguments = ["apply", picture, "--style", "waves", "--size", "32", "-o", str(out), "-q"]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert out.exists()


def test_everything_public_is_documented():
    for name in jaxstyle.__all__:
        value = getattr(jaxstyle, name)
        if callable(value):
            assert inspect.getdoc(value), name


def test_files_stay_small():
    files = [*modules(), *((str(path), path) for path in BENCH.rglob("*.py"))]
    long = {name: count for name, path in files if (count := len(path.read_text().splitlines())) > 400}
    assert not long
