"""The 3x3 convolution of a frozen network, and its 2x2 pools, with backward passes made for image gradients.

Arrays are NHWC, kernels HWIO; any batch and channel counts, any float dtype. Pure `jax.numpy` and `jax.lax`.

The derived input gradient of `lax.conv_general_dilated` is a convolution with a transposed kernel layout that XLA's CPU
backend runs several times slower inside loops and conditionals. Written as an ordinary convolution with the kernel turned
round it has the same values everywhere. The derived gradient of a max pool (select-and-scatter) is slow for the same kind
of reason; saving which of the four entries won makes it a broadcast and a comparison.

On a CPU the multiplications themselves are the cost, and Winograd's minimal filtering (Lavin & Gray, CVPR 2016) needs 2.25
(F2: 2x2 outputs from a 4x4 tile) or 4 times fewer (F4: 4x4 from 6x6). GPUs and TPUs do better with their own convolution.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxstyle.errors import unknown
from jaxstyle.network.borders import add_border_terms, add_border_terms_gradient, conv_with_padding, pad


def _cook_toom(*points: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(B^T, G, A^T): an output row of m is A^T ((G g) * (B^T d)) for a kernel row g of 3 and m + 2 inputs d.

    Interpolation at `points` and at infinity, m + 2 in all (Lavin & Gray, section 4, by way of Toom and Cook).
    """
    side = len(points) + 1

    def powers(width: int) -> np.ndarray:
        return np.vstack([np.vander(points, width, increasing=True), np.eye(width)[-1]])

    return np.linalg.inv(powers(side)).T, powers(3), powers(side - 2).T


# Pairs on both sides of 1 have half the rounding error of the usual 0, ±1, ±2 (Barabasz et al., "Error analysis and improving
# the accuracy of Winograd convolution for deep neural networks", ACM TOMS 2020), and these make B and A exact in float32.
_WINOGRAD = {2: _cook_toom(0, 1, -1), 4: _cook_toom(0, 3 / 4, -3 / 4, 3 / 2, -3 / 2)}


class Target(NamedTuple):
    """What a convolution is traced for.

    Attributes:
        backend: ``"cpu"``, ``"gpu"`` or ``"tpu"``; None for the one that JAX has here.
        algorithm: key of `ALGORITHMS`; None for `choose`'s.
    """

    backend: str | None = None
    algorithm: str | None = None


_NOTHING = Target()
_target: ContextVar[Target] = ContextVar("target", default=_NOTHING)

PRECISIONS = ("float32", "tf32", "bfloat16")
"""Of a convolution's operands. Sums are always kept in float32, and so is what lies between two convolutions; but a GPU gives
the sums of bfloat16 operands back rounded to bfloat16."""


def operand_precision(precision: str) -> lax.Precision | None:
    """What XLA is to do with the operands of a convolution or a product, for one of `PRECISIONS`."""
    return {"float32": lax.Precision.HIGHEST, "tf32": lax.Precision.HIGH, "bfloat16": None}[precision]


def _rounded(x: Array, precision: str) -> Array:
    return x.astype(jnp.bfloat16) if precision == "bfloat16" else x


def _direct(x: Array, kernel: Array, precision: str = "float32", input_gradient: bool = False, padding: str = "zero") -> Array:
    if padding != "zero" and current_backend() == "cpu" and x[0].size >= LARGE:
        add = add_border_terms_gradient if input_gradient else add_border_terms
        return add(_plain(x, 1, kernel, precision, input_gradient), x, kernel, padding)
    return conv_with_padding(
        partial(_plain, kernel=kernel, precision=precision, input_gradient=input_gradient), x, padding, input_gradient
    )


LARGE = 2**20
"""Values, from which a CPU is faster with the border computed by itself than with a copy that has one row and column more."""


def _plain(x: Array, zeros: int, kernel: Array, precision: str, input_gradient: bool) -> Array:
    """XLA's own convolution, with so many zeros around `x`."""
    dtype = x.dtype
    kernel = jnp.flip(kernel, (0, 1)).swapaxes(2, 3) if input_gradient else kernel  # (3, 3, O, I)
    if current_backend() != "cpu":  # XLA's CPU convolution would turn rounded operands back into float32
        x, kernel = _rounded(x, precision), _rounded(kernel, precision)
    layout = ("NHWC", "HWIO", "NHWC")
    exactly = operand_precision(precision)
    # cuDNN adds in float32 and rounds the sum to its operands' type: for another result XLA would widen the operands.
    how: Any = dict(precision=exactly, preferred_element_type=None if current_backend() == "gpu" else dtype)
    return lax.conv_general_dilated(x, kernel, (1, 1), ((zeros, zeros),) * 2, dimension_numbers=layout, **how).astype(dtype)


