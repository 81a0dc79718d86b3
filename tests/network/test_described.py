"""Weights files that describe a network of their own: written, read, loaded, and refused where the description is wrong."""

import json

import jax
import numpy as np
import pytest
from conftest import TINY, random_params, write_random
from safetensors.numpy import load_file, save_file

from jaxstyle import WeightsError, convert_weights, load_weights
from jaxstyle.network.vgg import Architecture
from jaxstyle.network.weights import files, load, verify
from jaxstyle.network.weights.registry import SCALES

DESCRIBED = {"name": "tiny", "depths": [2, 2, 2, 2, 1], "widths": [4, 5, 6, 7, 8]}


@pytest.fixture
def describe(tmp_path, small_weights):
    """Writes the tiny network with another description."""

    def write(described):
        meta = {"format": files.FORMAT, "architecture": described, "scale": "caffe", "origin": "here", "licence": "mine"}
        save_file(load_file(small_weights), tmp_path / "own.safetensors", {"jaxstyle": json.dumps(meta)})
        return tmp_path / "own.safetensors"

    return write


def refusal(path):
    with pytest.raises(WeightsError) as error:
        files.read(path)
    text = str(error.value)
    assert text.startswith(f"`weights` (='{path}') ")
    assert "\n" not in text
    return text


@pytest.mark.parametrize("architecture", [TINY, Architecture("other", (1, 1, 1, 2, 9), (3, 3, 3, 3, 3))])
def test_written_and_read_it_is_the_same(tmp_path, monkeypatch, architecture):
    path, wanted = tmp_path / "own.safetensors", random_params(architecture, SCALES["caffe"], seed=3)
    write_random(path, architecture)
    assert files.read(path).architecture == architecture
    monkeypatch.setenv("JAXSTYLE_WEIGHTS", str(path))
    found = load.load()
    assert (found.name, found.sha256) == ("own.safetensors", files.sha256(path))
    for params in (found.params, load_weights(path)):
        assert (params.architecture, params.scale) == (architecture, SCALES["caffe"])
        jax.tree.map(np.testing.assert_array_equal, params.layers, wanted.layers)
    convert_weights(path, tmp_path / "copy.safetensors")
    assert files.read(tmp_path / "copy.safetensors").architecture == architecture
    assert load_weights(tmp_path / "copy.safetensors").architecture == architecture


def test_it_verifies_as_far_as_can_be_told(small_weights):
    checks = verify(small_weights)
    assert [check.ok for check in checks] == [True, None, None]
    assert "9 convolutions of tiny" in checks[0].text


def test_a_right_description_is_read(describe):
    assert files.read(describe(DESCRIBED)).architecture == TINY


@pytest.mark.parametrize(
    "wrong",
    [
        *({key: value for key, value in DESCRIBED.items() if key != missing} for missing in DESCRIBED),
        DESCRIBED | {"depths": 5},
        DESCRIBED | {"widths": ["wide"] * 5},
        DESCRIBED | {"depths": None},
        DESCRIBED | {"depths": [float("inf")] * 5},
        DESCRIBED | {"depths": "22221"},
        DESCRIBED | {"name": ""},
        {},
    ],
)
def test_a_description_that_lacks_something_is_refused(describe, wrong):
    assert refusal(describe(wrong)).endswith("describes its network wrongly; name, depths and widths")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "vgg19"},
        {"name": "vgg16"},
        {"depths": [2, 2, 2, 2], "widths": [4, 5, 6, 7]},
        {"depths": [2, 2, 2, 2, 1, 1]},
        {"widths": [4, 5, 6, 7]},
        {"depths": [2, 0, 2, 2, 1]},
        {"depths": [2, 10, 2, 2, 1]},
        {"widths": [4, 5, 0, 7, 8]},
    ],
)
def test_a_network_that_cannot_be_built_is_refused(describe, wrong):
    text = refusal(describe(DESCRIBED | wrong))
    assert "describes no network that can be built: " in text
    assert text.endswith("; a name of its own, and a depth from 1 to 9 and a width for each of five blocks")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"widths": [8, 5, 6, 7, 8]}, "is no tiny: conv1_1.kernel is float32 (3, 3, 3, 4); it must be float (3, 3, 3, 8)"),
        ({"depths": [2, 2, 2, 1, 1]}, "is no tiny: it holds conv4_2 too"),
        ({"depths": [2, 2, 2, 2, 2]}, "is no tiny: conv5_2.kernel is missing; it must be float (3, 3, 8, 8)"),
    ],
)
def test_tensors_that_do_not_fit_the_description_are_refused(describe, wrong, message):
    assert refusal(describe(DESCRIBED | wrong)).endswith(message)


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ([1], "is damaged or no safetensors file"),
        (None, "is damaged or no safetensors file"),
        ({"format": files.FORMAT, "architecture": DESCRIBED}, "asks for the unknown input scale 'None'"),
        ({"format": files.FORMAT, "architecture": DESCRIBED, "scale": ["caffe"]}, "asks for the unknown input scale"),
    ],
)
def test_metadata_of_another_kind_are_refused(tmp_path, small_weights, meta, message):
    save_file(load_file(small_weights), tmp_path / "own.safetensors", {"jaxstyle": json.dumps(meta)})
    assert message in refusal(tmp_path / "own.safetensors")


def test_a_name_alone_describes_nothing(describe):
    assert "holds 9 convolutions, which is no known network; vgg16 has 13, vgg19 has 16" in refusal(describe("tiny"))


def test_it_is_not_taken_for_the_network_that_was_asked_for(small_weights):
    with pytest.raises(WeightsError, match=r"`weights` \(='tiny.safetensors'\) holds tiny, but the network is vgg19; leave"):
        load.load(small_weights, network="vgg19")
