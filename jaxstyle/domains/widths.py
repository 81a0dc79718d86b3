"""The form of a generator: its layers, and where its features are compared."""

from collections.abc import Mapping
from typing import Any

from jaxstyle.onepass.layers import Widths

Values = Mapping[str, Any]
"""What a network has learned, by layer: ``{"kernel": ..., "bias": ...}``."""
PICTURE = "picture"
"""Among the features of a generator: the picture that goes in."""


def generator_widths(width: int = 64, blocks: int = 9) -> Widths:
    """A generator's layers: `width` channels at the picture's own resolution, four times as many in the residual blocks."""
    return Widths((width, 2 * width, 4 * width), blocks, (2 * width, width), 7, False)


def taps(widths: Widths) -> tuple[str, ...]:
    """Where CUT compares features: the picture, both layers that halve it, and the first and the middle residual block."""
    blocks = dict.fromkeys((1, (widths.blocks + 1) // 2))
    return (PICTURE, "down2", "down3", *(f"block{block}_2" for block in blocks))
