"""What of a layer's features makes a style: Gram matrices, or another statistic that is added here."""

from collections.abc import Callable
from typing import NamedTuple

from jax import Array

from jaxstyle.loss.terms import gram, guided_gram, style_loss


class Statistic(NamedTuple):
    """What is measured at a layer, and how two of it are compared.

    It is a mean over places, and zero where all features are: so it can be summed over the strips of a picture, and several
    styles are mixed as the mean of theirs.

    Attributes:
        measure: features (H, W, C) -> an array, whose shape depends on C alone.
        measure_regions: features (H, W, C) and guides (H, W, R) -> the same with a leading axis of R. The mean square of each
            guide over the picture is 1.
        compare: (that of the image, that of the style, key of `STYLE_SCALES`) -> a scalar.
    """

    measure: Callable[[Array], Array]
    measure_regions: Callable[[Array, Array], Array]
    compare: Callable[[Array, Array, str], Array]

    def of(self, features: Array, guides: Array | None = None) -> Array:
        """The statistic of a picture, or of its regions."""
        return self.measure(features) if guides is None else self.measure_regions(features, guides)


GRAM = Statistic(gram, guided_gram, style_loss)
STATISTICS = {"gram": GRAM}
"""By the name that `Objective.statistic` has. Only Gram matrices have a whitened metric; runs by others use the plain one."""
