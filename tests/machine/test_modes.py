"""JAX as others have set it: the same pictures, and what they have set stays."""

from contextlib import ExitStack

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle import apply_style, stylize
from jaxstyle.errors import InputError
from jaxstyle.machine.modes import check_platform, computing
from jaxstyle.pictures.noise import key_of, seed_words

MODES = {
    "x64": lambda: jax.enable_x64(True),
    "nans": lambda: jax.debug_nans(True),
    "no jit": lambda: jax.disable_jit(True),
    "keys": lambda: jax.default_prng_impl("rbg"),
    "partitions": lambda: jax.threefry_partitionable(False),
    "promotion": lambda: jax.numpy_dtype_promotion("strict"),
    "precision": lambda: jax.default_matmul_precision("bfloat16"),
    "transfers": lambda: jax.transfer_guard("disallow"),
}


def test_the_same_picture_in_every_mode(rgb, small_network):
    """And the caller's modes are as they were, though there are all of them at once."""
    how = dict(size="32x32", evaluations=3, init="noise", seed=5)
    expected = stylize(rgb, rgb[::-1], **how)
    with ExitStack() as stack:
        for mode in MODES.values():
            stack.enter_context(mode())
        found = stylize(rgb, rgb[::-1], **how)
        assert jax.config.jax_enable_x64
        assert jax.config.jax_disable_jit
        assert jax.config.jax_default_prng_impl == "rbg"
    np.testing.assert_array_equal(found.image, expected.image)
    assert found.loss == expected.loss
    assert found.image.dtype == np.float32


def test_the_same_in_one_pass(rgb, tiny_styles):
    expected = apply_style(rgb, tiny_styles, style="dots+dashes", strength=0.5)
    with jax.enable_x64(True):
        found = apply_style(rgb.astype(np.float64) / 255, tiny_styles, style="dots+dashes", strength=0.5)
        assert jnp.ones(()).dtype == jnp.float64
    np.testing.assert_array_equal(found.image, expected.image)


@pytest.mark.parametrize("name", MODES)
def test_within_nothing_is_set(name):
    def numbers():
        draws = jax.random.normal(jax.random.key(3), (2, 3))
        return np.asarray(draws @ draws.T * np.float32(0.1)), jnp.log(jnp.zeros(())), jnp.asarray(1.0).dtype

    expected = numbers()
    with MODES[name](), computing():
        found = numbers()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("raised", [RuntimeError("Unable to initialize backend 'cuda'"), AssertionError()])
def test_a_platform_that_is_not_there_is_named(monkeypatch, raised):
    def none():
        raise raised

    before = jax.config.jax_platforms
    check_platform()
    monkeypatch.setattr(jax, "local_devices", none)
    try:
        jax.config.update("jax_platforms", "cuda")
        with pytest.raises(InputError, match=r"^`JAX_PLATFORMS` \(='cuda'\) names no platform .*; unset it, or set it to cpu$"):
            stylize(None, None)
    finally:
        jax.config.update("jax_platforms", before)


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1, 2**32, 2**40 + 5, 2**63 - 1])
def test_a_seeds_key_is_that_of_64_bits(seed):
    with jax.enable_x64(True):
        expected = jax.random.key_data(jax.random.key(seed))
    np.testing.assert_array_equal(jax.random.key_data(key_of(seed_words(seed))), expected)
