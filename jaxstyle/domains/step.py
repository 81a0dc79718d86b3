"""One step of a training: generators first, then discriminators by what was made."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jax import Array, lax
from jax.sharding import AxisType, PartitionSpec

from jaxstyle.domains import cut, cyclegan, model, pool
from jaxstyle.domains.recipe import Dials, Losses, Nets, Recipe
from jaxstyle.domains.terms import least_squares
from jaxstyle.onepass.photographs import Photographs, crops
from jaxstyle.pictures.noise import key_of

METHODS: dict[str, ModuleType] = {"cut": cut, "cyclegan": cyclegan}
"""By name, the default first. A method has `DIRECTIONS`, `WEIGHTS`, `POOL`, `begin` and `generators`."""


class Lesson(NamedTuple):
    """What is learned from: both collections, and what the recipe says in numbers."""

    a: Photographs
    b: Photographs
    dials: Dials


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


def begin(recipe: Recipe) -> State:
    """The state before the first step."""
    nets: Nets = METHODS[recipe.method].begin(recipe)
    optimizer = _optimizer(recipe, recipe.dials, jnp.ones(()))
    moments = optimizer.init((nets.generators, nets.heads)), optimizer.init(nets.critics)
    pools = {name: pool.empty(recipe.pool, recipe.size) for name in nets.critics} if recipe.pool else {}
    average = jax.tree.map(jnp.copy, nets.generators)  # the step may write into its arguments' memory, each once
    return State(nets, average, moments, pools, jnp.zeros((), jnp.int32))


def _optimizer(recipe: Recipe, dials: Dials, steps: Array) -> optax.GradientTransformation:
    def rate(count: Array) -> Array:
        return dials.learning_rate * jnp.clip(2 * (1 - count / steps), 0, 1)

    return optax.adam(rate, b1=recipe.momentum)  # pyright: ignore[reportArgumentType]


def discriminators(critics: Any, true: dict[str, Array], shown: dict[str, Array], recipe: Recipe) -> Array:
    """What the discriminators minimise, each a mean over true and made pictures."""
    total = jnp.zeros(())
    for name, values in critics.items():
        both = jnp.concatenate([true[name], shown[name]])
        scores = model.score(values, recipe.width, both, precision=recipe.precision)
        count = len(true[name])
        total += (least_squares(scores[:count], 1) + least_squares(scores[count:], 0)) / 2
    return total


def _shared(function: Callable, recipe: Recipe, takes: Any, gives: Any) -> Callable:
    """`function`, by several devices if there are: each has its crops and all that learns; sums alone go between them."""
    if recipe.devices == 1:
        return function
    mesh = jax.make_mesh((recipe.devices,), ("batch",), (AxisType.Auto,))
    return jax.shard_map(function, mesh=mesh, in_specs=takes, out_specs=gives, check_vma=False)


def _mean(tree: Any, recipe: Recipe) -> Any:
    """The mean over the devices."""
    return jax.tree.map(lambda leaf: lax.pmean(leaf, "batch"), tree) if recipe.devices > 1 else tree


def step(state: State, lesson: Lesson, steps: Array, *, recipe: Recipe) -> tuple[State, Losses]:
    """One step of a training of `steps` in all: the new state, and the losses before it.

    What it draws is a function of the seed and of the step's number alone.
    """
    dials = lesson.dials
    keys = jax.random.split(jax.random.fold_in(key_of(dials.seed), state.step), 4)
    how = recipe.batch, recipe.size, recipe.flip
    a, b = (crops(key, one, *how) for key, one in zip(keys[:2], lesson[:2], strict=True))
    optimizer, nets = _optimizer(recipe, dials, steps), state.nets

    def made_by(learned: Any, a: Array, b: Array) -> tuple[Array, tuple[Losses, dict[str, Array]]]:
        tried = nets._replace(generators=learned[0], heads=learned[1])
        total, (losses, made) = METHODS[recipe.method].generators(tried, a, b, keys[2], dials, recipe)
        return _mean(total, recipe), (_mean(losses, recipe), made)

    def told_by(critics: Any, true: dict[str, Array], shown: dict[str, Array]) -> Array:
        return _mean(discriminators(critics, true, shown, recipe), recipe)

    whole, split = PartitionSpec(), PartitionSpec("batch")
    made_by = _shared(made_by, recipe, (whole, split, split), (whole, (whole, split)))
    told_by = _shared(told_by, recipe, (whole, split, split), whole)
    learned = nets.generators, nets.heads
    gradient, (losses, made) = jax.grad(made_by, has_aux=True)(learned, a, b)
    change, moments = optimizer.update(gradient, state.moments[0])
    generators, heads = cast(Any, optax.apply_updates(learned, change))
    shown, pools = lax.stop_gradient(made), dict(state.pools)
    for key, name in zip(jax.random.split(keys[3], 2), pools, strict=False):
        pools[name], shown[name] = pool.exchanged(pools[name], shown[name], key)
    told, gradient = jax.value_and_grad(told_by)(nets.critics, {"a": a, "b": b}, shown)
    change, others = optimizer.update(gradient, state.moments[1])
    critics: Any = optax.apply_updates(nets.critics, change)
    # Less weight to what was before while there is little of it.
    keep = jnp.minimum(recipe.memory, (1.0 + state.step) / (10.0 + state.step))
    average = jax.tree.map(lambda old, new: keep * old + (1 - keep) * new, state.average, generators)
    losses = losses._replace(discriminator=told / len(critics))
    return State(Nets(generators, heads, critics), average, (moments, others), pools, state.step + 1), losses
