"""Files of arrays: the bytes that the safetensors library writes, pytrees back as they were, whole or not at all."""

import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save

from jaxstyle.errors import InputError
from jaxstyle.machine import tensor_file


class Pair(NamedTuple):
    x: Any
    inner: Any


def arrays(rng):
    floats = {"a": rng.random((2, 3)), "ü": rng.random(5).astype("f4"), "zero": np.zeros((0, 3), "f4")}
    return floats | {
        "one": np.array(3, "i4"),
        "yes": np.array([True, False]),
        "bytes": np.arange(7, dtype="u1"),
        "Z": np.ones(1),
    }


def test_the_bytes_are_those_of_the_library(tmp_path, rng):
    description = {"format": "x", "text": "é\n\"'"}
    tensor_file.write(tmp_path / "a", arrays(rng), description)
    data = (tmp_path / "a").read_bytes()
    assert data == save(arrays(np.random.default_rng(0)), {"jaxstyle": json.dumps(description)})


def test_what_is_read_is_what_was_written(tmp_path, rng):
    written = arrays(rng) | {"turned": rng.random((3, 4)).T, "device": jnp.arange(3.0)}
    tensor_file.write(tmp_path / "a", written, {"n": [1, None]})
    found, description = tensor_file.read(tmp_path / "a")
    assert description == {"n": [1, None]}
    assert set(found) == set(written)
    for name, array in written.items():
        np.testing.assert_array_equal(found[name], array)
    assert tensor_file.read(tmp_path / "a", only_description=True) == ({}, description)


def test_a_pytree_comes_back_as_it_was(tmp_path):
    tree = Pair(jnp.arange(4.0), (jnp.int32(2), [Pair(jnp.array(True), None)]))
    tensor_file.write(tmp_path / "a", tensor_file.flatten(tree, "state"), {})
    found, _ = tensor_file.read(tmp_path / "a")
    same = tensor_file.restore(jax.tree.map(jnp.zeros_like, tree), found, "state")
    assert jax.tree.structure(same) == jax.tree.structure(tree)
    for one, other in zip(jax.tree.leaves(same), jax.tree.leaves(tree), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match=r"state\.x is not float32 \(5,\)"):
        tensor_file.restore(tree._replace(x=jnp.zeros(5)), found, "state")


def test_what_is_no_such_file_is_a_value_error(tmp_path, rng):
    tensor_file.write(tmp_path / "a", arrays(rng), {})
    for name, data in {"cut": (tmp_path / "a").read_bytes()[:-3], "text": b"hello", "empty": b""}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match="is damaged or no safetensors file"):
            tensor_file.read(tmp_path / name)


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    tensor_file.write(tmp_path / "a", {"x": np.zeros(3)}, {})
    before = (tmp_path / "a").read_bytes()

    class Broken:
        dtype, shape, nbytes = np.dtype("f4"), (3,), 12

        def __array__(self, *_, **__):
            raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match=r"`out` .* cannot be written \(No space left on device\)"):
        tensor_file.write(tmp_path / "a", {"x": Broken()}, {})
    assert (tmp_path / "a").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
