# %% [markdown]
# # A picture and its controls
#
# One photograph, one painting, and what the controls do to them. The pictures here are small (64 pixels) and short of
# evaluations, so that all of it takes about a minute on a laptop. For real ones set `SIZE = 512` and `EVALUATIONS = 60`.
#
# This file is a notebook as text: open it with [jupytext](https://jupytext.readthedocs.io), or run it as a program.

# %%
# Run this cell once, in a checkout of jaxstyle.
# %pip install -q .

# %% [markdown]
# **On a GPU or TPU** install `'.[cuda]'` or `'.[tpu]'` in place of `.`, and set `SIZE = 1024`. Nothing else changes: jaxstyle
# uses what JAX finds. The first picture of each size then takes some seconds to compile, and an evaluation takes
# milliseconds.

# %%
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import jaxstyle

SIZE, EVALUATIONS = 64, 12
SAMPLES = Path(jaxstyle.__file__).parent / "samples"
PHOTO, PAINTING = SAMPLES / "coffee.jpg", SAMPLES / "starry_night.jpg"


def side_by_side(*images):
    """Pictures of one size, float (H, W, 3) in [0, 1], as one that the notebook shows."""
    return Image.fromarray(np.uint8(np.hstack(images).clip(0, 1) * 255 + 0.5))


# %% [markdown]
# ## The first picture
#
# An evaluation is the loss with its gradient, once. 12 show where it goes; `quality="good"`, the default, is 60 and `"best"`
# 300.

# %%
plain = jaxstyle.stylize(PHOTO, PAINTING, size=SIZE, evaluations=EVALUATIONS)
print(f"{plain.evaluations} evaluations, {plain.stop_reason}; loss {plain.loss['total']:.3g}")
side_by_side(plain.image)

# %% [markdown]
# ## Too weak, or too strong?
#
# `strength` goes from 0, the photograph, to 1, the style alone. It means about the same for every pair of pictures. Nothing
# is compiled again for another strength.

# %%
half = jaxstyle.stylize(PHOTO, PAINTING, size=SIZE, evaluations=EVALUATIONS, strength=0.5)
side_by_side(half.image, plain.image)

# %% [markdown]
# ## Whose colours?
#
# `colors="content"` paints brightness only and keeps the photograph's colours. `colors="style-only"` moves the colours and
# paints nothing; it takes a moment.

# %%
kept = jaxstyle.stylize(PHOTO, PAINTING, size=SIZE, evaluations=EVALUATIONS, colors="content")
moved = jaxstyle.stylize(PHOTO, PAINTING, size=SIZE, colors="style-only")
side_by_side(kept.image, moved.image)

# %% [markdown]
# ## One place only
#
# A mask is white inside the region and black outside. Here it is drawn with a few lines; any drawing program will do.
# `"keep"` leaves the photograph there; a painting in its place gives the region a style of its own.

# %%
width, height = 600, 400  # of the photograph; any size of the same aspect will do
mask = Image.new("L", (width, height))
ImageDraw.Draw(mask).ellipse((width * 0.13, height * 0.05, width * 0.8, height * 0.97), fill=255)
cup = jaxstyle.stylize(PHOTO, PAINTING, size=SIZE, evaluations=EVALUATIONS, regions=[(mask, "keep")])
side_by_side(plain.image, cup.image)

# %% [markdown]
# ## In one pass
#
# A style network has learned its styles before. It is much faster, and it blends styles.

# %%
quick = jaxstyle.apply_style(PHOTO, style="starry_night", size=SIZE)
blend = jaxstyle.apply_style(PHOTO, style="starry_night+the_scream", strength=0.7, size=SIZE)
side_by_side(quick.image, blend.image)

# %% [markdown]
# ## Save it
#
# Beside the picture lies its record, `cup.png.json`: all settings, so that `jaxstyle replay cup.png` can make it again.

# %%
cup.save("cup.png")
