"""Whatever picture and options there are: a picture of the size that was asked for, or one line that says why not."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image

from jaxstyle import InputError, stylize
from jaxstyle.plans.config import Config
from jaxstyle.plans.resolve import resolve

pytestmark = pytest.mark.usefixtures("small_network")

SIDES = st.integers(16, 80)
MODES = st.sampled_from(["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "I;16", "F"])
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "size": st.sampled_from([16, 24, "short:20", "33x17", "content", 15, "x"]),
        "style_size": st.sampled_from([16, 40, "short:16", "20x30", "content"]),
        "stroke": st.sampled_from([0.3, 1.0, 2.5, 0.0]),
        "init": st.sampled_from(["content", "noise", "style"]),
        "scales": st.sampled_from([0, 1, 2, 3, "2", "auto", "all"]),
        "noise_ratio": st.sampled_from([0.0, 0.5, 1.0, 2.0]),
        "tv_weight": st.sampled_from([0.0, 1e-3, -1.0]),
        "solver": st.sampled_from(["lbfgs", "adam", "lbfgs-torch"]),
        "preset": st.sampled_from(["gatys-notebook", "cysmith", "johnson"]),
    },
)
HOW = dict(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)


def picture(width, height, mode):
    values = np.random.default_rng(width * 100 + height).integers(0, 256, (height, width, 4), dtype=np.uint8)
    if mode in ("I;16", "F"):
        return Image.fromarray(values[..., 0].astype(np.uint16) * 257 if mode == "I;16" else values[..., 0] / np.float32(255))
    if mode in ("RGBA", "CMYK"):
        return Image.frombytes(mode, (width, height), values.tobytes())
    return Image.fromarray(values[..., :3]).convert(mode)


def planned(content, style, options):
    """The plan, or None for options that cannot be, which are told in one line."""
    try:
        return resolve(content, [style], Config(evaluations=2, **options))
    except InputError as error:
        said = str(error)
    assert "\n" not in said
    assert said.startswith("`")
    return None


@settings(max_examples=100, **HOW)
@given(SIDES, SIDES, MODES, SIDES, SIDES, MODES, OPTIONS)
def test_a_plan_has_the_size_that_was_asked_for(width, height, mode, style_width, style_height, style_mode, options):
    plan = planned(picture(width, height, mode), picture(style_width, style_height, style_mode), options)
    if plan is None:
        return
    size, found = options.get("size", "content"), plan.content.size
    if size == "content":
        assert found == (width, height)
    elif isinstance(size, int):
        assert max(found) == size
    else:
        assert min(found) == 20 if size == "short:20" else found == (33, 17)
    assert min(found) >= 16
    assert all(min(style.size) >= 16 for style in plan.styles)


@pytest.mark.slow
@settings(max_examples=30, **HOW)
@given(SIDES, SIDES, MODES, SIDES, SIDES, MODES, OPTIONS)
def test_a_run_makes_a_picture_of_numbers(width, height, mode, style_width, style_height, style_mode, options):
    content, style = picture(width, height, mode), picture(style_width, style_height, style_mode)
    plan = planned(content, style, options)
    if plan is None:
        return
    result = stylize(content, style, config=Config(evaluations=2, **options))
    assert result.image.shape[1::-1] == plan.content.size
    assert np.isfinite(result.image).all()
    assert 0 <= result.image.min() <= result.image.max() <= 1
    assert np.isfinite(result.loss["total"])
    assert (result.alpha is None) == (plan.content.alpha is None)
