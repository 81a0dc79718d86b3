"""What a training learns from: targets of the styles, and weights that bring all losses to one scale."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxstyle.loss.objective import Targets, TermWeights, content_target, loss_terms, style_target
from jaxstyle.loss.presets import Objective
from jaxstyle.network.vgg import Params
from jaxstyle.pictures.noise import key_of, seed_words
from jaxstyle.pictures.read import Picture, as_float, resize
from jaxstyle.styles.step import Recipe, TrainingData
from jaxstyle.training.photographs import Photographs, random_crops

STYLE_ROOM = 1.5
"""The shorter side of a style picture, in sides of a crop: larger strokes, for pictures larger than the crops."""
FINEST = "relu1_1"
"""Where the photograph's own style is compared beside the content's layers, so that it keeps its colours."""
MEASURED = 8
"""Crops by which losses are measured."""


def compared(objective: Objective) -> Objective:
    """An objective with the layer by which a photograph keeps its colours; its weight is data."""
    return replace(objective, content_layers={FINEST: 0.0, **objective.content_layers})


def prepare(
    styles: Sequence[Picture], photographs: Photographs, params: Params, recipe: Recipe, *, photograph: bool, kernels: Any
) -> TrainingData:
    """Targets and weights of these styles, and last those of the style that leaves a `photograph` as it is, if it is wanted.

    Args:
        recipe: its objective is one that `compared` has made.
        kernels: those that do not learn.
    """
    objective = recipe.objective
    how: Any = dict(objective=objective, precision=recipe.precision)
    target = jax.jit(partial(style_target, **how))  # the parameters are arguments: as constants they take long to compile
    grams = [target(params, jnp.asarray(_fitted(picture, recipe.size))) for picture in styles]
    images = samples(photographs, recipe)

    @jax.jit
    def measure(params: Params, image: Array, other: Array, grams: dict[str, Array]) -> dict[str, dict[str, Array]]:
        targets = Targets(content_target(params, other, **how), grams)
        ones = TermWeights.of(objective.static)
        return loss_terms(image, params, targets, weights=ones, **how)

    def mean(terms: list[dict[str, dict[str, Array]]], part: str) -> dict[str, float]:
        return {name: float(np.mean([term[part][name] for term in terms])) for name in terms[0][part]}

    others = np.roll(np.arange(len(images)), 1)
    found = [[measure(params, image, images[k], gram) for image, k in zip(images, others, strict=True)] for gram in grams]
    content, rough = mean(found[0], "content"), mean(found[0], "tv").get("image", 1.0)
    layers, wanted = objective.content_layers, objective.style_layers
    whole = sum(layers[name] * content[name] for name in layers)
    rows = []
    for terms in found:
        style = mean(terms, "style")
        share = objective.style_weight / max(sum(wanted[name] * style[name] for name in wanted), 1e-30)
        rows.append(
            TermWeights(
                content={name: objective.content_weight * layers[name] / whole for name in layers},  # pyright: ignore
                style={name: share * wanted[name] for name in wanted},  # pyright: ignore
                tv=objective.tv_weight / max(rough, 1e-30),  # pyright: ignore
            )
        )
    if photograph:
        finest = {**rows[0].content, FINEST: rows[0].content[FINEST] + 3 * objective.content_weight / content[FINEST]}
        rows.append(TermWeights(finest, dict.fromkeys(wanted, 0.0), 0.0))  # pyright: ignore[reportArgumentType]
        grams.append(grams[0])  # which count nothing
    together: Any = jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf, jnp.float32) for leaf in leaves]), *rows)
    return TrainingData(photographs, params, jax.tree.map(lambda *leaves: jnp.stack(leaves), *grams), together, kernels)


def samples(photographs: Photographs, recipe: Recipe) -> list[Array]:
    """Crops that no step sees, by which losses are measured."""
    key = jax.random.fold_in(key_of(seed_words(recipe.seed)), 2**31 - 1)
    return list(jax.jit(random_crops, static_argnums=(2, 3, 4))(key, photographs, MEASURED, recipe.size, recipe.flip))


def _fitted(picture: Picture, size: int) -> np.ndarray:
    """A style picture with the shorter side that goes with crops of `size`; never enlarged."""
    width, height = picture.size
    factor = min(1.0, STYLE_ROOM * size / min(width, height))
    return as_float(resize(picture, max(16, round(width * factor)), max(16, round(height * factor))))
