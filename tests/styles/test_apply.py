"""One picture in one pass: what it takes, what it gives, what it records."""

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import random_styles, refusal
from PIL import Image

import jaxstyle
from jaxstyle.machine import memory
from jaxstyle.onepass import tiles
from jaxstyle.pictures import ours
from jaxstyle.pictures.spaces import with_colours_of
from jaxstyle.styles.apply import apply_style
from jaxstyle.styles.model import paint


def expected(network, image, style):
    """The network as training runs it, of a picture in floats with eight mirrored pixels around it, which are cut off again."""
    rows, columns = (np.abs(np.arange(-8, side + 8)) for side in image.shape[:2])
    rows, columns = (np.where(i < side, i, 2 * side - 2 - i) for i, side in ((rows, len(image)), (columns, image.shape[1])))
    whole = jax.jit(lambda image, style: paint(network.kernels, network.widths, image[None], style[None])[0])
    return np.asarray(whole(jnp.asarray(image[rows[:, None], columns]), style))[8:-8, 8:-8]


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (16, 19, 3), dtype=np.uint8)


def test_it_is_the_network_of_the_picture(tiny_styles, image):
    painted = jaxstyle.apply_style(image, tiny_styles, style="dashes")
    assert painted.image.dtype == np.float32
    assert painted.image.shape == image.shape
    np.testing.assert_allclose(painted.image, expected(tiny_styles, image / np.float32(255), tiny_styles.styles[1]), atol=1e-5)
    assert np.abs(painted.image - apply_style(image, tiny_styles, style=0).image).max() > 0.05


@pytest.mark.slow
def test_a_network_without_a_margin_paints_the_picture_as_it_is(tiny_styles, image):
    bare, photograph = replace(tiny_styles, margin=0), image / np.float32(255)
    wanted = jax.jit(lambda image: paint(bare.kernels, bare.widths, image[None], bare.styles[:1])[0])(photograph)
    for way in ("auto", "low"):
        np.testing.assert_allclose(apply_style(image, bare, style=0, memory=way).image, wanted, atol=1e-5)
    assert np.abs(apply_style(image, tiny_styles, style=0).image - wanted).max() > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("network", ["styles", "styles26"])
def test_a_white_page_comes_out_in_one_colour(network):
    """By the networks in the box, whole or strip by strip, whatever its transparency."""
    page = Image.fromarray(np.full((40, 52, 3), 255, np.uint8))
    page.putalpha(Image.linear_gradient("L").resize(page.size))
    whole, strips = (apply_style(page, network, style=0, memory=way).image for way in ("auto", "low"))
    assert np.ptp(whole, axis=(0, 1)).max() < 1e-6
    np.testing.assert_allclose(strips, whole, atol=1e-5)


def test_a_blend_is_of_the_vectors(tiny_styles, image):
    painted = apply_style(image, tiny_styles, style="dots:3+dashes").image
    vector = 0.75 * tiny_styles.styles[0] + 0.25 * tiny_styles.styles[1]
    np.testing.assert_allclose(painted, expected(tiny_styles, image / np.float32(255), vector), atol=1e-5)


def test_strength_goes_to_the_photograph_that_the_network_has_learned(tiny_styles, image):
    """And what the network loses of a photograph comes back in proportion."""
    painted = apply_style(image, tiny_styles, style="dots", strength=0.25).image
    photograph, kept = image / np.float32(255), expected(tiny_styles, image / np.float32(255), tiny_styles.styles[2])
    vector = 0.25 * tiny_styles.styles[0] + 0.75 * tiny_styles.styles[2]
    wanted = expected(tiny_styles, photograph, vector) + 0.75 * (photograph - kept)
    np.testing.assert_allclose(painted, np.clip(wanted, 0, 1), atol=1e-5)
    np.testing.assert_allclose(apply_style(image, tiny_styles, style="dots", strength=0).image, photograph, atol=1e-5)


def test_the_pictures_own_colours_are_put_back(tiny_styles, image):
    painted = apply_style(image, tiny_styles, style="dots")
    own = apply_style(image, tiny_styles, style="dots", color_space="lab")
    np.testing.assert_array_equal(own.image, with_colours_of(painted.image, image / np.float32(255), "lab"))
    assert own.record["config"]["color_space"] == "lab"
    call = lambda: apply_style(image, tiny_styles, style="dots", color_space="hsv")  # noqa: E731
    refusal(call, "color_space", "known: yuv, ycbcr, luv, lab", kind=jaxstyle.InputError)


def test_strength_blends_with_the_picture_where_it_has_learned_none(image):
    plain_network = random_styles("dots", "dashes")
    whole = apply_style(image, plain_network, style="dots").image
    for strength in (0, 0.25):
        painted = apply_style(image, plain_network, style="dots", strength=strength).image
        np.testing.assert_allclose(painted, strength * whole + (1 - strength) * image / 255, atol=1e-6)


