"""Jobs of a worker: one evaluation of the loss with its gradient, and the rates of the machine that bound it."""

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import psutil
from jax.sharding import AxisType, NamedSharding, PartitionSpec

import jaxstyle
from bench.pictures import noise

Job = tuple[dict[str, Any], Callable[[], Any]]
NUMBERS = 2**26  # in each array of the bandwidth's measurement
ROUND = 0.1
"""Seconds that a round takes at the least: what is faster is called several times and waited for once."""


def repeated(once: Callable[[], Any], wait: Callable[[Any], Any] = jax.block_until_ready) -> tuple[int, Callable[[], None]]:
    """How many calls make a round, and a function that makes so many and waits for the last. `once` has been called before."""
    began = time.perf_counter()
    wait(once())
    calls = max(1, int(ROUND / (time.perf_counter() - began)))

    def run() -> None:
        found = None
        for _ in range(calls):
            found = once()
        wait(found)

    return calls, run


def network() -> jaxstyle.Params:
    """VGG-19 as it comes with jaxstyle, or the file that $JAXSTYLE_WEIGHTS names: what a run without options uses."""
    return jaxstyle.load_weights(os.environ.get("JAXSTYLE_WEIGHTS") or "vgg19")


def devices() -> Job:
    """Kinds and count of the devices by platform, the best platform first."""
    platforms = dict.fromkeys((jax.default_backend(), "cpu"))
    found = {}
    for name in platforms:
        try:
            found[name] = jax.devices(name)
        except RuntimeError:  # JAX_PLATFORMS leaves it out
            continue
    return {name: {"kinds": sorted({d.device_kind for d in ds}), "count": len(ds)} for name, ds in found.items()}, dict


def direct_flops(width: int, height: int) -> float:
    """Of one evaluation with direct convolutions: all convolutions to conv5_1 and Grams, forwards and backwards.

    A multiplication and an addition count as two. The first layer's gradient counts, the kernels' does not.
    """
    total = 0.0
    for name, (_, _, i, o) in network().architecture.shapes.items():
        block = int(name[4]) - 1
        places = (width >> block) * (height >> block)
        if name[4] < "5" or name == "conv5_1":
            total += 2 * 2 * 9 * i * o * places
        if name.endswith("_1"):
            total += 2 * 2 * o * o * places
    return total


OBJECTIVE = replace(jaxstyle.CANONICAL, padding="zero")
"""That of `cases.PRESET`."""


@lru_cache
def evaluation(
    width: int,
    height: int,
    precision: str,
    algorithm: str,
    pooling: str,
    padding: str,
    batch: int,
    devices: int,
    memory: str,
    platform: str,
) -> Job:
    """Loss and gradient of a batch of pictures, compiled ahead; a batch is split evenly over the devices.

    The pictures are noise and the targets zeros: neither shapes nor seconds depend on them. A process that prepares the same
    case again compiles nothing.

    Raises:
        MemoryError: where the compiled program would not fit.
    """
    jaxstyle.keep_pages()
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    objective = replace(jaxstyle.CANONICAL, pooling=pooling, padding=padding)
    params = network()
    how: Any = dict(objective=objective, precision=precision, strips=memory == "low")

    def make_targets(params: Any, content: Any, style: Any) -> Any:
        return jaxstyle.make_targets(params, content, [style], **how)

    def loss(image: Any, params: Any, targets: Any) -> Any:
        return jaxstyle.total_loss(image, params, targets, **how)

    function = jax.value_and_grad(loss)
    image = np.stack([noise(width, height, seed) for seed in range(batch)])
    if batch == 1:
        image = image[0]
    else:
        make_targets, function = jax.vmap(make_targets, (None, 0, 0)), jax.vmap(function, (0, None, 0))
    shapes = jax.eval_shape(make_targets, params, image, image)
    targets = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    if devices > 1:
        mesh = jax.make_mesh((devices,), ("batch",), (AxisType.Auto,))
        split, whole = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (("batch",), ()))
        (image, targets), params = jax.device_put((image, targets), split), jax.device_put(params, whole)
    image = jnp.asarray(image)
    with jaxstyle.convolution_algorithm(algorithm) if algorithm != "auto" else nullcontext():
        began = time.perf_counter()
        program = (
            jax.jit(function).lower(image, params, targets).compile(compiler_options=jaxstyle.COMPILER_OPTIONS.get(platform))
        )
        compiling = time.perf_counter() - began
    needed: Any = program.memory_analysis()
    sharing = devices if platform == "cpu" else 1  # of one memory
    check_memory(sharing * (needed.temp_size_in_bytes + needed.output_size_in_bytes), platform)
    began = time.perf_counter()
    losses, _ = jax.block_until_ready(program(image, params, targets))
    first = time.perf_counter() - began
    calls, run = repeated(lambda: program(image, params, targets))
    cost: Any = program.cost_analysis()  # of one device
    info = {
        "calls": calls,
        "seconds": {"compile": compiling, "first": first},
        "flops": cost.get("flops", 0.0) * devices,
        "bytes_accessed": cost.get("bytes accessed", 0.0) * devices,
        "direct_flops": direct_flops(width, height) * batch,
        "memory": {"temporary": needed.temp_size_in_bytes, "arguments": needed.argument_size_in_bytes},
        "shapes": {"image": image.shape, "targets": {k: v.shape for k, v in {**shapes.content, **shapes.style}.items()}},
        "dtype": str(image.dtype),
        "loss": {"total": float(jnp.mean(losses))},
        "device": {"kind": jax.devices()[0].device_kind, "count": devices},
    }
    return info, run


def check_memory(needed: int, platform: str) -> None:
    """Raises a MemoryError where fewer than `needed` bytes are to spare: a system that runs out of them ends the process."""
    free = psutil.virtual_memory().available
    if platform != "cpu":  # no device is asked for more than it has
        counts = jax.devices()[0].memory_stats() or {}
        free = counts["bytes_limit"] - counts["bytes_in_use"] if {"bytes_limit", "bytes_in_use"} <= counts.keys() else needed
    if needed > free:
        raise MemoryError(f"needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free")


def matrix_rate(precision: str, side: int) -> Job:
    """A product of two square matrices of so many rows, sums in float32: ``flops`` of each."""
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    dtype = jnp.bfloat16 if precision == "bfloat16" else jnp.float32
    a = jax.random.normal(jax.random.key(0), (side, side)).astype(dtype)
    exactly = {"float32": "highest", "tf32": "high"}.get(precision)
    function = jax.jit(partial(jnp.matmul, precision=exactly, preferred_element_type=jnp.float32))
    jax.block_until_ready(function(a, a))
    calls, run = repeated(lambda: function(a, a))
    return {"calls": calls, "flops": 2 * side**3, "shapes": {"a": a.shape}, "dtype": str(a.dtype)}, run


def bandwidth() -> Job:
    """x + 2 y of arrays far larger than any cache (McCalpin's STREAM triad): ``bytes_accessed`` of each."""
    jaxstyle.keep_pages()
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    x, y = (jnp.full(NUMBERS, value, jnp.float32) for value in (1, 2))
    function = jax.jit(lambda x, y: x + 2 * y, donate_argnums=0)
    held = [function(x, y)]

    def once() -> Any:
        held[0] = function(held[0], y)
        return held[0]

    calls, run = repeated(once)
    return {"calls": calls, "bytes_accessed": 3 * 4 * NUMBERS, "shapes": {"x": x.shape}, "dtype": str(y.dtype)}, run
