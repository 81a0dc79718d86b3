"""One step of a training: generators first, then discriminators by what was made."""

from types import ModuleType
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax

from jaxstyle.domains import cut, cyclegan, model, pool
from jaxstyle.domains.recipe import Losses, Nets, Recipe, TracedHyperparameters
from jaxstyle.domains.terms import least_squares
from jaxstyle.pictures.noise import key_of
from jaxstyle.training.data_parallel import DIVIDED, REPLICATED, data_parallel, mean_over_devices
from jaxstyle.training.ema import update_average
from jaxstyle.training.photographs import Photographs, random_crops

METHODS: dict[str, ModuleType] = {"cut": cut, "cyclegan": cyclegan}
"""By name, the default first. A method has `DIRECTIONS`, `WEIGHTS`, `POOL`, `init_networks` and `generator_loss`."""


class TrainingData(NamedTuple):
    """What a network learns from: both collections, and the hyperparameters that are traced."""

    a: Photographs
    b: Photographs
    hyperparameters: TracedHyperparameters


class State(NamedTuple):
    """All that a training needs to go on.

    Attributes:
        nets: what learns.
        average: of the generators, over the steps.
        moments: Adam's, of generators and heads, and of discriminators.
        pools: by collection; empty where the method has none.
        step: steps made.
    """

    nets: Nets
    average: dict[str, Any]
    moments: tuple[Any, Any]
    pools: dict[str, pool.Pool]
    step: Array


def init_state(recipe: Recipe) -> State:
    """The state before the first step."""
    nets: Nets = METHODS[recipe.method].init_networks(recipe)
    optimizer = _optimizer(recipe, recipe.hyperparameters, jnp.ones(()))
    moments = optimizer.init((nets.generators, nets.heads)), optimizer.init(nets.discriminators)
    pools = {name: pool.empty(recipe.pool, recipe.size) for name in nets.discriminators} if recipe.pool else {}
    average = jax.tree.map(jnp.copy, nets.generators)  # the step may write into its arguments' memory, each once
    return State(nets, average, moments, pools, jnp.zeros((), jnp.int32))


def _optimizer(recipe: Recipe, hyperparameters: TracedHyperparameters, steps: Array) -> optax.GradientTransformation:
    def rate(count: Array) -> Array:
        return hyperparameters.learning_rate * jnp.clip(2 * (1 - count / steps), 0, 1)

    return optax.adam(rate, b1=recipe.momentum)  # pyright: ignore[reportArgumentType]


def discriminator_loss(discriminators: Any, true: dict[str, Array], shown: dict[str, Array], recipe: Recipe) -> Array:
    """What the discriminators minimise, each a mean over true and made pictures."""
    total = jnp.zeros(())
    for name, values in discriminators.items():
        both = jnp.concatenate([true[name], shown[name]])
        scores = model.score(values, recipe.width, both, precision=recipe.precision)
        count = len(true[name])
        total += (least_squares(scores[:count], 1) + least_squares(scores[count:], 0)) / 2
    return total


def step(state: State, data: TrainingData, steps: Array, *, recipe: Recipe) -> tuple[State, Losses]:
    """One step of a training of `steps` in all: the new state, and the losses before it.

    What it draws is a function of the seed and of the step's number alone.
    """
    hyperparameters = data.hyperparameters
    keys = jax.random.split(jax.random.fold_in(key_of(hyperparameters.seed), state.step), 4)
    how = recipe.batch, recipe.size, recipe.flip
    a, b = (random_crops(key, one, *how) for key, one in zip(keys[:2], data[:2], strict=True))
    optimizer, nets = _optimizer(recipe, hyperparameters, steps), state.nets

    def shared_generator_loss(learned: Any, a: Array, b: Array) -> tuple[Array, tuple[Losses, dict[str, Array]]]:
        tried = nets._replace(generators=learned[0], heads=learned[1])
        method = METHODS[recipe.method]
        total, (losses, made) = method.generator_loss(tried, a, b, keys[2], hyperparameters, recipe)
        return mean_over_devices(total, recipe.devices), (mean_over_devices(losses, recipe.devices), made)

    def shared_discriminator_loss(discriminators: Any, true: dict[str, Array], shown: dict[str, Array]) -> Array:
        return mean_over_devices(discriminator_loss(discriminators, true, shown, recipe), recipe.devices)

    given = (REPLICATED, DIVIDED, DIVIDED)
    shared_generator_loss = data_parallel(shared_generator_loss, recipe.devices, given, (REPLICATED, (REPLICATED, DIVIDED)))
    shared_discriminator_loss = data_parallel(shared_discriminator_loss, recipe.devices, given, REPLICATED)
    learned = nets.generators, nets.heads
    gradient, (losses, made) = jax.grad(shared_generator_loss, has_aux=True)(learned, a, b)
    change, moments = optimizer.update(gradient, state.moments[0])
    generators, heads = cast(Any, optax.apply_updates(learned, change))
    shown, pools = lax.stop_gradient(made), dict(state.pools)
    for key, name in zip(jax.random.split(keys[3], 2), pools, strict=False):
        pools[name], shown[name] = pool.exchanged(pools[name], shown[name], key)
    told, gradient = jax.value_and_grad(shared_discriminator_loss)(nets.discriminators, {"a": a, "b": b}, shown)
    change, others = optimizer.update(gradient, state.moments[1])
    discriminators: Any = optax.apply_updates(nets.discriminators, change)
    average = update_average(state.average, generators, state.step, recipe.ema_decay)
    losses = losses._replace(discriminator=told / len(discriminators))
    return State(Nets(generators, heads, discriminators), average, (moments, others), pools, state.step + 1), losses
