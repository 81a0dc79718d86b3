"""What is measured, as data: a profile names sizes and budgets, the cases follow from it and from the devices that are there.

A case belongs to one or more axes, the things that the suite compares: each is run once and tagged with all of them.
"""

from dataclasses import dataclass, replace
from typing import Any

import jaxstyle
from bench.pictures import PAIRS

PRECISIONS = {"cpu": ("float32", "bfloat16"), "gpu": ("float32", "tf32", "bfloat16"), "tpu": ("float32", "bfloat16")}
ALL = ("resolution", "precision", "pooling", "padding", "algorithm", "memory", "batch", "device", "devices")
"""Axes of the kernel cases; there is one more, ``grid``: every side with every precision."""


@dataclass(frozen=True)
class Profile:
    """How much is measured.

    Attributes:
        name: for the record.
        side: pixels, of the square picture on which everything but the resolution is compared.
        factors: of `side`, for the resolutions.
        aspects: heights of a resolution as shares of its width.
        batches: pictures at once, at half the side; 1 is added.
        together: factors of `side`, for whole pictures at once.
        together_evaluations: of each of them.
        pairs: of pictures, for the quality cases, whose shorter side is half of `side`.
        evaluations: of a quality case.
        rounds: of a kernel case.
        repeats: of a whole command.
        starts: of the default solver.
        solvers: beside the default, from the content.
        everywhere: whether plain L-BFGS runs from every start, and every precision.
        rival_factors: of `side`, for the evaluations of other programs.
        rival_evaluations: of a whole run of other programs.
        axes: of the kernel cases, those that are compared.
        algorithms: of the convolutions.
        simulated: devices that JAX is told to make of a CPU.
        tests: functions of the suite that are run, in this order; all of them where there are none.
        seconds: after which no further case begins; 0 for no limit.
        rivals: whether other programs are measured without being asked for.
        shared: whether cases share a process, one for jaxstyle and one for PyTorch: starting one takes longer than the case.
        budgets: of jaxstyle's runs against PyTorch's loss, as shares of `rival_evaluations`.
        painted: factors of `side`, for the pictures that style networks paint.
        painters: how many of the networks paint them.
        trained: widths, factors of `side` for crops, and crops a step, of trainings; of each the first where another is
            compared.
    """

    name: str
    side: int
    factors: tuple[float, ...]
    aspects: tuple[float, ...]
    batches: tuple[int, ...]
    together: tuple[float, ...]
    pairs: tuple[tuple[str, str], ...]
    evaluations: int
    rounds: int
    repeats: int
    starts: tuple[str, ...]
    solvers: tuple[str, ...]
    everywhere: bool
    rival_factors: tuple[float, ...]
    rival_evaluations: int
    axes: tuple[str, ...] = ALL
    algorithms: tuple[str, ...] = ("auto", *jaxstyle.ALGORITHMS)
    simulated: tuple[int, ...] = (1, 2, 4)
    together_evaluations: int = 12
    tests: tuple[str, ...] = ()
    seconds: float = 0
    rivals: bool = False
    shared: bool = False
    budgets: tuple[float, ...] = ()
    painted: tuple[float, ...] = ()
    painters: int = 2
    trained: tuple[tuple[str, ...], tuple[float, ...], tuple[int, ...]] = (("half",), (0.25,), (4,))


