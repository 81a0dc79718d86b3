"""The 3x3 convolution of a frozen network, and its 2x2 pools, with backward passes made for image gradients.

Arrays are NHWC, kernels HWIO; any batch and channel counts, any float dtype. Pure `jax.numpy` and `jax.lax`, no policy.

The derived input gradient of `lax.conv_general_dilated` is a convolution with a transposed kernel layout that XLA's CPU
backend runs several times slower inside loops and conditionals. Written as an ordinary convolution with the kernel turned
round it has the same values everywhere. The derived gradient of a max pool (select-and-scatter) is slow for the same kind
of reason; saving which of the four entries won makes it a broadcast and a comparison.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax

_LAYOUT = ("NHWC", "HWIO", "NHWC")


def _direct(x: Array, kernel: Array) -> Array:
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=_LAYOUT)


@jax.custom_vjp
def conv3x3(x: Array, kernel: Array) -> Array:
    """Cross-correlates `x` (N, H, W, I) with `kernel` (3, 3, I, O), stride 1, zero padding 1: (N, H, W, O).

    Differentiable in both arguments; the gradient with respect to `kernel` costs nothing unless it is asked for.
    """
    return _direct(x, kernel)


def _conv3x3_fwd(x: Any, kernel: Any) -> tuple[Array, tuple[Array, Array | None]]:
    return _direct(x.value, kernel.value), (kernel.value, x.value if kernel.perturbed else None)


def _conv3x3_bwd(saved: tuple[Array, Array | None], grad: Any) -> tuple[Array | None, Array | None]:
    kernel, x = saved
    if isinstance(grad, jax.custom_derivatives.SymbolicZero):
        return None, None
    turned = jnp.flip(kernel, (0, 1)).swapaxes(2, 3)  # (3, 3, O, I)
    kernel_grad = None if x is None else jax.linear_transpose(lambda k: _direct(x, k), kernel)(grad)[0]
    return _direct(grad, turned), kernel_grad


conv3x3.defvjp(_conv3x3_fwd, _conv3x3_bwd, symbolic_zeros=True)


def _windows(x: Array) -> Array:
    """(N, H, W, C) -> (N, H//2, 2, W//2, 2, C); an odd last row or column is dropped, as PyTorch does."""
    n, h, w, c = x.shape
    return x[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, c)


def average_pool(x: Array) -> Array:
    """Mean over 2x2 windows, stride 2: (N, H, W, C) -> (N, H//2, W//2, C)."""
    return _windows(x).mean((2, 4))


@jax.custom_vjp
def max_pool(x: Array) -> Array:
    """Maximum over 2x2 windows, stride 2: (N, H, W, C) -> (N, H//2, W//2, C).

    The gradient goes to the first of equal entries in row-major order, as in PyTorch.
    """
    return _windows(x).max((2, 4))


def _max_pool_fwd(x: Array) -> tuple[Array, tuple[Array, tuple[int, ...]]]:
    w = _windows(x)
    a, b, c, d = w[:, :, 0, :, 0], w[:, :, 0, :, 1], w[:, :, 1, :, 0], w[:, :, 1, :, 1]
    top, bottom = jnp.maximum(a, b), jnp.maximum(c, d)
    winner = jnp.where(bottom > top, jnp.where(d > c, 3, 2), jnp.where(b > a, 1, 0)).astype(jnp.uint8)
    return jnp.maximum(top, bottom), (winner, x.shape)


def _max_pool_bwd(saved: tuple[Array, tuple[int, ...]], grad: Array) -> tuple[Array]:
    winner, (n, h, w, c) = saved
    place = jnp.arange(4, dtype=jnp.uint8).reshape(1, 1, 2, 1, 2, 1)
    spread = jnp.where(winner[:, :, None, :, None] == place, grad[:, :, None, :, None], 0)
    even = spread.reshape(n, h // 2 * 2, w // 2 * 2, c)
    return (jnp.pad(even, ((0, 0), (0, h % 2), (0, w % 2), (0, 0))),)


max_pool.defvjp(_max_pool_fwd, _max_pool_bwd)
