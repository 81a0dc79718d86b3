"""Targets of a picture with regions: the Gram matrices of every region's style, and the guides of the picture."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxstyle.loss.metric import Metric, for_style, plain, together
from jaxstyle.loss.objective import mix_styles
from jaxstyle.loss.presets import Objective
from jaxstyle.loss.regions import Guides, guides_of
from jaxstyle.network.vgg import Params, features
from jaxstyle.pictures import masks
from jaxstyle.plans.regions import Region, Regions

Grams = dict[str, jax.Array]
KEPT = 16
"""Regions whose Gram matrices are kept."""


class RegionTargets:
    """Computes targets of regions; those of a region that comes again are not computed again.

    Args:
        params, objective: of the loss.
        grams: gives a style's Gram matrices, {tap: (C, C)}, and with guides of its picture {tap: (1, C, C)}.
    """

    def __init__(self, params: Params, objective: Objective, grams: Callable[..., Grams]):
        self._params, self._objective, self._grams = params, objective, grams
        self._of_region, self._metric = lru_cache(KEPT)(self._compute), lru_cache(KEPT)(self._compare)
        self.targets = lru_cache(KEPT)(self._targets)

    def shapes(self, width: int, height: int, regions: int) -> Guides:
        """Shapes of the guides of a picture of this size."""

        def made(params: Params, image: jax.Array) -> Guides:
            found = features(params, image, self._objective.style_layers, pooling=self._objective.pooling)
            maps = {name: jnp.zeros((*value.shape[:2], regions)) for name, value in found.items()}
            return Guides(maps, {name: jnp.zeros(regions) for name in found})

        return jax.eval_shape(made, self._params, jax.ShapeDtypeStruct((height, width, 3), jnp.float32))

    def _guides(self, each: np.ndarray) -> Guides:
        return guides_of(each, self._objective.style_layers, self._params.architecture, self._objective.guides)

    def _compute(self, region: Region) -> tuple[Grams, dict[str, bool]]:
        """The Gram matrices of a region's style, and at which taps its mask leaves anything of it."""
        there = dict.fromkeys(self._objective.style_layers, True)
        if region.style_mask is None:
            return mix_styles([self._grams(style) for style in region.styles], region.blend), there
        grams = []
        for style in region.styles:
            guides = self._guides(masks.resize(region.style_mask, *style.size)[None])
            there = {name: there[name] and bool(guides.shares[name][0]) for name in there}
            grams.append({name: found[0] for name, found in self._grams(style, guides.maps).items()})
        return mix_styles(grams, region.blend), there

    def _targets(self, regions: Regions) -> tuple[Grams, Guides]:
        """The Gram matrices, {tap: (R, C, C)}, and the guides of a picture.

        A region is compared at the layers where something is left of it, in the picture and in its style.
        """
        guides = self._guides(np.stack([region.mask for region in regions.painted]))
        found = [self._of_region(region) for region in regions.painted]
        style = {name: np.stack([np.asarray(grams[name]) for grams, _ in found]) for name in guides.maps}
        shares = {
            name: share * np.array([there[name] for _, there in found], np.float32) for name, share in guides.shares.items()
        }
        return jax.tree.map(jnp.asarray, (style, Guides(guides.maps, shares)))

    def _compare(self, region: Region) -> dict[str, Metric]:
        return for_style(self._of_region(region)[0])

    def each(self, regions: Regions) -> list[dict[str, Metric]]:
        """The whitened metrics of the regions' styles, by region and tap; plain for a flat style."""
        return [self._metric(region) for region in regions.painted]

    def metrics(self, regions: Regions, metric: str) -> dict[str, Metric]:
        """The metrics of a stage, by tap, with a leading axis of the regions."""
        if metric == "whitened":
            each = self.each(regions)
        else:
            each = [{name: plain(len(gram)) for name, gram in self._of_region(r)[0].items()} for r in regions.painted]
        return {name: together([one[name] for one in each]) for name in each[0]}


def sizes_of(regions: Regions) -> list[tuple[tuple[int, int], bool]]:
    """The (width, height) of the regions' styles, and whether a mask lies on them; each once."""
    each: list[Any] = [(style.size, region.style_mask is not None) for region in regions.painted for style in region.styles]
    return list(dict.fromkeys(each))
