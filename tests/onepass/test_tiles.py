"""Any size strip by strip, exactly: against the whole way, and its parts alone."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import random_styles

from jaxstyle.network.convolution import Target, traced_for
from jaxstyle.onepass import inference, tiles
from jaxstyle.onepass.layers import Widths, conv2d_reflect
from jaxstyle.onepass.tiles import Moments
from jaxstyle.styles.model import initial, paint

NETWORK = random_styles("dots", "dashes", blocks=2)
TINY, KERNELS, (STYLE, OTHER) = NETWORK.widths, NETWORK.kernels, NETWORK.styles
PAINT = jax.jit(lambda images, styles: paint(KERNELS, TINY, images, styles))


def whole(image):
    return np.asarray(PAINT(jnp.asarray(image)[None], STYLE[None]))[0]


@pytest.mark.parametrize(
    ("height", "width", "rows"), [(16, 16, 8), (61, 35, 20), (18, 16, 400), pytest.param(39, 16, 12, marks=pytest.mark.slow)]
)
def test_strips_give_what_the_whole_picture_gives(height, width, rows):
    """Odd sides, strips that do not divide, one strip for all."""
    image = np.random.default_rng(height).random((height, width, 3), np.float32)
    expected = whole(image)
    painted = tiles.paint(KERNELS, TINY, image, STYLE, rows=rows)
    assert painted.dtype == np.float32
    assert expected.std() > 0.1
    np.testing.assert_allclose(painted, expected, atol=1e-5)


@pytest.mark.parametrize(("outer", "is_normalised"), [(7, True), pytest.param(5, False, marks=pytest.mark.slow), (9, False)])
def test_strips_of_networks_with_other_ends(outer, is_normalised):
    widths = Widths((4, 6, 8), 1, (6, 4), outer, is_normalised)
    kernels, style = initial(widths, 0), widths.plain_style() + 0.1
    image = np.random.default_rng(0).random((42, 21, 3), np.float32)
    expected = jax.jit(lambda image: paint(kernels, widths, image[None], style[None])[0])(jnp.asarray(image))
    np.testing.assert_allclose(tiles.paint(kernels, widths, image, style, rows=12), expected, atol=1e-5)


@pytest.mark.parametrize("is_normalised", [True, False])
def test_a_plain_picture_comes_out_in_one_colour(is_normalised):
    """By hand: a normalised constant is 0, so that shifts alone are left."""
    widths = replace(TINY, is_normalised=is_normalised)
    affines = {name: (scale[0], shift[0]) for name, (scale, shift) in TINY.split(STYLE[None]).items()}
    scale, value = affines["up3"]
    if not is_normalised:
        value = value + scale * jnp.einsum("hwio,i->o", KERNELS["up3"], jnp.maximum(affines["up2"][1], 0))
    expected = np.broadcast_to(1 / (1 + np.exp(-value)), (16, 16, 3))
    paint_whole = jax.jit(lambda image: inference.paint(widths, KERNELS, image[None], STYLE[None])[0])
    for colour in [(0, 0, 0), (255, 255, 255), (30, 90, 201)]:
        image = np.full((16, 16, 3), colour, np.uint8)
        np.testing.assert_allclose(paint_whole(image / np.float32(255)), expected, atol=1e-5)
        np.testing.assert_allclose(tiles.paint(KERNELS, widths, image, STYLE, rows=8), expected, atol=1e-5)


@pytest.mark.slow
def test_strips_of_a_nearly_plain_picture():
    """A square that differs by one level is a motif, however faint: the rounding around it decides nothing."""
    for side in (1, 3, 8):
        image = np.full((16, 16, 3), 255, np.uint8)
        image[6 : 6 + side, 5 : 5 + side] = 254
        expected = whole(image / np.float32(255))
        assert np.ptp(expected) > 0.3
        np.testing.assert_allclose(tiles.paint(KERNELS, TINY, image, STYLE, rows=8), expected, atol=1e-4)


def test_statistics_are_the_whole_pictures():
    """Half of the picture is dark and half light: strips with statistics of their own would look alike."""
    image = np.random.default_rng(0).random((32, 16, 3), np.float32) * 0.2
    image[16:] += 0.8
    painted = tiles.paint(KERNELS, TINY, image, STYLE, rows=8)
    np.testing.assert_allclose(painted, whole(image), atol=1e-5)
    alone = np.concatenate([whole(part) for part in (image[:16], image[16:])])
    assert np.abs(painted - alone).max() > 0.05


def test_bytes_are_floats_of_255():
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    painted = tiles.paint(KERNELS, TINY, image, STYLE, rows=8)
    np.testing.assert_allclose(painted, tiles.paint(KERNELS, TINY, image / np.float32(255), STYLE, rows=8), atol=1e-6)


@pytest.mark.parametrize("mean", [0.0, 1e4])
def test_moments_merge(mean):
    values = np.random.default_rng(0).normal(mean, 1, (300, 5)) * np.arange(1, 6)
    parts = [Moments(len(part), part.mean(0), ((part - part.mean(0)) ** 2).sum(0)) for part in np.split(values, [7, 100, 101])]
    merged = parts[0].merged(parts[1]).merged(parts[2].merged(parts[3]))
    assert merged.places == 300
    np.testing.assert_allclose(merged.mean, values.mean(0), rtol=1e-12)
    np.testing.assert_allclose(merged.squares / 300, values.var(0), rtol=1e-9)


def test_no_map_of_the_pictures_own_resolution_is_stored():
    stored = [one.layers[-1].name for one in tiles.passes(TINY) if one.is_stored]
    assert stored == ["down2", "down3", "block1_1", "block1_2", "block2_1", "block2_2", "up1", "up3"]
    assert [one.layers[-1].name for one in tiles.passes(TINY)] == [layer.name for layer in TINY.layers]


def test_strips_hold_about_what_they_may():
    for width in (512, 8192, 30000):
        rows = tiles.strip_rows(Widths(), width)
        assert rows % tiles.STEP == 0
        assert rows >= 8
    assert tiles.strip_rows(Widths(), 512) > 10 * tiles.strip_rows(Widths(), 8192)


@pytest.mark.parametrize("layer", Widths((4, 6, 8), 1, (6, 4)).layers, ids=lambda layer: layer.name)
@pytest.mark.parametrize("sides", [(6, 8), (13, 17)])
def test_convolutions_for_painting_alone(layer, sides):
    """The values of the convolutions that training uses."""
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.normal(size=(2, *sides, layer.inputs)), jnp.float32)
    kernel = KERNELS[layer.name]
    expected = jax.jit(lambda x: conv2d_reflect(x, kernel, layer.scale, "float32"))(x)
    for backend in ("cpu", "gpu"):
        with traced_for(Target(backend=backend)):
            found = jax.jit(lambda x: inference.convolve(inference.bordered(x, layer), kernel, layer))(x)
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, atol=2e-5, err_msg=backend)


def test_the_whole_network_for_painting_alone():
    """Several pictures at once, each in its own style."""
    images = jnp.asarray(np.random.default_rng(0).random((2, 37, 30, 3)), jnp.float32)
    styles = jnp.stack([STYLE, OTHER])
    painted = jax.jit(lambda i, s: inference.paint(TINY, KERNELS, i, s))(images, styles)
    np.testing.assert_allclose(painted, PAINT(images, styles), atol=1e-5)
