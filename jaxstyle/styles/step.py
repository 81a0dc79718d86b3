"""One step of a training: kernels and the styles' vectors go down the loss that the optimisation minimises.

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
from jaxstyle.loss.presets import PRESETS, Objective
from jaxstyle.network.vgg import Params
from jaxstyle.onepass.layers import Widths
from jaxstyle.pictures.noise import key_of, seed_words
from jaxstyle.styles.model import paint
from jaxstyle.training.data_parallel import DIVIDED, REPLICATED, data_parallel, mean_over_devices
from jaxstyle.training.ema import update_average
from jaxstyle.training.photographs import Photographs, random_crops

OBJECTIVE = replace(
    PRESETS["gatys-notebook"],
    content_layers={"relu3_3": 1.0},
    style_weight=6.0,
    tv_weight=0.03,
    tv_scale="half-squares",
)
"""Content where Dumoulin et al. compare it, styles as on the canonical scale. The weights count in contents: 1 is the content
loss of two different photographs, and a weight is what the style loss, or the total variation, of an untouched one counts."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: all that a compiled step depends on, apart from shapes.

    Attributes:
        widths: of the network.
        objective: whose layers, scales and pooling count; its weights are in `TrainingData.weights`.
        size: pixels a side of the crops.
        batch: crops a step.
        learning_rate: Adam's at the start, after a rise over `warmup_steps` steps; it falls along a cosine to zero.
        warmup_steps: steps of the rise.
        clip: largest norm of a gradient.
        ema_decay: largest share of what was before in the average of what is learned.
        seed: of the kernels, and of what each step sees.
        flip: whether crops are mirrored left to right every other time.
        precision: of convolutions, one of `PRECISIONS`.
        devices: that share the crops of a step, whose number they divide.
    """

    widths: Widths
    objective: Objective = OBJECTIVE
    size: int = 256
    batch: int = 4
    learning_rate: float = 2e-3
    warmup_steps: int = 100
    clip: float = 1.0
    ema_decay: float = 0.999
    seed: int = 0
    flip: bool = True
    precision: str = "float32"
    devices: int = 1


class Learned(NamedTuple):
    """What learns: kernels by layer, none where only styles are added, and the styles' vectors, (N, `style_size`)."""

    kernels: Mapping[str, Array]
    styles: Array


class TrainingData(NamedTuple):
    """What is learned from, as arrays.

    Attributes:
        photographs: see there.
        params: the loss network.
        grams: of all styles, {tap: (N, C, C)}.
        weights: of the terms for each style: leaves (N,).
        kernels: by layer, those that do not learn.
    """

    photographs: Photographs
    params: Params
    grams: dict[str, Array]
    weights: TermWeights
    kernels: Mapping[str, Array]


class State(NamedTuple):
    """All that a training needs to go on: what learns, its average over the steps, Adam's moments, and steps made."""

    learned: Learned
    average: Learned
    moments: Any
    step: Array


def init_state(learned: Learned, recipe: Recipe) -> State:
    """The state before the first step."""
    average = jax.tree.map(jnp.copy, learned)  # the step may write into its arguments' memory, each once
    return State(learned, average, _optimizer(recipe, jnp.ones(())).init(learned), jnp.zeros((), jnp.int32))


def _optimizer(recipe: Recipe, steps: Array) -> optax.GradientTransformation:
    def rate(count: Array) -> Array:
        rise = jnp.minimum(1.0, (count + 1) / recipe.warmup_steps)
        return recipe.learning_rate * rise * 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(1.0, count / steps)))

    return optax.chain(optax.clip_by_global_norm(recipe.clip), optax.adam(rate))  # pyright: ignore[reportArgumentType]


def select_styles(styles: Array, which: Array) -> Array:
    """Rows of (N, `style_size`) by their numbers (B,), as a product with ones and zeros, so that the gradient is a product too.

    That of indexing is a scatter, into which XLA draws all sums that it adds up: on a GPU 1.45 ms of a step's 11.
    """
    return jnp.matmul(jax.nn.one_hot(which, styles.shape[0], dtype=styles.dtype), styles, precision="highest")


def losses(learned: Learned, images: Array, which: Array, data: TrainingData, recipe: Recipe) -> Losses:
    """Mean losses of crops (N, H, W, 3) painted in styles of these numbers (N,)."""
    how: Any = dict(objective=recipe.objective, precision=recipe.precision)
    kernels = {**data.kernels, **learned.kernels}
    painted = paint(kernels, recipe.widths, images, select_styles(learned.styles, which), precision=recipe.precision)

    def one(painted: Array, image: Array, grams: dict[str, Array], weights: TermWeights) -> Losses:
        targets = Targets(content_target(data.params, image, **how), grams)
        return loss_parts(painted, data.params, targets, weights=weights, **how)

    chosen: Any = jax.tree.map(lambda leaf: leaf[which], (data.grams, data.weights))
    return jax.tree.map(jnp.mean, jax.vmap(one)(painted, images, *chosen))


def step(state: State, data: TrainingData, steps: Array, *, recipe: Recipe) -> tuple[State, Losses]:
    """One step of a training of `steps` in all: the new state, and the losses before it.

    What it sees is a function of the recipe's seed and of the step's number alone.
    """
    seen, drawn = jax.random.split(jax.random.fold_in(key_of(seed_words(recipe.seed)), state.step))
    images = random_crops(seen, data.photographs, recipe.batch, recipe.size, recipe.flip)
    which = _draw_styles(drawn, recipe.batch, data.weights.tv.shape[0])

    def shared(learned: Learned, images: Array, which: Array, data: TrainingData) -> Losses:
        return mean_over_devices(losses(learned, images, which, data, recipe), recipe.devices)

    shared = data_parallel(shared, recipe.devices, (REPLICATED, DIVIDED, DIVIDED, REPLICATED), REPLICATED)

    def loss(learned: Learned) -> tuple[Array, Losses]:
        found = shared(learned, images, which, data)
        return found.total, found

    gradient, found = jax.grad(loss, has_aux=True)(state.learned)
    change, moments = _optimizer(recipe, steps).update(gradient, state.moments)
    learned: Any = optax.apply_updates(state.learned, change)
    average = update_average(state.average, learned, state.step, recipe.ema_decay)
    return State(learned, average, moments, state.step + 1), found


def _draw_styles(key: Array, count: int, styles: int) -> Array:
    """Which styles a step paints: random ones, each as often as the others as far as that goes."""
    rounds = [jax.random.permutation(jax.random.fold_in(key, i), styles) for i in range(-(-count // styles))]
    return jnp.concatenate(rounds)[:count]
