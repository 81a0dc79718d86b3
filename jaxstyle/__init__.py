"""Neural style transfer by optimisation (Gatys, Ecker, Bethge, CVPR 2016) in JAX.

Images are RGB: outside uint8 or float, inside float32 in [0, 1], (H, W, 3). Losses are reported on one canonical scale, that
of Gatys' own notebook, whatever preset made the picture. Work is counted in evaluations: one loss with its gradient.
"""

from jaxstyle.batch.run import BatchProgress, stylize_batch
from jaxstyle.domains.apply import apply_domains
from jaxstyle.domains.network import DomainNetwork
from jaxstyle.domains.train_domains import train_domains
from jaxstyle.errors import DownloadError, ImageError, InputError, JaxstyleError, WeightsError
from jaxstyle.loss.objective import Losses, Targets, TermWeights, loss_parts, loss_terms, make_targets, total_loss
from jaxstyle.loss.presets import CANONICAL, PRESETS, Objective
from jaxstyle.loss.terms import content_loss, gram, style_loss, total_variation
from jaxstyle.machine.allocator import keep_pages
from jaxstyle.machine.compiler import COMPILER_OPTIONS
from jaxstyle.network.convolution import ALGORITHMS, conv3x3, convolution_algorithm
from jaxstyle.network.vgg import Params, features
from jaxstyle.network.weights import convert_weights, fetch_weights, load_weights
from jaxstyle.onepass.painting import Painted
from jaxstyle.solvers.registry import SOLVERS, make_solver
from jaxstyle.solvers.state import Solver
from jaxstyle.styles.apply import apply_style
from jaxstyle.styles.network import StyleNetwork
from jaxstyle.styles.train_styles import train_styles
from jaxstyle.transfer.config import Config
from jaxstyle.transfer.estimate import Estimate, estimate
from jaxstyle.transfer.loop import Progress
from jaxstyle.transfer.stylize import Result, stylize

__version__ = "0.1.0"

__all__ = [
    "ALGORITHMS",
    "CANONICAL",
    "COMPILER_OPTIONS",
    "PRESETS",
    "SOLVERS",
    "BatchProgress",
    "Config",
    "DomainNetwork",
    "DownloadError",
    "Estimate",
    "ImageError",
    "InputError",
    "JaxstyleError",
    "Losses",
    "Objective",
    "Painted",
    "Params",
    "Progress",
    "Result",
    "Solver",
    "StyleNetwork",
    "Targets",
    "TermWeights",
    "WeightsError",
    "__version__",
    "apply_domains",
    "apply_style",
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
    "train_domains",
    "train_styles",
]
