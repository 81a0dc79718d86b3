"""Reading and writing weight files: this project's safetensors, and the layouts of Keras, torchvision, timm and Gatys.

Everything is brought to one form: ``{"conv1_1": {"kernel": (3, 3, I, O), "bias": (O,)}}``, float32. No pickle is ever loaded
unrestricted.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from jaxstyle.errors import WeightsError, unknown
from jaxstyle.machine import tensor_file
from jaxstyle.machine.folders import sha256
from jaxstyle.network.vgg import ARCHITECTURES, Architecture
from jaxstyle.network.weights.registry import SCALES
from jaxstyle.pictures.paths import located

FORMAT = "jaxstyle-weights-1"
Layers = Mapping[str, Mapping[str, np.ndarray]]


@dataclass(frozen=True)
class WeightFile:
    """The content of a weight file.

    Attributes:
        layers: kernel (3, 3, I, O) and bias (O,) by convolution name, float32.
        architecture: of `ARCHITECTURES`, or the file's own.
        scale: key of `SCALES`.
        origin, licence: as the file says, or what its layout implies.
        sha256: of the file's bytes.
    """

    layers: Layers
    architecture: Architecture
    scale: str
    origin: str
    licence: str
    sha256: str


def read(path: str | os.PathLike[str], *, scale: str | None = None, argument: str = "weights") -> WeightFile:
    """Reads a weight file of any known layout.

    Args:
        path: .safetensors (this project's, torchvision's or timm's ``features.N.weight``, Gatys' ``conv1_1.weight``), Keras'
            .h5 (needs h5py) or .pth/.pt (needs torch; read with ``weights_only=True``).
        scale: ``"caffe"`` or ``"torch"``, where the layout misleads: ``features.N`` is taken for torchvision's.
        argument: named in errors.

    Raises:
        WeightsError: where the file is missing, damaged or of an unknown layout, or neither a VGG-16 or VGG-19 nor a network
            that the file itself describes.
    """
    path = Path(located(path))
    if path.is_dir() or not path.exists():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise WeightsError(argument, str(path), what, "give a weight file, or a name that `jaxstyle weights list` shows")
    if scale is not None and scale not in SCALES:
        raise unknown("scale", scale, SCALES)
    readers = {".safetensors": _safetensors, ".h5": _keras, ".hdf5": _keras, ".pth": _torch, ".pt": _torch}
    if path.suffix.lower() not in readers:
        raise WeightsError(argument, str(path), "is of an unknown kind", f"known endings: {', '.join(readers)}")
    tensors, meta = readers[path.suffix.lower()](path, argument)
    if meta.get("format") == FORMAT:
        layers = _decode(tensors)
    else:
        tensors = {re.sub(r"^(module|model)\.", "", name): value for name, value in tensors.items()}
        layers, implied = _rename(tensors, path, argument)
        meta = {"scale": implied, **meta}
    architecture = _architecture(layers, meta.get("architecture"), path, argument)
    meta = {"origin": f"converted from {path.name}", "licence": "not stated", **meta}
    layers = {name: {k: np.asarray(v, np.float32) for k, v in layer.items()} for name, layer in layers.items()}
    chosen = scale or str(meta.get("scale"))
    if chosen not in SCALES:
        raise WeightsError(argument, str(path), f"asks for the unknown input scale {chosen!r}")
    return WeightFile(layers, architecture, chosen, meta["origin"], meta["licence"], sha256(path))


def write(path: str | os.PathLike[str], weights: WeightFile) -> None:
    """Writes `weights` in this project's format, at full precision; the file appears whole or not at all."""
    tensors = {f"{name}.{part}": array for name, layer in weights.layers.items() for part, array in layer.items()}
    write_tensors(path, tensors, weights.architecture, weights.scale, weights.origin, weights.licence)


def write_tensors(
    path: str | os.PathLike[str],
    tensors: Mapping[str, np.ndarray],
    architecture: Architecture,
    scale: str,
    origin: str,
    licence: str,
) -> None:
    """Writes named tensors with their metadata; the same input gives the same bytes.

    An architecture that is not in `ARCHITECTURES` is described in full, so that any jaxstyle can read the file.
    """
    described = architecture.name if architecture in ARCHITECTURES.values() else asdict(architecture)
    meta = {"format": FORMAT, "architecture": described, "scale": scale, "origin": origin, "licence": licence}
    tensor_file.write(located(path), tensors, meta, kind=WeightsError)


