"""One run end to end on the network in the box."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxstyle import Config, load_weights, make_targets, total_loss
from jaxstyle.cli.main import main
from jaxstyle.cli.places import SAMPLES
from jaxstyle.network.weights import SOURCES
from jaxstyle.pictures import read
from jaxstyle.plans.resolve import resolve
from jaxstyle.runs.start import starting_image

CONTENT, STYLE = str(SAMPLES / "chelsea.jpg"), str(SAMPLES / "swirls.jpg")


@pytest.mark.slow
@pytest.mark.usefixtures("empty_folder")
def test_a_picture_by_vgg19():
    assert main(["stylize", CONTENT, STYLE, "--size", "48", "--evaluations", "10", "-o", "out.png", "-q"]) == 0
    with open("out.png.json") as file:
        record = json.load(file)
    assert record["network"] == "vgg19"
    assert record["weights"] == {"name": "vgg19", "sha256": SOURCES["vgg19"].sha256}
    assert record["loss"]["total"] < 0.5 * record["trace"][0]["loss"]
    plan = resolve(CONTENT, STYLE, Config(size=48))
    content, style = (jnp.asarray(read.as_float(picture)) for picture in (plan.content, plan.styles[0]))

    def losses(params, images):
        targets = make_targets(params, content, [style])
        return jax.lax.map(lambda image: total_loss(image, params, targets), images)

    with Image.open("out.png") as image:
        assert image.size == plan.content.size == (48, 31)
        pixels = jnp.asarray(np.asarray(image), jnp.float32) / 255
    first, last = jax.jit(losses)(load_weights(), jnp.stack([starting_image(plan), pixels]))
    assert record["trace"][0]["loss"] == pytest.approx(float(first), rel=1e-4)
    assert float(last) < 0.6 * float(first), "clipped and rounded to 8 bits it is that picture still"
