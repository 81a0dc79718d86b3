"""A whole training between two collections, to a network's file."""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import jax
import numpy as np

from jaxstyle.domains.model import generate
from jaxstyle.domains.network import DomainFile, DomainNetwork
from jaxstyle.domains.recipe import Losses, Recipe
from jaxstyle.domains.step import METHODS, State, TrainingData, init_state, step
from jaxstyle.pictures.noise import key_of, seed_words
from jaxstyle.results.record import plain
from jaxstyle.training.checkpoints import fingerprint
from jaxstyle.training.photographs import Photographs, random_crops
from jaxstyle.training.trainer import Trainer

SHOWN = 4
"""Crops of a collection on the sheet of samples."""


@dataclass(eq=False)
class DomainTrainer(Trainer):
    """Trains the networks between two collections.

    Attributes:
        a, b: the collections.
        recipe: how.
    """

    format = "jaxstyle-domains-training-2"
    remedy = "a larger content weight or another seed may help"
    a: Photographs
    b: Photographs
    recipe: Recipe

    def __post_init__(self) -> None:
        super().__post_init__()
        self._made = jax.jit(lambda values, images: generate(values, self.recipe.widths, images)[0])

    @property
    def settings(self) -> dict[str, Any]:
        recipe = asdict(self.recipe)
        return {name: value for name, value in recipe.items() if name not in ("identity_weight", "pool")}  # follow from others

    def hashes(self) -> dict[str, Any]:
        return {"a": fingerprint(self.a.pixels), "b": fingerprint(self.b.pixels)}

    def init_state(self) -> State:
        return init_state(self.recipe)

    def make_data(self) -> TrainingData:
        return TrainingData(self.a, self.b, self.recipe.hyperparameters)

    @property
    def step(self) -> partial[tuple[State, Losses]]:
        return partial(step, recipe=self.recipe.static)

    @property
    def network(self) -> DomainNetwork:
        """The network as it is: the average over the steps."""
        recipe = self.recipe
        return DomainNetwork(self.state.average, recipe.width, recipe.blocks, recipe.method)

    def sheet(self) -> np.ndarray:
        """Crops that no step saw, and under each what the network makes of it; the same the other way where it learns that."""
        key = jax.random.fold_in(key_of(seed_words(self.recipe.seed)), 2**31 - 1)
        lines = []
        for way in METHODS[self.recipe.method].DIRECTIONS:
            source: Photographs = getattr(self, way[0])
            images = jax.jit(random_crops, static_argnums=(2, 3, 4))(key, source, SHOWN, self.recipe.size, self.recipe.flip)
            for row in (images, self._made(self.state.average[way], images)):
                lines.append(np.concatenate(list(np.asarray(row)), 1))
        return np.clip(np.concatenate(lines, 0), 0, 1)

    def file(self) -> DomainFile:
        """The network's file as it is."""
        training = {
            **self.about,
            "pictures": {name: int(getattr(self, name).sides.shape[0]) for name in ("a", "b")},
            "recipe": asdict(self.recipe),
            "losses": [["step", *Losses._fields], *self.loss_curve()],
        }
        return DomainFile(self.network, plain(training))
