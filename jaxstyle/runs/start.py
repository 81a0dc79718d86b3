"""The starting image of a plan."""

from functools import partial

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxstyle.pictures import read
from jaxstyle.pictures.colour import smooth_colour
from jaxstyle.pictures.flat import fill_flat, roughness
from jaxstyle.pictures.noise import GREY, mix, soft_noise, white_noise
from jaxstyle.pictures.spaces import grey
from jaxstyle.plans.colours import toned
from jaxstyle.plans.plan import Plan


def starting_image(plan: Plan, *, noisy: bool = True) -> Array:
    """Where a run begins, at the size of its content: (H, W, 3), RGB where 1 is white; not clipped, but in a run in grey.

    Args:
        plan: what is done.
        noisy: False to leave out all noise: grey, its mean, stands for what of the start is noise.
    """
    image = _coloured(plan, noisy)
    if not plan.colours.brightness_only:
        return image
    assert plan.colours.space is not None
    return jnp.asarray(np.repeat(grey(image, plan.colours.space), 3, -1))


def _coloured(plan: Plan, noisy: bool) -> Array:
    image = _of_kind(plan, noisy)
    # A start that is taken as it is, such as a picture that goes on, keeps its colours.
    return jnp.asarray(_toned(np.asarray(image), plan)) if plan.start.tone and plan.start.smooth_colour else image


def _toned(image: np.ndarray, plan: Plan) -> np.ndarray:
    if plan.regions is None:
        return toned(image, plan.styles, plan.blend, plan.start.tone)
    parts = ((each.mask, toned(image, each.styles, each.blend, plan.start.tone)) for each in plan.regions.painted)
    return image + sum(mask[..., None] * (part - image) for mask, part in parts)


def _of_kind(plan: Plan, noisy: bool) -> Array:
    start, (width, height) = plan.start, plan.content.size

    def noise() -> Array:
        if not noisy:
            return jnp.broadcast_to(jnp.asarray(GREY, jnp.float32), (height, width, 3))
        make = partial(soft_noise, chroma=start.noise_chroma) if start.smooth_colour else white_noise
        return jnp.asarray(make((height, width, 3), start.seed, start.noise_sigma))

    if start.kind == "noise":
        return noise()
    picture = {"content": plan.content, "style": plan.styles[0], "picture": plan.init_picture}[start.kind]
    assert picture is not None
    pixels = read.as_float(read.resize(picture, width, height))
    pixels = smooth_colour(pixels) if start.smooth_colour else pixels
    if start.flat_noise and noisy:
        rough = np.average([roughness(read.as_float(style)).mean() for style in plan.styles], weights=plan.blend)
        pixels = fill_flat(pixels, start.flat_noise * float(rough), start.flat_waves)
    image = jnp.asarray(pixels)
    return mix(image, noise(), start.noise_ratio) if start.noise_ratio else image
