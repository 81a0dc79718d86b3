"""One picture, from files to a result with its run record. Knows no maths: it prepares, runs the loop, records, saves."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxstyle import memory, outputs, record
from jaxstyle.config import Config
from jaxstyle.loop import Callback, Entry, Outcome, Progress, Stopwatch, run
from jaxstyle.prepare import Stage, make_config, prepare, stages
from jaxstyle.pyramid import hand_over
from jaxstyle.vgg import Params


@dataclass(frozen=True, eq=False)
class Result:
    """A finished picture.

    Attributes:
        image: float32 (H, W, 3), RGB in [0, 1].
        loss: canonical ``{"total", "content", "style", "tv"}`` of the image before clipping.
        evaluations: of loss and gradient, line-search trials included.
        stop_reason: a sentence.
        stopped_early: whether the callback ended the run.
        trace: one entry for each accepted iterate, the first of the starting image.
        record: the run record, as `save` writes it.
        alpha: (H, W) uint8 of the content, put back when saved; None where it is opaque.
        notices: sentences about the inputs that the user should know.
    """

    image: np.ndarray
    loss: dict[str, float]
    evaluations: int
    stop_reason: str
    stopped_early: bool
    trace: list[Entry]
    record: dict[str, Any]
    alpha: np.ndarray | None
    notices: tuple[str, ...]

    def save(self, path: str | os.PathLike) -> tuple[str, ...]:
        """Writes the picture, and the run record beside it as .json; each appears whole or not at all.

        Returns:
            Notices: sentences about what the format could not hold.

        Raises:
            ImageError: where the suffix is unknown or the folder cannot be written.
        """
        notices = outputs.save(path, self.image, alpha=self.alpha)
        outputs.write_atomically(Path(path).with_suffix(".json"), record.dumps(self.record).encode())
        return notices


def search(parts: Sequence[Stage], params: Params, callback: Callback | None) -> tuple[Outcome, list[dict[str, Any]]]:
    """Runs the stages of a picture one after another.

    Returns:
        The last stage's outcome with the whole run's trace, and the size and the evaluations of each stage.
    """
    reached: tuple[Any, Any] | None = None  # the last stage's image, and where a run at its size would have started
    trace: list[Entry] = []
    scales: list[dict[str, Any]] = []
    spent, total, stopped = (0, 0.0), parts[-1].evaluations, ""

    def tell(progress: Progress) -> Any:
        return callback is not None and callback(replace(progress, evaluations=total))

    outcome = None
    for part in parts:
        if stopped and part is not parts[-1]:
            continue
        start = hand_over(*reached, part.start) if reached else part.start
        outcome = run(
            start,
            params,
            *part.targets(params),
            part.method,
            evaluations=spent[0] + 1 if stopped else part.evaluations,  # a stopped run is still measured at full size
            spent=spent,
            callback=None if stopped else tell,
            programs=part.programs,
        )
        height, width, _ = start.shape
        scales.append({"size": (width, height), "evaluations": outcome.evaluations - spent[0]})
        trace += outcome.trace
        reached, spent = (outcome.image, part.start), (outcome.evaluations, outcome.seconds)
        if outcome.stopped_by_callback:
            stopped = f"stopped on request after {outcome.evaluations} of {total} evaluations"
    assert outcome is not None
    reason = stopped or outcome.stop_reason
    return outcome._replace(trace=trace, stop_reason=reason, stopped_by_callback=bool(stopped)), scales


def stylize(
    content: Any, style: Any, *, config: Config | None = None, callback: Callback | None = None, **options: Any
) -> Result:
    """Paints `content` in the style of `style` (Gatys, Ecker, Bethge, CVPR 2016).

    Args:
        content: a path, a PIL image, or an array: uint8, or float in [0, 1], (H, W), (H, W, 3) or (H, W, 4).
        style: the same, or a list of them whose Gram matrices are blended.
        config: all settings; the defaults otherwise.
        callback: called with a `Progress` after each accepted iterate; a true answer ends the run with the best image so far.
        **options: fields of `Config` to change, as in ``size=512, preset="johnson", seed=3``.

    Returns:
        The best image that was found, with its losses on the canonical scale and the run record.

    Raises:
        InputError (ImageError, WeightsError among them): one line that names the argument, its value and the remedy.
        JaxstyleError: where the loss is not finite at the starting image.
    """
    config = make_config(config, **options)
    inputs = prepare(content, style, config)
    params, watch = inputs.loaded.params, Stopwatch()
    parts = stages(inputs, config, watch)
    needed = max(part.memory(params) for part in parts)
    memory.check(*inputs.content.size, needed)
    needed += memory.resident()
    outcome, scales = search(parts, params, callback)
    method = parts[-1].method
    loss = {name: float(value) for name, value in outcome.losses._asdict().items()}
    pictures = (inputs.content, *inputs.styles, *([inputs.start] if inputs.start else []))
    notices = tuple(dict.fromkeys(notice for picture in pictures for notice in picture.notices))
    written = {
        "schema": record.SCHEMA,
        "command": None,
        "config": config,
        "inputs": inputs.sources,
        "objective": inputs.objective,
        "versions": record.versions(),
        "device": record.device(),
        "network": params.architecture.name,
        "weights": {"name": inputs.loaded.name, "sha256": inputs.loaded.sha256},
        "solver": method.solver,
        "preconditioner": method.preconditioner,
        "size": inputs.content.size,
        "scales": scales,
        "style_sizes": [picture.size for picture in inputs.styles],
        "evaluations": outcome.evaluations,
        "stop_reason": outcome.stop_reason,
        "seconds": {"compile": round(watch.seconds, 3), "solve": round(outcome.seconds, 3)},
        "memory": {"predicted": needed, "peak": memory.peak()},
        "loss": loss,
        "notices": notices,
        "trace": [entry._asdict() for entry in outcome.trace],
    }
    image = np.clip(np.asarray(outcome.image), 0, 1)
    return Result(
        image,
        loss,
        outcome.evaluations,
        outcome.stop_reason,
        outcome.stopped_by_callback,
        outcome.trace,
        written,
        inputs.content.alpha,
        notices,
    )
