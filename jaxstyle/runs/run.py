"""A run through its stages, from the smallest size to the full one: for one picture, or the members of a batch side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from typing import Any

import jax.numpy as jnp
from jax import Array

from jaxstyle.errors import JaxstyleError
from jaxstyle.loss.presets import Objective
from jaxstyle.loss.terms import Anchor
from jaxstyle.machine import tensor_file
from jaxstyle.machine.compiler import Compiler
from jaxstyle.pictures.waves import Waves
from jaxstyle.plans.library import Library
from jaxstyle.plans.plan import Plan
from jaxstyle.plans.schedule import Stage, hand_over
from jaxstyle.runs.checkpoint import Checkpoint, Kept
from jaxstyle.runs.engine import Engine
from jaxstyle.runs.inputs import StageInputs
from jaxstyle.runs.loop import Member, Progress, StageResult, StageState, TraceEntry, run_stage
from jaxstyle.runs.start import starting_image

_NAMES = {"evaluations": "known", "last_change": "moved"}
"""Of a member's attributes, as the files of runs have them."""


@dataclass
class Run:
    """One plan on its way through the stages.

    Attributes:
        plan: what is done.
        limits: evaluations after each stage, earlier ones included.
        spent: evaluations and seconds so far.
        engine, last, image: of the last stage: what ran it, the plan at its size, what came out.
        waves: amplitudes of the preview's waves that finer stages hold, (h, w, 3).
        trace, stages: of all stages so far.
        start: where it begins in place of the plan's start, (H, W, 3); None to begin there.
        anchor: an image to stay near; None where there is none.
        stopped: the sentence that says so, where the callback ended it.
        end: the outcome, or an error.
    """

    plan: Plan
    limits: list[int]
    spent: tuple[int, float] = (0, 0.0)
    engine: Engine | None = None
    last: Plan | None = None
    image: Array | None = None
    waves: Array | None = None
    trace: list[TraceEntry] = field(default_factory=list)
    stages: list[dict[str, Any]] = field(default_factory=list)
    start: Array | None = None
    anchor: Anchor | None = None
    stopped: str = ""
    end: StageResult | JaxstyleError | None = None

    def begin(self, engine: Engine, plan: Plan) -> Array:
        """Where a stage starts: where the last one ended, enlarged if that was at another size; with its preview if held."""
        if self.engine is engine:
            assert self.image is not None
            return self.image
        if self.engine is None or self.image is None or self.last is None:
            begun = starting_image(plan) if self.start is None else self.start
        else:
            if self.waves is None and (held := self.plan.stages[-1].held) is not None:
                preview = Waves.of(self.engine.size, held), self.image
                self.waves = Compiler().compile(Waves.amplitudes, *preview, key=("amplitudes",))(*preview)
            # There is texture by now, and the noise that it began with is no part of it.
            start, finer = (starting_image(each, noisy=False) for each in (self.last, plan))
            given = self.image, start, finer, engine.held, self.waves
            begun = Compiler().compile(hand_over, *given, key=("hand over",))(*given)
        self.engine, self.last = engine, plan
        return begun

    def take(self, end: StageResult, stage: Stage, objective: Objective) -> None:
        """Enters what a stage ended with, and the weights where they were derived."""
        self.trace += end.trace
        entry: dict[str, Any] = {"size": stage.size, "metric": stage.metric, "evaluations": end.evaluations - self.spent[0]}
        if stage.held is not None:
            entry["held"] = stage.held
        if self.plan.strength is not None:
            entry |= {name: getattr(objective, name) for name in ("content_weight", "style_weight", "tv_weight")}
        self.stages.append(entry)
        self.image, self.spent = end.image, (end.evaluations, end.seconds)

    def stop(self) -> None:
        """Notes that it was ended on request."""
        self.stopped = self.stopped or f"stopped on request after {self.spent[0]} of {self.limits[-1]} evaluations"

    def finish(self, end: StageResult) -> None:
        """Ends with a stage's outcome."""
        nothing = "a strength of 0 is the photograph itself" if self.plan.strength == 0 else ""
        reason = self.stopped or nothing or end.stop_reason
        whole = dict(stop_reason=reason, stopped_by_callback=bool(self.stopped), trace=self.trace, stages=tuple(self.stages))
        self.end = end._replace(**whole)


