"""Shared pieces of the tests: strict JAX, small random networks, and the reference material where it is there."""

import csv
import ctypes
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src import compiler
from PIL import Image

from jaxstyle.errors import ImageError
from jaxstyle.network.vgg import Architecture, InputScale, Params
from jaxstyle.network.weights import files
from jaxstyle.network.weights.registry import SCALES
from jaxstyle.onepass.layers import Widths
from jaxstyle.pictures.read import Picture, load
from jaxstyle.styles.network import StyleFile, StyleNetwork, write

gc.set_threshold(50_000, 20, 50)  # looking for garbage among what JAX keeps took 5 to 9% of the time
jax.config.update("jax_numpy_rank_promotion", "raise")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # so that several processes of tests share a GPU

sys.path.append(str(Path(__file__).resolve().parents[1]))  # for `bench`, which is not installed
SHARED = Path(__file__).resolve().parents[2] / "shared"
TINY = Architecture("tiny", (2, 2, 2, 2, 1), (4, 5, 6, 7, 8))


@pytest.fixture(scope="session", autouse=True)
def _compiled_once(tmp_path_factory):
    """What one test has compiled, the next one and its processes do not compile again; nothing is kept between two runs."""
    settings = {"jax_compilation_cache_dir": str(tmp_path_factory.mktemp("compiled"))}
    for name, value in (settings | {"jax_persistent_cache_min_compile_time_secs": 0.2}).items():
        jax.config.update(name, value)
        os.environ[name.upper()] = str(value)


QUICK = {"xla_cpu_use_fusion_emitters": False, "xla_cpu_parallel_codegen_split_count": 1}
"""Options of XLA with which code compiles twice as fast, beside JAX's own that leaves most optimizations out."""


def with_quick_options(options: Callable) -> Callable:
    """JAX's options of every program, those of plain `jax.jit` too, and `QUICK`."""

    def given(*args, env_options_overrides=None, **how):
        return options(*args, env_options_overrides={**(env_options_overrides or {}), **QUICK}, **how)

    return given


def compile_quickly(patch: pytest.MonkeyPatch) -> None:
    """Programs are compiled in a fifth of the time and run several times as long, those of processes that tests start too."""
    jax.local_devices()  # has read XLA_FLAGS, which are for the other processes
    patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "true")
    jax.config.update("jax_disable_most_optimizations", True)
    if jax.__version_info__ < (0, 11):  # which does not know the options
        flags = [f"--{name}={str(value).lower()}" for name, value in QUICK.items()]
        patch.setenv("XLA_FLAGS", " ".join([os.environ.get("XLA_FLAGS", ""), *flags]))
        patch.setattr(compiler, "get_compile_options", with_quick_options(compiler.get_compile_options))


@pytest.fixture(scope="session", autouse=True)
def _quickly_compiled():
    """From the first fixture on."""
    with pytest.MonkeyPatch.context() as patch:
        compile_quickly(patch)
        yield patch


@pytest.fixture(autouse=True)
def _compiled_as_for_users(request, _quickly_compiled):
    """In tests that are marked `optimized`."""
    if request.node.get_closest_marker("optimized") is None:
        yield
        return
    _quickly_compiled.undo()
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    compile_quickly(_quickly_compiled)


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory) -> Path:
    """A weights file that holds a tiny random network and describes it."""
    return write_random(tmp_path_factory.mktemp("weights") / "tiny.safetensors", TINY)


@pytest.fixture
def small_network(small_weights, monkeypatch):
    """Runs use the tiny network, those in processes that the test starts too: for everything but the network itself."""
    monkeypatch.setenv("JAXSTYLE_WEIGHTS", str(small_weights))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference weights, pictures and traces; tests that need it skip where it is absent."""
    if not (SHARED / "oracles").is_dir():
        pytest.skip("needs the reference material in ../shared, which is not part of the project")
    return SHARED


@pytest.fixture(scope="session")
def reference_params(shared) -> Params:
    from jaxstyle import load_weights

    return load_weights(shared / "vgg19" / "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5")


@pytest.fixture(scope="session")
def tiny_params() -> Params:
    """A five-block network with a handful of channels, so that its gradients can be checked number by number."""
    return random_params(TINY, SCALES["caffe"], seed=3)


def random_params(architecture: Architecture, scale: InputScale, seed: int = 0) -> Params:
    """Random parameters with the variance of He et al. (ICCV 2015), for tests that need no trained network."""
    rng = np.random.default_rng(seed)
    layers = {
        name: {
            "kernel": jnp.asarray(rng.normal(0, (2 / (9 * shape[2])) ** 0.5, shape), jnp.float32),
            "bias": jnp.zeros(shape[-1]),
        }
        for name, shape in architecture.shapes.items()
    }
    return Params(layers, architecture, scale)


def write_random(path: Path, architecture: Architecture) -> Path:
    """A weights file of a random network, which it describes."""
    layers = jax.tree.map(np.asarray, random_params(architecture, SCALES["caffe"], seed=3).layers)
    files.write(path, files.WeightFile(layers, architecture, "caffe", "random", "none", ""))
    return path


def random_styles(*names: str, blocks: int = 1) -> StyleNetwork:
    """A tiny style network, whose styles' scales and shifts differ from channel to channel."""
    widths, rng = Widths((4, 6, 8), blocks, (6, 4)), np.random.default_rng(0)
    sizes = {name: shape[0] * shape[1] * shape[2] for name, shape in widths.shapes.items()}
    kernels = {name: rng.normal(0, (2 / sizes[name]) ** 0.5, shape) for name, shape in widths.shapes.items()}
    scales = np.concatenate([np.repeat([1.0, 0.0], layer.outputs) for layer in widths.layers])
    styles = [scales * rng.normal(1, 0.3, scales.shape) + rng.normal(0, 0.3, scales.shape) for _ in names]
    as_arrays = {name: jnp.asarray(kernel, jnp.float32) for name, kernel in kernels.items()}
    return StyleNetwork(as_arrays, jnp.asarray(np.stack(styles), jnp.float32), widths, names)


