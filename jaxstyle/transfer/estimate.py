"""What a run will take, before it is started: its memory from the compiled programs, its time from a few evaluations."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import jax
import numpy as np

from jaxstyle.errors import InputError
from jaxstyle.machine import memory
from jaxstyle.machine.allocator import give_back_pages
from jaxstyle.machine.compiler import Compiler
from jaxstyle.machine.modes import computing
from jaxstyle.pictures.size import USUAL, parse_size
from jaxstyle.plans.config import Config, make_config
from jaxstyle.plans.library import Library
from jaxstyle.plans.plan import Plan
from jaxstyle.plans.resolve import resolve
from jaxstyle.runs.engine import Engine, compile_engine, compile_to_fit
from jaxstyle.runs.start import starting_image

MOST_PIXELS = 512 * 512
"""Time is measured at sizes up to this and grows with the number of pixels beyond."""


@dataclass(frozen=True)
class Estimate:
    """What a run will take.

    Attributes:
        size: (width, height) of the picture.
        style_sizes: the same of each style.
        strips: whether it will run strip by strip, to take less memory.
        memory: bytes of the whole process at its peak; on an accelerator, of the device.
        free: bytes that a run could have, what this process holds included; None where the device does not say.
        largest: (width, height) that fits in `free`; None where the size itself fits.
        compiling: seconds, with no program in the cache.
        evaluation: seconds of one evaluation at full size, the solver's step included.
        evaluations: how many there will be.
        coarse: those of them at smaller sizes.
        seconds: of the whole solution, compilation and reading left out.
    """

    size: tuple[int, int]
    style_sizes: list[tuple[int, int]]
    strips: bool
    memory: int
    free: int | None
    largest: tuple[int, int] | None
    compiling: float
    evaluation: float
    evaluations: int
    coarse: int
    seconds: float


@computing()
def estimate(
    content: Any = None,
    style: Any = None,
    *,
    config: Config | None = None,
    saying: Callable[[str], None] | None = None,
    **options: Any,
) -> Estimate:
    """Predicts memory and time of `stylize` with the same arguments, in some seconds.

    Args:
        content, style: as of `stylize`; pictures of 4:3 at the size asked for where they are not given.
        config: all settings; the defaults otherwise.
        saying: is called with "compiling and measuring" once the arguments are known to be right, which may take a minute.
        **options: fields of `Config` to change.

    Returns:
        Bytes, seconds, and the largest size that fits.

    Raises:
        InputError: as `stylize`, but for a size that does not fit, and words for masks that find nothing.
    """
    config = make_config(config, **options)
    if content is None or style is None:
        blank = _blank(config)
        content, style = blank if content is None else content, blank if style is None else style
    plan = resolve(content, style, config, Library(lenient=True))
    if not plan.colours.painted:
        raise InputError("colors", config.colors, "paints nothing, and takes a moment", "just do it")
    if saying is not None:
        saying("compiling and measuring")
    compiler = Compiler(quickly=plan.is_short)
    engines, needed, free = compile_to_fit(plan, compiler)
    give_back_pages()  # what compiling freed is no part of a run
    used, (width, height) = memory.resident(), plan.content.size
    per_pixel = _seconds_per_pixel(plan, engines[-1])
    work = sum(stage.evaluations * stage.pixels for stage in plan.stages)
    return Estimate(
        (width, height),
        [picture.size for picture in plan.styles],
        engines[-1].method.strips,
        max(needed + used, memory.peak() or 0),  # of a small picture compiling may take more
        None if free is None else free + used,
        None if free is None or needed <= free else memory.largest(width, height, needed, free),
        compiler.seconds,
        per_pixel * width * height,
        plan.evaluations,
        sum(stage.evaluations for stage in plan.stages if stage.size != (width, height)),
        per_pixel * work,
    )


def _blank(config: Config) -> np.ndarray:
    """A picture of 4:3, or of the exact size that is asked for."""
    sides = (USUAL,) if config.size is None else parse_size(config.size).sides
    if not sides:
        raise InputError("size", config.size, "is that of a picture, and there is none", "give a content and its styles")
    width, height = sides if len(sides) == 2 else (640, 480)
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def _seconds_per_pixel(plan: Plan, engine: Engine) -> float:
    """Measured at full size where that is small, on a smaller copy otherwise."""
    width, height = plan.content.size
    if (factor := (MOST_PIXELS / (width * height)) ** 0.5) < 1:
        plan = (plan.with_fallback if engine.method is plan.fallback else plan).at((int(width * factor), int(height * factor)))
        engine = compile_engine(plan, Compiler(quickly=plan.is_short))
    inputs = engine.inputs([plan], [starting_image(plan)])
    state, seconds = engine.functions.init(inputs.start), []
    for _ in range(6):
        began = time.perf_counter()
        state, report = engine.functions.step(state, inputs, engine.params)
        jax.block_until_ready(report)
        seconds.append(time.perf_counter() - began)
    return median(seconds[2:]) / (engine.size[0] * engine.size[1])
