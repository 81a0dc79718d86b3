"""Each loss against plain NumPy, alone and as the methods put them together; the pool against a plain list."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.domains import cut, cyclegan, model, pool
from jaxstyle.domains.recipe import Recipe
from jaxstyle.domains.step import discriminator_loss
from jaxstyle.domains.terms import TEMPERATURE, distance, least_squares, patch_nce

GENERATE, ENCODE, SCORE = (jax.jit(f, static_argnums=1) for f in (model.generate, model.encode, model.score))
RECIPE = Recipe(width=2, blocks=1, size=32, batch=2, places=20)


def numpy_contrast(queries, keys, temperature=0.07):
    """As the paper has it: the positive first, then the products with all places, its own masked, divided, cross entropy."""
    queries, keys = np.asarray(queries, np.float64), np.asarray(keys, np.float64)
    positive = (queries * keys).sum(1, keepdims=True)
    negative = np.where(np.eye(len(queries), dtype=bool), -10.0, queries @ keys.T)
    logits = np.concatenate([positive, negative], 1) / temperature
    top = logits.max(1, keepdims=True)
    return np.mean(np.log(np.exp(logits - top).sum(1)) + top[:, 0] - logits[:, 0])


def unit(rng, *shape):
    x = rng.normal(size=shape)
    return (x / np.linalg.norm(x, axis=-1, keepdims=True)).astype(np.float32)


def test_least_squares(rng):
    scores = rng.normal(size=(2, 4, 4, 1)).astype(np.float32)
    for wanted in (0, 1):
        assert float(least_squares(scores, wanted)) == pytest.approx(np.mean((scores.astype(float) - wanted) ** 2), rel=1e-5)


def test_distance_counts_in_the_papers_units(rng):
    one, other = rng.random((2, 3, 4, 4, 3))
    assert float(distance(jnp.asarray(one), jnp.asarray(other))) == pytest.approx(
        np.abs((2 * one - 1) - (2 * other - 1)).mean()
    )


def test_patch_nce(rng):
    assert TEMPERATURE == 0.07
    queries, keys = unit(rng, 30, 8), unit(rng, 30, 8)
    for temperature in (0.07, 0.5):
        found = float(patch_nce(jnp.asarray(queries), jnp.asarray(keys), temperature))
        assert found == pytest.approx(numpy_contrast(queries, keys, temperature), rel=1e-4)
    assert float(patch_nce(jnp.asarray(keys), jnp.asarray(keys))) < 0.1
    same = jnp.ones((30, 8)) / 8**0.5
    assert float(patch_nce(same, same)) == pytest.approx(np.log(30), rel=1e-5)


@pytest.mark.slow
def test_keys_are_held_fast(rng):
    queries, keys = (jnp.asarray(unit(rng, 10, 4)) for _ in range(2))
    assert np.abs(jax.grad(patch_nce)(queries, keys)).max() > 0.01
    assert not np.abs(jax.grad(patch_nce, 1)(queries, keys)).any()


def with_biases(nets, rng):
    """Values at which nothing is near zero."""
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(0, 0.3, leaf.shape), jnp.float32), nets)


def scores(nets, name, images):
    return np.asarray(SCORE(nets.discriminators[name], RECIPE.width, images), np.float64)


@pytest.fixture
def pictures(rng):
    return tuple(jnp.asarray(rng.random((2, 2, 32, 32, 3)), jnp.float32))


@pytest.mark.slow
def test_what_cut_minimises(rng, pictures):
    """The same places of queries and keys, negatives of the same picture, the mean over layers; half the weight on each."""
    nets, (a, b), key = with_biases(cut.init_networks(RECIPE), rng), pictures, jax.random.key(5)
    total, (losses, made) = jax.jit(cut.generator_loss, static_argnums=5)(nets, a, b, key, RECIPE.hyperparameters, RECIPE)
    values, found = nets.generators["a2b"], {}
    for name, images in {"content": a, "identity": b}.items():
        image, before = GENERATE(values, RECIPE.widths, images)
        after = ENCODE(values, RECIPE.widths, image)
        terms = []
        for one, tap in zip(jax.random.split(key, len(before)), model.taps(RECIPE.widths), strict=True):
            flat = [x[tap].reshape(2, -1, x[tap].shape[-1]) for x in (after, before)]
            places = np.asarray(jax.random.permutation(one, flat[0].shape[1])[:20])
            assert len(set(places.tolist())) == len(places) == min(20, flat[0].shape[1])
            queries, keys = (model.project(nets.heads, RECIPE.units, {tap: x[:, places]})[tap] for x in flat)
            terms += [numpy_contrast(q, k) for q, k in zip(queries, keys, strict=True)]
        found[name] = np.mean(terms)
        if name == "content":
            np.testing.assert_allclose(made["b"], image, atol=1e-5)
            found["adversarial"] = np.mean((scores(nets, "b", image) - 1) ** 2)
    for name, expected in found.items():
        assert float(getattr(losses, name)) == pytest.approx(expected, rel=2e-3), name
    assert float(total) == pytest.approx(found["adversarial"] + (found["content"] + found["identity"]) / 2, rel=2e-3)


@pytest.mark.slow
def test_no_picture_is_anothers_negative(rng, pictures):
    """The content loss of one does not change with the other, though they are computed together."""
    nets, (a, b), key = with_biases(cut.init_networks(RECIPE), rng), pictures, jax.random.key(5)
    run = jax.jit(cut.generator_loss, static_argnums=5)

    def content(*which):
        return float(run(nets, jnp.stack([a[i] for i in which]), b, key, RECIPE.hyperparameters, RECIPE)[1][0].content)

    assert content(0, 1) == pytest.approx((content(0, 0) + content(1, 1)) / 2, rel=1e-4)
    assert abs(content(0, 0) - content(1, 1)) > 1e-3


@pytest.mark.slow
def test_what_cyclegan_minimises(rng, pictures):
    recipe = Recipe("cyclegan", 2, 1, 32, 2, content_weight=10, identity_weight=5)
    nets, (a, b) = with_biases(cyclegan.init_networks(recipe), rng), pictures
    total, (losses, made) = jax.jit(cyclegan.generator_loss, static_argnums=5)(
        nets, a, b, jax.random.key(0), recipe.hyperparameters, recipe.static
    )

    def there(way, images):
        return GENERATE(nets.generators[way], recipe.widths, images)[0]

    def apart(one, other):
        return np.abs(2.0 * np.asarray(one) - 2.0 * np.asarray(other)).mean()

    fakes = {"b": there("a2b", a), "a": there("b2a", b)}
    cycle = apart(there("b2a", fakes["b"]), a) + apart(there("a2b", fakes["a"]), b)
    identity = apart(there("a2b", b), b) + apart(there("b2a", a), a)
    fooled = sum(np.mean((scores(nets, name, image) - 1) ** 2) for name, image in fakes.items())
    np.testing.assert_allclose(losses[:3], [fooled / 2, cycle / 2, identity / 2], rtol=1e-3)
    assert float(total) == pytest.approx(fooled + 10 * cycle + 5 * identity, rel=1e-3)
    for name, image in fakes.items():
        np.testing.assert_allclose(made[name], image, atol=1e-5)


def test_what_discriminators_minimise(rng, pictures):
    recipe = Recipe("cyclegan", 2, 1, 32, 2)
    nets, (a, b) = with_biases(cyclegan.init_networks(recipe), rng), pictures
    found = jax.jit(discriminator_loss, static_argnums=3)(nets.discriminators, {"a": a, "b": b}, {"a": b, "b": a}, recipe)
    parts = [
        (np.mean((scores(nets, name, true) - 1) ** 2) + np.mean(scores(nets, name, made) ** 2)) / 2
        for name, true, made in (("a", a, b), ("b", b, a))
    ]
    assert float(found) == pytest.approx(sum(parts), rel=1e-3)


def test_the_pool_is_a_list_that_is_drawn_from():
    """Filled first; then every other picture goes in for an old one, which is shown."""
    found, plain, swaps = pool.empty(3, 16), [], 0
    run = jax.jit(pool.exchanged)
    for step in range(30):
        key = jax.random.fold_in(jax.random.key(0), step)
        made = jnp.broadcast_to((1.0 + 2 * step + jnp.arange(2))[:, None, None, None], (2, 16, 16, 3))
        found, shown = run(found, made, key)
        for image, one, drawn in zip(made, shown, jax.random.split(key, 2), strict=True):
            image, one = float(image[0, 0, 0]), float(one[0, 0, 0])
            if len(plain) < 3:
                plain.append(image)
                assert one == image
                continue
            is_old, which = jax.random.split(drawn)
            if jax.random.bernoulli(is_old):
                place = int(jax.random.randint(which, (), 0, 3))
                assert one == plain[place]
                plain[place], swaps = image, swaps + 1
            else:
                assert one == image
        assert [float(image[0, 0, 0]) for image in found.images[: len(plain)]] == plain
        assert int(found.filled) == len(plain)
    assert 15 < swaps < 42
