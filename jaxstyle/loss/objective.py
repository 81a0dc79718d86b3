"""The style transfer objective as a pure function of (image, params, targets), and the targets, which are computed once.

Images are float RGB in [0, 1], (H, W, 3). Everything here can be jitted, differentiated and vmapped; an `Objective` is static.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxstyle.errors import InputError
from jaxstyle.loss.metric import Metric, mean_square
from jaxstyle.loss.presets import CANONICAL, Objective
from jaxstyle.loss.regions import Guides
from jaxstyle.loss.statistics import STATISTICS
from jaxstyle.loss.strips import features_and_statistics
from jaxstyle.loss.terms import STYLE_SCALES, content_factor, total_variation
from jaxstyle.network.vgg import Params


class Targets(NamedTuple):
    """What the image is compared with: features of the content, Gram matrices, or another statistic, of the style.

    Attributes:
        content: {tap: (H', W', C)}.
        style: {tap: (C, C)}; with regions {tap: (R, C, C)}; for another statistic as that is.
        guides: of the regions; None where there are none.
    """

    content: dict[str, Array]
    style: dict[str, Array]
    guides: Guides | None = None


class TermWeights(NamedTuple):
    """What multiplies each term of an objective, its layer weights included: the same structure as `loss_terms`.

    As arrays they are an argument of a compiled program like any other: other weights need no compilation, and the members
    of a batch can each have their own.

    Attributes:
        content, style: {tap: ()}, or with a leading axis under `vmap`.
        tv: ().
    """

    content: dict[str, Array]
    style: dict[str, Array]
    tv: Array

    @classmethod
    def of(cls, objective: Objective) -> "TermWeights":
        """The weights of an objective as float32 scalars."""
        content = {name: objective.content_weight * weight for name, weight in objective.content_layers.items()}
        style = {name: objective.style_weight * weight for name, weight in objective.style_layers.items()}
        return jax.tree.map(jnp.float32, cls(content, style, objective.tv_weight))  # pyright: ignore[reportArgumentType]


class Losses(NamedTuple):
    """The parts of a loss, each already times its weights, so that total = content + style + tv."""

    total: Array
    content: Array
    style: Array
    tv: Array


def _reading(objective: Objective, precision: str, strips: bool) -> dict[str, Any]:
    """How `features_and_statistics` computes features for an objective."""
    statistic = STATISTICS[objective.statistic]
    return dict(pooling=objective.pooling, padding=objective.padding, precision=precision, strips=strips, statistic=statistic)


def content_target(
    params: Params, content: Array, *, objective: Objective = CANONICAL, precision: str = "float32", strips: bool = False
) -> dict[str, Array]:
    """Features of a content, RGB in [0, 1], (H, W, 3) -> {tap: (H', W', C)} for the objective's content layers."""
    return features_and_statistics(params, content, objective.content_layers, (), **_reading(objective, precision, strips))[0]


def style_target(
    params: Params,
    style: Array,
    guides: dict[str, Array] | None = None,
    *,
    objective: Objective = CANONICAL,
    precision: str = "float32",
    strips: bool = False,
) -> dict[str, Array]:
    """Gram matrices of a style, RGB in [0, 1], (H, W, 3) -> {tap: (C, C)} for the objective's style layers; of its regions,
    {tap: (R, C, C)}, with `guides`, {tap: (H', W', R)}."""
    return features_and_statistics(
        params, style, (), objective.style_layers, guides=guides, **_reading(objective, precision, strips)
    )[1]


def shares(blend: Sequence[float] | None, styles: int, *, shown: object = None) -> tuple[float, ...]:
    """What each of several styles counts: `blend` scaled to the sum 1, or equal parts where it is None.

    Raises:
        InputError: where `blend` does not fit so many styles; it shows `shown`, what the user wrote, in place of `blend`.
    """
    shown = blend if shown is None else shown
    given = [1.0] * styles if blend is None else list(blend)
    if len(given) != styles:
        raise InputError("blend", shown, f"must have one share for each style, {styles} in all")
    if min(given) < 0 or not sum(given) > 0:
        raise InputError("blend", shown, "must be numbers of at least 0 with a positive sum")
    return tuple(share / sum(given) for share in given)


def mix_styles(styles: Sequence[dict[str, Array]], blend: Sequence[float] | None = None) -> dict[str, Array]:
    """Several styles' Gram matrices as one: their mean, weighted by `blend`, which is scaled to the sum 1.

    Raises:
        InputError: where `blend` does not fit `styles`.
    """
    parts = shares(blend, len(styles))
    return {name: sum(p * grams[name] for p, grams in zip(parts, styles, strict=True)) for name in styles[0]}  # pyright: ignore


def make_targets(
    params: Params,
    content: Array,
    styles: Sequence[Array],
    *,
    objective: Objective = CANONICAL,
    blend: Sequence[float] | None = None,
    precision: str = "float32",
    strips: bool = False,
) -> Targets:
    """Computes the targets of an objective, and those of the canonical loss beside them.

    Args:
        params: the network.
        content: (H, W, 3), RGB in [0, 1].
        styles: one or more (H_i, W_i, 3), RGB in [0, 1]; each at its own size.
        objective: which layers, which pooling.
        blend: the styles' shares, scaled to the sum 1; equal by default. Several styles mix their Gram matrices.
        precision: that of the evaluations to come, whose rounding then cancels in the differences.
        strips: whether to hold the features of one strip of the picture at a time, where memory is short.

    Returns:
        Features of the content at the objective's content layers, Gram matrices of the styles at its style layers.

    Raises:
        InputError: where `blend` does not fit `styles`.
    """
    how = dict(objective=objective, precision=precision, strips=strips)
    grams = [style_target(params, style, **how) for style in styles]  # pyright: ignore[reportArgumentType]
    return Targets(content_target(params, content, **how), mix_styles(grams, blend))  # pyright: ignore[reportArgumentType]


