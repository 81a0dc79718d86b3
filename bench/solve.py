"""Jobs of a worker: whole pictures, and what a picture's canonical loss is."""

from dataclasses import asdict
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file

import jaxstyle
from bench.cases import PRESET
from bench.kernel import OBJECTIVE, Job, network
from bench.pictures import PAIRS, encoded, pixels, sample


def solve(content: str, style: str, width: int, height: int, options: dict[str, Any]) -> Job:
    """`jaxstyle.stylize`, compilation included; a run answers with its course and its picture."""
    jaxstyle.keep_pages()
    pictures = [sample(name, width, height) for name in (content, style)]
    network()  # decoded once in a process, and here before anything is timed

    def run() -> dict[str, Any]:
        result = jaxstyle.stylize(*pictures, **options)
        return {
            "seconds": result.record["seconds"],
            "loss": result.loss,
            "evaluations": result.evaluations,
            "stop_reason": result.stop_reason,
            "trace": [(entry.evaluation, entry.loss, entry.seconds) for entry in result.trace],
            "picture": encoded(result.image),
            "config": asdict(result.record["config"]),
        }

    device = {"kind": jax.devices()[0].device_kind, "count": 1}
    return {"shapes": {"image": (height, width, 3)}, "dtype": "float32", "device": device}, run


def together(side: int, pictures: int, evaluations: int) -> Job:
    """`jaxstyle.stylize_batch` with all pictures at once, compilation included."""
    jaxstyle.keep_pages()
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    content, style = (sample(name, side, side) for name in PAIRS[0])
    network()

    def run() -> dict[str, Any]:
        options: dict[str, Any] = dict(size=f"{side}x{side}", scales=1, init="noise", evaluations=evaluations, preset=PRESET)
        found = jaxstyle.stylize_batch(content, style, seeds=pictures, batch_size=pictures, **options)
        results = [result for result in found if isinstance(result, jaxstyle.Result)]
        if {result.record["batch"]["members"] for result in results} != {pictures}:
            raise MemoryError(f"{pictures} pictures do not fit at once")
        record = results[0].record
        return {"seconds": record["seconds"], "memory": record["memory"], "losses": [r.loss["total"] for r in results]}

    device = {"kind": jax.devices()[0].device_kind, "count": len(jax.local_devices())}
    return {"shapes": {"images": (pictures, side, side, 3)}, "dtype": "float32", "device": device}, run


def measure(content: str, style: str, width: int, height: int, path: str) -> Job:
    """The canonical loss of the picture in a file, as far as 8 bits hold it; a run answers with it."""
    params = network()
    pictures = [jnp.asarray(sample(name, width, height), jnp.float32) / 255 for name in (content, style)]
    targets = jaxstyle.make_targets(params, pictures[0], pictures[1:], objective=OBJECTIVE)
    function = jax.jit(partial(jaxstyle.loss_parts, objective=OBJECTIVE))

    def run() -> dict[str, Any]:
        image = pixels(path).astype(np.float32) / 255
        if image.shape != pictures[0].shape:
            raise ValueError(f"the picture is {image.shape[1]}x{image.shape[0]}, not {width}x{height}")
        return {"loss": float(function(image, params, targets).total), "picture": encoded(image)}

    return {}, run


def export(path: str) -> Job:
    """Writes jaxstyle's weights as ``convB_I.weight`` (OIHW) and ``convB_I.bias``, for a rival with its own loader."""
    arrays = {}
    for name, layer in network().layers.items():
        arrays[f"{name}.weight"] = np.ascontiguousarray(np.asarray(layer["kernel"]).transpose(3, 2, 0, 1))
        arrays[f"{name}.bias"] = np.asarray(layer["bias"])
    save_file(arrays, path)
    return {}, dict
