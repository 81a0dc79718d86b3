"""What is minimised, as data, and the conventions of the paper and of other tools as presets."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


def _equal(weight: float, *layers: str) -> Mapping[str, float]:
    return dict.fromkeys(layers, weight)


FIRSTS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True)
class Objective:
    """What is minimised: content_weight * content + style_weight * style + tv_weight * total variation.

    Content and style are sums over their layers of the layer's weight times the loss on the named scale.

    Attributes:
        content_layers, style_layers: weight by tap.
        content_weight, style_weight, tv_weight: coefficients of the three terms.
        content_scale, style_scale, tv_scale: keys of `CONTENT_SCALES`, `STYLE_SCALES`, `TV_SCALES`.
        statistic: key of `STATISTICS`: what of the features is the style.
        guides: key of `regions.GUIDES`: how a picture's regions are compared, where it has any.
        pooling: ``"max"`` or ``"avg"``.
        padding: one of `PADDINGS`: what convolutions see beyond the border.
        style_fit: ``"own"`` keeps the style picture's aspect; ``"content"`` resizes it to the content's exact shape.
        init: where this convention starts.
    """

    content_layers: Mapping[str, float] = field(default_factory=lambda: _equal(1.0, "relu4_2"))
    style_layers: Mapping[str, float] = field(default_factory=lambda: _equal(1.0, *FIRSTS))
    content_weight: float = 1.0
    style_weight: float = 1e3
    tv_weight: float = 0.0
    content_scale: str = "mean"
    style_scale: str = "mean-by-channels"
    tv_scale: str = "absolute"
    statistic: str = "gram"
    guides: str = "area"
    pooling: str = "max"
    padding: str = "reflect"
    style_fit: str = "own"
    init: str = "content"

    def __hash__(self) -> int:  # so that an objective can be a static argument of jax.jit
        return hash(tuple(tuple(v.items()) if isinstance(v, Mapping) else v for v in vars(self).values()))

    @property
    def static(self) -> "Objective":
        """The objective with every weight 1, total variation's 0 where it is 0: what a compiled program depends on."""
        content, style = (dict.fromkeys(layers, 1.0) for layers in (self.content_layers, self.style_layers))
        tv = 1.0 if self.tv_weight else 0.0
        return replace(self, content_layers=content, style_layers=style, content_weight=1.0, style_weight=1.0, tv_weight=tv)


PRESETS = {
    # Ours: the next one without the frame that zeros beyond the border make. Every result is reported on its scale.
    "jaxstyle": Objective(),
    # Gatys' own notebook (leongatys/PytorchNeuralStyleTransfer).
    "gatys-notebook": Objective(padding="zero"),
    # The text of Gatys, Ecker, Bethge, CVPR 2016, alpha/beta = 1e-3; meant for a network with normalised activations.
    "gatys-paper": Objective(
        style_layers=_equal(1 / 5, *FIRSTS),
        content_scale="half-sum",
        style_scale="quarter-mean",
        pooling="avg",
        padding="zero",
        style_fit="content",
        init="noise",
    ),
    # jcjohnson/neural-style. Its Gram is divided by C*H*W, hence a mean by channels here.
    "johnson": Objective(
        content_weight=5.0, style_weight=1e2, tv_weight=1e-3, tv_scale="half-squares", padding="zero", init="noise"
    ),
    # cysmith/neural-style-tf with content kernel 1 (kernels 2 and 3: content_scale mean, half-sum). Layer weights of 1/5 are
    # divided by the number of layers once more. Its content tap lies before the bias, which cancels in the difference. Its
    # style masks multiply the features of the style and of the image alike; losses are averaged over styles.
    "cysmith": Objective(
        content_layers=_equal(1.0, "conv4_2"),
        style_layers=_equal(1 / 25, *FIRSTS),
        content_weight=5.0,
        style_weight=1e4,
        tv_weight=1e-3,
        content_scale="half-root",
        style_scale="quarter-mean",
        guides="mask",
        pooling="avg",
        padding="zero",
        style_fit="content",
    ),
    # pystiche's command line; made for torchvision's VGG-19 on its own input scale.
    "pystiche": Objective(style_layers=_equal(1 / 5, *FIRSTS), style_scale="mean", padding="zero"),
}

"""Objectives by name: the default, and the conventions of the paper and of other tools."""

LATER = {"statistic": "gram"}
"""What older files do not state of an objective, and which value theirs had."""

CANONICAL = PRESETS["jaxstyle"]
"""On which every result is reported, read with the run's own padding."""


def canonical_of(objective: Objective) -> Objective:
    """What the result of an objective is reported on: `CANONICAL`, but read with the objective's own padding."""
    return replace(CANONICAL, padding=objective.padding)
