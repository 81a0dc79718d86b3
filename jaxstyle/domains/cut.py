"""CUT (Park et al., ECCV 2020): one generator. What it makes of a place must resemble that place more than all others."""

import jax
import jax.numpy as jnp
from jax import Array

from jaxstyle.domains import model
from jaxstyle.domains.recipe import Losses, Nets, Recipe, TracedHyperparameters
from jaxstyle.domains.terms import least_squares, patch_nce

DIRECTIONS = ("a2b",)
WEIGHTS = (1.0, 1.0)
"""Of content and identity."""
POOL = 0


def init_networks(recipe: Recipe) -> Nets:
    """The networks before the first step."""
    widths = recipe.widths
    channels = {layer.name: layer.outputs for layer in widths.layers} | {model.PICTURE: 3}
    features = {tap: jnp.zeros((1, channels[tap])) for tap in model.taps(widths)}
    return Nets(
        {"a2b": model.initial(model.Generator(widths), (recipe.seed, 0), jnp.zeros((1, 16, 16, 3)))},
        model.initial(model.Heads(recipe.units), (recipe.seed, 1), features),
        {"b": model.initial(model.Discriminator(recipe.width), (recipe.seed, 2), jnp.zeros((1, 32, 32, 3)))},
    )


def generator_loss(
    nets: Nets, a: Array, b: Array, key: Array, hyperparameters: TracedHyperparameters, recipe: Recipe
) -> tuple[Array, tuple[Losses, dict[str, Array]]]:
    """What generator and heads minimise, for pictures of A and B, (N, H, W, 3) each.

    Returns:
        The loss, its parts, and the pictures that were made, by the collection that they should belong to.
    """
    how, widths, values = dict(precision=recipe.precision), recipe.widths, nets.generators["a2b"]
    made, features = model.generate(values, widths, jnp.concatenate([a, b]), **how)
    again = model.encode(values, widths, made, **how)
    keys = jax.random.split(key, len(features))
    queries, wanted = {}, {}
    for one, (tap, maps) in zip(keys, features.items(), strict=True):
        flat = maps.reshape(maps.shape[0], -1, maps.shape[-1])
        places = jax.random.permutation(one, flat.shape[1])[: recipe.places]
        wanted[tap] = flat[:, places]
        queries[tap] = again[tap].reshape(flat.shape)[:, places]
    queries, wanted = (model.project(nets.heads, recipe.units, found) for found in (queries, wanted))
    contrast = jnp.stack([jax.vmap(patch_nce)(queries[tap], wanted[tap]) for tap in wanted]).mean(0)
    content, identity = contrast[: len(a)].mean(), contrast[len(a) :].mean()
    fakes = made[: len(a)]
    adversarial = least_squares(model.score(nets.discriminators["b"], recipe.width, fakes, **how), 1)
    # The mean of both NCE losses, as in the paper's experiments: each has half the weight.
    total = adversarial + (hyperparameters.content_weight * content + hyperparameters.identity_weight * identity) / 2
    return total, (Losses(adversarial, content, identity, jnp.zeros(())), {"b": fakes})
