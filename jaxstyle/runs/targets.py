"""What pictures are compared with: programs that compute it, compiled from shapes alone, and the arrays, each computed once.

A picture without regions is one region without a guide.
"""

from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxstyle.loss.metric import Metric, for_style, is_plain, plain, together
from jaxstyle.loss.objective import Targets, TermWeights, content_target, loss_parts, mix_styles, style_target
from jaxstyle.loss.presets import Objective
from jaxstyle.loss.regions import Guides, guides_of
from jaxstyle.machine.compiler import Compiler
from jaxstyle.machine.devices import Layout
from jaxstyle.network.convolution import Target, traced_for
from jaxstyle.network.vgg import Params, features
from jaxstyle.pictures import masks, read
from jaxstyle.plans.plan import Plan
from jaxstyle.plans.regions import Region, Regions

Statistics = dict[str, jax.Array]
KEPT_TARGETS = 16
"""Pictures, styles and regions whose arrays are kept: members of a batch share them."""


class TargetCompiler:
    """Compiles what computes the targets of an objective.

    Args:
        params: of the network.
        objective, precision: of the loss.
        layout: where its arrays lie.
        compiler: counts the seconds.
        strips: whether features are computed strip by strip.
        algorithm: of every convolution; by default the fastest.
    """

    def __init__(
        self,
        params: Params,
        objective: Objective,
        precision: str,
        layout: Layout,
        compiler: Compiler,
        *,
        strips: bool = False,
        algorithm: str | None = None,
    ):
        self.params, self.objective, self.layout = params, objective, layout
        self._compiler, self._algorithm = compiler, algorithm
        self._how: dict[str, Any] = dict(objective=objective.static, precision=precision, strips=strips)
        # Each of a picture's (width, height), compiled once.
        self.content, self.style = lru_cache(None)(self._content), lru_cache(None)(self._style)

    def _compile(self, name: str, function: Any, *args: Any) -> Any:
        with traced_for(Target(algorithm=self._algorithm)):
            key = (name, self.layout, self._algorithm, *self._how.values())
            return self._compiler.compile(function, *args, key=key)

    def _content(self, width: int, height: int) -> Any:
        shape = self.layout.shapes(_shape(width, height))
        return self._compile("content", partial(content_target, **self._how), self.params, shape)

    def _style(self, width: int, height: int, guided: bool = False) -> Any:
        shapes: Any = [_shape(width, height), *([self.guides(width, height, 1).maps] if guided else [])]
        return self._compile("style", partial(style_target, **self._how), self.params, *self.layout.shapes(shapes))

    def losses(self, width: int, height: int, targets: Targets) -> Any:
        """The program of `loss_parts` for a picture of this size and targets of these shapes, with weights as an argument."""

        def losses(image: Any, params: Params, targets: Targets, weights: TermWeights) -> Any:
            return loss_parts(image, params, targets, weights=weights, **self._how)

        image, *rest = self.layout.shapes((_shape(width, height), targets, TermWeights.of(self.objective)))
        return self._compile("losses", losses, image, self.params, *rest)

    def guides(self, width: int, height: int, regions: int) -> Guides:
        """Shapes of the guides of a picture of this size."""

        def made(params: Params, image: jax.Array) -> Guides:
            found = features(params, image, self.objective.style_layers, pooling=self.objective.pooling)
            maps = {name: jnp.zeros((*value.shape[:2], regions)) for name, value in found.items()}
            return Guides(maps, {name: jnp.zeros(regions) for name in found})

        return jax.eval_shape(made, self.params, _shape(width, height))

    def programs(self, plan: Plan) -> list[Any]:
        """What the targets of a plan need, compiled; that of its content first."""
        sizes = dict.fromkeys(
            (*style.size, *[True] * (region.style_mask is not None)) for region in plan.painted for style in region.styles
        )
        return [self.content(*plan.content.size), *(self.style(*size) for size in sizes)]

    def shapes(self, plan: Plan) -> Targets:
        """Shapes of the targets of a plan, which its programs know; a style's statistics depend on no size."""
        content, style, *_ = (program.out_info for program in self.programs(plan))
        if plan.regions is None:
            return Targets(content, style)
        regions, alone = len(plan.painted), plan.painted[0].style_mask is not None  # as a region of the style
        each: Any = {name: jax.ShapeDtypeStruct((regions, *one.shape[alone:]), one.dtype) for name, one in style.items()}
        return Targets(content, each, self.guides(*plan.content.size, regions))


