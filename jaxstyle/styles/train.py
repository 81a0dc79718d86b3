"""Training a style network: its kernels and the styles' vectors go down the loss that the optimisation minimises.

Johnson et al. (ECCV 2016) for the loss of one pass, Dumoulin et al. (ICLR 2017) for many styles in one network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array

from jaxstyle.loss.objective import Losses, Targets, TermWeights, content_target, loss_parts
from jaxstyle.loss.presets import CANONICAL
from jaxstyle.network.vgg import Params
from jaxstyle.styles.model import Widths, paint
from jaxstyle.styles.photographs import Photographs, crops

OBJECTIVE = replace(CANONICAL, content_layers={"relu3_3": 1.0}, tv_weight=1.0, tv_scale="half-squares")
"""Content where Dumoulin et al. compare it, styles as on the canonical scale."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        widths: of the network.
        size: pixels a side of the crops.
        batch: crops a step.
        learning_rate: Adam's at the start, after a short rise; it falls along a cosine to zero.
        warming: steps of the rise.
        clip: largest norm of a gradient.
        seed: of the kernels, and of what each step sees.
        precision: of convolutions, one of `PRECISIONS`.
    """

    widths: Widths
    size: int = 256
    batch: int = 4
    learning_rate: float = 2e-3
    warming: int = 100
    clip: float = 1.0
    seed: int = 0
    precision: str = "float32"


class Learned(NamedTuple):
    """What learns: kernels by layer, and the styles' vectors, (N, `style_size`)."""

    kernels: Mapping[str, Array]
    styles: Array


class Lesson(NamedTuple):
    """What is learned from, as arrays.

    Attributes:
        photographs: see there.
        params: the loss network.
        grams: of all styles, {tap: (N, C, C)}.
        weights: of the terms for each style: leaves (N,).
    """

    photographs: Photographs
    params: Params
    grams: dict[str, Array]
    weights: TermWeights


class State(NamedTuple):
    """All that a training needs to go on: what learns, Adam's moments, and steps made."""

    learned: Learned
    moments: Any
    step: Array


def optimizer(recipe: Recipe, steps: Array) -> optax.GradientTransformation:
    """Adam with the recipe's schedule over so many steps; `steps` may be an argument of a compiled program."""

    def rate(count: Array) -> Array:
        rise = jnp.minimum(1.0, (count + 1) / recipe.warming)
        return recipe.learning_rate * rise * 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(1.0, count / steps)))

    return optax.chain(optax.clip_by_global_norm(recipe.clip), optax.adam(rate))


def begin(learned: Learned, recipe: Recipe) -> State:
    """The state before the first step."""
    return State(learned, optimizer(recipe, jnp.asarray(1)).init(learned), jnp.zeros((), jnp.int32))


def losses(learned: Learned, images: Array, which: Array, lesson: Lesson, recipe: Recipe) -> Losses:
    """Mean losses of crops (N, H, W, 3) painted in styles of these numbers (N,)."""
    how: Any = dict(objective=OBJECTIVE, precision=recipe.precision)
    painted = paint(learned.kernels, recipe.widths, images, learned.styles[which], precision=recipe.precision)

    def one(painted: Array, image: Array, grams: dict[str, Array], weights: TermWeights) -> Losses:
        targets = Targets(content_target(lesson.params, image, **how), grams)
        return loss_parts(painted, lesson.params, targets, weights=weights, **how)

    chosen: Any = jax.tree.map(lambda leaf: leaf[which], (lesson.grams, lesson.weights))
    return jax.tree.map(jnp.mean, jax.vmap(one)(painted, images, *chosen))


def step(state: State, lesson: Lesson, steps: Array, *, recipe: Recipe) -> tuple[State, Losses]:
    """One step of a training of `steps` in all: the new state, and the losses before it."""
    seen, drawn = jax.random.split(jax.random.fold_in(jax.random.key(recipe.seed), state.step))
    images = crops(seen, lesson.photographs, recipe.batch, recipe.size)
    which = _drawn(drawn, recipe.batch, lesson.weights.tv.shape[0])

    def loss(learned: Learned) -> tuple[Array, Losses]:
        found = losses(learned, images, which, lesson, recipe)
        return found.total, found

    gradient, found = jax.grad(loss, has_aux=True)(state.learned)
    change, moments = optimizer(recipe, steps).update(gradient, state.moments)
    learned = optax.apply_updates(state.learned, change)
    return State(Learned(*learned), moments, state.step + 1), found


def _drawn(key: Array, count: int, styles: int) -> Array:
    """Which styles a step paints: random ones, each as often as it can be."""
    whole = [jax.random.permutation(jax.random.fold_in(key, i), styles) for i in range(-(-count // styles))]
    return jnp.concatenate(whole)[:count]