def is_ours(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a .safetensors file that `write_tensors` wrote."""
    try:
        return tensor_file.read(path, only_description=True)[1].get("format") == FORMAT
    except (OSError, ValueError):
        return False


def _safetensors(path: Path, argument: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    try:
        return tensor_file.read(path)
    except ValueError as error:
        raise WeightsError(argument, str(path), str(error)) from None


def _keras(path: Path, argument: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    try:
        import h5py
    except ImportError:
        raise WeightsError(argument, str(path), "needs h5py", "pip install 'jaxstyle[keras]'") from None

    found: dict[str, np.ndarray] = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = np.asarray(item)

    try:
        with h5py.File(path) as file:
            file.visititems(visit)
    except OSError as error:
        raise WeightsError(argument, str(path), f"is damaged or no HDF5 file ({error})") from None
    return found, {}


def _torch(path: Path, argument: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    try:
        import torch  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise WeightsError(argument, str(path), "needs PyTorch", "pip install 'jaxstyle[torch]'") from None

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds, UnpicklingError and RuntimeError among them
        reason = str(error).splitlines()[0][:120]
        raise WeightsError(argument, str(path), f"is no plain state dict that is safe to load ({reason})") from None
    if not isinstance(state, Mapping):
        raise WeightsError(argument, str(path), "holds no state dict")
    return {str(k): v.float().numpy() for k, v in state.items() if isinstance(v, torch.Tensor)}, {}


def _decode(tensors: Mapping[str, np.ndarray]) -> Layers:
    """Undoes the codebooks: kernel = codebook[codes]."""
    layers: dict[str, dict[str, np.ndarray]] = {}
    for key, value in tensors.items():
        name, part = key.rsplit(".", 1)
        layer = layers.setdefault(name, {})
        if part == "codes":
            layer["kernel"] = tensors[f"{name}.codebook"][value]
        elif part in ("kernel", "bias"):
            layer[part] = value
    return layers


def _rename(tensors: Mapping[str, np.ndarray], path: Path, argument: str) -> tuple[Layers, str]:
    """Another tool's names and axes to ours, and the input scale that its layout implies."""
    layers: dict[str, dict[str, np.ndarray]] = {}
    scale = "caffe"
    numbered: dict[int, dict[str, np.ndarray]] = {}
    for key, value in tensors.items():
        if match := re.fullmatch(r"(?:.*/)?block(\d)_conv(\d)_(W|b)_1(?::0)?", key):
            part = "kernel" if match[3] == "W" else "bias"
            layers.setdefault(f"conv{match[1]}_{match[2]}", {})[part] = value
        elif match := re.fullmatch(r"(?:.*/)?block(\d)_conv(\d)/(kernel|bias)(?::0)?", key):
            layers.setdefault(f"conv{match[1]}_{match[2]}", {})[match[3]] = value
        elif match := re.fullmatch(r"conv(\d)_(\d)\.(weight|bias)", key):
            _put(layers.setdefault(f"conv{match[1]}_{match[2]}", {}), match[3], value)
        elif match := re.fullmatch(r"features\.(\d+)\.(weight|bias)", key):
            scale = "torch"
            _put(numbered.setdefault(int(match[1]), {}), match[2], value)
    if numbered:
        ordered = [numbered[index] for index in sorted(numbered)]
        if any(layer.get("kernel", np.empty(0)).ndim != 4 for layer in ordered):
            raise WeightsError(argument, str(path), "is a batch-normalised VGG", "use the plain one")
        match = [a for a in ARCHITECTURES.values() if len(a.shapes) == len(ordered)]
        if match:
            layers = dict(zip(match[0].shapes, ordered, strict=True))
        else:
            layers = {f"features.{index}": layer for index, layer in numbered.items()}
    return layers, scale


def _put(layer: dict[str, np.ndarray], part: str, value: np.ndarray) -> None:
    if part == "bias":
        layer["bias"] = value
    else:
        layer["kernel"] = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value  # OIHW -> HWIO


def _architecture(layers: Layers, described: Any, path: Path, argument: str) -> Architecture:
    """Which network the layers belong to; raises where they are neither a VGG's nor that which the file describes."""
    if not layers:
        raise WeightsError(
            argument,
            str(path),
            "holds no convolutions under known names",
            "conv1_1.weight, features.0.weight or block1_conv1",
        )
    if isinstance(described, Mapping):
        architecture = _described(described, path, argument)
    else:
        same = [a for a in ARCHITECTURES.values() if set(layers) == set(a.shapes)]
        if not same:
            known = ", ".join(f"{a.name} has {len(a.shapes)}" for a in ARCHITECTURES.values())
            raise WeightsError(argument, str(path), f"holds {len(layers)} convolutions, which is no known network", known)
        architecture = same[0]
    if extra := sorted(set(layers) - set(architecture.shapes)):
        raise WeightsError(argument, str(path), f"is no {architecture.name}: it holds {extra[0]} too")
    for name, shape in architecture.shapes.items():
        for part, wanted in (("kernel", shape), ("bias", shape[-1:])):
            got = layers.get(name, {}).get(part)
            if got is None or got.shape != wanted or got.dtype.kind != "f":
                what = "missing" if got is None else f"{got.dtype} {got.shape}"
                raise WeightsError(
                    argument,
                    str(path),
                    f"is no {architecture.name}: {name}.{part} is {what}",
                    f"it must be float {wanted}",
                )
            if not np.isfinite(got).all():
                raise WeightsError(argument, str(path), f"is damaged: {name}.{part} is not finite")
    return architecture


def _described(described: Mapping[str, Any], path: Path, argument: str) -> Architecture:
    """The architecture that a file describes: its name, and depth and width of each block."""
    try:
        if any(not isinstance(described[part], list) for part in ("depths", "widths")) or not described["name"]:
            raise ValueError
        depths, widths = (tuple(map(int, described[part])) for part in ("depths", "widths"))
        architecture = Architecture(str(described["name"]), depths, widths)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise WeightsError(argument, str(path), "describes its network wrongly", "name, depths and widths") from None
    usable = len(depths) == len(widths) == 5 and all(1 <= depth <= 9 for depth in depths) and min(widths) > 0
    if not usable or architecture.name in ARCHITECTURES:
        problem = f"describes no network that can be built: {architecture.name!r}, depths {depths}, widths {widths}"
        raise WeightsError(
            argument, str(path), problem, "a name of its own, and a depth from 1 to 9 and a width for each of five blocks"
        )
    return architecture
