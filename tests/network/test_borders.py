"""The convolution with every padding, and its gradients, against sums over places that are found in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxstyle
from jaxstyle.errors import InputError
from jaxstyle.network import convolution
from jaxstyle.network.convolution import Target, conv3x3, traced_for
from jaxstyle.network.vgg import features

MODES = {"zero": "constant", "reflect": "reflect", "replicate": "edge"}
RARE = (1, 2, 1, 4, 3), (1, 1, 1, 3, 2), (1, 13, 12, 8, 6)
SHAPES = [(2, 9, 7, 5, 4), *(pytest.param(shape, marks=pytest.mark.slow) for shape in RARE)]


def seen(x, padding):
    """What lies under each of the nine places of a kernel, (3, 3, N, H, W, I), in float64."""
    _, h, w, _ = x.shape
    padded = np.pad(np.asarray(x, np.float64), ((0, 0), (1, 1), (1, 1), (0, 0)), MODES[padding])
    return np.stack([np.stack([padded[:, i : i + h, j : j + w] for j in range(3)]) for i in range(3)])


def convolved(x, kernel, padding):
    return np.einsum("abnhwi,abio->nhwo", seen(x, padding), np.asarray(kernel, np.float64))


def gradients(x, kernel, g, padding):
    """Of x and the kernel: what each place gave is brought back to where it was taken from."""
    n, h, w, i = x.shape
    places = np.arange(1, 1 + h * w).reshape(1, h, w, 1)  # 0 is nowhere
    came_from = seen(places, padding)[..., 0, :, :, 0].astype(int)
    given = np.einsum("nhwo,abio->abhwni", np.asarray(g, np.float64), np.asarray(kernel, np.float64))
    total = np.zeros((1 + h * w, n, i))
    np.add.at(total, came_from, given)
    return total[1:].reshape(h, w, n, i).transpose(2, 0, 1, 3), np.einsum("abnhwi,nhwo->abio", seen(x, padding), g)


@pytest.mark.parametrize("padding", MODES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    ("backend", "algorithm", "large"),
    [("cpu", "direct", 0), ("cpu", "direct", 2**20), ("gpu", "direct", 0), ("cpu", "winograd2", 0), ("cpu", "winograd4", 0)],
)
def test_values_and_gradients_are_numpys(rng, monkeypatch, padding, shape, backend, algorithm, large):
    """By what is computed at the border alone, by a larger copy, and by each algorithm."""
    monkeypatch.setattr(convolution, "LARGE", large)
    n, h, w, i, o = shape
    x, kernel, g = (jnp.asarray(rng.normal(size=s), jnp.float32) for s in ((n, h, w, i), (3, 3, i, o), (n, h, w, o)))

    def conv(x, kernel):
        return conv3x3(x, kernel, "float32", padding)

    @jax.jit
    def computed(x, kernel, g):
        value, pull = jax.vjp(conv, x, kernel)
        return (value, *pull(g)), jax.vmap(lambda one: conv(one[None], kernel))(x), [conv(one[None], kernel) for one in x]

    with traced_for(Target(backend, algorithm)):
        found, members, alone = computed(x, kernel, g)
    np.testing.assert_array_equal(members, alone)
    for mine, wanted in zip(found, (convolved(x, kernel, padding), *gradients(x, kernel, g, padding)), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


def test_the_gradient_of_a_wide_kernel_knows_the_padding(rng):
    x, kernel, g = (jnp.asarray(rng.normal(size=s), jnp.float32) for s in ((1, 4, 5, 128), (3, 3, 128, 256), (1, 4, 5, 256)))
    (found,) = jax.vjp(lambda kernel: conv3x3(x, kernel, "float32", "reflect"), kernel)[1](g)
    wanted = gradients(x, kernel, g, "reflect")[1]
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_every_convolution_of_a_network_is_padded(tiny_params, rng):
    image = jnp.asarray(rng.random((16, 20, 3)), jnp.float32)
    taps = ("conv1_1", "conv1_2", "conv2_1")
    run = jax.jit(features, static_argnames=("taps", "padding"))
    for padding in MODES:
        found = run(tiny_params, image, taps, padding=padding)
        scale = tiny_params.scale
        x = (np.asarray(image)[..., list(scale.order)] - np.array(scale.mean)) * np.array(scale.multiplier)
        for tap in taps:
            layer = tiny_params.layers[tap]
            if tap == "conv2_1":
                x = x.reshape(8, 2, 10, 2, -1).max((1, 3))
            x = convolved(x[None], layer["kernel"], padding)[0] + np.asarray(layer["bias"])
            np.testing.assert_allclose(found[tap], x, rtol=1e-4, atol=1e-4 * np.abs(x).max())
            x = np.maximum(x, 0)


def test_a_plain_picture_has_plain_features_unless_zeros_lie_around_it(tiny_params):
    image, run = jnp.full((32, 32, 3), 0.3), jax.jit(features, static_argnames=("taps", "padding"))
    for padding in ("reflect", "replicate"):
        deep = np.asarray(run(tiny_params, image, ("relu4_1",), padding=padding)["relu4_1"])
        np.testing.assert_allclose(deep, np.broadcast_to(deep[1, 1], deep.shape), rtol=1e-4, atol=1e-3)
    deep = np.asarray(run(tiny_params, image, ("relu4_1",))["relu4_1"])
    assert np.abs(deep - deep[1, 1]).max() > 0.01 * np.abs(deep).max()


def test_an_unknown_padding_is_refused(tiny_params):
    with pytest.raises(InputError, match="`padding`.*'mirror'.*zero, reflect, replicate"):
        jaxstyle.features(tiny_params, jnp.zeros((16, 16, 3)), ("relu1_1",), padding="mirror")
