"""How an image is searched for: all that a compiled program depends on beside shapes."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxstyle.loss.objective import TermWeights
from jaxstyle.loss.presets import CANONICAL, Objective, canonical_of
from jaxstyle.solvers.state import Solver


@dataclass(frozen=True)
class Method:
    """How an image is searched for: everything that a compiled program depends on, apart from shapes. Made by `resolve`.

    Attributes:
        objective: what to minimise; its weights come as arrays, in `Task.weights`.
        solver: how; one that has `has_aux` is given the loss in the metrics of its `StageInputs` beside the loss itself.
        preconditioner: key of `PRECONDITIONERS`.
        precision: of the convolutions within the solver; what is reported is measured in float32.
        strips: whether features are computed strip by strip.
        grey: whether brightness alone is moved.
    """

    objective: Objective
    solver: Solver
    preconditioner: str = "none"
    precision: str = "float32"
    strips: bool = False
    grey: bool = False

    @property
    def has_metrics(self) -> bool:
        """Whether the solver sees the loss in the metrics of its `StageInputs`."""
        return getattr(self.solver, "has_aux", False)

    def is_canonical(self, weights: TermWeights) -> np.ndarray:
        """Whether the loss is the reported one (metrics do not count), for weights of shape () or, of each member, (N,)."""
        if (self.objective.static, self.precision) != (canonical_of(self.objective).static, "float32"):
            return np.zeros(np.shape(weights.tv), bool)
        pairs = zip(*map(jax.tree.leaves, (weights, TermWeights.of(CANONICAL))), strict=True)
        return np.all([np.asarray(given) == np.asarray(wanted) for given, wanted in pairs], axis=0)

    @property
    def shares_targets(self) -> bool:
        """Whether the canonical loss compares with the same targets."""

        def read(objective: Objective) -> tuple[Any, ...]:
            return set(objective.content_layers), set(objective.style_layers), objective.pooling, objective.statistic

        return (read(self.objective), self.precision) == (read(CANONICAL), "float32")