@pytest.mark.slow
def test_strip_by_strip_where_it_does_not_fit(tiny_styles, image, monkeypatch):
    """The same picture, whether asked for or since memory is short."""
    whole = apply_style(image, tiny_styles, style="dots")
    low = apply_style(image, tiny_styles, style="dots", memory="low")
    monkeypatch.setattr(memory, "available", lambda: 1000)
    short = apply_style(image, tiny_styles, style="dots")
    assert [one.record["memory"]["strip_rows"] is None for one in (whole, low, short)] == [True, False, False]
    for painted in (low, short):
        np.testing.assert_allclose(painted.image, whole.image, atol=1e-5)


def test_what_does_not_fit_even_so_is_refused(tiny_styles, image, monkeypatch):
    monkeypatch.setattr(memory, "host_available", lambda: 2 * tiles.STRIP)
    text = refusal(lambda: apply_style(image, tiny_styles, style="dots", memory="low"), "size", kind=jaxstyle.InputError)
    assert "19x16" in text


def test_the_maps_in_memory_are_about_as_large_as_it_says(tiny_styles, monkeypatch):
    """The arrays that are made, by what the passes hold at once."""
    made = []
    image = np.random.default_rng(0).random((32, 32, 3), np.float32)
    run = tiles._Painting.run

    def held(painting, one, callback):
        run(painting, one, callback)
        arrays = [array for name, array in painting.maps.items() if name is not None]
        made.append(sum(array.nbytes for array in arrays) + (painting.block.nbytes if painting.block is not None else 0))

    monkeypatch.setattr(tiles._Painting, "run", held)
    tiles.paint(tiny_styles.kernels, tiny_styles.widths, image, tiny_styles.styles[0], rows=16)
    said = tiles.host_bytes(tiny_styles.widths, 32, 32)
    assert said / 3 < max(made) < said


def test_a_second_picture_in_another_style_compiles_nothing(tiny_styles, image):
    apply_style(image, tiny_styles, style="dots")
    assert apply_style(image[::-1], tiny_styles, style="dashes").record["seconds"]["compile"] == 0


@pytest.mark.parametrize(("size", "width", "height"), [(None, 40, 20), (32, 32, 16), ("short:16", 32, 16), ("17x16", 17, 16)])
def test_sizes(tiny_styles, size, width, height):
    painted = apply_style(Image.new("RGB", (40, 20), "teal"), tiny_styles, style="dots", size=size)
    assert painted.image.shape == (height, width, 3)
    assert tuple(painted.record["size"]) == (width, height)


def test_transparency_is_put_back(tiny_styles, tmp_path, image):
    alpha = np.linspace(0, 255, 16 * 19).reshape(16, 19).astype(np.uint8)
    painted = apply_style(np.dstack([image, alpha]), tiny_styles, style="dots")
    painted.save(tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as saved:
        np.testing.assert_array_equal(np.asarray(saved)[..., 3], alpha)


def test_the_record(styles_file, tmp_path, image):
    """Beside the picture and inside it; what made it can be told from it."""
    source = tmp_path / "photo.png"
    Image.fromarray(image).save(source)
    painted = apply_style(source, styles_file, style="dots+dashes", strength=0.5)
    painted.save(tmp_path / "out.png")
    beside = json.loads((tmp_path / "out.png.json").read_text())
    assert beside["schema"] == "jaxstyle-run-apply-1"
    config = {"style": "dots+dashes", "strength": 0.5, "size": None, "color_space": None, "memory": "auto"}
    assert beside["config"] == config
    assert beside["inputs"]["picture"]["path"] == str(source)
    assert beside["network"]["name"] == "tiny.safetensors"
    assert len(beside["network"]["sha256"]) == 64
    assert {"versions", "device", "seconds"} <= set(beside)
    assert ours.read_record(tmp_path / "out.png") == beside
    (tmp_path / "out.png.json").unlink()
    inside = ours.read_record(tmp_path / "out.png")
    assert inside is not None
    assert inside["inputs"]["picture"]["path"] == "photo.png"


@pytest.mark.parametrize(
    ("changes", "argument", "part"),
    [
        ({"style": "dost"}, "style", "did you mean 'dots'?"),
        ({"style": 3}, "style", "must be a name, or a number from 0 to 2"),
        ({"style": "d"}, "style", "is not one style"),
        ({"strength": 1.5}, "strength", "must be a number from 0 to 1"),
        ({"strength": "half"}, "strength", "must be a number from 0 to 1"),
        ({"memory": "hihg"}, "memory", "known: auto, low"),
        ({"size": 8}, "size", "at least 16"),
        ({"picture": np.zeros((15, 20, 3), np.uint8)}, "picture", "at least 16"),
        ({"picture": "nothing.png"}, "picture", "does not exist"),
        ({"network": "styels"}, "network", "did you mean 'styles'?"),
        ({"network": "nothing.safetensors"}, "network", "does not exist"),
    ],
)
def test_bad_input(tiny_styles, image, changes, argument, part):
    given = {"picture": image, "network": tiny_styles, "style": "dots"} | changes
    refusal(lambda: apply_style(**given), argument, part, kind=jaxstyle.InputError)


def test_a_loss_network_is_no_style_network(small_weights, image):
    text = refusal(lambda: apply_style(image, small_weights, style=0), "network", kind=jaxstyle.InputError)
    assert "a loss network" in text
