"""CycleGAN: two generators, each of which must undo what the other does (Zhu et al., ICCV 2017)."""

import jax.numpy as jnp
from jax import Array

from jaxstyle.domains import model
from jaxstyle.domains.recipe import Losses, Nets, Recipe, TracedHyperparameters
from jaxstyle.domains.terms import distance, least_squares

DIRECTIONS = ("a2b", "b2a")
WEIGHTS = (10.0, 5.0)
"""Of content and identity."""
POOL = 50


def init_networks(recipe: Recipe) -> Nets:
    """The networks before the first step."""
    generator, discriminator = model.Generator(recipe.widths), model.Discriminator(recipe.width)
    return Nets(
        {way: model.initial(generator, (recipe.seed, i), jnp.zeros((1, 16, 16, 3))) for i, way in enumerate(DIRECTIONS)},
        {},
        {name: model.initial(discriminator, (recipe.seed, 2 + i), jnp.zeros((1, 32, 32, 3))) for i, name in enumerate("ba")},
    )


def generator_loss(
    nets: Nets, a: Array, b: Array, key: Array, hyperparameters: TracedHyperparameters, recipe: Recipe
) -> tuple[Array, tuple[Losses, dict[str, Array]]]:
    """What both generators minimise, for pictures of A and B, (N, H, W, 3) each; nothing is drawn by the key.

    Returns:
        The loss, its parts, and the pictures that were made, by the collection that they should belong to.
    """

    def made(way: str, images: Array) -> Array:
        return model.generate(nets.generators[way], recipe.widths, images, precision=recipe.precision)[0]

    def adversarial(name: str, images: Array) -> Array:
        return least_squares(model.score(nets.discriminators[name], recipe.width, images, precision=recipe.precision), 1)

    count = len(a)
    to_b, to_a = made("a2b", jnp.concatenate([a, b])), made("b2a", jnp.concatenate([b, a]))
    fakes, same = {"b": to_b[:count], "a": to_a[:count]}, {"b": to_b[count:], "a": to_a[count:]}
    cycle = distance(made("b2a", fakes["b"]), a) + distance(made("a2b", fakes["a"]), b)
    identity = distance(same["b"], b) + distance(same["a"], a)
    fooled = adversarial("b", fakes["b"]) + adversarial("a", fakes["a"])
    total = fooled + hyperparameters.content_weight * cycle + hyperparameters.identity_weight * identity
    return total, (Losses(fooled / 2, cycle / 2, identity / 2, jnp.zeros(())), fakes)