def _winograd_weights(x: Array, kernel: Array, precision: str, input_gradient: bool, *, m: int) -> Array:
    """The transform of a kernel, (side², ...), in time for its convolution of `x`.

    For an input gradient the kernel is turned. That one is never made: its transform is that of the kernel with the nine places
    read backwards.
    """
    to_kernel = jnp.asarray(np.kron(_WINOGRAD[m][1], _WINOGRAD[m][1]), x.dtype)
    # The zero ties the kernel to its layer's turn: XLA transforms all kernels at the start otherwise, and holds 300 MB of them.
    kernel = kernel + 0 * x[(0,) * x.ndim].astype(kernel.dtype)
    weights = ((to_kernel[:, ::-1] if input_gradient else to_kernel) @ kernel.reshape(9, -1)).reshape(-1, *kernel.shape[2:])
    return _rounded(weights, precision)


def _winograd_apply(x: Array, weights: Array, precision: str, input_gradient: bool, padding: str, *, m: int) -> Array:
    run = partial(_winograd_plain, weights=weights, precision=precision, input_gradient=input_gradient, m=m)
    return conv_with_padding(run, x, padding, input_gradient)


def _winograd_plain(x: Array, zeros: int, weights: Array, precision: str, input_gradient: bool, m: int) -> Array:
    """Lavin & Gray's algorithm on m x m outputs, each of its transforms one matrix product for both directions at once, with
    so many zeros around `x`."""
    to_input, _, to_output = (jnp.asarray(np.kron(matrix, matrix), x.dtype) for matrix in _WINOGRAD[m])
    dtype, (n, _, _, channels) = x.dtype, x.shape
    h, w = (length + 2 * (zeros - 1) for length in x.shape[1:3])  # of the output
    side, rows, columns = m + 2, -(-h // m), -(-w // m)
    x = _rounded(x, precision)
    below, right = ((blocks + 1) * m - length - 2 + zeros for blocks, length in ((rows, h), (columns, w)))
    framed = jnp.pad(x, ((0, 0), (zeros, below), (zeros, right), (0, 0)))
    # Entry (i, j) of every m x m block, (m, m, N, rows + 1, columns + 1, I); a tile is a block and two more of its neighbours'
    # rows and columns. Two joins of two: XLA writes one join of side² strided slices three times slower.
    blocks = framed.reshape(n, rows + 1, m, columns + 1, m, channels).transpose(2, 4, 0, 1, 3, 5)
    tall = jnp.concatenate([blocks[:, :, :, :-1], blocks[:2, :, :, 1:]])
    tiles = jnp.concatenate([tall[:, :, :, :, :-1], tall[:, :2, :, :, 1:]], 1).reshape(side * side, -1)
    inputs = jnp.matmul(_rounded(to_input, precision), tiles, preferred_element_type=dtype).reshape(side * side, -1, channels)
    summed = ((2,), (2 if input_gradient else 1,)), ((0,), (0,))  # over the channels, for each entry of a tile
    products = lax.dot_general(_rounded(inputs, precision), weights, summed, preferred_element_type=dtype)
    outputs = (to_output @ products.reshape(side * side, -1)).reshape(m, m, n * rows, columns, -1)
    return outputs.transpose(2, 0, 3, 1, 4).reshape(n, rows * m, columns * m, -1)[:, :h, :w]


def _winograd(
    x: Array, kernel: Array, precision: str = "float32", input_gradient: bool = False, padding: str = "zero", *, m: int
) -> Array:
    return _winograd_apply(
        x, _winograd_weights(x, kernel, precision, input_gradient, m=m), precision, input_gradient, padding, m=m
    )


_TILES = {f"winograd{m}": m for m in _WINOGRAD}
ALGORITHMS: dict[str, Callable[..., Array]] = {
    "direct": _direct,
    **{name: partial(_winograd, m=m) for name, m in _TILES.items()},
}
"""Convolutions by name, of (x, kernel, precision, input_gradient, padding); with `input_gradient` the gradient of one."""


def choose(backend: str, shape: tuple[int, ...], channels: int) -> str:
    """The fastest algorithm for an input (N, H, W, I) and `channels` outputs, as measured on two cores.

    `bench/studies/layers.py` times every layer of VGG-19 by each of them; the least counts of places are from whole evaluations
    at 64x48 to 512x512, where a layer that is alone in the caches tells less.

    Winograd pays on a CPU where the channels are many, so that its products outweigh its transforms, and where the places
    are, so that the kernel's transform is small beside them.
    """
    narrow, wide = sorted((shape[3], channels))
    places = shape[0] * shape[1] * shape[2]
    if backend != "cpu" or narrow < 64 or wide < 128 or places < 64:
        return "direct"
    return "winograd4" if places >= 768 else "winograd2"


@contextmanager
def traced_for(target: Target) -> Iterator[None]:
    """Within it, every convolution is traced for this backend, by this algorithm. What `target` leaves open stays as it was."""
    known = _target.get()
    token = _target.set(Target(target.backend or known.backend, target.algorithm or known.algorithm))
    try:
        yield
    finally:
        _target.reset(token)


@contextmanager
def convolution_algorithm(algorithm: str) -> Iterator[None]:
    """Within it, every convolution that is traced uses this algorithm: for benchmarks and tests.

    Args:
        algorithm: key of `ALGORITHMS`.

    Returns:
        A context manager.

    Raises:
        InputError: for any other.
    """
    if algorithm not in ALGORITHMS:
        raise unknown("algorithm", algorithm, ALGORITHMS)
    with traced_for(Target(algorithm=algorithm)):
        yield


def current_target() -> Target:
    """What convolutions are traced for here."""
    return _target.get()


def current_backend() -> str:
    """The backend that convolutions are traced for here."""
    return _target.get().backend or jax.default_backend()


def _convolve(x: Array, kernel: Array, precision: str, padding: str, input_gradient: bool = False) -> Array:
    """With `input_gradient` the gradient of a convolution, (N, H, W, O) -> (N, H, W, I).

    Under `vmap` over `x` alone the members share what depends on the kernel only. Each has the algorithm, and its products the
    shapes, of one convolved alone: rounding depends on them, and L-BFGS makes the most of it.
    """

    def algorithm(x: Array) -> str:
        return _target.get().algorithm or choose(current_backend(), x.shape, kernel.shape[2 if input_gradient else 3])

    @jax.custom_batching.custom_vmap
    def convolve(x: Array, kernel: Array) -> Array:
        return ALGORITHMS[algorithm(x)](x, kernel, precision, input_gradient, padding)

    @convolve.def_vmap
    def members(size: int, mapped: list[bool], x: Array, kernel: Array) -> tuple[Array, bool]:
        if mapped[1]:
            axes = tuple(0 if over else None for over in mapped)
            return jax.vmap(partial(_direct, precision=precision, input_gradient=input_gradient, padding=padding), axes)(
                x, kernel
            ), True
        m = _TILES.get(algorithm(x[0]))
        if m is None:
            joined = _direct(x.reshape(-1, *x.shape[2:]), kernel, precision, input_gradient, padding)
            return joined.reshape(size, -1, *joined.shape[1:]), True
        weights = _winograd_weights(x, kernel, precision, input_gradient, m=m)
        return lax.map(lambda one: _winograd_apply(one, weights, precision, input_gradient, padding, m=m), x), True

    return convolve(x, kernel)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def conv3x3(x: Array, kernel: Array, precision: str = "float32", padding: str = "zero") -> Array:
    """Cross-correlates an input with a kernel, at stride 1 and with one row or column more on every side.

    Differentiable in both arguments; the gradient with respect to `kernel` costs nothing unless it is asked for. The algorithm
    is the fastest one for the shape and backend, in both directions: XLA's own, or Winograd's (Lavin & Gray, CVPR 2016).

    Args:
        x: (N, H, W, I), of any float dtype.
        kernel: (3, 3, I, O).
        precision: of the operands, as of `features`; sums are float32.
        padding: what lies beyond the border, as of `features`.

    Returns:
        (N, H, W, O).
    """
    return _convolve(x, kernel, precision, padding)


def _conv3x3_fwd(x: Any, kernel: Any, precision: str, padding: str) -> tuple[Array, tuple[Array, Array | None]]:
    return _convolve(x.value, kernel.value, precision, padding), (kernel.value, x.value if kernel.perturbed else None)


WIDE = 128 * 256
"""Inputs times outputs, from which a CPU is faster with the gradient of a kernel as nine products of matrices."""


def _kernel_gradient(x: Array, kernel: Array, grad: Array, precision: str, padding: str) -> Array:
    """Of `conv3x3`. XLA's CPU backend takes up to four times as long for its own form of a wide one."""
    if current_backend() != "cpu" or kernel.shape[2] * kernel.shape[3] < WIDE:
        return jax.linear_transpose(lambda k: _direct(x, k, precision, False, padding), kernel)(grad)[0]
    h, w = x.shape[1:3]
    framed, flat = pad(x, padding), grad.reshape(-1, grad.shape[3])
    parts = [framed[:, i : i + h, j : j + w].reshape(-1, x.shape[3]).T @ flat for i in range(3) for j in range(3)]
    return jnp.stack(parts).reshape(kernel.shape)


def _conv3x3_bwd(
    precision: str, padding: str, saved: tuple[Array, Array | None], grad: Any
) -> tuple[Array | None, Array | None]:
    kernel, x = saved
    if isinstance(grad, jax.custom_derivatives.SymbolicZero):
        return None, None
    kernel_grad = None if x is None else _kernel_gradient(x, kernel, grad, precision, padding)
    return _convolve(grad, kernel, precision, padding, input_gradient=True), kernel_grad


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
