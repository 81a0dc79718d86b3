"""Neural style transfer by optimisation (Gatys, Ecker, Bethge, CVPR 2016) in JAX.

Images are RGB: outside uint8 or float, inside float32 in [0, 1], (H, W, 3). Losses are reported on one canonical scale, that
of Gatys' own notebook, whatever preset made the picture. Work is counted in evaluations: one loss with its gradient.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)  # of __init__.pyi
__all__.append("__version__")