QUICK = Profile(
    name="quick",
    side=256,
    factors=(0.5, 1, 2),
    aspects=(1,),
    batches=(4,),
    together=(0.5,),
    pairs=PAIRS[:1],
    evaluations=30,
    rounds=3,
    repeats=1,
    starts=("content", "noise"),
    solvers=("torch-lbfgs",),
    everywhere=False,
    rival_factors=(1,),
    rival_evaluations=20,
    axes=("resolution", "precision", "algorithm", "batch", "device"),
    algorithms=("auto", "direct"),
    together_evaluations=6,
    painted=(1,),
    painters=1,
    trained=(("slim",), (0.25,), (1,)),
)
"""What changes from one commit to the next, in less than four minutes on two cores."""
FULL = Profile(
    name="full",
    side=512,
    factors=(0.25, 0.5, 1, 2, 4),
    aspects=(3 / 4, 1),
    batches=(2, 4, 8, 16),
    together=(0.25, 0.5, 1),
    pairs=PAIRS,
    evaluations=60,
    rounds=5,
    repeats=3,
    starts=("content", "noise", "style"),
    solvers=("torch-lbfgs", *(name for name in jaxstyle.SOLVERS if name not in ("lbfgs", "lbfgs-torch"))),
    everywhere=True,
    rival_factors=(0.5, 1, 2),
    rival_evaluations=60,
    painted=(0.5, 1, 2, 4),
    trained=(("half", "full", "slim"), (0.25, 0.5), (4, 2)),
)
ACCELERATOR = Profile(
    name="accelerator",
    side=512,
    factors=(0.5, 1, 2, 4),
    aspects=(1,),
    batches=(8,),
    together=(0.5,),
    pairs=PAIRS[:1],
    evaluations=300,
    rounds=5,
    repeats=1,
    starts=("content",),
    solvers=(),
    everywhere=False,
    rival_factors=(0.5, 1, 2, 4),
    rival_evaluations=300,
    axes=("grid", "resolution", "precision", "batch", "devices"),
    simulated=(1, 2),
    tests=(
        "test_matrix_rate",
        "test_bandwidth",
        "test_evaluation",
        "test_time_to_loss",
        "test_torch_evaluation",
        "test_together",
    ),
    seconds=420,
    rivals=True,
    shared=True,
    budgets=(0.2, 0.5),
)
"""One GPU in less than eight minutes. The first of the budgets is jaxstyle's default."""

PRESET = "gatys-notebook"
"""What other programs minimise, and style networks learn from: convolutions see zeros beyond the border."""

SETTINGS: dict[str, dict[str, Any]] = {"torch-lbfgs": dict(solver="lbfgs-torch")}
"""Settings of `jaxstyle.stylize` by the name of a solver, where they are more than the name: L-BFGS as PyTorch runs it."""


@dataclass(frozen=True)
class Evaluation:
    """One loss with its gradient, of random pixels: the time depends on the shape alone."""

    width: int
    height: int
    precision: str = "float32"
    algorithm: str = "auto"
    pooling: str = "max"
    padding: str = jaxstyle.CANONICAL.padding
    batch: int = 1
    devices: int = 1
    memory: str = "auto"
    platform: str = "cpu"

    @property
    def name(self) -> str:
        """The size, and whatever is not as usual."""
        usual = Evaluation(self.width, self.height, platform=self.platform)
        parts = [f"{self.width}x{self.height}", self.platform]
        if self.algorithm != "auto":
            parts.append(self.algorithm)
        names = ("precision", "pooling", "padding")
        parts += [getattr(self, name) for name in names if getattr(self, name) != getattr(usual, name)]
        parts += ["low"] if self.memory == "low" else []
        parts += [f"batch{self.batch}"] if self.batch > 1 else []
        parts += [f"devices{self.devices}"] if self.devices > 1 else []
        return "-".join(parts)


@dataclass(frozen=True)
class Solve:
    """A whole picture: `solver` is a name of `jaxstyle.SOLVERS` or of `SETTINGS`."""

    content: str
    style: str
    width: int
    height: int
    evaluations: int
    init: str = "content"
    solver: str = "lbfgs"
    precision: str = "float32"
    platform: str = "cpu"

    @property
    def name(self) -> str:
        """Pictures, start, solver and evaluations, and the precision where it is not the usual one."""
        parts = [self.content, self.style, f"{self.width}x{self.height}", self.platform, self.init, self.solver]
        return "-".join([*parts, str(self.evaluations), *([self.precision] if self.precision != "float32" else [])])

    @property
    def inputs(self) -> dict[str, Any]:
        """Which pictures at which size: what every job that makes or measures one takes."""
        return {name: getattr(self, name) for name in ("content", "style", "width", "height")}

    @property
    def options(self) -> dict[str, Any]:
        """For `jaxstyle.stylize`, at one size: losses at several do not compare."""
        setting = SETTINGS.get(self.solver, {"solver": self.solver})
        how = dict(init=self.init, precision=self.precision, evaluations=self.evaluations, seed=0, scales=1)
        return how | {"preset": PRESET} | setting | {"size": f"{self.width}x{self.height}"}


