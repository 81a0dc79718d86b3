"""From a name or a file to the parameters of a network."""

import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import jax.numpy as jnp

from jaxstyle.errors import WeightsError, named, unknown
from jaxstyle.machine.folders import bundled
from jaxstyle.network.vgg import ARCHITECTURES, Params
from jaxstyle.network.weights import files
from jaxstyle.network.weights.fetch import cache_folder
from jaxstyle.network.weights.registry import DEFAULTS, SCALES, SOURCES
from jaxstyle.pictures.paths import located

ENVIRONMENT = "JAXSTYLE_WEIGHTS"


class Loaded(NamedTuple):
    """Parameters, and what a run record says of them."""

    params: Params
    name: str
    sha256: str


def installed(name: str) -> Path | None:
    """Where the file of a registered name lies on this machine; None where it has to be fetched."""
    download = SOURCES[name].download
    if download is None:
        return bundled()
    path = converted(name)
    return path if path.exists() else None


def converted(name: str) -> Path:
    """Where `fetch` leaves a registered name's weights in this project's format."""
    return cache_folder() / f"{name}.safetensors"


def locate(weights: str | os.PathLike[str] | None = None, network: str | None = None) -> tuple[str, Path]:
    """Name and path of the weights to use: as given, else $JAXSTYLE_WEIGHTS, else the default of `network`, or of VGG-19.

    Raises:
        WeightsError: where a named set has not been fetched yet.
        InputError: where the name or the network is unknown.
    """
    if network is not None and network not in ARCHITECTURES:
        raise unknown("network", network, ARCHITECTURES)
    given = weights or os.environ.get(ENVIRONMENT) or DEFAULTS[network or "vgg19"]
    text = os.fspath(given)
    if text in SOURCES:
        path = installed(text)
        if path is None:
            raise WeightsError("weights", text, "is not on this machine", f"run: jaxstyle weights fetch {text}")
        return text, path
    path = Path(located(text))
    if not path.suffix and not path.exists():
        raise unknown("weights", text, SOURCES)
    return path.name, path


@lru_cache(maxsize=2)
def _load(path: Path, stamp: int) -> tuple[Params, str]:
    file = files.read(path)
    layers = {name: {part: jnp.asarray(a) for part, a in layer.items()} for name, layer in file.layers.items()}
    return Params(layers, file.architecture, SCALES[file.scale]), file.sha256


def load(weights: str | os.PathLike[str] | None = None, *, network: str | None = None) -> Loaded:
    """Loads a network's parameters; a second call for the same file costs nothing.

    Args:
        weights: a registered name, a weight file, or None for $JAXSTYLE_WEIGHTS and then the network's default.
        network: ``"vgg19"`` or ``"vgg16"``, of which the weights must be; None for whatever they are of.

    Raises:
        WeightsError, InputError: as `locate` and `files.read` say, and where the weights are of another network.
    """
    name, path = locate(weights, network)
    params, digest = _load(path, path.stat().st_mtime_ns if path.exists() else 0)
    if network is not None and params.architecture.name != network:
        held = params.architecture.name
        remedy = f"leave {named('network')} out, or name weights of {network}"
        raise WeightsError("weights", name, f"holds {held}, but the network is {network}", remedy)
    return Loaded(params, name, digest)


def load_weights(weights: str | os.PathLike[str] | None = "vgg19") -> Params:
    """The parameters of a network, from the box or from a file; the same file again costs nothing.

    Args:
        weights: a registered name (``"vgg19"``, in the box; ``jaxstyle weights list`` shows all), or a weight file, whatever
            network it holds; None is the file that $JAXSTYLE_WEIGHTS names, else VGG-19.

    Returns:
        Float32 arrays, with architecture and input scale as static data.

    Raises:
        WeightsError: where the file is missing or damaged.
        InputError: where the name is unknown.
    """
    _, path = locate(weights)
    return _load(path, path.stat().st_mtime_ns if path.exists() else 0)[0]
