"""Where the arrays of a run lie: on one device, a batch's members spread over several, or the rows of one picture.

The programs are the same: plain `jit` with `NamedSharding`s on what goes in and comes out, from which XLA works out the rest
(Xu et al., GSPMD, 2021): the halos of rows that convolutions need, and the sums over devices of a Gram matrix.
"""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from jaxstyle.errors import InputError, Plain

ROWS = 16
"""Rows of a picture that make one of VGG's deepest block: each device holds a multiple of them."""


class Layout(Protocol):
    """How the arrays of a run are divided between devices."""

    @property
    def count(self) -> int:
        """How many devices there are."""
        ...

    def sharding(self, shape: tuple[int, ...]) -> NamedSharding | None:
        """The sharding of a run's array of this shape; None leaves it where JAX puts it."""
        ...

    def shapes(self, tree: Any) -> Any:
        """Shapes and dtypes of a pytree, with their shardings."""
        return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=self.sharding(a.shape)), tree)

    def shardings(self, tree: Any) -> Any:
        """The shardings of a pytree's arrays, as `jax.jit` takes them; None where nothing is divided."""
        ...

    def put(self, tree: Any) -> Any:
        """Arrays of a run, divided between the devices."""
        ...

    def replicate(self, tree: Any) -> Any:
        """Arrays of which every device needs a whole copy."""
        ...


@dataclass(frozen=True)
class SingleDevice(Layout):
    """One device: everything stays where JAX puts it."""

    @property
    def count(self) -> int:
        return 1

    def sharding(self, shape: tuple[int, ...]) -> NamedSharding | None:
        return None

    def shardings(self, tree: Any) -> Any:
        return None

    def put(self, tree: Any) -> Any:
        return tree

    def replicate(self, tree: Any) -> Any:
        return tree


@dataclass(frozen=True)
class DataParallel(Layout):
    """The leading axis of every array is divided: the members of a batch, whose number is a multiple of the devices'."""

    devices: tuple[Any, ...]

    @property
    def _mesh(self) -> Mesh:
        return Mesh(np.array(self.devices), ("devices",), axis_types=(AxisType.Auto,))

    @property
    def count(self) -> int:
        return len(self.devices)

    def spec(self, shape: tuple[int, ...]) -> PartitionSpec:
        """Which axis of an array of this shape is divided."""
        return PartitionSpec("devices")

    def sharding(self, shape: tuple[int, ...]) -> NamedSharding:
        return NamedSharding(self._mesh, self.spec(shape))

    def shardings(self, tree: Any) -> Any:
        return jax.tree.map(lambda a: self.sharding(a.shape), tree)

    def put(self, tree: Any) -> Any:
        return jax.tree.map(lambda a: jax.device_put(a, self.sharding(a.shape)), tree)

    def replicate(self, tree: Any) -> Any:
        return jax.device_put(tree, NamedSharding(self._mesh, PartitionSpec()))


@dataclass(frozen=True)
class SpatialParallel(DataParallel):
    """The rows of one picture are divided, and with them its features, its gradient and the solver's history.

    Attributes:
        height, width: of the picture.
    """

    height: int
    width: int

    def spec(self, shape: tuple[int, ...]) -> PartitionSpec:
        if len(shape) == 3 and shape[0] % self.count == 0 and 2 * ROWS * shape[0] >= self.height:  # images, features, guides
            return PartitionSpec("devices")
        if shape[1:-1] == (self.height, self.width):  # pairs of L-BFGS
            return PartitionSpec(None, "devices")
        return PartitionSpec()


def layout_of(width: int, height: int, devices: int) -> Layout:
    """The layout for one picture on so many devices.

    Raises:
        InputError: where there are not so many, or the picture's rows cannot be shared evenly.
    """
    if devices == 1:
        return SingleDevice()
    here = jax.local_devices()
    if devices > len(here):
        raise InputError("devices", devices, f"is more than the {len(here)} that JAX finds here")
    step = ROWS * devices
    if height % step:
        lower, upper = height // step * step, -(-height // step) * step
        near = " or ".join(f"{width}x{h}" for h in (lower, upper) if h)
        problem = f"cannot be shared by {devices} devices: its height must be a multiple of {step}"
        raise InputError("size", Plain(f"{width}x{height}"), problem, f"give {near}")
    return SpatialParallel(tuple(here[:devices]), height, width)


def layouts_of(sizes: Sequence[tuple[int, int]], devices: int) -> list[Layout]:
    """The layouts of a run through these (width, height), the full one last.

    A smaller one whose rows cannot be shared evenly is for one device.

    Raises:
        InputError: see `layout_of`, for the full size.
    """
    *coarse, full = sizes
    return [*(layout_of(*size, 1 if size[1] % (ROWS * devices) else devices) for size in coarse), layout_of(*full, devices)]


def members_layout(devices: Sequence[Any]) -> Layout:
    """The layout for a batch on these devices."""
    return DataParallel(tuple(devices)) if len(devices) > 1 else SingleDevice()


def devices_for(batch: int) -> int:
    """The largest number of this process's devices that divides `batch`, so that all of them get equal parts."""
    return max(n for n in range(1, jax.local_device_count() + 1) if batch % n == 0)


def has_unused_gpu(nodes: Path = Path("/dev")) -> bool:
    """Whether there is an NVIDIA GPU that JAX does not compute on, though nobody told it so."""
    told = jax.config.jax_platforms or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")  # pyright: ignore
    if told or jax.default_backend() != "cpu":
        return False
    return shutil.which("nvidia-smi") is not None or any(nodes.glob("nvidia[0-9]*"))


def training_precision() -> str:
    """Of convolutions while a network learns: bfloat16 where the hardware has units for it."""
    backend = jax.default_backend()
    if backend == "gpu":
        capability = getattr(jax.local_devices()[0], "compute_capability", "0")
        return "bfloat16" if float(capability or 0) >= 8 else "float32"
    return "bfloat16" if backend == "tpu" else "float32"
