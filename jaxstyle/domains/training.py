"""A whole training between two collections, to a network's file."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxstyle.domains.model import generate
from jaxstyle.domains.network import DomainFile, DomainNetwork
from jaxstyle.domains.recipe import Losses, Recipe
from jaxstyle.domains.step import METHODS, Lesson, State, begin, step
from jaxstyle.machine.compiler import Compiler
from jaxstyle.onepass.course import Course, fingerprint
from jaxstyle.onepass.photographs import Photographs, crops
from jaxstyle.pictures.noise import key_of, seed_words
from jaxstyle.results.record import plain

SHOWN = 4
"""Crops of a collection on the sheet of samples."""


@dataclass(eq=False)
class Training(Course):
    """Trains the networks between two collections.

    Attributes:
        a, b: the collections.
        recipe: how.
        steps: in all; None for as many as `minutes` allow.
        minutes: that the steps may take.
        path: of the checkpoint; None to keep nothing.
        notices: sentences for the user are added to it.
    """

    format = "jaxstyle-domains-training-2"
    remedy = "a larger content weight or another seed may help"
    a: Photographs
    b: Photographs
    recipe: Recipe
    steps: int | None = None
    minutes: float | None = None
    path: Path | None = None
    notices: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state: State = begin(self.recipe)
        self.curve: list[tuple[float, ...]] = []
        self.seconds = 0.0
        self._made = jax.jit(lambda values, images: generate(values, self.recipe.widths, images)[0])

    @property
    def settings(self) -> dict[str, Any]:
        recipe = asdict(self.recipe)
        return {name: value for name, value in recipe.items() if name not in ("identity_weight", "pool")}  # follow from others

    def hashes(self) -> dict[str, Any]:
        return {"a": fingerprint(self.a.pixels), "b": fingerprint(self.b.pixels)}

    def compiled(self, steps: jax.Array) -> Callable[[State, jax.Array], tuple[State, Losses]]:
        lesson, form = Lesson(self.a, self.b, self.recipe.dials), self.recipe.form
        given = self.state, lesson, steps
        advance = Compiler().compile(partial(step, recipe=form), *given, key=("domains", form), donate=(0,))
        return lambda state, steps: advance(state, lesson, steps)

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
            images = jax.jit(crops, static_argnums=(2, 3, 4))(key, source, SHOWN, self.recipe.size, self.recipe.flip)
            for row in (images, self._made(self.state.average[way], images)):
                lines.append(np.concatenate(list(np.asarray(row)), 1))
        return np.clip(np.concatenate(lines, 0), 0, 1)

    def file(self) -> DomainFile:
        """The network's file as it is."""
        training = {
            **self.about,
            "pictures": {name: int(getattr(self, name).sides.shape[0]) for name in ("a", "b")},
            "recipe": asdict(self.recipe),
            "losses": [["step", *Losses._fields], *self.course()],
        }
        return DomainFile(self.network, plain(training))
