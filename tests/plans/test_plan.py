"""What a plan is known by, how long it works, and what it makes of shares and layers; nothing is computed."""

from dataclasses import replace

import numpy as np
import pytest

from jaxstyle import Config, InputError
from jaxstyle.cli.places import SAMPLES
from jaxstyle.plans.config import QUALITIES
from jaxstyle.plans.resolve import resolve

pytestmark = pytest.mark.usefixtures("small_network")

CONTENT, OTHER, STYLE, GLASS = (SAMPLES / f"{name}.jpg" for name in ("chelsea", "coffee", "swirls", "glass"))


def plan(content=CONTENT, style=STYLE, **options):
    return resolve(content, style, Config(**{"size": 32, **options}))


def test_the_key_is_of_the_inputs_content_not_of_their_names(tmp_path):
    content, style = tmp_path / "photo.jpg", tmp_path / "painting.jpg"
    content.write_bytes(CONTENT.read_bytes())
    style.write_bytes(STYLE.read_bytes())
    assert plan(content, str(style)).key == plan().key
    assert plan(init=str(content)).key == plan(init=str(CONTENT)).key
    content.write_bytes(OTHER.read_bytes())
    assert plan(content, style).key == plan(OTHER).key != plan().key


def test_the_key_is_of_the_weights_content(tmp_path, small_weights):
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(small_weights.read_bytes())
    assert plan(weights=str(copy)).key == plan().key
    assert plan(weights="vgg19").key == plan(weights="vgg19", network="vgg19").key != plan().key


def test_the_key_does_not_say_where_and_how_it_is_computed(monkeypatch):
    monkeypatch.setattr("jaxstyle.plans.solve.layout_of", lambda *_: None)  # there is one device here
    assert {plan(**options).key for options in ({}, {"memory": "low"}, {"devices": 2}, {"devices": 4})} == {plan().key}


@pytest.mark.parametrize(
    ("preset", "key"),
    [
        ("gatys-notebook", "c01556a01365cc87a8a2307f6db6fb9cffc46ef061a7d9c25f5d7e13a341e7fa"),
        ("johnson", "89b2d5d1c0ac8ce2d369f58cddeb2d53b7f3a71ea62d7bc5725d5a56904651e4"),
    ],
)
def test_what_was_kept_before_there_were_paddings_is_known(preset, key):
    """Keys that version 0.1.0 gave when all convolutions saw zeros."""
    made = dict(size=96, weights="vgg19", preset=preset)
    now = plan(**made)
    start = replace(now.start, tone=0.0, noise_chroma=1.0, flat_noise=float(now.start.kind == "content"), flat_waves=0.0)
    then = replace(now, start=start)
    assert then.key == key != now.key == plan(**made, padding="zero").key
    assert len({plan(**made, padding=padding).key for padding in ("zero", "reflect", "replicate")}) == 3


def test_a_setting_that_comes_to_the_same_is_the_same():
    draft = plan(quality="draft")
    assert plan(evaluations=QUALITIES["draft"]).key == draft.key
    said = dict(preset="jaxstyle", padding="reflect", style_weight=1e3, init="content", size="32x21")
    assert plan(quality="draft", **said).key == draft.key
    assert plan(style=[STYLE, GLASS], blend="3,1").key == plan(style=[STYLE, GLASS], blend=(0.75, 0.25)).key


def test_the_seed_counts_where_something_is_random():
    assert plan(seed=5, noise_sigma=0.2).key == plan().key
    assert plan(seed=5, init="noise").key != plan(init="noise").key


def test_strength_0_is_the_photograph_wherever_a_run_would_start():
    assert plan(strength=0, init="noise", seed=3).key == plan(strength=0, noise_ratio=0.5).key == plan(strength=0).key


CHANGES = [
    dict(size=33),
    dict(style_size=30),
    dict(stroke=0.9),
    dict(quality="draft"),
    dict(evaluations=59),
    dict(style_weight=5),
    dict(content_weight=2),
    dict(tv_weight=1e-4),
    dict(preset="johnson"),
    dict(strength=0),
    dict(strength=0.5),
    dict(strength=1),
    dict(content_layers="relu3_1"),
    dict(style_layers="relu1_1,relu2_1"),
    dict(content_scale="half-sum"),
    dict(pooling="avg"),
    dict(init="noise"),
    dict(init="noise", seed=1),
    dict(init="style"),
    dict(init=str(OTHER)),
    dict(noise_ratio=0.3),
    dict(flat_noise=0.5),
    dict(noise_ratio=0.3, noise_sigma=0.2),
    dict(scales=2, size="36x32"),
    dict(size="36x32"),
    dict(solver="adam"),
    dict(solver="adam", learning_rate=5.0),
    dict(solver="lbfgs-torch"),
    dict(solver="lbfgs-zoom"),
    dict(solver="lbfgs-backtracking"),
    dict(preconditioner="none"),
    dict(metric="plain"),
    dict(history=7),
    dict(precision="bfloat16"),
    dict(content=OTHER),
    dict(style=GLASS),
    dict(style=[STYLE, GLASS]),
    dict(style=[GLASS, STYLE]),
    dict(style=[STYLE, GLASS], blend="3,1"),
]


def test_every_other_setting_or_input_is_another_key():
    keys = [plan().key, *(plan(**options).key for options in CHANGES)]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_quality_is_a_number_of_evaluations(quality):
    assert plan(quality=quality).evaluations == QUALITIES[quality]
    assert plan(quality=quality, evaluations=7).evaluations == 7, "evaluations win"


def test_qualities_rise_and_good_is_the_default():
    assert list(QUALITIES) == ["draft", "good", "best"]
    assert sorted(QUALITIES.values()) == list(QUALITIES.values())
    assert plan().evaluations == QUALITIES["good"]


def test_an_unknown_quality_is_refused():
    with pytest.raises(InputError, match=r"^`quality` \(='god'\) is unknown; did you mean 'good'\? known: draft, good, best$"):
        plan(quality="god")


def test_a_blend_is_scaled_to_the_sum_1():
    np.testing.assert_allclose(plan(style=[STYLE, GLASS], blend="3,1").blend, (0.75, 0.25), rtol=1e-12)
    assert plan(style=[STYLE, GLASS]).blend == (0.5, 0.5)
    with pytest.raises(InputError, match=r"`blend` \(='1,1,1'\) must have one share for each style, 2 in all"):
        plan(style=[STYLE, GLASS], blend="1,1,1")
