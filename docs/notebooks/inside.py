# %% [markdown]
# # Inside: features, Gram matrices, your own loss
#
# The parts of a style transfer in JAX, each in some ten lines: a distance between paintings, several styles under `vmap`,
# texture synthesis, and what a layer of the network remembers of a picture. Images are float32 arrays (H, W, 3), RGB in [0,
# 1]. At 96 pixels all of it takes about a minute on a laptop.

# %%
# Run this cell once, in a checkout of jaxstyle. On a GPU or TPU: '.[cuda]' or '.[tpu]', and a larger SIZE.
# %pip install -q .

# %%
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

import jaxstyle

SIZE = (96, 64)
SAMPLES = Path(jaxstyle.__file__).parent / "samples"
TAPS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


def load(name):
    return np.float32(Image.open(SAMPLES / f"{name}.jpg").convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)) / 255


def side_by_side(*images):
    """Pictures of one size as one that the notebook shows."""
    return Image.fromarray(np.uint8(np.hstack(images).clip(0, 1) * 255 + 0.5))


params = jaxstyle.load_weights("vgg19")
photo = load("chelsea")
paintings = {name: load(name) for name in ("starry_night", "the_scream", "shipwreck", "waves")}

# %% [markdown]
# ## Features and Gram matrices
#
# `features` gives what the network sees at named taps. It sees zeros beyond the border unless told otherwise; the default
# loss mirrors the picture there, so we say so. A Gram matrix is $F^\top F / M$ of the features $F$ at $M$ places: how
# strongly each two channels occur together, wherever that is.


# %%
@jax.jit
def grams(params, image):
    return {tap: jaxstyle.gram(value) for tap, value in jaxstyle.features(params, image, TAPS, padding="reflect").items()}


print({tap: matrix.shape for tap, matrix in grams(params, photo).items()})

# %% [markdown]
# ## A distance between paintings
#
# The style loss of one painting to another is a distance of their styles. Row by row, the photograph (last column) is farther
# from each painting than the other paintings are.

# %%
pictures = {**paintings, "chelsea": photo}
known = {name: grams(params, image) for name, image in pictures.items()}


def distance(one, other):
    return sum(jaxstyle.style_loss(one[tap], other[tap]) / jnp.mean(other[tap] ** 2) for tap in TAPS)


distances = np.array([[distance(one, other) for other in known.values()] for one in known.values()])
for name, row in zip(pictures, distances, strict=True):
    print(f"{name:>14}", *(f"{value:8.2f}" for value in row))

# %% [markdown]
# ## A loss of your own, and a loop around a solver
#
# Any scalar function of an image will do. The solver does not move the pixels but $z$, where the image is the start $+\, L z$
# (`decode`): the loss is then about equally steep in all frequencies, and far fewer evaluations are needed. Parameters and
# targets are arguments, so that nothing is compiled twice.


# %%
def minimise(loss, start, *args, evaluations=40):
    """The image of the lowest `loss(image, *args)`, and that loss, from a start."""

    def of_variable(z, start, *args):
        return loss(jaxstyle.decode(z, start, "spectral"), *args)

    solver = jaxstyle.make_solver("lbfgs", history=30)
    step = jax.jit(partial(solver.step, of_variable), donate_argnums=0)
    state = solver.init(jnp.zeros_like(start))
    while state.evaluations < evaluations:
        state = step(state, start, *args)
    return jaxstyle.decode(state.best_x, start, "spectral"), float(state.best_value)


# %% [markdown]
# ## Texture synthesis
#
# The style loss alone, from noise (Gatys et al., NIPS 2015): the painting's texture without its arrangement.


# %%
def texture_loss(image, params, wanted):
    found = grams(params, image)
    return sum(jaxstyle.style_loss(found[tap], wanted[tap], "mean-by-channels") for tap in TAPS)


noise = jnp.asarray(np.random.default_rng(0).normal(0.5, 0.1, photo.shape), jnp.float32)
before = float(texture_loss(noise, params, known["starry_night"]))
texture, after = minimise(texture_loss, noise, params, known["starry_night"])
print(f"style loss {before:.3g} -> {after:.3g}")
side_by_side(paintings["starry_night"], texture)

# %% [markdown]
# ## What a layer remembers
#
# Feature inversion (Mahendran and Vedaldi, CVPR 2015): an image whose features at one tap are those of the photograph.
# Shallow layers keep nearly all, deep ones lose colour and detail.


# %%
def inversion_loss(image, params, wanted):
    found = jaxstyle.features(params, image, ("relu3_1",), padding="reflect")["relu3_1"]
    return jaxstyle.content_loss(found, wanted) + 1e-6 * jaxstyle.total_variation(image)


wanted = jaxstyle.features(params, photo, ("relu3_1",), padding="reflect")["relu3_1"]
inverted, left = minimise(inversion_loss, jnp.full_like(photo, 0.5), params, wanted)
error = float(jnp.sqrt(jnp.mean((inverted - photo) ** 2)))
print(f"loss {left:.3g}, {255 * error:.0f} levels from the photograph")
side_by_side(photo, inverted)

# %% [markdown]
# ## Several styles at once
#
# `vmap` over the targets: the content is shared, the Gram matrices have a leading axis. `in_axes` says so in the shape of the
# targets.

# %%
targets = [jaxstyle.make_targets(params, photo, [style]) for style in paintings.values()]
stacked = targets[0]._replace(style=jax.tree.map(lambda *one: jnp.stack(one), *(each.style for each in targets)))
in_axes = (None, None, jaxstyle.Targets(content=None, style=0))
losses = jax.jit(jax.vmap(jaxstyle.total_loss, in_axes))(photo, params, stacked)
print({name: f"{loss:.3g}" for name, loss in zip(paintings, losses, strict=True)})

# %% [markdown]
# From here `jax.vmap` of the solver's step makes several pictures in one program; `jaxstyle.stylize_batch` is that with
# everything around it.
