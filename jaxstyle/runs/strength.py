"""The weights that a plan's strength means, from two losses that are measured before the run."""

from dataclasses import replace
from typing import Any

import jax.numpy as jnp

from jaxstyle.loss.objective import Losses, TermWeights
from jaxstyle.loss.presets import Objective
from jaxstyle.loss.strength import balanced
from jaxstyle.pictures import read
from jaxstyle.plans.plan import Plan
from jaxstyle.runs.targets import KEPT_TARGETS, TargetCache, TargetCompiler


class DerivedWeights:
    """Gives plans' objectives; what the same pictures' strength goes by is measured once."""

    def __init__(self, compiler: TargetCompiler, cache: TargetCache):
        self._compiler, self._cache = compiler, cache
        self._scales: dict[Any, dict[str, float]] = {}

    def objective(self, plan: Plan) -> Objective:
        """A plan's; where the plan has a strength, with the weights that this means at the size of its content."""
        if plan.strength is None:
            return plan.objective
        known = plan.content, plan.styles, plan.blend, plan.regions, plan.objective
        scales = self._scales.pop(known, None) or self._measured(plan)
        self._scales[known] = scales  # that which was used last comes last
        if len(self._scales) > KEPT_TARGETS:
            del self._scales[next(iter(self._scales))]
        return balanced(plan.objective, plan.strength, **scales)

    def _measured(self, plan: Plan) -> dict[str, float]:
        """Both at a weight of 1: the content loss of the style pictures, weighted as they are blended and by the parts of
        their regions, and the style loss of the photograph."""
        targets, compiler = self._cache.targets(plan), self._compiler
        program = compiler.losses(*plan.content.size, targets)
        weights = TermWeights.of(replace(plan.objective, content_weight=1.0, style_weight=1.0))
        rest = compiler.layout.put((targets, weights))

        def losses(picture: read.Picture) -> Losses:
            pixels = read.as_float(read.resize(picture, *plan.content.size))
            return program(compiler.layout.put(jnp.asarray(pixels)), compiler.params, *rest)

        away = sum(share * float(losses(style).content) for share, style in plan.style_shares)
        return {"content_scale": away, "style_scale": float(losses(plan.content).style)}
