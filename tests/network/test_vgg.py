"""The extractor against a plain NumPy network, and the promises about taps, sizes and batches."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle.errors import InputError
from jaxstyle.network.vgg import ARCHITECTURES, Params, features
from jaxstyle.network.weights.registry import SCALES


def numpy_features(params: Params, image, pooling):
    """Every tap of a network, in float64, by the definition: pad, multiply, add, compare."""
    x = (image.astype(np.float64)[..., list(params.scale.order)] - params.scale.mean) * params.scale.multiplier
    found = {}
    for tap in params.architecture.taps:
        if tap.startswith("conv"):
            kernel, bias = (np.asarray(params.layers[tap][part], np.float64) for part in ("kernel", "bias"))
            padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
            h, w = x.shape[:2]
            x = sum(padded[i : i + h, j : j + w] @ kernel[i, j] for i in range(3) for j in range(3)) + bias
        elif tap.startswith("relu"):
            x = np.maximum(x, 0)
        else:
            h, w = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
            quarters = np.stack([x[i:h:2, j:w:2] for i in range(2) for j in range(2)])
            x = quarters.max(0) if pooling == "max" else quarters.mean(0)
        found[tap] = x
    return found


@pytest.mark.parametrize("pooling", ["max", "avg"])
@pytest.mark.parametrize(("shape", "scale"), [((32, 37, 3), "caffe"), ((19, 16, 3), "torch")])
def test_every_tap_is_the_plain_networks(tiny_params, rng, shape, scale, pooling):
    params = Params(tiny_params.layers, tiny_params.architecture, SCALES[scale])
    image = rng.random(shape).astype(np.float32)
    taps = [tap for tap in params.architecture.taps if min(shape[:2]) >= 32 or tap != "pool5"]
    found, wanted = features(params, jnp.asarray(image), taps, pooling=pooling), numpy_features(params, image, pooling)
    assert list(found) == taps
    for tap in taps:
        np.testing.assert_allclose(found[tap], wanted[tap], rtol=2e-4, atol=2e-4 * np.abs(wanted[tap]).max())


def test_a_batch_is_its_members(tiny_params, rng):
    images = jnp.asarray(rng.random((3, 18, 16, 3)), jnp.float32)
    together = features(tiny_params, images, ["relu3_1"])["relu3_1"]
    for one, value in zip(images, together, strict=True):
        np.testing.assert_allclose(features(tiny_params, one, ["relu3_1"])["relu3_1"], value, rtol=1e-5, atol=1e-4)


def test_stops_at_the_deepest_tap(tiny_params):
    def convolutions(*taps):
        jaxpr = jax.make_jaxpr(lambda x: features(tiny_params, x, taps))(jnp.zeros((32, 32, 3)))
        return str(jaxpr).count("conv_general_dilated")

    assert [convolutions(tap) for tap in ("conv1_1", "relu2_1", "pool3", "relu5_1")] == [1, 3, 6, 9]


def test_architectures_are_the_papers():
    """Simonyan & Zisserman, table 1, columns D and E."""
    assert [len(ARCHITECTURES[name].shapes) for name in ("vgg16", "vgg19")] == [13, 16]
    for name, third in (("vgg16", "conv3_3"), ("vgg19", "conv3_4")):
        shapes = ARCHITECTURES[name].shapes
        assert next(iter(shapes.values())) == (3, 3, 3, 64)
        assert shapes[third] == (3, 3, 256, 256)
        assert shapes["conv4_1"] == (3, 3, 256, 512)
        # Parameters of the convolutional part, kernels and biases.
        count = sum(int(np.prod(s)) + s[-1] for s in shapes.values())
        assert count == {"vgg16": 14_714_688, "vgg19": 20_024_384}[name]


def test_bad_arguments_are_named(tiny_params):
    image = jnp.zeros((16, 16, 3))
    with pytest.raises(InputError, match=r"`taps` \(='rel4_1'\) is unknown; did you mean 'relu4_1'"):
        features(tiny_params, image, ["rel4_1"])
    with pytest.raises(InputError, match=r"`pooling` \(='median'\)"):
        features(tiny_params, image, ["relu1_1"], pooling="median")
    with pytest.raises(InputError, match="at least 32 pixels"):
        features(tiny_params, image, ["pool5"])
    with pytest.raises(InputError, match="at least 16 pixels"):
        features(tiny_params, image[:15], ["relu1_1"])
    with pytest.raises(InputError, match="shape"):
        features(tiny_params, image[..., 0], ["relu1_1"])
