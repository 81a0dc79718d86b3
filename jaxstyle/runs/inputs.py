"""What goes into the compiled functions of a stage, whole."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxstyle.loss.metric import Metric
from jaxstyle.loss.objective import Targets, TermWeights
from jaxstyle.loss.terms import Anchor
from jaxstyle.pictures.waves import Waves


class StageInputs(NamedTuple):
    """The arrays of a stage, for one picture or, with one more leading axis on each, for the members of a batch.

    What a program is compiled for beside their shapes is a `Method`.

    Attributes:
        start: the image to begin with, (H, W, 3), RGB in [0, 1].
        targets: of the method's objective, in its precision.
        canonical: the targets of the canonical loss, in float32; may be the same.
        weights: of the objective's terms.
        metrics: of the differences of the style's Gram matrices, by tap; None for a solver without `has_aux`.
        held: waves that the images keep as they start, shared by the members; None where all may change.
        chroma: how readily the image's colours move beside its brightness, 0 to 1, (), or (H, W, 1) for regions.
        anchor: an image to stay near, and how strongly at each pixel: a further term of what the solver sees, but no part of
            the canonical loss; None where there is none.
    """

    start: Array
    targets: Targets
    canonical: Targets
    weights: TermWeights
    metrics: dict[str, Metric] | None = None
    held: Waves | None = None
    chroma: Array | np.float32 = np.float32(1)
    anchor: Anchor | None = None

    @property
    def is_batch(self) -> bool:
        """Whether the arrays have a leading axis of members."""
        return self.start.ndim == 4

    def stacked(self, members: int) -> "StageInputs":
        """The shapes of a batch of so many, from the shapes of one, `held` left out."""
        assert self.held is None
        return jax.tree.map(lambda a: jax.ShapeDtypeStruct((members, *a.shape), a.dtype), self)


_every: Any = dict.fromkeys(StageInputs._fields, 0)
MEMBER_AXES = StageInputs(**_every)._replace(held=None)
"""`in_axes` of `jax.vmap` over the members of a batch: they share the held waves."""


def stack(members: list[StageInputs], size: int) -> StageInputs:
    """The inputs of pictures as those of a batch of `size`, `held` left out; where they are fewer, the last one fills it."""
    assert all(member.held is None for member in members)
    filled = [*members, *members[-1:] * (size - len(members))]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *filled)