def _shape(width: int, height: int) -> Any:
    return jax.ShapeDtypeStruct((height, width, 3), jnp.float32)


class TargetCache:
    """Targets as arrays; those of a picture, a style or a region that comes again are not computed again."""

    def __init__(self, compiler: TargetCompiler):
        self._compiler = compiler
        kept = lru_cache(KEPT_TARGETS)
        self._content, self._statistics = kept(self._content_of), kept(self._statistics_of)
        self._style, self._metric = kept(self._style_of), kept(self._metric_of)
        self._regions = kept(self._regions_of)

    def targets(self, plan: Plan) -> Targets:
        """The targets of a plan."""
        content = self._content(plan.content)
        if plan.regions is None:
            return Targets(content, self._style(*_key(*plan.painted))[0])
        return Targets(content, *self._regions(plan.regions))

    def metrics(self, plan: Plan, metric: str) -> dict[str, Metric]:
        """The metrics of a stage of a plan, by tap; with regions of theirs together."""
        each = [self._metric(*_key(region), metric) for region in plan.painted]
        return each[0] if plan.regions is None else {name: together([one[name] for one in each]) for name in each[0]}

    def is_flat(self, plan: Plan) -> bool:
        """Whether the metrics of all styles of a plan are plain in any stage."""
        each = [self._metric(*_key(region), "whitened") for region in plan.painted]
        return all(is_plain(metric) for metrics in each for metric in metrics.values())

    def _content_of(self, picture: read.Picture) -> dict[str, jax.Array]:
        image = self._compiler.layout.put(jnp.asarray(read.as_float(picture)))
        return self._compiler.content(*picture.size)(self._compiler.params, image)

    def _statistics_of(self, style: read.Picture) -> Statistics:
        image = self._compiler.layout.put(jnp.asarray(read.as_float(style)))
        return self._compiler.style(*style.size)(self._compiler.params, image)

    def _guides(self, each: np.ndarray) -> Guides:
        objective = self._compiler.objective
        return guides_of(each, objective.style_layers, self._compiler.params.architecture, objective.guides)

    def _style_of(
        self, styles: tuple[read.Picture, ...], blend: tuple[float, ...], region: Region | None
    ) -> tuple[Statistics, dict[str, bool]]:
        """The statistics of a region's style, and at which taps its mask leaves anything of it."""
        there = dict.fromkeys(self._compiler.objective.style_layers, True)
        if region is None:
            return mix_styles([self._statistics(style) for style in styles], blend), there
        assert region.style_mask is not None
        grams = []
        for style in styles:
            guides = self._guides(masks.resize(region.style_mask, *style.size)[None])
            there = {name: there[name] and bool(guides.shares[name][0]) for name in there}
            given = self._compiler.layout.put(jax.tree.map(jnp.asarray, [read.as_float(style), guides.maps]))
            found = self._compiler.style(*style.size, True)(self._compiler.params, *given)
            grams.append({name: gram[0] for name, gram in found.items()})
        return mix_styles(grams, blend), there

    def _metric_of(
        self, styles: tuple[read.Picture, ...], blend: tuple[float, ...], region: Region | None, metric: str
    ) -> dict[str, Metric]:
        grams, _ = self._style(styles, blend, region)
        return for_style(grams) if metric == "whitened" else {name: plain(len(gram)) for name, gram in grams.items()}

    def _regions_of(self, regions: Regions) -> tuple[Statistics, Guides]:
        """The statistics, {tap: (R, ...)}, and the guides of a picture.

        A region is compared at the layers where something is left of it, in the picture and in its style.
        """
        guides = self._guides(np.stack([region.mask for region in regions.painted]))
        found = [self._style(*_key(region)) for region in regions.painted]
        style = {name: np.stack([np.asarray(grams[name]) for grams, _ in found]) for name in guides.maps}
        shares = {
            name: share * np.array([there[name] for _, there in found], np.float32) for name, share in guides.shares.items()
        }
        return jax.tree.map(jnp.asarray, (style, Guides(guides.maps, shares)))


def _key(region: Region) -> tuple[tuple[read.Picture, ...], tuple[float, ...], Region | None]:
    """What a region's style is known by: where no mask lies on it, regions of the same pictures are alike."""
    return region.styles, region.blend, region if region.style_mask is not None else None
