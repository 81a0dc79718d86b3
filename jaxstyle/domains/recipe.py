"""How a training goes, and what it tells."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array

from jaxstyle.domains.widths import generator_widths
from jaxstyle.onepass.layers import Widths
from jaxstyle.pictures.noise import seed_words

BATCH = 1
"""Pictures of each collection that a device sees in a step; one gives the best result for the time (Park et al.)."""


class TracedHyperparameters(NamedTuple):
    """Of a recipe, what is an argument of the compiled step; see there."""

    seed: Array
    learning_rate: Array
    content_weight: Array
    identity_weight: Array


@dataclass(frozen=True)
class Recipe:
    """How a network is trained. A compiled step depends on its `static` part, apart from shapes.

    Attributes:
        method: a key of `step.METHODS`.
        width, blocks: of a generator, see `widths.generator_widths`; a discriminator is as wide.
        size: pixels a side of the crops.
        batch: crops of each collection in a step.
        content_weight: what the content counts against the discriminator: PatchNCE with CUT, the cycles with CycleGAN.
        identity_weight: what it counts that a picture of B stays as it is.
        places: of a picture that are compared by PatchNCE, in each tap, at most.
        pool: made pictures that a discriminator is shown again; CycleGAN's.
        learning_rate: Adam's for all networks, for the first half of the steps; it falls to zero over the second.
        momentum: Adam's first decay; the second is 0.999.
        ema_decay: largest share of what was before in the average of a generator over the steps.
        seed: of the first values, and of all that a step draws.
        flip: whether crops are mirrored left to right every other time.
        precision: of convolutions, one of `PRECISIONS`.
        devices: that share the crops of a step, whose number they divide.
    """

    method: str = "cut"
    width: int = 64
    blocks: int = 9
    size: int = 256
    batch: int = BATCH
    content_weight: float = 1.0
    identity_weight: float = 1.0
    places: int = 256
    pool: int = 0
    learning_rate: float = 2e-4
    momentum: float = 0.5
    ema_decay: float = 0.999
    seed: int = 0
    flip: bool = True
    precision: str = "float32"
    devices: int = 1

    @property
    def static(self) -> "Recipe":
        """Without what `hyperparameters` holds."""
        return replace(self, **dict.fromkeys(TracedHyperparameters._fields, 0))

    @property
    def hyperparameters(self) -> TracedHyperparameters:
        """What a step is told."""
        weights = (self.learning_rate, self.content_weight, self.identity_weight)
        return TracedHyperparameters(
            jnp.asarray(seed_words(self.seed)), *(jnp.asarray(weight, jnp.float32) for weight in weights)
        )

    @property
    def units(self) -> int:
        """Of the heads: as many as a residual block has channels, which are the paper's 256."""
        return 4 * self.width

    @property
    def widths(self) -> Widths:
        """A generator's layers."""
        return generator_widths(self.width, self.blocks)


class Losses(NamedTuple):
    """Of a step; those of both generators together, where there are two.

    Attributes:
        adversarial: how far what is made is from being taken for true; 1 where it never is, 1/4 where nobody can tell.
        content: PatchNCE of pictures of A and what is made of them, or the distance after a cycle.
        identity: the same of pictures of B, which should stay as they are; or their distance from what is made of them.
        discriminator: how far it is from telling true from made; 1/4 where it cannot, 0 where it always does.
    """

    adversarial: Array
    content: Array
    identity: Array
    discriminator: Array


class Nets(NamedTuple):
    """What learns, by two losses that pull against each other.

    Attributes:
        generators: by direction, ``"a2b"`` and, with CycleGAN, ``"b2a"``.
        heads: CUT's; empty otherwise.
        discriminators: by the collection whose true pictures they know: ``"b"``, ``"a"``.
    """

    generators: dict[str, Any]
    heads: Any
    discriminators: dict[str, Any]