def run_plans(
    engines: Sequence[Engine],
    plans: Sequence[Plan],
    callback: Callable[[list[Progress]], Any] | None = None,
    library: Library | None = None,
    checkpoint: Checkpoint | None = None,
    *,
    starts: Sequence[Array] | None = None,
    anchors: Sequence[Anchor] | None = None,
) -> list[StageResult | JaxstyleError]:
    """Carries out one or more plans of the same sizes and method.

    Args:
        engines: one for each size.
        plans: as many as the engines' members, or fewer; their stages may differ in their evaluations only.
        callback: told of every plan's progress after each accepted iterate; a true answer stops them all.
        library: where resized pictures are kept.
        checkpoint: where the runs are kept on their way, and taken up again.
        starts: images to begin with in place of the plans' starts, (H, W, 3), RGB where 1 is white; for plans of one size.
        anchors: images to stay near, for plans of one size and an engine that is `anchored`.

    Returns:
        By plan, what came out, or an error where its loss was not finite at the start.
    """
    runs = [Run(plan, list(accumulate(stage.evaluations for stage in plan.stages))) for plan in plans]
    if starts or anchors:
        assert len(plans[0].sizes) == 1
    for run, start, anchor in zip(runs, starts or [None] * len(runs), anchors or [None] * len(runs), strict=True):
        run.start, run.anchor = start, anchor
    kept = checkpoint and checkpoint.load()
    first = _take_up(runs, kept, engines, library) if kept else 0

    def tell(progress: list[Progress], live: list[Run], here: list[Plan]) -> Any:
        whole = [
            replace(p, evaluations=run.limits[-1], alpha=plan.content.alpha, image=partial(_shown, plan, p.image))
            for p, run, plan in zip(progress, live, here, strict=True)
        ]
        return callback is not None and callback(whole)

    stages = plans[0].stages if plans else ()
    for number, stage in list(enumerate(stages))[first:]:
        engine, last = next(e for e in engines if e.size == stage.size), number + 1 == len(stages)
        stopped = any(run.stopped for run in runs)
        live = [run for run in runs if run.end is None and (last or run.limits[number] > run.spent[0])]
        if not live or (stopped and not last):
            continue

        here = [run.plan.at(engine.size, library) for run in live]
        goes_on = not last and stages[number + 1].size == stage.size
        if stage.metric != "plain" and goes_on and all(engine.targets.is_flat(plan) for plan in here):
            continue  # two stages of one metric are one: the solver keeps its pairs
        begun = [run.begin(engine, plan) for run, plan in zip(live, here, strict=True)]
        inputs = engine.inputs(here, begun, stage.metric, [run.anchor for run in live] if anchors else None)
        left = _stage(kept, engine, inputs) if kept else None
        kept = None  # its arrays are not needed twice
        ends = run_stage(
            inputs,
            engine.params,
            engine.method,
            # a stopped run is still measured at full size
            budgets=[run.spent[0] + 1 if stopped else run.limits[number] for run in live],
            spent=[run.spent for run in live],
            callback=None if stopped else partial(tell, live=live, here=here),
            functions=engine.functions,
            stage=left,
            keep=partial(_keep, checkpoint, number, runs, live) if checkpoint and not stopped else None,
        )
        for run, plan, end in zip(live, here, ends, strict=True):
            if isinstance(end, JaxstyleError):
                run.end = end
                continue
            run.take(end, stage, engine.objective(plan))
            if end.stopped_by_callback:
                run.stop()
        stopped = any(run.stopped for run in runs)
        for run, end in zip(live, ends, strict=True):
            if isinstance(end, JaxstyleError):
                continue
            if stopped and not last:  # members whose part of the stage was over just then are stopped too
                run.stop()
            if last or (stopped and engine is engines[-1]):
                run.finish(end)
        begun = inputs = left = ends = end = None  # of a large picture each is a good part of the memory
    return [run.end for run in runs if run.end is not None]


def _shown(plan: Plan, image: Callable[[], Any]) -> Any:
    return plan.finished(image())


def _keep(
    checkpoint: Checkpoint, number: int, runs: Sequence[Run], live: Sequence[Run], stage: StageState, moment: str
) -> None:
    """Offers the runs in a stage to the checkpoint; of the ends of stages only that of the last one."""
    if moment == "ended" and number + 1 < len(runs[0].plan.stages):
        return
    each = zip(stage.members, live, strict=True)
    expected = max(stage.seconds / max(1, member.evaluations) * run.limits[-1] for member, run in each)
    checkpoint.offer(moment, stage.seconds, expected, partial(_parts, number, runs, stage))


def _parts(number: int, runs: Sequence[Run], stage: StageState) -> tuple[dict[str, Any], dict[str, Any]]:
    """Runs within a stage as arrays and a description: what they were when it began, and how far it is."""
    arrays = tensor_file.flatten((stage.state, stage.kept), "course")
    arrays |= {f"image{i}": run.image for i, run in enumerate(runs) if run.image is not None}
    arrays |= {f"waves{i}": run.waves for i, run in enumerate(runs) if run.waves is not None}
    whole = [
        {"spent": run.spent, "trace": run.trace, "stages": run.stages, "error": None if run.end is None else str(run.end)}
        for run in runs
    ]
    members = [{_NAMES.get(name, name): value for name, value in vars(member).items()} for member in stage.members]
    return arrays, {
        "stage": number,
        "runs": whole,
        "members": members,
        "steps": stage.steps,
        "seconds": stage.seconds,
    }


def _take_up(runs: Sequence[Run], kept: Kept, engines: Sequence[Engine], library: Library | None) -> int:
    """Makes the runs what they were when the stage began in which they were left; its number."""
    for index, (run, known) in enumerate(zip(runs, kept.about["runs"], strict=True)):
        run.spent = (known["spent"][0], known["spent"][1])
        run.trace = [TraceEntry(*entry) for entry in known["trace"]]
        run.stages = known["stages"]
        run.end = None if known["error"] is None else JaxstyleError(known["error"])
        if (image := kept.arrays.get(f"image{index}")) is not None:
            run.engine = next(e for e in engines if [*e.size] == run.stages[-1]["size"])
            run.last, run.image = run.plan.at(run.engine.size, library), jnp.asarray(image)
        if (waves := kept.arrays.get(f"waves{index}")) is not None:
            run.waves = jnp.asarray(waves)
    return kept.about["stage"]


def _stage(kept: Kept, engine: Engine, inputs: StageInputs) -> StageState:
    """How far the stage was in which a run was left."""
    blank = engine.functions.init(inputs.start)
    several = any(name.startswith("course[1]") for name in kept.arrays)
    state, best = kept.restore((blank, blank.best_x if several else None), "course")
    fields = {name: _NAMES.get(name, name) for name in vars(Member())}
    members = [Member(**{field: known[name] for field, name in fields.items()}) for known in kept.about["members"]]
    for member in members:
        member.trace = [TraceEntry(*entry) for entry in member.trace]
    return StageState(state, members, best, kept.about["steps"], kept.about["seconds"])
