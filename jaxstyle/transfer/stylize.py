"""One picture, from files to a result with its run record. Knows no maths: it resolves, compiles, runs, records, saves."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxstyle.errors import JaxstyleError
from jaxstyle.machine import memory
from jaxstyle.machine.compiler import Compiler
from jaxstyle.machine.modes import computing
from jaxstyle.plans.colours import recoloured
from jaxstyle.plans.config import Config, make_config
from jaxstyle.plans.plan import Plan
from jaxstyle.plans.regions import Regions
from jaxstyle.plans.resolve import resolve
from jaxstyle.results import record
from jaxstyle.results.saving import Saved
from jaxstyle.runs.checkpoint import Checkpoint
from jaxstyle.runs.engine import Engine, compile_to_fit
from jaxstyle.runs.loop import Callback, Progress, StageResult, TraceEntry
from jaxstyle.runs.run import run_plans


@dataclass(frozen=True, eq=False)
class Result(Saved):
    """A finished picture.

    Attributes:
        image: float32 (H, W, 3), RGB in [0, 1].
        loss: canonical ``{"total", "content", "style", "tv"}`` of what the solver saw, before clipping and before the
            content's colours, or what is kept of it, are put over it. Empty where nothing was painted.
        evaluations: of loss and gradient, line-search trials included.
        stop_reason: a sentence.
        stopped_early: whether the callback ended the run.
        trace: one entry for each accepted iterate, the first of the starting image.
        record: the run record, as `save` writes it.
        alpha: (H, W) uint8 of the content, put back when saved; None where it is opaque.
        notices: sentences about the inputs that the user should know.
        masks: that were found by their words, as PNG files.
    """

    image: np.ndarray
    loss: dict[str, float]
    evaluations: int
    stop_reason: str
    stopped_early: bool
    trace: list[TraceEntry]
    record: dict[str, Any]
    alpha: np.ndarray | None
    notices: tuple[str, ...]
    masks: Mapping[str, bytes] = field(default_factory=dict)


@computing()
def stylize(
    content: Any, style: Any, *, config: Config | None = None, callback: Callback | None = None, **options: Any
) -> Result:
    """Paints `content` in the style of `style` (Gatys, Ecker, Bethge, CVPR 2016).

    Args:
        content: a path, a PIL image, or an array: uint8, or float in [0, 1], (H, W), (H, W, 3) or (H, W, 4).
        style: the same, or a list of them whose Gram matrices are blended; a folder or a pattern stands for its pictures.
        config: all settings; the defaults otherwise.
        callback: called with a `Progress` after each accepted iterate; a true answer ends the run with the best image so far.
        **options: fields of `Config` to change, as in ``size=512, preset="johnson", seed=3``.

    Returns:
        The best image that was found, with its losses on the canonical scale and the run record.

    Raises:
        InputError: one line that names the argument, its value and the remedy; an `ImageError` or a `WeightsError` is one too.
        JaxstyleError: where the loss is not finite at the starting image.
    """
    return carry_out(resolve(content, style, make_config(config, **options)), callback)


def carry_out(
    plan: Plan,
    callback: Callback | None = None,
    checkpoint: Checkpoint | None = None,
    *,
    measured: bool | None = None,
    **more: Any,
) -> Result:
    """Makes the picture of a plan; `stylize` says what `callback` is.

    Args:
        checkpoint: where the run is kept on its way, and taken up again.
        measured: whether the callback will ask for losses, so that what measures them is compiled before the run begins.
        **more: what is added to the record.
    """
    if not plan.colours.painted:
        return recolour(plan, **more)
    compiler = Compiler(quickly=plan.is_short)
    engines, needed, free = compile_to_fit(plan, compiler, measured=measured)
    memory.check(*plan.content.size, needed, free)
    # Of a small picture compiling may have taken more.
    needed = max(needed + memory.resident(), memory.peak() or 0)

    def tell(progress: list[Progress]) -> Any:
        return callback is not None and callback(progress[0])

    (end,) = run_plans(engines, [plan], callback and tell, checkpoint=checkpoint)
    if isinstance(end, JaxstyleError):
        raise end
    return finish(plan, end, engines[-1], {"compile": compiler.seconds, "predicted": needed}, **more)


def _regions(regions: Regions) -> list[dict[str, Any]]:
    """What the record says of regions: names, and what part of the picture each is."""
    return [{"name": name, "area": round(float(mask.mean()), 4)} for name, mask in regions.named]


def recolour(plan: Plan, **more: Any) -> Result:
    """The content of a plan in the colours of its styles, where nothing else is wanted; `more` is added to its record."""
    began = time.perf_counter()
    image = recoloured(plan.colours, plan.content, plan.styles, plan.blend)
    reason, seconds = "the colours were moved, and nothing was painted", time.perf_counter() - began
    end = StageResult(jnp.asarray(image), lambda: None, 0, reason, False, [], seconds)
    return finish(plan, end, None, {"compile": 0.0, "predicted": 0}, **more)


def finish(plan: Plan, end: StageResult, engine: Engine | None, costs: dict[str, float], **more: Any) -> Result:
    """The result of a run by an engine, if there was one; `more` is added to its record."""
    method, objective = (engine.method, engine.objective(plan)) if engine else (plan.method, plan.objective)
    measured = end.measure()
    loss = {} if measured is None else {name: float(value) for name, value in measured._asdict().items()}
    image = plan.finished(end.image)
    written = {
        "schema": record.SCHEMA,
        "command": None,
        "config": plan.config,
        "inputs": plan.sources,
        "objective": objective,
        "start": plan.start,
        "versions": record.versions(),
        "device": record.device(),
        "network": plan.network.params.architecture.name,
        "weights": {"name": plan.network.name, "sha256": plan.network.sha256},
        "solver": method.solver,
        "preconditioner": method.preconditioner,
        "colours": plan.colours,
        "size": plan.content.size,
        "stages": list(end.stages),
        "style_sizes": [picture.size for picture in plan.styles],
        **({"regions": _regions(plan.regions)} if plan.regions else {}),
        "evaluations": end.evaluations,
        "stop_reason": end.stop_reason,
        "seconds": {"compile": round(costs["compile"], 3), "solve": round(end.seconds, 3)},
        "memory": {"strips": method.strips, "predicted": costs["predicted"], "peak": memory.peak()},
        "loss": loss,
        "pixels_sha256": record.hash_of_pixels(image),
        "notices": plan.notices,
        **more,
        "trace": [entry._asdict() for entry in end.trace],
    }
    return Result(
        image,
        loss,
        end.evaluations,
        end.stop_reason,
        end.stopped_by_callback,
        end.trace,
        written,
        plan.content.alpha,
        plan.notices,
        plan.regions.files if plan.regions else {},
    )
