"""Neural style transfer by optimisation (Gatys, Ecker, Bethge, CVPR 2016) in JAX.

Images are RGB: outside uint8 or float, inside float32 in [0, 1], (H, W, 3). Losses are reported on one canonical scale, that
of Gatys' own notebook, whatever preset made the picture. Work is counted in evaluations: one loss with its gradient.
"""

from jaxstyle.allocator import keep_pages
from jaxstyle.batch import BatchProgress, stylize_batch
from jaxstyle.config import Config
from jaxstyle.convolution import ALGORITHMS, conv3x3, convolution_algorithm
from jaxstyle.errors import DownloadError, ImageError, InputError, JaxstyleError, WeightsError
from jaxstyle.estimate import Estimate, estimate
from jaxstyle.loop import Progress
from jaxstyle.losses import CANONICAL, PRESETS, Objective, content_loss, gram, style_loss, total_variation
from jaxstyle.objective import Losses, Targets, Weights, loss_parts, loss_terms, make_targets, total_loss
from jaxstyle.solvers import SOLVERS, Solver, make_solver
from jaxstyle.stylize import Result, stylize
from jaxstyle.vgg import Params, features
from jaxstyle.weights import convert_weights, fetch_weights, load_weights

__version__ = "0.1.0"

__all__ = [
    "ALGORITHMS",
    "CANONICAL",
    "PRESETS",
    "SOLVERS",
    "BatchProgress",
    "Config",
    "DownloadError",
    "Estimate",
    "ImageError",
    "InputError",
    "JaxstyleError",
    "Losses",
    "Objective",
    "Params",
    "Progress",
    "Result",
    "Solver",
    "Targets",
    "Weights",
    "WeightsError",
    "__version__",
    "content_loss",
    "conv3x3",
    "convert_weights",
    "convolution_algorithm",
    "estimate",
    "features",
    "fetch_weights",
    "gram",
    "keep_pages",
    "load_weights",
    "loss_parts",
    "loss_terms",
    "make_solver",
    "make_targets",
    "style_loss",
    "stylize",
    "stylize_batch",
    "total_loss",
    "total_variation",
]
