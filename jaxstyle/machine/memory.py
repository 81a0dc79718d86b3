"""How much memory a run takes, and how much there is."""

import os
import sys
from pathlib import Path
from typing import Any

import jax
import psutil

from jaxstyle.errors import InputError, Plain
from jaxstyle.machine.containers import containers_free

FIXED = 60_000_000
"""Bytes that a run takes at any size: the transformed kernel of one convolution, mostly."""


def available() -> int | None:
    """Bytes that can still be had on the device, this process' container included; None where the device does not say."""
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return host_available()
    stats = device.memory_stats() or {}
    return stats["bytes_limit"] - stats["bytes_in_use"] if {"bytes_limit", "bytes_in_use"} <= set(stats) else None


def host_available() -> int:
    """Bytes that can still be had in the host's memory, this process' container included."""
    return min([psutil.virtual_memory().available, *containers_free()])


def resident() -> int:
    """Bytes that this process holds now, on the device or, on a CPU, in all."""
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return psutil.Process().memory_info().rss
    return (device.memory_stats() or {}).get("bytes_in_use", 0)


def peak() -> int | None:
    """The most bytes that this process has held so far, on the device or, on a CPU, in all; None where nobody counts them."""
    device = jax.local_devices()[0]
    if device.platform != "cpu":
        return (device.memory_stats() or {}).get("peak_bytes_in_use")
    if os.name == "nt":
        return psutil.Process().memory_info().peak_wset
    if (status := Path("/proc/self/status")).exists():  # getrusage would count what the parent held before it started us
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def held(program: Any) -> int:
    """Bytes of a compiled program's arguments."""
    return program.memory_analysis().argument_size_in_bytes


def working(program: Any) -> int:
    """Bytes that a compiled program takes beside its arguments, while it runs."""
    found = program.memory_analysis()
    return found.temp_size_in_bytes + max(0, found.output_size_in_bytes - found.alias_size_in_bytes)


def size_of(tree: Any) -> int:
    """Bytes of the arrays in a pytree."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))


def largest(width: int, height: int, needed: int, free: int) -> tuple[int, int]:
    """The largest size of the same shape that fits, to multiples of 8 pixels: all but `FIXED` grows with the pixels."""
    factor = min(1.0, max(0.0, 0.97 * free - FIXED) / max(1, needed - FIXED)) ** 0.5
    return int(width * factor) // 8 * 8, int(height * factor) // 8 * 8


def check(width: int, height: int, needed: int, free: int | None) -> None:
    """Raises an InputError where a run that needs so many bytes cannot have them; `free` is what `available` said."""
    if free is not None and needed > free:
        wide, high = largest(width, height, needed, free)
        problem = f"needs about {gigabytes(needed)} of memory beside what is in use, and {gigabytes(free)} are free"
        remedy = f"the largest that fits is about {wide}x{high}" if min(wide, high) >= 16 else "close other programs"
        raise InputError("size", Plain(f"{width}x{height}"), problem, remedy)


def gigabytes(count: float) -> str:
    """``"1.25 GB"``."""
    return f"{count / 1e9:.3g} GB"
