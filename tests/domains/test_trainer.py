"""Whole trainings on tiny networks: stopping and going on, two devices, files, and what is refused."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refusal, smooth_pictures, straight_and_stopped

import jaxstyle
from jaxstyle.domains import api as whole
from jaxstyle.domains.api import train_domains
from jaxstyle.domains.model import generate
from jaxstyle.domains.network import DomainFile, DomainNetwork, read
from jaxstyle.domains.recipe import Recipe
from jaxstyle.domains.step import METHODS, init_state
from jaxstyle.domains.trainer import DomainTrainer
from jaxstyle.errors import InputError, WeightsError
from jaxstyle.pictures.read import Picture
from jaxstyle.training.photographs import stack_photographs

TINY = dict(size=32, width=2, blocks=1)


A, B = smooth_pictures(4, 0), smooth_pictures(4, 10)


@cache
def collections():
    return [stack_photographs([Picture(image) for image in part], 32) for part in (A, B)]


def training(method, steps=4, path=None):
    """As `train_domains` makes it, so that all tests compile the same two programs."""
    content, identity = METHODS[method].WEIGHTS
    recipe = Recipe(method, **TINY, content_weight=content, identity_weight=identity, pool=METHODS[method].POOL)
    return DomainTrainer(*collections(), recipe, steps=steps, path=path)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["cut", "cyclegan"])
def test_what_is_stopped_goes_on_bit_for_bit(method, tmp_path):
    """Networks, moments, averages, and the pictures of the pool."""
    straight, later = straight_and_stopped(partial(training, method), tmp_path / ".net.part", 2, 4)
    if method == "cyclegan":
        for pool in straight.state.pools.values():
            assert int(pool.filled) == 4
            assert ((np.asarray(pool.images).reshape(50, -1).std(1) > 0) == (np.arange(50) < 4)).all()
    assert later.curve[-1][0] == 4
    assert np.isfinite(later.curve).all()


def test_another_trainings_checkpoint_is_refused(tmp_path):
    path = tmp_path / ".net.part"
    training("cut", path=path).save_checkpoint()
    refusal(training("cyclegan", path=path).resume, "resume", "of a training with method cut, not cyclegan", kind=InputError)
    other = training("cut", path=path)
    other.a, other.b = other.b, other.a
    refusal(other.resume, "resume", "of a training with other a, other b", kind=InputError)
    path.write_bytes(path.read_bytes()[:1000])
    refusal(training("cut", path=path).resume, "resume", "cannot be read", kind=InputError)


@pytest.mark.slow
def test_the_average_follows_the_generator_and_the_rate_falls_in_the_second_half():
    found = training("cut")
    state, recipe = found.state, found.recipe
    average, rates = np.asarray(state.average["a2b"]["up3"]["bias"]), []
    run = found.compiled(jnp.float32(8))
    for count in range(8):
        before = np.asarray(state.nets.discriminators["b"]["conv5"]["bias"])
        state, _ = run(state, jnp.float32(8))
        keep = min(recipe.ema_decay, (1 + count) / (10 + count))
        average = keep * average + (1 - keep) * np.asarray(state.nets.generators["a2b"]["up3"]["bias"])
        rates.append(float(np.abs(state.nets.discriminators["b"]["conv5"]["bias"] - before)[0]))
    np.testing.assert_allclose(state.average["a2b"]["up3"]["bias"], average, rtol=1e-5)
    assert max(rates) < 1.5 * recipe.learning_rate
    assert rates[-1] < 0.35 * recipe.learning_rate


SCRIPT = """
import json, sys
from pathlib import Path
import jax, numpy as np
from jaxstyle.domains.recipe import Recipe
from jaxstyle.domains.trainer import DomainTrainer
from jaxstyle.machine.compiler import Compiler
from tests.domains.test_trainer import collections
recipe, path = Recipe("cut", 2, 1, 32, 2, devices=2), Path(sys.argv[1])
assert not DomainTrainer(*collections(), recipe, steps=2, path=path).run(lambda report: True)
found = DomainTrainer(*collections(), recipe, steps=2, path=path)
assert found.resume()
given, key = (found.state, found.data, jax.numpy.float32(2)), (found.format, *found.step.keywords.items())
text = Compiler().compile(found.step, *given, key=key, donate=(0,)).as_text()
assert found.run()
answer = {"devices": len(jax.devices()), "losses": found.curve[-1][1:], "reduced": "all-reduce" in text}
answer["kernel"] = np.asarray(found.state.average["a2b"]["down2"]["kernel"]).ravel().tolist()
answer["moments"] = [np.asarray(leaf).ravel()[:50].tolist() for leaf in jax.tree.leaves(found.state.moments)]
answer["one crop a device"] = "f32[1,32,32,3]" in text and "all-gather" not in text
print(json.dumps(answer))
"""


@pytest.mark.slow
def test_two_devices_share_the_crops_of_a_step(tmp_path):
    """As one device computes it alone, after a break too; each sees one of two crops."""
    environment = os.environ | {"JAX_NUM_CPU_DEVICES": "2", "JAX_PLATFORMS": "cpu", "JAX_DISABLE_MOST_OPTIMIZATIONS": "true"}
    root = Path(__file__).resolve().parents[2]
    environment["PYTHONPATH"] = os.pathsep.join([str(root), str(root / "tests"), environment.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / ".net.part")], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["devices"] == 2
    assert found["reduced"]
    alone = DomainTrainer(*collections(), Recipe("cut", 2, 1, 32, 2), steps=2)
    assert alone.run()
    np.testing.assert_allclose(found["losses"], alone.curve[-1][1:], rtol=1e-3)
    kernel = np.asarray(alone.state.average["a2b"]["down2"]["kernel"]).ravel()
    assert np.mean(np.abs(found["kernel"] - kernel)) < 1e-5
    compared = 0  # but for biases before a normalisation, whose gradients are rounding alone
    for mine, leaf in zip(found["moments"], jax.tree.leaves(alone.state.moments), strict=True):
        length = np.linalg.norm(np.asarray(leaf).ravel()[:50])
        if length > 1e-5:
            assert np.linalg.norm(mine) == pytest.approx(length, rel=0.1)
            compared += 1
    assert compared > 20
    assert found["one crop a device"]


@pytest.mark.slow
def test_from_pictures_to_a_file_and_to_a_picture(tmp_path):
    out, notices = tmp_path / "net.safetensors", []
    small = np.zeros((20, 90, 3), np.uint8)
    file = train_domains([*A, small], B, out, steps=2, notices=notices, **TINY)
    assert [notice[:8] for notice in notices] == ["left out", "a: 4 pic", "b: 4 pic"]
    assert "90x20" in notices[0]
    found = read(out)
    assert found.network.method == "cut"
    jax.tree.map(np.testing.assert_array_equal, dict(found.network.generators), dict(file.network.generators))
    assert found.training["steps"] == 2
    assert found.training["pictures"] == {"a": 4, "b": 4}
    assert found.training["losses"][0] == ["step", "adversarial", "content", "identity", "discriminator"]
    assert len(found.training["losses"][-1]) == 5
    assert not list(tmp_path.glob(".*"))


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """A network of both directions that has learned nothing, and its file."""
    state = init_state(Recipe("cyclegan", **TINY))
    rng = np.random.default_rng(0)
    values = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(0, 0.3, leaf.shape), jnp.float32), state.average)
    network = DomainNetwork(values, 2, 1, "cyclegan")
    path = tmp_path_factory.mktemp("networks") / "net.safetensors"
    whole.write(path, DomainFile(network))
    return network, path


@pytest.mark.slow
def test_both_directions_paint_and_are_recorded(both):
    network, path = both
    one, other = (jaxstyle.apply_domains(A[0], path, direction=way).image for way in ("a2b", "b2a"))
    assert one.shape == A[0].shape
    for way, image in (("a2b", one), ("b2a", other)):
        run = jax.jit(generate, static_argnums=1)
        expected = run(network.generators[way], network.styled().widths, A[0][None] / np.float32(255))[0][0]
        np.testing.assert_allclose(image, expected, atol=2e-5)
    assert np.abs(one - other).max() > 0.1
    low = jaxstyle.apply_domains(A[0], network, memory="low")
    np.testing.assert_allclose(low.image, one, atol=2e-5)
    half = jaxstyle.apply_domains(A[0], path, strength=0.25)
    np.testing.assert_allclose(half.image, 0.25 * one + 0.75 * A[0] / 255, atol=1e-5)
    record = half.record
    assert record["config"] == {"direction": "a2b", "strength": 0.25, "size": None, "color_space": None, "memory": "auto"}
    assert record["network"]["name"] == "net.safetensors"
    assert len(record["network"]["sha256"]) == 64
    assert record["seconds"]["compile"] == 0


@pytest.fixture(scope="module")
def network_file(tmp_path_factory):
    """A CUT network that has learned nothing."""
    path = tmp_path_factory.mktemp("networks") / "cut.safetensors"
    whole.write(path, training("cut").file())
    return path


@pytest.mark.parametrize(
    ("argument", "change", "parts"),
    [
        ("direction", dict(direction="b2a"), ["is not in this network: cut learns one direction", "cyclegan"]),
        ("direction", dict(direction="a2c"), ["did you mean 'a2b'"]),
        ("strength", dict(strength=2), ["from 0 to 1"]),
        ("memory", dict(memory="much"), ["known: auto, low"]),
        ("size", dict(size=8), ["at least 16"]),
        ("picture", dict(picture="nothing.png"), ["does not exist"]),
        ("network", dict(network="nothing.safetensors"), ["does not exist", "jaxstyle domains train"]),
    ],
)
def test_what_cannot_be_applied(network_file, argument, change, parts):
    how = dict(picture=A[0], network=network_file) | change
    refusal(lambda: jaxstyle.apply_domains(**how), argument, *parts, kind=InputError)


def test_networks_of_another_kind_are_named(network_file, styles_file, small_weights, tmp_path):
    for file, kind in ((styles_file, "a style network"), (small_weights, "a loss network")):
        refusal(lambda: jaxstyle.apply_domains(A[0], file), "network", kind, kind=WeightsError)  # noqa: B023
    refusal(lambda: jaxstyle.apply_style(A[0], network_file, style=0), "network", "a domain network", kind=WeightsError)
    refusal(lambda: train_domains(A, B, styles_file, steps=1, **TINY), "out", "a style network", kind=WeightsError)
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(network_file.read_bytes()[:-500])
    refusal(lambda: jaxstyle.apply_domains(A[0], damaged), "network", "damaged", kind=WeightsError)


def test_what_does_not_fit_names_the_largest_size(network_file, monkeypatch):
    from jaxstyle.machine import memory
    from jaxstyle.onepass import tiles

    monkeypatch.setattr(memory, "host_available", lambda: 2 * tiles.STRIP)
    text = refusal(lambda: jaxstyle.apply_domains(A[0], network_file, memory="low"), "size", kind=InputError)
    assert "44x36" in text


@pytest.mark.parametrize(
    ("argument", "change", "parts"),
    [
        ("method", dict(method="cyclegna"), ["did you mean 'cyclegan'"]),
        ("size", dict(size=16), ["at least 32"]),
        ("width", dict(width=0), ["at least 1"]),
        ("batch", dict(batch=0), ["at least 1"]),
        ("steps", dict(steps=0), ["at least 1"]),
        ("hours", dict(hours=-1), ["positive"]),
        ("hours", dict(hours=1, steps=3), ["says the same"]),
        ("content_weight", dict(content_weight=-1.0), ["at least 0"]),
        ("learning_rate", dict(learning_rate=float("nan")), ["at least 0"]),
        ("out", dict(out="net.png"), [".safetensors"]),
        ("a", dict(a=A[:3]), ["holds 3 pictures", "at least 4 of 32 pixels"]),
        ("b", dict(b=[*B[:3], np.zeros((20, 40, 3), np.uint8)]), ["holds 3 pictures that can be used", "40x20, smaller"]),
        ("b", dict(b=[np.zeros((20, 40, 3), np.uint8)] * 5), ["holds no picture that can be used", "at least 4"]),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_computed(monkeypatch, argument, change, parts):
    monkeypatch.setattr(whole, "DomainTrainer", None)
    how = dict(a=A, b=B, size=32, steps=None if "hours" in change else 1) | change
    refusal(lambda: train_domains(**how), argument, *parts, kind=InputError)


def test_more_devices_see_more_crops(monkeypatch):
    """One each, where nobody says how many."""
    seen = []
    monkeypatch.setattr(jax, "local_device_count", lambda: 3)
    monkeypatch.setattr(whole, "DomainTrainer", lambda a, b, recipe, **_: seen.append(recipe))
    for how in ({}, {"batch": 4}):
        with pytest.raises(AttributeError):
            train_domains(A, B, **TINY, **how)
    assert [(recipe.batch, recipe.devices) for recipe in seen] == [(3, 3), (4, 2)]
    assert replace(seen[0], batch=4, devices=2) == seen[1]
