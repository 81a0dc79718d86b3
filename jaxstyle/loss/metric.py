"""How the difference of two Gram matrices is measured on the way to a picture: as it is, or whitened.

A step of the features along the gradient of a function of G = F^T F / M, whose derivative is X, moves G by
(G X + X G) * 2 / M. So the strong patterns of a style (its principal components of large variance) move thousands of times as
fast as the weak ones. With the mean square of G - A, which defines the loss, a solver settles the strong ones at once and
needs hundreds of evaluations for the weak ones.

The whitened metric applies the inverse of that map, which makes all patterns equally easy to move. In the basis of A's
principal components, with their variances s, it is a weight of 1 / (s_i + s_j) on the square of each entry.

A flat style (one colour, or two) has few patterns at all. The image must lose the others, on which the metric would put nearly
all of its weight, for the sake of an ever smaller part of the loss. With such a style the mean square itself is used.

The whitened metric's minimum is not quite that of the loss, since the content pulls against the style. So the last part of a
run uses the loss itself.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

METRICS = ("plain", "whitened")

FLOOR = 0.3
"""Added to the variances, whose mean is 1: much weaker patterns count as equally weak, since rounding disturbs them."""
LEVEL = 2.0
"""Factor on all weights: how much the style counts against the content."""

FEWEST = 1 / 3
"""Of all patterns a style must have, at one of its taps. White has 0.16, two colours 0.23, paintings 0.84 to 0.90 (64 px)."""
PRESENT = 0.01
"""A pattern that a style has is stronger than this, where the mean is 1."""


class Metric(NamedTuple):
    """Weighs the squares of the entries of a difference of (C, C) Gram matrices in a basis of its own.

    Attributes:
        basis: (C, C), orthonormal columns.
        weights: (C, C), of the entries in that basis.
    """

    basis: Array
    weights: Array


def _put(*parts: np.ndarray) -> Metric:
    return Metric(*(jax.device_put(part.astype(np.float32)) for part in parts))  # where `jnp.asarray` would compile a program


def plain(channels: int) -> Metric:
    """The mean square itself."""
    return _put(np.eye(channels), np.ones((channels, channels)))


def _patterns(target: Array) -> tuple[np.ndarray, np.ndarray]:
    """The principal components of a Gram matrix: variances whose mean is 1, (C,), and a basis, (C, C)."""
    gram = np.asarray(target, np.float64)
    variances, basis = np.linalg.eigh((gram + gram.T) / 2)
    return np.maximum(variances, 0) / max(variances.mean(), 1e-30), basis


def is_plain(metric: Metric) -> bool:
    """Whether a metric is the mean square itself."""
    return bool(np.all(np.asarray(metric.weights) == 1))


def for_style(grams: Mapping[str, Array]) -> dict[str, Metric]:
    """The metrics of a style's Gram matrices, (C, C), by tap: whitened, or plain where it is flat."""
    shares = [(_patterns(gram)[0] > PRESENT).mean() for gram in grams.values()]
    flat = max(shares, default=0) < FEWEST
    return {name: plain(len(gram)) if flat else whitened(gram) for name, gram in grams.items()}


def whitened(target: Array) -> Metric:
    """The metric for differences from a style's Gram matrix, which makes all of its patterns equally easy to move.

    `loss_terms` takes such metrics by tap. It is computed outside of any program, once for a style.

    Args:
        target: the Gram matrix of the style, (C, C).

    Returns:
        The principal components of the target, and the weights `LEVEL` / ((s_i + s_j) / 2 + `FLOOR`) for their variances s,
        whose mean is 1.
    """
    variances, basis = _patterns(target)
    weights = LEVEL / ((variances[:, None] + variances) / 2 + FLOOR)
    return _put(basis, weights)


def together(metrics: Sequence[Metric]) -> Metric:
    """The metrics of several regions as one of (R, C, C) arrays."""
    return _put(*(np.stack([np.asarray(part) for part in parts]) for parts in zip(*metrics, strict=True)))


def mean_square(difference: Array, metric: Metric) -> Array:
    """The mean of a difference's weighted squares; those of its entries as they are with `plain`."""
    inner = jnp.matmul(jnp.matmul(metric.basis.T, difference, precision="highest"), metric.basis, precision="highest")
    return jnp.mean(metric.weights * inner**2)
