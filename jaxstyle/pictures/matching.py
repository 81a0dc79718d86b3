"""Colours of one picture moved to those of another: an affine map of pixels that gives them the other's mean and covariance.

Images are (H, W, C): float RGB in [0, 1], or brightness alone with C = 1. Where S is the covariance of the picture and T that
of the other, the map A has A S A^T = T. There are many, of which three are known by name (Gatys et al., Preserving Color in
Neural Artistic Style Transfer, 2016; Pitié and Kokaram, The Linear Monge-Kantorovitch Linear Colour Mapping, 2007):

    cholesky  L_T L_S^-1, where L L^T is the covariance; depends on the order of the channels
    pca       T^1/2 S^-1/2
    mk        S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2, the one that moves colours least (optimal transport between Gaussians)
"""

from collections.abc import Callable

import numpy as np

EPS = 1e-5
"""Added to the variances, so that a grey or constant picture has a map; half a level of 8 bits is a variance of 4e-6."""


def moments(image: np.ndarray, weights: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of an image's colours, (C,) and (C, C), in float64.

    Args:
        image: (H, W, C).
        weights: (H, W), what each pixel counts, such as its opacity; all count the same by default, or where all are zero.
    """
    pixels = np.asarray(image, np.float64).reshape(-1, image.shape[-1])
    parts = None if weights is None else np.asarray(weights, np.float64).ravel()
    parts = np.full(len(pixels), 1 / len(pixels)) if parts is None or not parts.any() else parts / parts.sum()
    mean = parts @ pixels
    centred = pixels - mean
    return mean, (centred * parts[:, None]).T @ centred


def _root(covariance: np.ndarray, power: float = 0.5) -> np.ndarray:
    values, basis = np.linalg.eigh(covariance)
    return (basis * np.maximum(values, np.finfo(float).tiny) ** power) @ basis.T


def _cholesky(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.linalg.cholesky(target) @ np.linalg.inv(np.linalg.cholesky(source))


def _pca(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    return _root(target) @ _root(source, -0.5)


def _mk(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    root, inverse = _root(source), _root(source, -0.5)
    return inverse @ _root(root @ target @ root) @ inverse


MATCHES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {"mk": _mk, "pca": _pca, "cholesky": _cholesky}
"""The maps: (covariance of the picture, of the other) -> (C, C), both positive definite."""


def match(
    image: np.ndarray,
    other: np.ndarray,
    method: str = "mk",
    *,
    weights: np.ndarray | None = None,
    other_weights: np.ndarray | None = None,
    eps: float = EPS,
) -> np.ndarray:
    """`image` with the mean and covariance of the colours of `other`, both (H, W, C); float32, not clipped.

    Args:
        method: key of `MATCHES`.
        weights, other_weights: (H, W), what the pixels of each count, as of `moments`.
        eps: added to the variances of both; with 0 the map is exact, and neither may be constant or grey.
    """
    (mean, source), (wanted, target) = moments(image, weights), moments(other, other_weights)
    ground = eps * np.eye(len(mean))
    matrix = MATCHES[method](source + ground, target + ground)
    return ((image - mean.astype(np.float32)) @ matrix.T.astype(np.float32) + wanted.astype(np.float32)).astype(np.float32)
