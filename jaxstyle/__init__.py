"""Neural style transfer by optimisation (Gatys, Ecker, Bethge, CVPR 2016) in JAX.

Images are RGB: outside uint8 or float, inside float32 in [0, 1], (H, W, 3). Losses are reported on one canonical scale, that
of Gatys' own notebook but for the border, whatever preset made the picture. Work is counted in evaluations: one loss with its
gradient.
"""

import importlib
import importlib.util
import threading
from typing import Any

import lazy_loader

__version__ = "0.1.0"
_public, _, __all__ = lazy_loader.attach_stub(__name__, __file__)  # of __init__.pyi
__all__.append("__version__")
_lock = threading.RLock()  # threads that import JAX by different ways at once meet it half made


def __getattr__(name: str) -> Any:
    with _lock:
        try:
            return _public(name)
        except AttributeError:
            if name.startswith("_") or importlib.util.find_spec(f"{__name__}.{name}") is None:
                raise
            return importlib.import_module(f"{__name__}.{name}")


def __dir__() -> list[str]:
    return list(__all__)
