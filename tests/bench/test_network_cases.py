"""Style networks in the suite: which cases there are, their rounds, their tables, and that PyTorch computes the same."""

import json
from dataclasses import replace
from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from bench.cases import FULL, QUICK
from bench.network_cases import PAINTERS, paintings, rival_paintings, rival_trainings, trainings
from bench.records import turn_about
from bench.report import networks, tables, words
from bench.report.data import load
from tests.bench.test_report import example
from tests.bench.test_suite import CPU, GPU

PEAK = {"peak": {"host": 400_000_000, "device": None}}


def test_pictures_of_every_size_by_both_networks():
    found = list(paintings(FULL, "cpu"))
    assert [(case.network, case.width) for case in found] == [(name, 2**k) for name in PAINTERS for k in (8, 9, 10, 11)]
    assert [case.width for case in rival_paintings(FULL, "cpu")] == [256, 512, 1024, 2048]
    assert not rival_paintings(FULL, "gpu")
    assert len({case.name for case in found}) == len(found)


def test_trainings_differ_in_one_thing():
    found = trainings(FULL, GPU)
    base = next(iter(found))
    assert (base.widths, base.side, base.batch, base.platform) == ("half", 128, 4, "gpu")
    members = {axis: [case for case, axes in found.items() if axis in axes] for axes in found.values() for axis in axes}
    assert {axis: len(cases) for axis, cases in members.items()} == {
        "training": 1,
        "training width": 3,
        "training size": 2,
        "training batch": 2,
        "training device": 2,
    }
    for cases in members.values():
        fields = [set(vars(case).items()) ^ set(vars(base).items()) for case in cases]
        assert max(map(len, fields)) <= 2, "one field, once with each value"
    assert {case.devices for case in trainings(FULL, CPU)} == {1, 2, 4}
    assert {(case.devices, case.platform) for case in rival_trainings(FULL, GPU)} == {(1, "gpu")}
    assert len({case.name for case in found}) == len(found)


def test_the_quick_profile_has_one_of_each():
    assert [case.width for case in paintings(QUICK, "cpu")] == [256]
    assert [(case.widths, case.side, case.batch) for case in trainings(QUICK, CPU)] == [("slim", 64, 1)]
    small = replace(QUICK, side=32)
    assert [case.side for case in trainings(small, CPU)] == [32], "train_styles takes no smaller crops"


def test_a_round_has_as_many_calls_as_it_says():
    steps = iter((1, 4))
    stats = SimpleNamespace(iterations=1, stats=SimpleNamespace(data=[2.0, 4.0]))

    def pedantic(target, setup, rounds, iterations):
        for _ in range(rounds):
            setup()
            target()

    benchmark = SimpleNamespace(pedantic=pedantic, stats=stats)
    turn_about(benchmark, lambda: {"calls": next(steps)}, dict, 2)
    assert stats.stats.data == [2.0, 1.0]


@pytest.fixture
def result(tmp_path):
    def bench(name, data, axes, case, seconds, **more):
        info = {"axes": axes, "case": case, "seconds": seconds} | PEAK | more
        return {"name": name, "group": axes[0], "stats": {"data": data}, "extra_info": info}

    painting = dict(network="styles26", width=512, height=512, platform="cpu")
    training = dict(widths="half", side=128, batch=4, devices=1, platform="cpu")
    onnx = dict(name="onnxruntime", data=[0.2, 0.4], ratios=[1.5, 1.25], info={}) | PEAK
    torch = dict(name="PyTorch", data=[1.0, 2.0], ratios=[0.5, 0.75], info={}) | PEAK
    took = {"compile": 1.5, "first": 0.5}
    benchmarks = [
        bench("test_painting[a]", [0.3, 0.5], ["painting"], painting, took),
        bench("test_training[b]", [0.8], ["training", "training width"], training, {"first": 20.0}),
        bench("test_onnx_painting[a]", [0.3, 0.5], ["rival painting"], painting, took, rival=onnx),
        bench("test_torch_training[b]", [0.5, 1.5], ["rival training"], training, {"first": 20.0}, rival=torch),
    ]
    (tmp_path / "networks.json").write_text(json.dumps(example(benchmarks=benchmarks)))
    return load(tmp_path / "networks.json")


def test_the_reports_tables_and_words(result):
    found = {table.title: table.rows for table in networks.tables(result)}
    pixel = f"{0.4e6 / 512**2:.2f}"
    assert found == {
        "Pictures by a style network": [("styles26, 512x512", "400 (300 to 500)", pixel, "1.5", "500", "400")],
        "Training a style network": [("half, 4 of 128x128", "cpu", "1", "800", "1.25", "5", "20.0", "400")],
        "Pictures against onnxruntime": [
            ("512x512, onnxruntime", "400 (300 to 500)", "300 (200 to 400)", "1.38 (1.25 to 1.50)", "400", "400")
        ],
        "Training against PyTorch": [
            ("half, 4 of 128x128, PyTorch", "1000 (500 to 1500)", "1500 (1000 to 2000)", "0.62 (0.50 to 0.75)", "400", "400")
        ],
    }
    said = " ".join(words.findings(result))
    assert "A picture in shares of the time of onnxruntime: 512x512 1.38 (1.25 to 1.50)." in said
    assert "A training of half, 4 of 128x128 makes 1.25 steps a second, the first after 20 s." in said
    assert [row[0] for row in tables.summary(result).rows] == ["one pass, 512x512", "training step, half, 4 of 128x128"]


def test_pytorch_paints_and_measures_the_same(rng):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from bench.network_rivals import Trainer
    from jaxstyle.loss.objective import TermWeights, style_target
    from jaxstyle.network.weights import load_weights
    from jaxstyle.styles.model import WIDTHS, initial, paint
    from jaxstyle.styles.step import OBJECTIVE, Learned, Recipe, TrainingData, losses
    from jaxstyle.training.photographs import Photographs

    recipe, params = Recipe(WIDTHS["half"], size=32, batch=2), load_weights("vgg19")
    kernels, trainer = initial(recipe.widths, 0), Trainer("half", "float32")
    styles = rng.normal(1, 0.3, (2, recipe.widths.style_size)).astype(np.float32)
    images = rng.random((2, 32, 32, 3), np.float32)
    split = recipe.widths.split(styles)
    layers = recipe.widths.layers
    trainer.kernels = [torch.from_numpy(np.asarray(kernels[layer.name]).transpose(3, 2, 0, 1).copy()) for layer in layers]
    trainer.styles = [torch.from_numpy(np.stack(split[layer.name], 1)) for layer in layers]
    theirs = torch.from_numpy(images).permute(0, 3, 1, 2), torch.tensor([0, 1])
    painted = trainer.paint(*theirs).permute(0, 2, 3, 1)
    np.testing.assert_allclose(painted, paint(kernels, recipe.widths, images, styles), atol=2e-5)
    grams = {tap: np.zeros((2, *gram.shape), np.float32) for tap, gram in style_target(params, images[0]).items()}
    ones = TermWeights({"relu3_3": 1.0}, dict.fromkeys(grams, 1.0), 1.0)
    weights = TermWeights(*({n: jnp.ones(2) for n in part} if isinstance(part, dict) else jnp.ones(2) for part in ones))
    data = TrainingData(Photographs(images, images), params, grams, weights, {})
    ours = losses(Learned(kernels, jnp.asarray(styles)), images, jnp.arange(2), data, replace(recipe, objective=OBJECTIVE))
    zeros = {tap: torch.zeros(()) for tap in grams}
    np.testing.assert_allclose(float(trainer.loss(*theirs, zeros)), float(ours.total), rtol=1e-4)
