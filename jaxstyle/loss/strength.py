"""Strength: the weights of content and style from two measured losses, so that a number means the same for every pair and size.

A style weight says little by itself: what it does depends on how far the style is from the photograph, and on how strong the
features of the photograph are. Both can be measured before a run.
"""

from dataclasses import replace

from jaxstyle.loss.presets import Objective

STYLE_POWER, CONTENT_POWER = 2 / 3, 3
"""Of the strength, and of what is left of it. With these a strength is about its share of the content loss of the style alone,
a quarter of it at 0.25, three quarters at 0.75."""
DIGITS = 5
"""Of a derived weight: a run that is repeated has the same one, however its scales were rounded."""


def balanced(objective: Objective, strength: float, *, content_scale: float, style_scale: float) -> Objective:
    """An objective with the weights that a strength means.

    The style's and total variation's weights are the objective's own times strength**STYLE_POWER; the content's is what makes
    content : style, each over its scale, (1 - strength)**CONTENT_POWER : strength**STYLE_POWER.

    Args:
        objective: layers and scales.
        strength: 0, the photograph, to 1, the style alone.
        content_scale: what a content loss is compared with, at a content weight of 1.
        style_scale: what a style loss is compared with, at a style weight of 1.
    """
    style, content = strength**STYLE_POWER, (1 - strength) ** CONTENT_POWER
    scales = max(style_scale, 1e-30) / max(content_scale, 1e-30)
    return replace(
        objective,
        content_weight=_rounded(content * objective.style_weight * scales),
        style_weight=_rounded(style * objective.style_weight),
        tv_weight=_rounded(style * objective.tv_weight),
    )


def _rounded(weight: float) -> float:
    return float(f"{weight:.{DIGITS}g}")
