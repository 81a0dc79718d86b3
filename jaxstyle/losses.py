"""Content, style and total-variation losses as pure functions, and the conventions of the paper and of other tools as data.

Features are (H, W, C), images (H, W, 3) RGB in [0, 1]. M = H*W. Every Gram matrix here is divided by M, so that it does not
depend on the size of the picture; what a convention does differently is a factor on the mean square that `Objective` names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import sqrt

import jax
import jax.numpy as jnp
from jax import Array, lax

PIXEL = 255.0
"""Total variation, Adam's step and L-BFGS' first step are measured in 8-bit levels, as in the tools that defined them."""

CONTENT_SCALES = {
    "mean": lambda c, m: 1 / (c * m),
    "half-sum": lambda c, m: 1 / 2,
    "half-root": lambda c, m: 1 / (2 * sqrt(c) * sqrt(m)),
}
"""Factor on sum((F - P)^2) for C channels and M places; half-sum is the paper's eq. 1; cysmith's content kernels 1, 2, 3
are half-root, mean, half-sum."""

STYLE_SCALES = {
    "mean": lambda c: 1.0,
    "quarter-mean": lambda c: 1 / 4,
    "mean-by-channels": lambda c: 1 / c**2,
}
"""Factor on mean((G - A)^2) for C channels; quarter-mean is the paper's eq. 4 for Grams divided by M."""


@jax.custom_vjp
def gram(features: Array) -> Array:
    """Correlations of channels, (H, W, C) -> (C, C): F^T F / (H*W) (paper, eq. 3, divided by the number of places)."""
    flat = features.reshape(-1, features.shape[-1])  # (M, C)
    return lax.dot_general(flat, flat, (((0,), (0,)), ((), ())), precision="highest") / flat.shape[0]


def _gram_fwd(features: Array) -> tuple[Array, Array]:
    return gram(features), features


def _gram_bwd(features: Array, grad: Array) -> tuple[Array]:
    # One product, F (dG + dG^T) / M, where the derived gradient makes one for each of the two factors.
    flat = features.reshape(-1, features.shape[-1])
    spread = lax.dot(flat, (grad + grad.T) / flat.shape[0], precision="highest")
    return (spread.reshape(features.shape),)


gram.defvjp(_gram_fwd, _gram_bwd)


def content_loss(features: Array, target: Array, scale: str = "mean") -> Array:
    """`CONTENT_SCALES[scale]` times the sum of squared differences of two (H, W, C) features."""
    channels, places = features.shape[-1], features.shape[0] * features.shape[1]
    return CONTENT_SCALES[scale](channels, places) * jnp.sum((features - target) ** 2)


def style_loss(matrix: Array, target: Array, scale: str = "mean") -> Array:
    """`STYLE_SCALES[scale]` times the mean squared difference of two (C, C) Gram matrices."""
    return STYLE_SCALES[scale](matrix.shape[-1]) * jnp.mean((matrix - target) ** 2)


def _absolute(x: Array) -> Array:
    down, right = x[1:] - x[:-1], x[:, 1:] - x[:, :-1]
    # |d| as d * sign(d): the derivative of jnp.abs at zero is 1, and flat areas must stay flat.
    return sum((jnp.sum(d * lax.stop_gradient(jnp.sign(d))) for d in (down, right)), jnp.zeros(()))


def _half_squares(x: Array) -> Array:
    down, right = x[1:, :-1] - x[:-1, :-1], x[:-1, 1:] - x[:-1, :-1]
    return (jnp.sum(down**2) + jnp.sum(right**2)) / 2


TV_SCALES = {"absolute": _absolute, "half-squares": _half_squares}


def total_variation(image: Array, scale: str = "absolute") -> Array:
    """Roughness of an (H, W, 3) image in [0, 1], measured in 8-bit levels.

    ``absolute``: the sum of absolute differences of neighbours (`tf.image.total_variation`). ``half-squares``: half the sum
    of squared differences over the (H-1) x (W-1) block that has both neighbours (jcjohnson/neural-style).
    """
    return TV_SCALES[scale](image * PIXEL)


def _equal(weight: float, *layers: str) -> Mapping[str, float]:
    return dict.fromkeys(layers, weight)


FIRSTS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class Objective:
    """What is minimised: content_weight * content + style_weight * style + tv_weight * total variation.

    Content and style are sums over their layers of the layer's weight times the loss on the named scale.

    Attributes:
        content_layers, style_layers: weight by tap.
        content_weight, style_weight, tv_weight: coefficients of the three terms.
        content_scale, style_scale, tv_scale: keys of `CONTENT_SCALES`, `STYLE_SCALES`, `TV_SCALES`.
        pooling: ``"max"`` or ``"avg"``.
        style_fit: ``"own"`` keeps the style picture's aspect; ``"content"`` resizes it to the content's exact shape.
        init: where this convention starts.
    """

    content_layers: Mapping[str, float] = field(default_factory=lambda: _equal(1.0, "relu4_2"))
    style_layers: Mapping[str, float] = field(default_factory=lambda: _equal(1.0, *FIRSTS))
    content_weight: float = 1.0
    style_weight: float = 1e3
    tv_weight: float = 0.0
    content_scale: str = "mean"
    style_scale: str = "mean-by-channels"
    tv_scale: str = "absolute"
    pooling: str = "max"
    style_fit: str = "own"
    init: str = "content"

    def __hash__(self) -> int:  # so that an objective can be a static argument of jax.jit
        return hash(tuple(tuple(v.items()) if isinstance(v, Mapping) else v for v in vars(self).values()))

    @property
    def form(self) -> "Objective":
        """The objective with every weight 1, total variation's 0 where it is 0: what a compiled program depends on."""
        content, style = (dict.fromkeys(layers, 1.0) for layers in (self.content_layers, self.style_layers))
        tv = 1.0 if self.tv_weight else 0.0
        return replace(self, content_layers=content, style_layers=style, content_weight=1.0, style_weight=1.0, tv_weight=tv)


PRESETS = {
    # Gatys' own notebook (leongatys/PytorchNeuralStyleTransfer): the canonical scale on which every result is reported.
    "gatys-notebook": Objective(),
    # The text of Gatys, Ecker, Bethge, CVPR 2016, alpha/beta = 1e-3; meant for a network with normalised activations.
    "gatys-paper": Objective(
        style_layers=_equal(1 / 5, *FIRSTS),
        content_scale="half-sum",
        style_scale="quarter-mean",
        pooling="avg",
        style_fit="content",
        init="noise",
    ),
    # jcjohnson/neural-style. Its Gram is divided by C*H*W, hence a mean by channels here.
    "johnson": Objective(content_weight=5.0, style_weight=1e2, tv_weight=1e-3, tv_scale="half-squares", init="noise"),
    # cysmith/neural-style-tf with content kernel 1 (kernels 2 and 3: content_scale mean, half-sum). Layer weights of 1/5 are
    # divided by the number of layers once more. Its content tap lies before the bias, which cancels in the difference.
    "cysmith": Objective(
        content_layers=_equal(1.0, "conv4_2"),
        style_layers=_equal(1 / 25, *FIRSTS),
        content_weight=5.0,
        style_weight=1e4,
        tv_weight=1e-3,
        content_scale="half-root",
        style_scale="quarter-mean",
        pooling="avg",
        style_fit="content",
    ),
    # pystiche's command line; made for torchvision's VGG-19 on its own input scale.
    "pystiche": Objective(style_layers=_equal(1 / 5, *FIRSTS), style_scale="mean"),
}

CANONICAL = PRESETS["gatys-notebook"]
