"""JAX as this package needs it: in single precision, and no stranger to what the environment or the caller has set.

What others set (JAX_ENABLE_X64, jax.config) holds for their own programs; ours give the same pictures whatever it is.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import jax

from jaxstyle.errors import InputError


@contextmanager
def computing(check: bool = True) -> Iterator[None]:
    """Within it, in this thread, JAX is as it is where nobody has set anything; a decorator too.

    Args:
        check: whether to look for the devices first; False where other hosts are still to be joined.

    Raises:
        InputError: where there is nothing to compute on, since JAX_PLATFORMS names what is not there.
    """
    if check:
        check_platform()
    with ExitStack() as stack:
        for mode in (
            jax.enable_x64(False),
            jax.numpy_dtype_promotion("standard"),
            jax.default_matmul_precision(None),
            jax.default_prng_impl("threefry2x32"),
            jax.threefry_partitionable(True),
            jax.debug_nans(False),  # solvers take back a step whose loss is no number
            jax.debug_infs(False),
            jax.disable_jit(False),
            jax.transfer_guard("allow"),
        ):
            stack.enter_context(mode)
        yield


def check_platform() -> None:
    """Raises an InputError where the platforms that were chosen are not there."""
    if not (chosen := jax.config.jax_platforms):  # pyright: ignore[reportAttributeAccessIssue]
        return
    try:
        jax.local_devices()
    except (RuntimeError, AssertionError):  # the latter from JAX 0.10, for what it knows and has no plugin for
        problem = "names no platform that JAX can compute on here"
        raise InputError("JAX_PLATFORMS", chosen, problem, "unset it, or set it to cpu") from None
