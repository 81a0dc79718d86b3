"""Predictions against what then happens; the refusal of what cannot fit."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxstyle import InputError, estimate, stylize
from jaxstyle.cli.main import main
from jaxstyle.cli.places import SAMPLES
from jaxstyle.machine import memory
from jaxstyle.plans.config import QUALITIES

pytestmark = pytest.mark.usefixtures("small_network")

CONTENT, STYLE = SAMPLES / "chelsea.jpg", SAMPLES / "swirls.jpg"


def test_a_programs_memory_is_that_of_its_buffers():
    x = jnp.ones((256, 256))
    # A sorted copy cannot be made within the sum: one more array of the size of x, at least.
    program = jax.jit(lambda x: jnp.sort(x.ravel()).cumsum()[::7].sum()).lower(x).compile()
    assert memory.held(program) == x.nbytes
    assert x.nbytes <= memory.working(program) <= 4 * x.nbytes
    assert memory.size_of({"a": x, "b": (x[0],)}) == x.nbytes + 4 * 256


@pytest.mark.slow
def test_the_peak_grows_by_what_is_touched():
    lines = "before = memory.peak(); x = np.ones(300_000_000 // 8); print(memory.peak() - before)"
    code = f"import numpy as np; from jaxstyle.machine import memory; {lines}"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) == pytest.approx(300e6, rel=0.1)


def test_a_containers_limit_counts(monkeypatch):
    monkeypatch.setattr(memory, "containers_free", lambda: [5000, 3500])
    assert memory.host_available() == 3500
    monkeypatch.setattr(memory, "containers_free", list)
    assert memory.host_available() > 3500


@pytest.mark.slow
@pytest.mark.parametrize("network", ["tiny", pytest.param("vgg19", marks=pytest.mark.optimized)])
def test_what_cannot_fit_is_refused_with_what_would(monkeypatch, network):
    """The constant part of the memory is VGG-19's."""
    if network == "vgg19":
        monkeypatch.delenv("JAXSTYLE_WEIGHTS")
    else:
        monkeypatch.setattr(memory, "FIXED", 0)
    needed = []
    with monkeypatch.context() as patch:
        patch.setattr(memory, "check", lambda width, height, count, free: needed.append(count))
        stylize(CONTENT, STYLE, size="320x256", evaluations=1)
    monkeypatch.setattr(memory, "available", lambda: needed[0] // 3)
    with pytest.raises(InputError, match=r"`size` \(=320x256\) needs about .* of memory .* the largest that fits is") as info:
        stylize(CONTENT, STYLE, size="320x256", evaluations=1)
    width, height = map(int, str(info.value).split()[-1].split("x"))
    assert 100 < width < 320
    stylize(CONTENT, STYLE, size=f"{width}x{height}", evaluations=1)


def test_the_largest_keeps_the_shape():
    fixed = memory.FIXED
    assert memory.largest(2048, 1024, fixed + 400, int((fixed + 100) / 0.97) + 1) == (1024, 512)
    assert memory.largest(2000, 1000, fixed + 400, int((fixed + 100) / 0.97) + 1) == (1000, 496), "in steps of 8"
    assert memory.largest(512, 512, 100, 10**9) == (512, 512)
    assert memory.largest(512, 512, 10**9, 10**6) == (0, 0)


@pytest.mark.slow
def test_an_estimate_without_pictures_is_of_4_to_3():
    found = estimate(size=64, evaluations=7, scales=2)
    assert found.size == (64, 48)
    assert found.style_sizes == [(64, 48)]
    assert (found.evaluations, found.coarse) == (7, 3)
    assert found.largest is None
    assert found.evaluation > 0
    # Three evaluations at a quarter of the pixels, four at full size.
    np.testing.assert_allclose(found.seconds, (3 / 4 + 4) * found.evaluation, rtol=1e-6)


def test_the_command_line_prints_it(capsys):
    assert main(["estimate", str(CONTENT), str(STYLE), "--size", "32"]) == 0
    out = capsys.readouterr().out
    for part in ("32x21, style 32x25", "memory", "one evaluation", f"{QUALITIES['good']}  evaluations"):
        assert part in out
    assert main(["estimate", str(CONTENT)]) == 2
    assert "style" in capsys.readouterr().err


@pytest.mark.optimized
@pytest.mark.slow
@pytest.mark.parametrize("options", [["--size", "384"], ["--size", "short:320", "--history", "10", "--preset", "gatys-paper"]])
def test_the_memory_predicted_is_what_a_run_takes(options, tmp_path):
    """Within the 20% that `jaxstyle estimate` promises."""
    pictures = [str(CONTENT), str(STYLE)]
    command, options = [sys.executable, "-m", "jaxstyle"], [*options, "--evaluations", "26"]  # the fewest that have two sizes
    told = subprocess.run([*command, "estimate", *pictures, *options], check=True, capture_output=True, text=True).stdout
    run = [*command, "stylize", *pictures, *options, "-q", "-o", str(tmp_path / "out.png")]
    subprocess.run(run, check=True)
    record = json.loads((tmp_path / "out.png.json").read_text())["memory"]
    (line,) = (line for line in told.splitlines() if line.startswith("memory"))
    assert float(line.split()[1]) * 1e9 == pytest.approx(record["peak"], rel=0.2)
    assert record["predicted"] == pytest.approx(record["peak"], rel=0.2)
