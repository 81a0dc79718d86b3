"""Jobs of a worker: the notebook's objective in plain PyTorch, with jaxstyle's weights, pictures and allocator setting.

The setting is worth 20% to PyTorch on a CPU: what is compared with is its best.
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

import jaxstyle
from bench.kernel import Job, network, repeated
from bench.pictures import encoded, noise, pixels, sample

VARIANTS = {"cpu": ("float32", "bfloat16", "compile"), "gpu": ("float32", "tf32", "bfloat16", "compile")}
"""Of the evaluation: precisions (bfloat16 by autocast), and float32 through `torch.compile`."""
FIRSTS = tuple(jaxstyle.CANONICAL.style_layers)


class Notebook:
    """Gatys' notebook in channels_last: loss and gradient with respect to the network's input, (1, 3, H, W) on its scale."""

    def __init__(self, variant: str) -> None:
        jaxstyle.keep_pages()
        jax.config.update("jax_platforms", "cpu")  # it only reads the weights here, and takes no GPU memory
        import torch  # pyright: ignore[reportMissingImports]
        from torch.nn import functional  # pyright: ignore[reportMissingImports]

        self.torch: Any = torch
        self.functional: Any = functional
        self.variant = variant
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.backends.cudnn.benchmark = True  # as XLA does: the fastest algorithm for these shapes
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = variant == "tf32"
        params = network()
        self.order = list(params.scale.order)
        self.mean, self.multiplier = (np.asarray(v, np.float32) for v in (params.scale.mean, params.scale.multiplier))
        self.taps = params.architecture.taps[: params.architecture.taps.index("relu5_1") + 1]
        self.layers: dict[str, Any] = {}
        for name, layer in params.layers.items():
            kernel, bias = np.asarray(layer["kernel"]).transpose(3, 2, 0, 1), np.array(layer["bias"])
            kernel = torch.from_numpy(kernel.copy()).to(self.device, memory_format=torch.channels_last)
            self.layers[name] = kernel, torch.from_numpy(bias).to(self.device)
        self.compute: Callable[[Any], Any] = self.loss
        if variant == "compile":
            torch.compiler.reset()  # of what another size in this process left: each is compiled for itself
            self.compute = torch.compile(self.loss, dynamic=False)

    def tensor(self, picture: np.ndarray) -> Any:
        """A picture in [0, 1], (H, W, 3), as the network's input."""
        values = (picture[..., self.order] - self.mean) * self.multiplier
        found = self.torch.from_numpy(values.astype(np.float32)).permute(2, 0, 1)[None]
        return found.to(self.device).contiguous()

    def picture(self, x: Any) -> np.ndarray:
        """A network's input as a picture in [0, 1]."""
        values = x.detach()[0].permute(1, 2, 0).cpu().numpy() / self.multiplier + self.mean
        return np.clip(values[..., np.argsort(self.order)], 0, 1)

    def features(self, x: Any) -> dict[str, Any]:
        found = {}
        x = x.contiguous(memory_format=self.torch.channels_last)
        for tap in self.taps:
            if tap.startswith("conv"):
                x = self.functional.conv2d(x, *self.layers[tap], padding=1)
            else:
                x = self.functional.relu(x) if tap.startswith("relu") else self.functional.max_pool2d(x, 2)
            found[tap] = x
        return found

    def gram(self, x: Any) -> Any:
        flat = x.flatten(2)[0]
        return (flat @ flat.T).float() / flat.shape[1]

    def aim(self, content: np.ndarray, style: np.ndarray) -> None:
        """Sets the targets."""
        with self.torch.no_grad():
            self.content = self.features(self.tensor(content))["relu4_2"]
            self.style = {tap: self.gram(x) for tap, x in self.features(self.tensor(style)).items() if tap in FIRSTS}

    def loss(self, x: Any) -> Any:
        with self.torch.autocast(self.device, self.torch.bfloat16, enabled=self.variant == "bfloat16"):
            found = self.features(x)
            total = (found["relu4_2"].float() - self.content).square().mean()
            for tap in FIRSTS:
                total = total + 1e3 / found[tap].shape[1] ** 2 * (self.gram(found[tap]) - self.style[tap]).square().mean()
        return total

    def wait(self, _: Any = None) -> None:
        if self.device == "cuda":
            self.torch.cuda.synchronize()


def torch_evaluation(width: int, height: int, variant: str) -> Job:
    """One loss with its gradient, as `kernel.evaluation`; what `torch.compile` takes is in the first."""
    notebook = Notebook(variant)
    notebook.content = notebook.torch.zeros((), device=notebook.device)
    notebook.style = dict.fromkeys(FIRSTS, notebook.content)
    x = notebook.tensor(noise(width, height, 0)).contiguous(memory_format=notebook.torch.channels_last).requires_grad_(True)

    def once() -> Any:
        x.grad = None
        loss = notebook.compute(x)
        loss.backward()
        return loss

    began = time.perf_counter()
    loss = once()
    notebook.wait()
    info = {"seconds": {"first": time.perf_counter() - began}, "loss": {"total": float(loss)}, "device": notebook.device}
    calls, run = repeated(once, notebook.wait)
    return info | {"calls": calls}, run


def torch_solve(content: str, style: str, width: int, height: int, evaluations: int) -> Job:
    """A whole picture by `torch.optim.LBFGS` as the notebook runs it, from the content; a run answers as `solve`'s."""
    return course(sample(content, width, height), sample(style, width, height), evaluations)


def torch_race(content: str, style: str, evaluations: int, until: float) -> Job:
    """`torch_solve` of two picture files as they are, which ends where its loss is `until` or less."""
    return course(pixels(content), pixels(style), evaluations, until)


def course(content: np.ndarray, style: np.ndarray, evaluations: int, until: float = 0) -> Job:
    """What the above do, for uint8 pictures."""
    notebook = Notebook("float32")
    pictures = [picture.astype(np.float32) / 255 for picture in (content, style)]

    def run() -> dict[str, Any]:
        notebook.aim(*pictures)
        began = time.perf_counter()
        x = notebook.tensor(pictures[0]).requires_grad_(True)
        optimizer = notebook.torch.optim.LBFGS([x], max_iter=20)
        trace: list[tuple[int, float, float]] = []

        def closure() -> Any:
            optimizer.zero_grad()
            loss = notebook.compute(x)
            loss.backward()
            trace.append((len(trace) + 1, float(loss), round(time.perf_counter() - began, 4)))
            return loss

        while len(trace) < evaluations and not (trace and trace[-1][1] <= until):
            optimizer.param_groups[0]["max_iter"] = min(20, evaluations - len(trace))
            optimizer.step(closure)
        return {
            "loss": {"total": trace[-1][1]},
            "evaluations": len(trace),
            "trace": trace,
            "picture": encoded(notebook.picture(x)),
        }

    return {}, run