def loss_terms(
    image: Array,
    params: Params,
    targets: Targets,
    *,
    objective: Objective = CANONICAL,
    weights: TermWeights | None = None,
    precision: str = "float32",
    strips: bool = False,
    metrics: dict[str, Metric] | None = None,
) -> dict[str, dict[str, Array]]:
    """Each layer's part of the loss, times its weights.

    With regions a layer's style term is the sum over them, each times its share (`targets.guides`).

    Args:
        image, params, targets, objective, precision, strips: as of `total_loss`.
        weights: stand in for the objective's own; total variation is left out where the objective's own weight of it is zero.
        metrics: measure the style's differences in further terms, by tap (see `whitened`).

    Returns:
        Scalars by term and tap,
        ``{"content": {tap: ()}, "style": {tap: ()}, "tv": {"image": ()}}``, and with `metrics` a part ``"measured"``, the
        style's terms in these metrics.
    """
    guides = targets.guides
    how: Any = dict(against=targets.content, guides=guides and guides.maps, **_reading(objective, precision, strips))
    distances, statistics = features_and_statistics(params, image, objective.content_layers, objective.style_layers, **how)
    weights = TermWeights.of(objective) if weights is None else weights
    content = {
        name: weights.content[name] * (content_factor(targets.content[name], objective.content_scale) * distances[name])
        for name in objective.content_layers
    }

    def compared(name: str, loss: Callable[..., Array], *more: Any) -> Array:
        """A layer's `loss` of the statistic: of the one, or by regions."""
        if guides is None:
            return weights.style[name] * loss(statistics[name], targets.style[name], *more)
        each = jax.vmap(loss)(statistics[name], targets.style[name], *more)
        return weights.style[name] * jnp.sum(guides.shares[name] * each)

    def compare(found: Array, wanted: Array) -> Array:
        return STATISTICS[objective.statistic].compare(found, wanted, objective.style_scale)

    style = {name: compared(name, compare) for name in objective.style_layers}
    tv = {"image": weights.tv * total_variation(image, objective.tv_scale)} if objective.tv_weight else {}
    terms = {"content": content, "style": style, "tv": tv}
    if metrics is not None:
        factor = STYLE_SCALES[objective.style_scale]

        def measured(matrix: Array, target: Array, metric: Metric) -> Array:
            return factor(len(matrix)) * mean_square(matrix - target, metric)

        terms["measured"] = {name: compared(name, measured, metric) for name, metric in metrics.items()}
    return terms


def loss_parts(
    image: Array,
    params: Params,
    targets: Targets,
    *,
    objective: Objective = CANONICAL,
    weights: TermWeights | None = None,
    precision: str = "float32",
    strips: bool = False,
) -> Losses:
    """Total, content, style and total-variation loss, each a scalar.

    Args:
        image, params, targets, objective, weights, precision, strips: as of `total_loss`.

    Returns:
        The parts, each times its weights.
    """
    terms = loss_terms(image, params, targets, objective=objective, weights=weights, precision=precision, strips=strips)
    return _summed(terms)


def _summed(terms: dict[str, dict[str, Array]]) -> Losses:
    content, style, tv = (sum(terms[part].values(), jnp.zeros(())) for part in ("content", "style", "tv"))
    return Losses(content + style + tv, content, style, tv)


def total_loss(
    image: Array,
    params: Params,
    targets: Targets,
    *,
    objective: Objective = CANONICAL,
    weights: TermWeights | None = None,
    precision: str = "float32",
    strips: bool = False,
) -> Array:
    """The scalar that the transfer minimises (Gatys, Ecker, Bethge, CVPR 2016, eq. 7).

    It can be jitted, differentiated and vmapped. Values outside [0, 1] are as good as any: nothing is clamped here, since that
    would corrupt L-BFGS' curvature pairs.

    Args:
        image: RGB in [0, 1], (H, W, 3).
        params: the network, from `load_weights`.
        targets: from `make_targets`, with the same objective.
        objective: layers, weights, scales, pooling and padding; static.
        weights: stand in for the objective's own as arrays, so that others need no compilation.
        precision: of the convolutions' operands, as of `features`; Gram matrices and losses are float32.
        strips: whether the gradient goes over strips of rows, each of them twice: a quarter of the memory of a large picture,
            in 1.4 times as long or more.

    Returns:
        A float32 scalar.

    Raises:
        InputError: for an image of another shape, or too small for the objective's taps.
    """
    return loss_parts(image, params, targets, objective=objective, weights=weights, precision=precision, strips=strips).total


def loss_in_metric_and_loss(
    metrics: dict[str, Metric], image: Array, params: Params, targets: Targets, **how: Any
) -> tuple[Array, Array]:
    """`total_loss` with the style's terms measured in these metrics, and `total_loss` itself, of which `how` are options."""
    terms = loss_terms(image, params, targets, metrics=metrics, **how)
    loss = _summed(terms)
    return loss.content + sum(terms["measured"].values(), jnp.zeros(())) + loss.tv, loss.total