@pytest.fixture(scope="session")
def tiny_styles() -> StyleNetwork:
    """Two styles, and the photograph."""
    return random_styles("dots", "dashes", "photograph")


@pytest.fixture(scope="session")
def styles_file(tmp_path_factory, tiny_styles) -> Path:
    """The file of these; one style of two has a thumbnail, which is red."""
    path = tmp_path_factory.mktemp("networks") / "tiny.safetensors"
    write(path, StyleFile(tiny_styles, {"dots": np.full((64, 64, 3), (250, 10, 20), np.uint8)}))
    return path


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def rgb(rng) -> np.ndarray:
    return rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch, tmp_path):
    """No test sees the user's weights or cache."""
    monkeypatch.delenv("JAXSTYLE_WEIGHTS", raising=False)
    monkeypatch.setenv("JAXSTYLE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def empty_folder(tmp_path, monkeypatch):
    """An empty folder in which the test runs."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)


@pytest.fixture
def ordinary_user():
    """Permissions of files hold for the test's thread, also where it is root's, who is otherwise above them (Linux)."""
    if os.name != "posix":
        pytest.skip("needs permissions of files")
    if os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux":
        pytest.skip("root may read and write everywhere")
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of capget(2), this thread
    had = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, each in two halves of which the second comes last
    kernel = ctypes.CDLL(None, use_errno=True)
    assert kernel.capget(header, had) == 0
    fewer = (ctypes.c_uint32 * 6)(*had)
    fewer[0] &= ~0b110  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
    assert kernel.capset(header, fewer) == 0
    yield
    assert kernel.capset(header, had) == 0


def smooth() -> np.ndarray:
    """A picture that lossy formats keep within a few levels."""
    y, x = np.mgrid[0:48, 0:64]
    return np.stack([4 * x, 5 * y, 255 - 2 * (x + y)], axis=-1).clip(0, 255).astype(np.uint8)


def smooth_pictures(count: int, first: int) -> list[np.ndarray]:
    """Pictures of random colours without edges, (36, 44, 3) uint8, by their numbers from `first` on."""
    found = []
    for seed in range(first, first + count):
        small = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
        found.append(np.asarray(Image.fromarray(small).resize((44, 36), Image.Resampling.BICUBIC)))
    return found


def over_white(colour, alpha) -> np.ndarray:
    cover = np.asarray(alpha, float)[..., None] / 255
    return np.floor(colour * cover + 255 * (1 - cover) + 0.5)


def table(folder):
    """The rows of a batch's table."""
    with open(Path(folder) / "results.csv", newline="") as file:
        return list(csv.DictReader(file))


def refusal(call, argument: str, *parts: str, kind: type[Exception] = ImageError) -> str:
    """The message of the error that `call` must raise: one line that names the argument and holds all the parts."""
    with pytest.raises(kind) as info:
        call()
    text = str(info.value)
    assert text.startswith(f"`{argument}` (=")
    assert text.count(f"`{argument}`") == 1
    assert "\n" not in text
    for part in parts:
        assert part in text, text
    return text


def read(source) -> Picture:
    return load(source, argument="content")


def through(path, image, **options) -> Picture:
    """`image` saved, without loss where its format can, and loaded."""
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    image.save(path, **({"lossless": True, "exact": True} if path.suffix == ".webp" else {}), **options)
    return read(path)


def distance(picture, expected):
    return np.abs(picture.rgb - np.asarray(expected, float)).max()


def threefold(grey):
    return np.dstack([grey] * 3)


def encode_srgb(linear):
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)


def straight_and_stopped(training: Callable, path: Path, at: int, steps: int) -> tuple:
    """A training of so many steps made in one go, and one that was stopped at a step and went on from its checkpoint: alike."""
    straight = training()
    assert straight.run()
    assert not training(path=path).resume()
    assert not training(path=path).run(lambda report: report.step >= at)
    later = training(path=path)
    assert later.resume()
    assert at <= int(later.state.step) < steps
    assert later.run()
    jax.tree.map(np.testing.assert_array_equal, later.state, straight.state)
    return straight, later
