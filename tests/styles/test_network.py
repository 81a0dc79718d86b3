"""The file of a network, and how its styles are named."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import random_styles, refusal

from jaxstyle.errors import InputError, WeightsError
from jaxstyle.onepass.layers import Widths
from jaxstyle.styles.model import initial, paint
from jaxstyle.styles.names import check_names
from jaxstyle.styles.network import PHOTOGRAPH, StyleFile, StyleNetwork, coded, read, with_styles, write

TINY = Widths((4, 6, 8), 1, (6, 4))


@pytest.fixture
def network(rng):
    names = ("starry_night", "shipwreck", "waves", PHOTOGRAPH)
    styles = jnp.asarray(rng.normal(1, 0.2, (len(names), TINY.style_size)), jnp.float32)
    return StyleNetwork(initial(TINY, 0), styles, TINY, names, "a test", "none")


def test_a_file_gives_back_what_was_written(network, tmp_path):
    thumbnails = {"waves": np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)}
    write(tmp_path / "a.safetensors", StyleFile(network, thumbnails, {"steps": 3}))
    write(tmp_path / "b.safetensors", StyleFile(network, thumbnails, {"steps": 3}))
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    found = read(tmp_path / "a.safetensors")
    assert (found.network.names, found.network.widths, found.network.origin) == (network.names, TINY, "a test")
    assert found.training == {"steps": 3}
    np.testing.assert_array_equal(found.thumbnails["waves"], thumbnails["waves"])
    np.testing.assert_array_equal(found.network.styles, network.styles)
    for name, kernel in network.kernels.items():
        np.testing.assert_array_equal(found.network.kernels[name], kernel)


@pytest.mark.slow
def test_codebooks_have_a_quarter_of_the_size_and_nearly_the_same_picture(rng, tmp_path):
    widths = Widths((32, 64, 64), 1, (64, 32))
    network = StyleNetwork(initial(widths, 0), widths.plain_style()[None], widths, ("one",))
    for name, codebooks in (("whole", False), ("coded", True)):
        write(tmp_path / f"{name}.safetensors", StyleFile(network), codebooks=codebooks)
    whole, small = ((tmp_path / f"{name}.safetensors").stat().st_size for name in ("whole", "coded"))
    assert small < 0.3 * whole
    image = jnp.asarray(rng.random((1, 32, 32, 3)), jnp.float32)
    found = read(tmp_path / "coded.safetensors").network
    run = jax.jit(paint, static_argnums=1)
    difference = run(found.kernels, widths, image, found.styles) - run(network.kernels, widths, image, network.styles)
    assert np.abs(difference).mean() < 2 / 255  # random kernels; the trained network's is half a level


def test_a_codebook_is_at_least_as_near_as_even_steps(rng):
    kernel = rng.normal(size=(3, 3, 128, 128)).astype(np.float32)
    codes, book = coded(kernel)
    step = np.ptp(kernel) / 255
    even = np.rint((kernel - kernel.min()) / step) * step + kernel.min()
    assert ((book[codes] - kernel) ** 2).mean() < 0.5 * ((even - kernel) ** 2).mean()


@pytest.mark.parametrize(("style", "index"), [("waves", 2), ("WAVES", 2), ("star", 0), (1, 1), ("3", 3), (" shipwreck ", 1)])
def test_a_style_is_told_by_name_beginning_or_number(network, style, index):
    assert network.index(style) == index


def test_the_beginning_of_a_name_and_of_longer_ones_means_the_name(network):
    names = ("waves-strong", "Waves", "wax", "sun-strong", "sun-weak", "ice", "Ice", "ice-cold")
    longer = StyleNetwork(network.kernels, jnp.ones((8, TINY.style_size)), TINY, names)
    assert [longer.index(text) for text in ("wave", "waves", "waves-", "wax", "Sun-w", "ice-")] == [1, 1, 0, 2, 4, 7]
    refusal(lambda: longer.index("wa"), "style", "waves-strong, Waves, wax", kind=InputError)
    refusal(lambda: longer.index("sun"), "style", "sun-strong, sun-weak", kind=InputError)
    for text in ("ice", "ic"):
        refusal(lambda text=text: longer.index(text), "style", "ice, Ice", kind=InputError)


NAMES = [
    "waves",
    "Starry Night",
    "waves-strong",
    "a.b",
    "ice",
    "Ice",
    "WAVES",
    "Straße",
    "STRASSE",
    "\xe9",
    "e\u0301",
    "1a",
    "-1",
]
NAMES += ["photograph", "PHOTOGRAPH", "photographs", "1", "\uff11", "01", "a+b", "a:2", ":", " x", "a\tb", "\udce9"]


@pytest.mark.parametrize("had", [(), ("a.b", "sun"), ("x", "photograph")])
def test_names_are_refused_by_which_a_style_would_not_be_found(had):
    """Those, and no others: what may be added is found by its own name, alone and in a blend, and what was there still is."""

    def is_found(name, names):
        network = random_styles(*dict.fromkeys([*names, "photograph"]))
        try:
            network.style(f"{name}+{name}:2")
            return network.names[network.index(name)] == name
        except InputError:
            return False

    names = [*had]
    for name in NAMES:
        more = [(one, one) for one in (*names[len(had) :], name)]
        fits = name not in names and name != "photograph" and name.isprintable()
        if fits and all(is_found(one, [*names, name]) for one in (*names, name)):
            check_names(more, had)
            check_names(more[-1:], names)
            names.append(name)
        else:
            for given, known in ((more, had), (more[-1:], names)):
                refusal(partial(check_names, given, known), "styles", f"(={name!r}) cannot be named so: ", kind=InputError)
    assert names[len(had) :][-2:] == ["-1", "photographs"]
    for name in ("", "y "):
        refusal(partial(check_names, [(name, name)], had), "styles", "letters that can be printed", kind=InputError)


def test_an_accent_may_be_written_in_two_ways():
    network = random_styles("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "waves")
    assert network.index("Cafe\N{COMBINING ACUTE ACCENT}") == 0


def test_a_style_is_found_in_a_compiled_function_too(network):
    found = jax.jit(lambda network: network.style("star:3+ship:1", 0.5))(network)
    np.testing.assert_allclose(found, network.style("star:3+ship:1", 0.5), rtol=1e-6)


def test_blends_and_strength_mix_the_vectors(network):
    star, ship, _, photograph = network.styles
    np.testing.assert_allclose(network.style("star+ship"), (star + ship) / 2, rtol=1e-6)
    np.testing.assert_allclose(network.style("star:3+ship:1"), (3 * star + ship) / 4, rtol=1e-6)
    np.testing.assert_allclose(network.style({"star": 1, "ship": 3}), (star + 3 * ship) / 4, rtol=1e-6)
    np.testing.assert_allclose(network.style("star", 0.25), star / 4 + 3 * photograph / 4, rtol=1e-5)
    np.testing.assert_array_equal(network.style("star", 1.0), star)


@pytest.mark.parametrize(
    ("style", "parts"),
    [
        ("wave s", ["did you mean 'waves'"]),
        ("s", ["starry_night", "shipwreck"]),
        (9, ["from 0 to 3"]),
        ("star:x", ["share"]),
        ("star:0", ["positive, finite sum"]),
        ({"star": 1e308, "ship": 1e308}, ["finite sum"]),
        ({"star": -1, "ship": 2}, ["numbers of at least 0"]),
        ({"star": float("nan")}, ["numbers of at least 0"]),
        ({"star": "1"}, ["numbers of at least 0"]),
        ("star:-1+ship", ["share"]),
        ("", ["known: starry_night"]),
    ],
)
def test_a_style_that_is_none_is_refused(network, style, parts):
    refusal(lambda: network.style(style), "style", *parts, kind=InputError)


@pytest.mark.parametrize("strength", [-0.1, 1.5, float("nan")])
def test_a_strength_outside_is_refused(network, strength):
    refusal(lambda: network.style("waves", strength), "strength", "from 0 to 1", kind=InputError)


def test_more_styles_leave_the_others(network):
    more = with_styles(network, ["glass"], jnp.ones((1, TINY.style_size)))
    assert more.names == (*network.names, "glass")
    np.testing.assert_array_equal(more.styles[:-1], network.styles)


def test_files_of_other_kinds_are_refused(small_weights, tmp_path, network):
    def refused(path, *parts):
        refusal(lambda: read(path), "network", *parts, kind=WeightsError)

    refused(small_weights, "no style network", "VGG")
    refused(tmp_path, "is a folder")
    refused(tmp_path / "none.safetensors", "does not exist")
    text = tmp_path / "text.safetensors"
    text.write_text("no network")
    refused(text, "damaged")
    write(tmp_path / "cut.safetensors", StyleFile(network))
    whole = (tmp_path / "cut.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "cut.safetensors", "damaged")
    endless = StyleNetwork({**network.kernels, "up3": network.kernels["up3"] * np.nan}, network.styles, TINY, network.names)
    write(tmp_path / "nan.safetensors", StyleFile(endless))
    refused(tmp_path / "nan.safetensors", "not finite")
    short = StyleNetwork(network.kernels, network.styles[:2], TINY, network.names)
    write(tmp_path / "short.safetensors", StyleFile(short))
    refused(tmp_path / "short.safetensors", "damaged", "4 names")
