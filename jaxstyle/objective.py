"""The style transfer objective as a pure function of (image, params, targets), and the targets, which are computed once.

Images are float RGB in [0, 1], (H, W, 3). Everything here can be jitted, differentiated and vmapped; an `Objective` is static.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from jaxstyle.errors import InputError
from jaxstyle.losses import CANONICAL, Objective, content_loss, gram, style_loss, total_variation
from jaxstyle.vgg import Params, features


class Targets(NamedTuple):
    """What the image is compared with: features of the content, Grams of the style.

    Attributes:
        content: {tap: (H', W', C)}.
        style: {tap: (C, C)}.
    """

    content: dict[str, Array]
    style: dict[str, Array]


class Losses(NamedTuple):
    """The parts of a loss, each already times its weights, so that total = content + style + tv."""

    total: Array
    content: Array
    style: Array
    tv: Array


def make_targets(
    params: Params,
    content: Array,
    styles: Sequence[Array],
    *,
    objective: Objective = CANONICAL,
    blend: Sequence[float] | None = None,
    precision: str = "float32",
) -> Targets:
    """Computes the targets of an objective, and those of the canonical loss beside them.

    Args:
        params: the network.
        content: (H, W, 3), RGB in [0, 1].
        styles: one or more (H_i, W_i, 3), RGB in [0, 1]; each at its own size.
        objective: which layers, which pooling.
        blend: the styles' shares, scaled to the sum 1; equal by default. Several styles mix their Gram matrices.
        precision: that of the evaluations to come, whose rounding then cancels in the differences.

    Raises:
        InputError: where `blend` does not fit `styles`.
    """
    shares = [1.0] * len(styles) if blend is None else list(blend)
    if len(shares) != len(styles):
        raise InputError("blend", shares, f"must have one share for each style, {len(styles)} in all")
    if min(shares) < 0 or not sum(shares) > 0:
        raise InputError("blend", shares, "must be numbers of at least 0 with a positive sum")
    how = dict(pooling=objective.pooling, precision=precision)
    wanted = features(params, content, objective.content_layers, **how)
    mixed = {name: jnp.zeros(()) for name in objective.style_layers}
    for style, share in zip(styles, shares, strict=True):
        found = features(params, style, objective.style_layers, **how)
        mixed = {name: mixed[name] + share / sum(shares) * gram(found[name]) for name in mixed}
    return Targets(wanted, mixed)


def loss_terms(
    image: Array, params: Params, targets: Targets, *, objective: Objective = CANONICAL, precision: str = "float32"
) -> dict[str, dict[str, Array]]:
    """Each layer's part of the loss, times its weights: ``{"content": {tap: ()}, "style": {tap: ()}, "tv": {"image": ()}}``."""
    found = features(params, image, objective.taps, pooling=objective.pooling, precision=precision)
    content = {
        name: objective.content_weight * weight * content_loss(found[name], targets.content[name], objective.content_scale)
        for name, weight in objective.content_layers.items()
    }
    style = {
        name: objective.style_weight * weight * style_loss(gram(found[name]), targets.style[name], objective.style_scale)
        for name, weight in objective.style_layers.items()
    }
    tv = {"image": objective.tv_weight * total_variation(image, objective.tv_scale)} if objective.tv_weight else {}
    return {"content": content, "style": style, "tv": tv}


def loss_parts(
    image: Array, params: Params, targets: Targets, *, objective: Objective = CANONICAL, precision: str = "float32"
) -> Losses:
    """Total, content, style and total-variation loss of an (H, W, 3) image; each a scalar."""
    terms = loss_terms(image, params, targets, objective=objective, precision=precision)
    content, style, tv = (sum(terms[part].values(), jnp.zeros(())) for part in ("content", "style", "tv"))
    return Losses(content + style + tv, content, style, tv)


def total_loss(
    image: Array, params: Params, targets: Targets, *, objective: Objective = CANONICAL, precision: str = "float32"
) -> Array:
    """The scalar that the transfer minimises, for an (H, W, 3) image in [0, 1] (paper, eq. 7; weights by `objective`).

    `precision` is that of the convolutions' operands (see `features`); Grams and losses are float32.

    Values outside [0, 1] are as good as any: nothing is clamped here, since that would corrupt L-BFGS' curvature pairs.
    """
    return loss_parts(image, params, targets, objective=objective, precision=precision).total
