"""Programs are compiled once a process for each kind of run and size, and no run gets another's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle import convolution_algorithm, stylize
from jaxstyle.cli.places import SAMPLES
from jaxstyle.machine import compiler
from jaxstyle.machine.compiler import Compiler

pytestmark = pytest.mark.usefixtures("small_network")

CONTENT, OTHER, STYLE = (SAMPLES / f"{name}.jpg" for name in ("chelsea", "coffee", "swirls"))


@pytest.fixture(autouse=True)
def traced(monkeypatch):
    """Nothing is kept from before; the functions that were traced since, as they are compiled."""
    monkeypatch.setattr(compiler, "_kept", {})
    seen, compiled = [], jax.stages.Lowered.compile
    monkeypatch.setattr(jax.stages.Lowered, "compile", lambda lowered, **how: seen.append(lowered) or compiled(lowered, **how))
    return seen


SETTINGS = dict(size="36x32", style_size="32x32")


@pytest.mark.slow
def test_another_run_of_the_same_kind_and_size_compiles_nothing_and_other_kinds_do(traced):
    first = stylize(CONTENT, STYLE, evaluations=2, **SETTINGS)
    count = len(traced)
    assert first.record["seconds"]["compile"] > 0
    other = stylize(OTHER, CONTENT, evaluations=3, content_weight=2, init="noise", **SETTINGS)
    assert other.record["seconds"]["compile"] == 0
    again = stylize(CONTENT, STYLE, evaluations=2, **SETTINGS)
    np.testing.assert_array_equal(again.image, first.image)
    assert len(traced) == count
    compiles_and_is_alike_alone(traced, pooling="avg")
    count = len(traced)
    with convolution_algorithm("direct"):
        stylize(CONTENT, STYLE, evaluations=2, **SETTINGS)
    assert len(traced) > count


def compiles_and_is_alike_alone(traced, **option):
    """A run of another kind compiles, and gives what it gives where nothing is kept from before."""
    count, settings = len(traced), {**SETTINGS, "evaluations": 2, **option}
    changed = stylize(CONTENT, STYLE, **settings)
    assert len(traced) > count
    kept = dict(compiler._kept)
    compiler._kept.clear()
    np.testing.assert_array_equal(changed.image, stylize(CONTENT, STYLE, **settings).image)
    compiler._kept.update(kept)


@pytest.mark.slow
def test_every_other_kind_of_run_is_another_program(traced):
    stylize(CONTENT, STYLE, evaluations=2, **SETTINGS)
    for option in (dict(solver="adam"), dict(metric="whitened"), dict(size="32x36")):
        compiles_and_is_alike_alone(traced, **option)


def test_shapes_and_keys_tell_programs_apart(traced, monkeypatch):
    own = Compiler()

    def twice(x):
        return 2 * x

    x, y = jnp.ones(3), jnp.ones(4)
    assert own.compile(twice, x, key=("a",)) is own.compile(twice, x + 1, key=("a",))
    programs = [own.compile(twice, x, key=("a",)), own.compile(twice, y, key=("a",)), own.compile(twice, x, key=("b",))]
    assert len({id(program) for program in programs}) == len(traced) == 3
    monkeypatch.setattr(compiler, "KEPT_PROGRAMS", 3)
    own.compile(twice, x, key=("a",))
    own.compile(twice, x, key=("c",))
    assert len(compiler._kept) == 3
    assert own.compile(twice, x, key=("a",)) is programs[0], "used again just before"
    assert own.compile(twice, y, key=("a",)) is not programs[1], "not used for the longest"


def test_what_is_put_off_is_compiled_when_it_is_called(traced):
    own = Compiler()
    later = own.compile_when_called(lambda x: x + 1, jnp.ones(2), key=("later",))
    assert (traced, own.seconds) == ([], 0.0)
    np.testing.assert_array_equal(later(jnp.ones(2)), [2, 2])
    np.testing.assert_array_equal(later(jnp.zeros(2)), [1, 1])
    assert len(traced) == 1
    assert own.seconds > 0


@pytest.mark.optimized
def test_quickly_compiled_programs_are_others_and_give_the_same(rng):
    x = jnp.asarray(rng.random((16, 16)), jnp.float32)
    programs = [
        Compiler(quickly=quickly).compile(lambda x: jnp.tanh(x @ x).sum(0), x, key=("quick",)) for quickly in (False, True)
    ]
    assert programs[0] is not programs[1]
    np.testing.assert_allclose(programs[0](x), programs[1](x), rtol=1e-6)


@pytest.mark.optimized
def test_an_option_that_a_later_xla_does_not_know_is_left_out(monkeypatch):
    monkeypatch.setitem(compiler.QUICK, "xla_cpu_of_another_year", True)
    program = Compiler(quickly=True).compile(lambda x: x + 1, jnp.ones(3), key=("another year",))
    np.testing.assert_array_equal(program(jnp.ones(3)), 2)
