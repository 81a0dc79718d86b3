"""The public names: `__init__.py` imports each when it is first asked for."""

from .batch.run import (
    BatchProgress as BatchProgress,
    stylize_batch as stylize_batch,
)
from .domains.api import train_domains as train_domains
from .domains.apply import apply_domains as apply_domains
from .domains.network import DomainNetwork as DomainNetwork
from .errors import (
    DownloadError as DownloadError,
    ImageError as ImageError,
    InputError as InputError,
    JaxstyleError as JaxstyleError,
    WeightsError as WeightsError,
)
from .flow.optical import (
    optical_flow as optical_flow,
    optical_flows as optical_flows,
)
from .flow.refine import refine_flow as refine_flow
from .flow.reliable import reliability as reliability
from .flow.warping import (
    Warped as Warped,
    warp as warp,
)
from .loss.metric import (
    Metric as Metric,
    whitened as whitened,
)
from .loss.objective import (
    Losses as Losses,
    Targets as Targets,
    TermWeights as TermWeights,
    loss_parts as loss_parts,
    loss_terms as loss_terms,
    make_targets as make_targets,
    total_loss as total_loss,
)
from .loss.presets import (
    CANONICAL as CANONICAL,
    PRESETS as PRESETS,
    Objective as Objective,
)
from .loss.terms import (
    content_loss as content_loss,
    gram as gram,
    style_loss as style_loss,
    total_variation as total_variation,
)
from .machine.allocator import keep_pages as keep_pages
from .machine.compiler import COMPILER_OPTIONS as COMPILER_OPTIONS
from .masks.faces import (
    Face as Face,
    detect_faces as detect_faces,
)
from .masks.find import make_mask as make_mask
from .network.convolution import (
    ALGORITHMS as ALGORITHMS,
    conv3x3 as conv3x3,
    convolution_algorithm as convolution_algorithm,
)
from .network.vgg import (
    Params as Params,
    features as features,
)
from .network.weights import (
    convert_weights as convert_weights,
    fetch_weights as fetch_weights,
    load_weights as load_weights,
)
from .onepass.painting import Painted as Painted
from .plans.config import Config as Config
from .runs.loop import Progress as Progress
from .solvers.precondition import decode as decode
from .solvers.registry import (
    SOLVERS as SOLVERS,
    make_solver as make_solver,
)
from .solvers.state import (
    Solver as Solver,
    State as State,
)
from .styles.api import train_styles as train_styles
from .styles.apply import apply_style as apply_style
from .styles.network import StyleNetwork as StyleNetwork
from .transfer.estimate import (
    Estimate as Estimate,
    estimate as estimate,
)
from .transfer.stylize import (
    Result as Result,
    stylize as stylize,
)

__version__: str
__all__: list[str]
from .video.api import stylize_frames as stylize_frames
from .video.painter import PaintedFrame as PaintedFrame
