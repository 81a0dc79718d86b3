"""Network weights: load, fetch, convert, verify."""

import importlib.util
import os
from pathlib import Path

from jaxstyle.errors import InputError, WeightsError, unknown
from jaxstyle.machine.folders import bundled
from jaxstyle.network.weights import files, load
from jaxstyle.network.weights.fetch import fetch
from jaxstyle.network.weights.load import load_weights
from jaxstyle.network.weights.registry import SOURCES
from jaxstyle.network.weights.verify import Check, verify
from jaxstyle.pictures.paths import located

__all__ = ["SOURCES", "Check", "convert_weights", "fetch_weights", "load_weights", "verify"]


def fetch_weights(name: str = "vgg19-full", *, progress: bool = True) -> Path:
    """Downloads a registered set of weights once, verifies it and converts it; needs h5py.

    Args:
        name: such as ``"vgg19-full"``; ``jaxstyle weights list`` shows all.
        progress: whether to show a bar on stderr, if that is a terminal.

    Returns:
        The converted file in the user's cache, which the name stands for from then on.

    Raises:
        DownloadError: where every mirror fails.
        InputError: where the name is unknown, or h5py is missing.
    """
    if name not in SOURCES:
        raise unknown("name", name, SOURCES)
    download = SOURCES[name].download
    if download is None:
        return bundled()
    if importlib.util.find_spec("h5py") is None:
        raise InputError("name", name, "comes as an .h5 file, which needs h5py", "pip install 'jaxstyle[keras]'")
    original, target = fetch(download, progress=progress), load.converted(name)
    convert_weights(original, target)
    return target


def convert_weights(
    source: str | os.PathLike[str], out: str | os.PathLike[str], *, scale: str | None = None
) -> files.WeightFile:
    """Rewrites a weight file of any known layout in this project's format.

    Args:
        source: .safetensors (this project's, torchvision's or timm's ``features.N.weight``, Gatys' ``conv1_1.weight``), Keras'
            .h5 (needs h5py) or .pth (needs torch; read with ``weights_only=True``).
        out: .safetensors; weights that jaxstyle wrote are replaced, no other file.
        scale: the input that the network expects, ``"caffe"`` or ``"torch"``; by its layout where it is None.

    Returns:
        What was written.

    Raises:
        WeightsError: where the source cannot be read, or `out` cannot be written or is another kind of file.
    """
    source, out = located(source), located(out)
    if Path(out).suffix.lower() != ".safetensors":
        raise WeightsError("out", str(out), "must end in .safetensors")
    if os.path.exists(out) and (not files.is_ours(out) or (os.path.exists(source) and os.path.samefile(out, source))):
        raise WeightsError("out", str(out), "is the input, or other than weights that jaxstyle wrote", "choose another name")
    weights = files.read(source, scale=scale, argument="file")
    files.write(out, weights)
    return weights
