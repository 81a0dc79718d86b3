"""The frames of a film, painted one after the other by optimisation (Ruder, Dosovitskiy, Brox, "Artistic style transfer for
videos", GCPR 2016; IJCV 2018).

The first frame is a picture like any other. Each later one begins with the paintings of earlier frames, carried along by the
motion (`carrying`), and is held near to them where that is known:

    loss + gamma / (3 H W) sum c (x - carried)^2        (eq. 7), in 8-bit levels

Pixels that are known move more slowly too: so the few evaluations that are enough then go to those that are not. Where hardly
anything of a frame is known, the film was cut, and it is painted as a first one. All frames share one compiled program. A
painting counts in 8 bits, so that a film which goes on from its file is what it would have been.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from jaxstyle.errors import JaxstyleError
from jaxstyle.loss.terms import Anchor
from jaxstyle.machine import memory
from jaxstyle.machine.compiler import Compiler
from jaxstyle.pictures.colour import PIXEL
from jaxstyle.pictures.read import Picture, as_float, resize, to_bytes
from jaxstyle.plans.frames import FrameMasks, following, for_frame
from jaxstyle.plans.plan import Plan
from jaxstyle.runs.engine import compile_engine, compile_to_fit
from jaxstyle.runs.loop import Progress, StageResult
from jaxstyle.runs.run import run_plans
from jaxstyle.video.carrying import Carried, Earlier, carry

LAGS = (1,)
"""How many frames back paintings are carried from. (1, 2, 4) would lower the warping error by 3% where a disc uncovers what is
behind it (parallax of `bench.film`, 192x108), for three times as much flow."""
CUT = 0.2
"""Share of a frame that is known at least, unless the film was cut."""
LATER_SHARE = 1 / 6
"""Of the first frame's evaluations: as many has each later one."""
STRONGEST, SLOWEST = 2e4, 0.1
"""With a steadiness of 1: the weight of the temporal term, and what moves are multiplied by, where a frame is known."""


def budgets_of(plan: Plan) -> tuple[int, int]:
    """The evaluations of a first frame with this plan, and of each later one."""
    return plan.evaluations, max(1, round(plan.evaluations * LATER_SHARE))


class PaintedFrame(NamedTuple):
    """A frame of a film that was painted.

    Attributes:
        image: uint8 (H, W, 3).
        evaluations: of loss and gradient.
        loss: canonical, as of `jaxstyle.Result`.
        is_first: whether nothing of it was known: the first one, or that after a cut.
        known: the share of it that was, 0 to 1.
        change: mean square of what it differs from the painting before it, carried along by the motion, where that is known;
            in squared 8-bit levels, the warping error of Lai et al. (ECCV 2018) by estimated flow. None for a first frame.
    """

    image: np.ndarray
    evaluations: int
    loss: dict[str, float]
    is_first: bool
    known: float
    change: float | None


class _Kept(NamedTuple):
    plan: Plan
    earlier: Earlier


class FilmPainter:
    """Paints frames of one size, in order.

    Args:
        plan: of the first frame.
        steady: 0 to 1, how much the film is held to what was painted before.
        callback: told how far a frame is.

    Attributes:
        compiler: counts the seconds of compiling.
        budgets: evaluations of a first frame, and of a later one.

    Raises:
        InputError: where the size does not fit in memory.
    """

    def __init__(self, plan: Plan, steady: float, callback: Callable[[Progress], object] | None = None):
        self._first, self._steady, self._callback = plan, steady, callback
        self.compiler = Compiler()
        self._engines, needed, free = compile_to_fit(plan, self.compiler, anchored=True)
        memory.check(*plan.content.size, needed, free)
        self.budgets = budgets_of(plan)
        last = self._engines[-1]
        if last.held is not None:  # a film's later frames hold no waves
            alone = following(plan, plan.content, self.budgets[1])
            last = compile_engine(alone.with_fallback if last.method is plan.fallback else alone, self.compiler, anchored=True)
        self._engine = last
        self._kept: deque[_Kept] = deque(maxlen=max(LAGS))
        self._masks = FrameMasks(plan)

    @property
    def recalled(self) -> int:
        """How many of the last frames `recall` takes."""
        return max(*LAGS, self._masks.recalled)

    def recall(self, pictures: Sequence[Picture], paintings: Sequence[np.ndarray]) -> None:
        """Takes frames that were painted before, uint8 (H, W, 3), the latest last: the film goes on behind them."""
        for picture, painting in zip(pictures, paintings, strict=True):
            self._keep(self._plan_of(picture), painting)

    def paint(self, picture: Picture) -> PaintedFrame:
        """Paints the next frame.

        Raises:
            JaxstyleError: where its loss is not finite.
        """
        plan, carried = self._plan_of(picture), None
        if self._kept and self._first.strength != 0:
            earlier = [self._kept[-lag].earlier for lag in LAGS if lag <= len(self._kept)]
            carried = carry(as_float(plan.content), earlier)
            known = float(carried.weight.mean())
            carried = None if known < CUT else carried
        if carried is None:
            self._kept.clear()
            (end,) = run_plans(self._engines, [plan], self._tell)
        else:
            plan = following(plan, Picture(np.asarray(carried.image)), self.budgets[1])
            held = self._steady * carried.weight
            near = Anchor(carried.image, STRONGEST * held, 1 - (1 - SLOWEST) * held)
            (end,) = run_plans([self._engine], [plan], self._tell, anchors=[near])
        if isinstance(end, JaxstyleError):
            raise end
        return self._finished(plan, end, carried)

    def _plan_of(self, picture: Picture) -> Plan:
        if picture.size != self._first.content.size:
            picture = resize(picture, *self._first.content.size)
        return for_frame(self._first, picture, self._masks.at(picture))

    def _tell(self, progress: list[Progress]) -> None:
        if self._callback is not None:
            self._callback(progress[0])

    def _finished(self, plan: Plan, end: StageResult, carried: Carried | None) -> PaintedFrame:
        image, losses = to_bytes(plan.finished(end.image)), end.measure()
        loss = {} if losses is None else {name: float(value) for name, value in losses._asdict().items()}
        known, change = 0.0, None
        self._keep(plan, image)
        if carried is not None:
            away = np.square(PIXEL * (self._kept[-1].earlier.painting - np.asarray(carried.image))).mean(2)
            weight = np.asarray(carried.weight[..., 0])
            known, change = float(weight.mean()), float((weight * away).sum() / weight.sum())
        return PaintedFrame(image, end.evaluations, loss, carried is None, known, change)

    def _keep(self, plan: Plan, image: np.ndarray) -> None:
        painting = as_float(plan.uncovered(Picture(image)))
        self._kept.append(_Kept(plan, Earlier(as_float(plan.content), painting)))
