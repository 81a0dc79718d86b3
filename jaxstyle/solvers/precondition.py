"""The variable that a solver moves in place of the image: the same pictures, better conditioned.

The loss is far steeper in fine detail than in broad shapes and areas of colour. A solver that treats all pixels alike settles
texture first and needs hundreds of evaluations for the rest. So image = start + L z, where L multiplies spatial frequency f by
a power of f: the loss is then nearly as steep in every frequency of z, and L-BFGS needs far fewer evaluations.

Fine detail of colour alone hardly changes the loss (its curvature vanishes above a fifth of a cycle per pixel). So z has
opponent colours, and L reduces the fine detail of the two that carry no brightness.

Where the colours of a picture should hardly move, as with a style that has next to none, L reduces these two as a whole.

Where a picture is to keep its longest waves, L z is without them.

Images are float RGB in [0, 1], (H, W, 3); z is in 8-bit levels, and where it is (H, W, 1) it moves brightness alone.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxstyle.errors import unknown
from jaxstyle.pictures.colour import OPPONENT, PIXEL
from jaxstyle.pictures.waves import Waves

PRECONDITIONERS = ("none", "spectral")
"""What `decode` knows; the benchmark suite compares them on every pair and from every start."""

EXPONENT = 0.5
CHROMA_EDGE = 0.2  # cycles per pixel
_EDGES = (np.inf, CHROMA_EDGE, CHROMA_EDGE)
_WEIGHTS = (1.0, 1.0, 0.8)


def gains(height: int, width: int) -> Array:
    """The gain of every frequency of a real transform and opponent colour, (H, W//2 + 1, 3), float32, mean square 1.

    f**-EXPONENT, for the two colours times a weight / (1 + (f / CHROMA_EDGE)**2). The lowest frequency that fits the picture
    stands in for zero. Computed where it is used: as a constant it would be megabytes of every compiled program.
    """
    edges, weights = (jnp.asarray(v, jnp.float32)[None, None] for v in (_EDGES, _WEIGHTS))
    gain = _gain(_frequency(height, width)[..., None], edges, weights)
    return gain * lax.rsqrt(jnp.mean(gain**2))


def _frequency(height: int, width: int) -> Array:
    """Of every entry of a real transform, (H, W//2 + 1), in cycles per pixel."""
    rows, columns = (jnp.asarray(f, jnp.float32) for f in (np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]))
    return jnp.maximum(jnp.sqrt(rows**2 + columns**2), 1 / max(height, width))


def _gain(frequency: Array, edge: Array, weight: Array) -> Array:
    return weight * frequency**-EXPONENT / (1 + (frequency / edge) ** 2)


def check_preconditioner(name: str) -> str:
    """`name`, or an InputError where it is unknown."""
    if name not in PRECONDITIONERS:
        raise unknown("preconditioner", name, PRECONDITIONERS)
    return name


def decode(
    z: Array,
    start: Array,
    preconditioner: str = "none",
    *,
    chroma: Array | float = 1.0,
    held: Waves | None = None,
    sparing: bool = False,
) -> Array:
    """The image that a variable stands for: start + L z, (H, W, 3); linear in z, which is zero at the start.

    Args:
        z: (H, W, 3), or (H, W, 1) to move all three channels alike.
        start: (H, W, 3).
        preconditioner: one of `PRECONDITIONERS`.
        chroma: gain of the two opponent colours beside that of brightness, 0 to 1, a scalar or (H, W, 1).
        held: waves that the image keeps as they are at the start.
        sparing: whether to hold the spectrum of one colour at a time, where memory is short; equal up to rounding.

    Returns:
        (H, W, 3), not clipped.

    Raises:
        InputError: where the preconditioner is unknown.
    """
    if check_preconditioner(preconditioner) == "none":
        grey = jnp.mean(z, -1, keepdims=True)
        return start + _free(z if z.shape[-1] == 1 else grey + _everywhere(chroma) * (z - grey), held) / PIXEL
    if sparing:
        return _decoded(z, start, _everywhere(chroma), held)
    height, width, channels = z.shape
    spectrum = jnp.fft.rfft2(z, axes=(0, 1)) * gains(height, width)[..., :channels]
    opponent = jnp.fft.irfft2(spectrum, s=(height, width), axes=(0, 1))
    opponent = jnp.concatenate([opponent[..., :1], opponent[..., 1:] * _everywhere(chroma)], -1)
    # By default a GPU would round the picture to tf32 here, and a TPU to bfloat16.
    change = jnp.matmul(_free(opponent, held), jnp.asarray(OPPONENT[:channels], z.dtype), precision="highest")
    return start + change / PIXEL


def _free(change: Array, held: Waves | None) -> Array:
    return change if held is None else held.without(change)


def _everywhere(chroma: Array | float) -> Array:
    """A gain of colours as (H, W, 1) or (1, 1, 1)."""
    chroma = jnp.asarray(chroma, jnp.float32)
    return chroma if chroma.ndim == 3 else chroma[None, None, None]


@jax.custom_vjp
def _decoded(z: Array, start: Array, chroma: Array, held: Waves | None) -> Array:
    """`decode`, one opponent colour after the other."""

    def add(k: Array, image: Array) -> Array:
        change = _gain_of(k, chroma) * _filtered(lax.dynamic_index_in_dim(z, k, 2, keepdims=False), k)
        return image + _free(change[..., None], held) * (_opponent(z)[k] / PIXEL)[None, None]

    return lax.fori_loop(0, z.shape[-1], add, start)


def _decoded_bwd(kept: tuple[Array, Array, Waves | None], grad: Array) -> tuple[Array, Array, None, None]:
    # A real, even filter is its own transpose, and so is what is free.
    place, chroma, held = kept

    def put(k: Array, total: Array) -> Array:
        change = jnp.sum(grad * (_opponent(grad)[k] / PIXEL)[None, None], -1, keepdims=True)
        change = _filtered(_gain_of(k, chroma) * _free(change, held)[..., 0], k)
        return lax.dynamic_update_slice(total, change[..., None], (0, 0, k))

    # Zeros by themselves would be made at the start of the program, and held until here.
    zeros = jnp.full((*grad.shape[:2], len(place)), 0 * grad[0, 0, 0])
    return lax.fori_loop(0, len(place), put, zeros), grad, None, None


_decoded.defvjp(lambda z, start, *rest: (_decoded(z, start, *rest), (z[0, 0], *rest)), _decoded_bwd)


def _gain_of(k: Array, chroma: Array) -> Array:
    """The gain of opponent colour number k, (H, W) or (1, 1): that of brightness is 1."""
    return jnp.where(k == 0, 1.0, chroma[..., 0])


def _opponent(like: Array) -> Array:
    return jnp.asarray(OPPONENT, like.dtype)


def _filtered(channel: Array, k: Array) -> Array:
    """Opponent colour number k, (H, W), with the gains of its frequencies."""
    height, width = channel.shape
    frequency = _frequency(height, width)
    edges, weights = (jnp.asarray(v, jnp.float32) for v in (_EDGES, _WEIGHTS))
    power = sum(jnp.mean(_gain(frequency, *each) ** 2) for each in zip(edges, weights, strict=True)) / 3
    spectrum = jnp.fft.rfft2(channel) * (_gain(frequency, edges[k], weights[k]) * lax.rsqrt(power))
    return jnp.fft.irfft2(spectrum, s=(height, width))
