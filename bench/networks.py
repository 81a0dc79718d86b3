"""Jobs of a worker: pictures that style networks paint, and steps of their training."""

import threading
import time
from queue import SimpleQueue
from typing import Any

import jax
import numpy as np

import jaxstyle
from bench.kernel import Job, repeated
from bench.pictures import noise

WARM = 1.0
"""Seconds of steps before the first round. A training begins with one step a report, and doubles them up to five seconds."""
PHOTOGRAPHS = 8


def bytes_of_noise(width: int, height: int, seed: int) -> np.ndarray:
    """uint8 (height, width, 3)."""
    return np.rint(noise(width, height, seed) * 255).astype(np.uint8)


def painting(network: str, width: int, height: int, platform: str) -> Job:
    """`jaxstyle.apply_style` of a picture in memory: 8-bit levels in, floats out, with its record."""
    jaxstyle.keep_pages()
    picture = bytes_of_noise(width, height, 0)

    def once() -> jaxstyle.Painted:
        return jaxstyle.apply_style(picture, network, style=0)

    began = time.perf_counter()
    first = once()
    whole, compiling = time.perf_counter() - began, first.record["seconds"]["compile"]
    calls, run = repeated(once, lambda _: None)  # it waits itself
    info = {
        "calls": calls,
        "seconds": {"compile": compiling, "first": whole - compiling},
        "shapes": {"image": (height, width, 3)},
        "dtype": str(first.image.dtype),
        "device": {"kind": jax.devices(platform)[0].device_kind, "count": 1},
    }
    return info, run


def training(widths: str, side: int, batch: int) -> Job:
    """`jaxstyle.train_styles` in a thread, which goes on from one report to the next with every run; a run says how many steps
    that were."""
    jaxstyle.keep_pages()
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    told: SimpleQueue[Any] = SimpleQueue()
    go = threading.Semaphore(0)
    styles = {f"style{seed}": bytes_of_noise(2 * side, 2 * side, seed) for seed in range(2)}
    photos = [bytes_of_noise(2 * side, 2 * side, 2 + seed) for seed in range(PHOTOGRAPHS)]
    how: Any = dict(size=side, width=widths, batch=batch, weights="vgg19", steps=10**9)

    def report(progress: Any) -> bool:
        told.put(progress)
        go.acquire()
        return False

    def train() -> None:
        try:
            jaxstyle.train_styles(styles, photos, callback=report, **how)
        except BaseException as error:
            told.put(error)

    def wait() -> Any:
        found = told.get()
        if isinstance(found, BaseException):
            raise found
        return found

    began = time.perf_counter()
    threading.Thread(target=train, daemon=True).start()
    first = last = wait()
    preparing, began = time.perf_counter() - began, time.perf_counter()

    def run() -> dict[str, Any]:
        nonlocal last
        before = last.step
        go.release()
        last = wait()
        return {"calls": last.step - before}

    made = 0
    while time.perf_counter() - began < WARM:
        made = run()["calls"]
    info = {
        "calls": made,
        "seconds": {"first": preparing},
        "shapes": {"crops": (batch, side, side, 3)},
        "dtype": "float32",
        "loss": {"total": float(first.losses.total)},
        "device": {"kind": jax.devices()[0].device_kind, "count": jax.local_device_count()},
    }
    return info, run
