"""Files of named arrays with a description (JSON): safetensors, written whole or not at all.

Arrays are written from where they lie: what a run keeps of its course may be a gigabyte, and a second copy would not fit.
"""

import json
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxstyle.errors import InputError, WeightsError
from jaxstyle.machine.folders import bundled
from jaxstyle.pictures.write import write_atomically

_KINDS = {"bool": "BOOL", "uint8": "U8", "int8": "I8", "int16": "I16", "uint16": "U16", "float16": "F16", "int32": "I32"}
_KINDS |= {"uint32": "U32", "float32": "F32", "float64": "F64", "int64": "I64", "uint64": "U64"}
"""safetensors' names, in its own order, by which the tensors of a file are sorted, the last kind first."""
_ORDER = list(_KINDS)


def write(
    path: str | os.PathLike[str],
    arrays: Mapping[str, Any],
    description: Mapping[str, Any],
    *,
    argument: str = "out",
    kind: type[InputError] = InputError,
    through: Path | None = None,
) -> None:
    """Writes NumPy or JAX arrays by name; the same input gives the same bytes, those of the safetensors library. `through` is
    that of `write_atomically`.

    Raises an error of `kind` that names `argument` where that fails; an old file is then untouched.
    """
    named = sorted(arrays.items(), key=lambda item: (-_ORDER.index(str(item[1].dtype)), item[0]))
    # One entry: safetensors keeps its metadata in a hash map, whose order is not the same from run to run.
    header: dict[str, Any] = {"__metadata__": {"jaxstyle": json.dumps(description)}}
    offset = 0
    for name, array in named:
        header[name] = {
            "dtype": _KINDS[str(array.dtype)],
            "shape": [*array.shape],
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)

    def parts() -> Iterator[bytes | memoryview]:
        yield struct.pack("<Q", len(text)) + text
        for _, array in named:
            if array.nbytes:
                yield np.ascontiguousarray(array).data.cast("B")

    write_atomically(path, parts(), argument=argument, kind=kind, through=through)


def read(path: str | os.PathLike[str], *, only_description: bool = False) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays of a file and its description, which is empty in a file of another program.

    Raises a ValueError where it is damaged or no safetensors file, an OSError where it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            description = dict(json.loads((file.metadata() or {}).get("jaxstyle", "{}")))
            names = [] if only_description else file.keys()
            return {name: file.get_tensor(name) for name in names}, description
    except (SafetensorError, ValueError, TypeError) as error:
        raise ValueError(f"is damaged or no safetensors file ({error})") from None


def read_bundled(name: str, form: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """`read` of a file in the box whose description names this format.

    Raises:
        WeightsError: where it is missing from this installation, or damaged.
    """
    path = bundled(name)
    try:
        arrays, about = read(path)
        if about.get("format") != form:
            raise ValueError("is of another kind")
    except ValueError as error:
        raise WeightsError("weights", str(path), str(error), "reinstall jaxstyle from its wheel") from None
    return arrays, about


def flatten(tree: Any, name: str) -> dict[str, Any]:
    """The leaves of a pytree by name and place."""
    return {name + jax.tree_util.keystr(place): leaf for place, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def restore(like: Any, arrays: Mapping[str, np.ndarray], name: str) -> Any:
    """The pytree that was flattened under a name, on the devices of one `like` it; a ValueError where it is not like it."""

    def leaf(place: Any, old: jax.Array) -> jax.Array:
        found = arrays.get(name + jax.tree_util.keystr(place))
        if found is None or (found.shape, found.dtype) != (old.shape, old.dtype):
            raise ValueError(f"{name}{jax.tree_util.keystr(place)} is not {old.dtype} {old.shape}")
        return jax.device_put(found, old.sharding, may_alias=False)

    return jax.tree_util.tree_map_with_path(leaf, like)
