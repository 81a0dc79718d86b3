"""A whole training: from styles and photographs to a network's file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxstyle.loss.objective import Losses, Targets, content_target, loss_parts, style_target
from jaxstyle.loss.presets import canonical_of
from jaxstyle.network.vgg import Params
from jaxstyle.pictures.read import Picture, as_float, resize, to_bytes
from jaxstyle.results.record import plain
from jaxstyle.styles.data import compared, prepare, samples
from jaxstyle.styles.model import WIDTHS, initial, paint
from jaxstyle.styles.network import PHOTOGRAPH, StyleFile, StyleNetwork, with_styles
from jaxstyle.styles.step import Learned, Recipe, State, TrainingData, init_state, step
from jaxstyle.training.checkpoints import fingerprint
from jaxstyle.training.photographs import Photographs
from jaxstyle.training.trainer import Trainer

HAD = 8
"""Styles on a sheet that the network had before; of more, one fewer."""
THUMBNAIL = 64
"""Pixels a side of a style's picture in the file."""


@dataclass(eq=False)
class StyleTrainer(Trainer):
    """Trains a network. Its losses count in contents: 1 is the content loss of two different photographs.

    Attributes:
        names: of the styles that are learned.
        pictures: of these styles.
        photographs: for the crops.
        params: the loss network.
        recipe: how.
        onto: a network to which the styles are added: its kernels do not learn, and its styles stay as they are.
    """

    format = "jaxstyle-training-2"
    remedy = "a smaller style weight may help"
    names: tuple[str, ...]
    pictures: Sequence[Picture]
    photographs: Photographs
    params: Params
    recipe: Recipe
    onto: StyleNetwork | None = None

    def __post_init__(self) -> None:
        self.recipe = replace(self.recipe, objective=compared(self.recipe.objective))
        widths = self.recipe.widths if self.onto is None else self.onto.widths
        self.recipe = replace(self.recipe, widths=widths)
        self.learning = self.names if self.onto is not None else (*self.names, PHOTOGRAPH)
        super().__post_init__()
        self._before: list[np.ndarray] = []
        self._paint = jax.jit(partial(paint, widths=widths, precision=self.recipe.precision))

    def init_state(self) -> State:
        widths = self.recipe.widths
        start = widths.plain_style() if self.onto is None else self.onto.styles.mean(0)
        fresh = initial(widths, self.recipe.seed) if self.onto is None else {}
        return init_state(Learned(fresh, jnp.tile(start, (len(self.learning), 1))), self.recipe)

    def make_data(self) -> TrainingData:
        """What is learned from; measuring the losses takes a while."""
        how: Any = dict(photograph=self.onto is None, kernels={} if self.onto is None else self.onto.kernels)
        return prepare(self.pictures, self.photographs, self.params, self.recipe, **how)

    @property
    def settings(self) -> dict[str, Any]:
        recipe = asdict(self.recipe)
        widths, objective = recipe.pop("widths"), recipe.pop("objective")
        names = [name for name, known in WIDTHS.items() if known == self.recipe.widths]
        return {"width": names[0] if names else widths, **recipe, **objective}

    def hashes(self) -> dict[str, Any]:
        styles = {name: fingerprint(picture.rgb) for name, picture in zip(self.names, self.pictures, strict=True)}
        found = {"styles": styles, "photographs": fingerprint(self.photographs.pixels)}
        onto = "" if self.onto is None else fingerprint(self.onto.styles)
        return {**found, "add_to": onto, "weights": fingerprint(*jax.tree.leaves(self.params.layers))}

    @property
    def step(self) -> partial[tuple[State, Losses]]:
        return partial(step, recipe=self.recipe)

    @property
    def network(self) -> StyleNetwork:
        """The network as it is: the average over the steps."""
        average = self.state.average
        if self.onto is not None:
            return with_styles(self.onto, self.names, average.styles)
        return StyleNetwork(average.kernels, average.styles, self.recipe.widths, self.learning)

    def sheet(self, rows: int = 3) -> np.ndarray:
        """Crops that no step saw, and beside each what the network makes of it: in styles that it had, then in those that it
        learns."""
        kernels = {**self.data.kernels, **self.state.average.kernels}

        def painted(image: jax.Array, styles: Any) -> list[np.ndarray]:
            return [np.asarray(self._paint(kernels, images=image[None], styles=row[None])[0]) for row in styles]

        images = samples(self.photographs, self.recipe)[:rows]
        if len(self._before) < len(images):  # they stay as they are
            self._before = [np.concatenate([image, *painted(image, self.had)], 1) for image in images]
        lines = [
            np.concatenate([before, *painted(image, self.state.average.styles)], 1)
            for before, image in zip(self._before, images, strict=False)
        ]
        return np.clip(np.concatenate(lines, 0), 0, 1)

    @property
    def had(self) -> np.ndarray:
        """The styles that the network had and that a sheet shows."""
        if self.onto is None:
            return np.empty((0, self.recipe.widths.style_size), np.float32)
        shown = [self.onto.names.index(name) for name in self.onto.shown]
        return np.asarray(self.onto.styles)[shown[: HAD if len(shown) <= HAD else HAD - 1]]

    def measured(self) -> dict[str, dict[str, float]]:
        """What the network reaches for crops that no step saw, on the canonical scale, by style."""
        how: Any = dict(objective=canonical_of(self.recipe.objective))
        target = jax.jit(partial(style_target, **how))
        kernels = {**self.data.kernels, **self.state.average.kernels}

        @jax.jit
        def loss(params: Params, painted: Any, image: Any, grams: Any) -> Losses:
            return loss_parts(painted, params, Targets(content_target(params, image, **how), grams), **how)

        found = {}
        for name, picture, row in zip(self.names, self.pictures, self.state.average.styles, strict=False):
            grams = target(self.params, jnp.asarray(as_float(_square(picture, self.recipe.size))))
            images = samples(self.photographs, self.recipe)
            made = [self._paint(kernels, images=image[None], styles=row[None])[0] for image in images]
            each = [loss(self.params, one, image, grams)._asdict() for one, image in zip(made, images, strict=True)]
            found[name] = {part: float(np.mean([one[part] for one in each])) for part in ("total", "content", "style")}
        return found

    def file(self, *, measures: bool = True) -> StyleFile:
        """The network's file as it is, with what it reaches if that is to be measured."""
        pictures = zip(self.names, self.pictures, strict=True)
        thumbnails = {name: to_bytes(as_float(_square(picture, THUMBNAIL))) for name, picture in pictures}
        training = {
            **self.about,
            "photographs": int(self.photographs.sides.shape[0]),
            **({"canonical": self.measured()} if measures else {}),
            "losses": self.loss_curve(),
        }
        return StyleFile(self.network, thumbnails, plain(training))


def _square(picture: Picture, size: int) -> Picture:
    """The middle of a picture, `size` pixels a side."""
    width, height = picture.size
    side = min(width, height)
    top, left = (height - side) // 2, (width - side) // 2
    return resize(Picture(picture.rgb[top : top + side, left : left + side]), size, size)
