"""Checkpoints of a training: their files, and by what a training knows its own."""

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxstyle.errors import InputError, named
from jaxstyle.loss.presets import LATER
from jaxstyle.machine import tensor_file

OLDER_SETTINGS = {"memory": "ema_decay", "warming": "warmup_steps"}
"""Names of settings in files that were written before they had today's."""
OLDER_ARRAYS = {".nets.critics[": ".nets.discriminators["}
"""The same of arrays: parts of their names."""
BEGIN_ANEW = "remove it, and begin anew"


def fingerprint(*arrays: Any) -> str:
    """The SHA-256 of the bytes of arrays, by which a training knows what it learns from."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(np.ascontiguousarray(np.asarray(array)).data)
    return found.hexdigest()


def write_checkpoint(path: Path, state: Any, about: Mapping[str, Any]) -> None:
    """Writes a checkpoint through a file beside it; an InputError where that fails, and the old one is then untouched."""
    through = path.with_name(f"{path.name}.new")
    tensor_file.write(path, tensor_file.flatten(state, "state"), about, through=through)


def read_checkpoint(path: Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays of a checkpoint of the format `kind` by today's names, and what it says of its training.

    Raises:
        InputError: where it is damaged, or of another format.
    """
    try:
        arrays, about = tensor_file.read(path)
    except (OSError, ValueError) as error:
        raise InputError("resume", str(path), f"cannot be read: {error}", BEGIN_ANEW) from None
    if about.get("format") != kind:
        problem = "is of another kind of training, or was not written by this version of jaxstyle"
        raise InputError("resume", str(path), problem, BEGIN_ANEW)
    for old, new in OLDER_ARRAYS.items():
        arrays = {name.replace(old, new): array for name, array in arrays.items()}
    return arrays, about


def restore_state(path: Path, like: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The state from a checkpoint's arrays; an InputError that names `path` where they do not have the shapes of `like`.

    It lies on no device in particular, as at the start: a step on several devices takes it then.
    """
    try:
        restored = tensor_file.restore(like, arrays, "state")
    except ValueError as error:
        raise InputError("resume", str(path), f"does not fit: {error}", BEGIN_ANEW) from None
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), restored)


def description(path: Path) -> dict[str, Any]:
    """What a checkpoint says of its training; empty where it cannot be read."""
    with contextlib.suppress(OSError, ValueError):
        return tensor_file.read(path, only_description=True)[1]
    return {}


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """How a training differs from another, in words for an error: each setting with both values, and what it learned from.

    Args:
        old, new: ``"recipe"``, settings by name, and ``"inputs"``, hashes of what was learned from, as `Trainer` has them.
            `old` may have names of `OLDER_SETTINGS`, and lack what is in `presets.LATER`. What only `old` has does not count.
    """
    found = []
    settings = LATER | {OLDER_SETTINGS.get(name, name): value for name, value in old["recipe"].items()}
    for name, value in new["recipe"].items():
        if (before := settings.get(name, "not stated")) != value:
            is_switch = isinstance(before, bool)  # it has one other value
            found.append(named(name, before) if is_switch else f"{named(name)} {_shown(before)}, not {_shown(value)}")
    for name, value in new["inputs"].items():
        before = old["inputs"].get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if list(before) != list(value):
                found.append(f"{name} {', '.join(before)}, not {', '.join(value)}")
            else:
                found += [f"another {name.removesuffix('s')} {one}" for one in value if before[one] != value[one]]
        elif before != value:
            found.append(f"other {name}")
    return found


def _shown(value: Any) -> str:
    if isinstance(value, Mapping) and all(isinstance(share, int | float) for share in value.values()):
        return ",".join(f"{name}={share:g}" for name, share in value.items() if share)
    return f"{value:g}" if isinstance(value, float) else str(value)
