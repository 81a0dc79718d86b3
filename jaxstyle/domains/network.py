"""A trained network between two collections, and its file."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxstyle.domains.widths import Values, generator_widths
from jaxstyle.errors import InputError, WeightsError, named, unknown
from jaxstyle.machine import tensor_file
from jaxstyle.onepass.files import DOMAINS, opened
from jaxstyle.onepass.painting import StyledNetwork
from jaxstyle.pictures.paths import located

A2B, B2A = "a2b", "b2a"


@dataclass(frozen=True)
class DomainNetwork:
    """Generators between two collections of pictures, A and B.

    Attributes:
        generators: by direction, ``"a2b"`` and, of CycleGAN's, ``"b2a"``: by layer ``{"kernel": ..., "bias": ...}``, float32.
        width, blocks: see `widths.generator_widths`.
        method: by which it was trained.
    """

    generators: Mapping[str, Values]
    width: int
    blocks: int
    method: str = "not stated"

    def styled(self, direction: str = A2B) -> StyledNetwork:
        """A generator in the form in which any network paints.

        Biases before a normalisation change nothing, and tanh, of [-1, 1], is a sigmoid of twice the value, of [0, 1].

        Raises:
            InputError: for a direction that the network has not learned.
        """
        if direction not in (A2B, B2A):
            raise unknown("direction", str(direction), (A2B, B2A))
        if direction not in self.generators:
            problem = f"is not in this network: {self.method} learns one direction"
            raise InputError("direction", direction, problem, f"train with {named('method', 'cyclegan')} for both, or give a2b")
        values, widths = self.generators[direction], generator_widths(self.width, self.blocks)
        first, last = widths.layers[0].name, widths.layers[-1].name
        kernels: dict[str, Array] = {name: values[name]["kernel"] for name in widths.shapes}
        kernels[first] = 2 * kernels[first]
        plain = widths.plain_style()[: -2 * widths.layers[-1].outputs]
        bias = values[last]["bias"]
        return StyledNetwork(widths, kernels, jnp.concatenate([plain, jnp.full_like(bias, 2), 2 * bias]))


@dataclass(frozen=True)
class DomainFile:
    """The content of a network's file.

    Attributes:
        network: see there.
        training: how it was trained, as plain data.
    """

    network: DomainNetwork
    training: Mapping[str, Any] = field(default_factory=dict)


def write(path: str | os.PathLike[str], file: DomainFile) -> None:
    """Writes a network; the file appears whole or not at all, and the same content gives the same bytes."""
    network = file.network
    tensors = {
        f"{way}.{layer}.{name}": np.asarray(array, np.float32)
        for way, values in network.generators.items()
        for layer, arrays in values.items()
        for name, array in arrays.items()
    }
    meta = {
        "format": DOMAINS,
        "method": network.method,
        "width": network.width,
        "blocks": network.blocks,
        "directions": sorted(network.generators),
        "training": file.training,
    }
    tensor_file.write(located(path), tensors, meta, kind=WeightsError)


def read(path: str | os.PathLike[str], *, argument: str = "network") -> DomainFile:
    """Reads a network that `write` has written.

    Raises:
        WeightsError: where the file is missing, damaged, or of another kind; it says of which, if that is known.
    """
    tensors, meta = opened(path, DOMAINS, argument=argument)
    try:
        width, blocks = int(meta["width"]), int(meta["blocks"])
        shapes = generator_widths(width, blocks).shapes
        found = {
            way: {
                layer: {name: tensors[f"{way}.{layer}.{name}"].astype(np.float32) for name in ("kernel", "bias")}
                for layer in shapes
            }
            for way in map(str, meta["directions"])
        }
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(argument, str(path), f"is damaged: {error!r}") from None
    for values in found.values():
        for layer, arrays in values.items():
            if arrays["kernel"].shape != shapes[layer] or arrays["bias"].shape != shapes[layer][-1:]:
                raise WeightsError(argument, str(path), f"is damaged: kernel of {layer} {arrays['kernel'].shape}")
            if not all(np.isfinite(array).all() for array in arrays.values()):
                raise WeightsError(argument, str(path), "is damaged: a value is not finite")
    if A2B not in found:
        raise WeightsError(argument, str(path), "is damaged: no generator")
    generators = {
        way: {layer: {name: jnp.asarray(array) for name, array in arrays.items()} for layer, arrays in values.items()}
        for way, values in found.items()
    }
    network = DomainNetwork(generators, width, blocks, str(meta.get("method", "not stated")))
    return DomainFile(network, dict(meta.get("training") or {}))