@dataclass(frozen=True)
class Together:
    """Pictures of one content and style from different noise, all members of one batch."""

    side: int
    pictures: int
    evaluations: int
    platform: str = "cpu"

    @property
    def name(self) -> str:
        """Size, platform and number."""
        return f"{self.side}x{self.side}-{self.platform}-{self.pictures}"


Case = Evaluation | Solve | Together


def precisions(platform: str) -> tuple[str, ...]:
    """Those of a platform, float32 first."""
    return PRECISIONS.get(platform, PRECISIONS["cpu"])


def side_of(side: float) -> int:
    """A whole side of at least 16 pixels, below which VGG-19's last block has none."""
    return max(16, round(side))


def evaluations(profile: Profile, devices: dict[str, dict[str, Any]]) -> dict[Evaluation, list[str]]:
    """The kernel cases with their axes; `devices` is the worker's answer: kinds and count by platform, the best one first."""
    platform, *others = devices
    found: dict[Evaluation, list[str]] = {}

    def add(axis: str, case: Evaluation) -> None:
        if axis not in profile.axes:
            return
        axes = found.setdefault(case, [])
        if axis not in axes:
            axes.append(axis)

    base = Evaluation(side_of(profile.side), side_of(profile.side), platform=platform)
    for factor in profile.factors:
        side = side_of(profile.side * factor)
        for aspect in profile.aspects:
            add("resolution", replace(base, width=side, height=side_of(side * aspect)))
        for precision in precisions(platform):
            add("grid", replace(base, width=side, height=side, precision=precision))
    for precision in precisions(platform):
        add("precision", replace(base, precision=precision))
    for pooling in ("max", "avg"):
        add("pooling", replace(base, pooling=pooling))
    for padding in ("zero", "reflect", "replicate"):
        add("padding", replace(base, padding=padding))
    for algorithm in profile.algorithms:
        add("algorithm", replace(base, algorithm=algorithm))
    for memory in ("auto", "low"):
        add("memory", replace(base, memory=memory))
    half = replace(base, width=side_of(profile.side / 2), height=side_of(profile.side / 2))
    for batch in (1, *profile.batches):
        add("batch", replace(half, batch=batch))
    for other in (platform, *others):
        add("device", replace(base, platform=other))
    counts = profile.simulated if platform == "cpu" else [2**i for i in range(8) if 2**i <= devices[platform]["count"]]
    for count in counts:
        add("devices", replace(half, batch=max(4, profile.batches[0], counts[-1]), devices=count))
    return found


def solves(profile: Profile, platform: str) -> dict[Solve, list[str]]:
    """The quality cases with their axes: every start with the default solver, every solver from the content.

    On every pair and from every start the default is also set against plain L-BFGS, ``torch-lbfgs``, with as many evaluations
    and with half as many.
    """
    found: dict[Solve, list[str]] = {}
    height = side_of(profile.side / 2)
    for pair in profile.pairs:
        base = Solve(*pair, side_of(height * 4 / 3), height, profile.evaluations, platform=platform)
        for init in profile.starts:
            found.setdefault(replace(base, init=init), []).append("initialisation")
        for solver in ("lbfgs", *profile.solvers):
            found.setdefault(replace(base, solver=solver), []).append("solver")
        if profile.everywhere:
            for init in profile.starts:
                half = replace(base, init=init, evaluations=max(1, base.evaluations // 2))
                plain = replace(base, init=init, solver="torch-lbfgs")
                for case in (half, replace(base, init=init), plain):
                    found.setdefault(case, []).append("preconditioner")
            for precision in precisions(platform)[1:]:
                found.setdefault(replace(base, precision=precision), []).append("solve precision")
    return found


def together(profile: Profile, platform: str) -> dict[Together, list[str]]:
    """Whole pictures at once, with their axis."""
    sides = [side_of(profile.side * factor) for factor in profile.together]
    more: dict[str, Any] = dict(evaluations=profile.together_evaluations, platform=platform)
    cases = [Together(side, count, **more) for side in sides for count in (1, *profile.batches)]
    return {case: ["together"] for case in cases}
