"""A loss whose crops are divided between devices. Each device has its crops and a copy of all that learns; only sums of
losses and gradients go between devices."""

from collections.abc import Callable
from typing import Any

import jax
from jax import lax
from jax.sharding import AxisType, PartitionSpec

AXIS = "batch"
"""The name of the axis along which crops are divided."""
REPLICATED, DIVIDED = PartitionSpec(), PartitionSpec(AXIS)
"""Of an argument or a result: every device has all of it; every device has its part of the leading axis."""


def data_parallel(function: Callable, devices: int, in_specs: Any, out_specs: Any) -> Callable:
    """`function`, run on several devices at once, each with its part of the crops.

    Args:
        function: of arrays. It must give the same on every device where `out_specs` says `REPLICATED`: see `mean_over_devices`.
        devices: how many; `function` itself is returned for one.
        in_specs, out_specs: `REPLICATED` or `DIVIDED` for each argument and result, as `jax.shard_map` takes them.
    """
    if devices == 1:
        return function
    mesh = jax.make_mesh((devices,), (AXIS,), (AxisType.Auto,))
    return jax.shard_map(function, mesh=mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False)


def mean_over_devices(tree: Any, devices: int) -> Any:
    """The mean of each array over the devices, inside a function of `data_parallel`."""
    return jax.tree.map(lambda leaf: lax.pmean(leaf, AXIS), tree) if devices > 1 else tree
