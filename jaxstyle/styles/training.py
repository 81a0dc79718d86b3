"""A whole training: from styles and photographs to a network's file, with checkpoints on the way."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxstyle.errors import InputError, JaxstyleError
from jaxstyle.loss.objective import Losses, Targets, content_target, loss_parts, style_target
from jaxstyle.loss.presets import CANONICAL
from jaxstyle.machine import tensor_file
from jaxstyle.machine.compiler import Compiler
from jaxstyle.network.vgg import Params
from jaxstyle.pictures.read import Picture, as_float, resize, to_bytes
from jaxstyle.styles.lesson import compared, prepare, samples
from jaxstyle.styles.model import initial, paint
from jaxstyle.styles.network import PHOTOGRAPH, StyleFile, StyleNetwork, with_styles
from jaxstyle.styles.photographs import Photographs
from jaxstyle.styles.train import Learned, Recipe, begin, step
from jaxstyle.transfer.record import plain

EVERY = 60.0
"""Seconds between two checkpoints."""
SPOKEN = 5.0
"""Seconds between two reports."""
TIMED = 10.0
"""Seconds of steps by which the speed is measured, where minutes were given."""
FORMAT = "jaxstyle-training-1"
THUMBNAIL = 64
"""Pixels a side of a style's picture in the file."""
KEPT = 200
"""Points of the course of the losses in the file, at most."""


class Report(NamedTuple):
    """How far a training is.

    Attributes:
        step, steps: made, and in all; None until the speed is known, where minutes were given.
        losses: means since the last report, in contents: 1 is the content loss of two different photographs.
        left: seconds that the rest will take.
        rate: steps a second.
        sheet: makes a picture, (H, W, 3) in [0, 1]: crops in the first column, beside them what the network makes of them.
    """

    step: int
    steps: int | None
    losses: Losses
    left: float
    rate: float
    sheet: Callable[[], np.ndarray]


@dataclass(eq=False)
class Training:
    """Trains a network.

    Attributes:
        names: of the styles that are learned.
        pictures: of these styles.
        photographs: for the crops.
        params: the loss network.
        recipe: how.
        steps: in all; None for as many as `minutes` allow.
        minutes: that the steps may take.
        onto: a network to which the styles are added: its kernels do not learn, and its styles stay as they are.
        path: of the checkpoint; None to keep nothing.
    """

    names: tuple[str, ...]
    pictures: Sequence[Picture]
    photographs: Photographs
    params: Params
    recipe: Recipe
    steps: int | None = None
    minutes: float | None = None
    onto: StyleNetwork | None = None
    path: Path | None = None

    def __post_init__(self) -> None:
        self.recipe = replace(self.recipe, objective=compared(self.recipe.objective))
        widths = self.recipe.widths if self.onto is None else self.onto.widths
        self.recipe = replace(self.recipe, widths=widths)
        kernels = {} if self.onto is None else self.onto.kernels
        how: Any = dict(photograph=self.onto is None, kernels=kernels)
        self.lesson = prepare(self.pictures, self.photographs, self.params, self.recipe, **how)
        self.learning = self.names if self.onto is not None else (*self.names, PHOTOGRAPH)
        start = widths.plain_style() if self.onto is None else self.onto.styles.mean(0)
        fresh = initial(widths, self.recipe.seed) if self.onto is None else {}
        self.state = begin(Learned(fresh, jnp.tile(start, (len(self.learning), 1))), self.recipe)
        self.curve: list[tuple[float, ...]] = []
        self.seconds = 0.0
        self._paint = jax.jit(partial(paint, widths=widths, precision=self.recipe.precision))

    @property
    def identity(self) -> dict[str, Any]:
        """What a checkpoint is known by."""
        return {
            "recipe": asdict(self.recipe),
            "styles": {n: _fingerprint(p.rgb) for n, p in zip(self.names, self.pictures, strict=True)},
            "photographs": _fingerprint(np.asarray(self.photographs.pixels)),
            "onto": "" if self.onto is None else _fingerprint(np.asarray(self.onto.styles)),
        }

    def resume(self) -> bool:
        """Goes to where the checkpoint is, if there is one.

        Raises:
            InputError: where it is that of another training, or damaged.
        """
        if self.path is None or not self.path.exists():
            return False
        try:
            arrays, about = tensor_file.read(self.path)
        except (OSError, ValueError) as error:
            raise InputError("resume", str(self.path), f"cannot be read: {error}", "remove it, and begin anew") from None
        ours, theirs = plain(self.identity), about.get("identity", {})
        different = [name for name, value in ours.items() if theirs.get(name) != value]
        if about.get("format") != FORMAT or different:
            what = ", ".join(different) or "format"
            raise InputError("resume", str(self.path), f"is of another training: other {what}", "remove it, and begin anew")
        try:
            self.state = tensor_file.restore(self.state, arrays, "state")
        except ValueError as error:
            raise InputError("resume", str(self.path), f"does not fit: {error}", "remove it, and begin anew") from None
        self.steps = self.steps or about["steps"]
        self.curve, self.seconds = [tuple(point) for point in about["curve"]], about["seconds"]
        return True

    def keep(self) -> None:
        """Writes the checkpoint."""
        if self.path is not None:
            about = {"format": FORMAT, "identity": plain(self.identity), "steps": self.steps}
            about |= {"curve": self.curve, "seconds": self.seconds}
            tensor_file.write(self.path, tensor_file.flatten(self.state, "state"), about)

    def run(self, callback: Callable[[Report], bool | None] | None = None) -> bool:
        """Makes the steps that are left.

        Args:
            callback: is called every few seconds; True ends the training there.

        Returns:
            Whether all steps were made.

        Raises:
            JaxstyleError: where the losses are no numbers any more.
        """
        unknown = jnp.asarray(jnp.inf, jnp.float32)
        given, key = (self.state, self.lesson, unknown), ("train", self.recipe)
        advance = Compiler().compile(partial(step, recipe=self.recipe), *given, key=key, donate=(0,))
        before, began, kept, chunk = self.seconds, time.monotonic(), time.monotonic(), 1
        first = done = int(self.state.step)
        while self.steps is None or done < self.steps:
            chunk = chunk if self.steps is None else min(chunk, self.steps - done)
            steps = unknown if self.steps is None else jnp.asarray(self.steps, jnp.float32)
            found = []
            for _ in range(chunk):
                self.state, losses = advance(self.state, self.lesson, steps)
                found.append(losses)
            means = Losses(*(np.float32(np.mean(part)) for part in zip(*jax.device_get(found), strict=True)))  # pyright: ignore
            if not np.isfinite(means.total):
                raise JaxstyleError(f"the loss is {means.total} after {done} steps; a smaller style weight may help")
            done, now = done + chunk, time.monotonic()
            rate = (done - first) / (now - began)
            self.seconds = before + now - began
            self.curve.append((done, *map(float, means)))
            if self.steps is None and self.minutes is not None and now - began > min(TIMED, 30 * self.minutes):
                self.steps = done + max(0, round((60 * self.minutes - (now - began)) * rate))
            if self.steps is not None and now - kept > EVERY:
                self.keep()
                kept = now
            left = max(0.0, 60 * (self.minutes or 0) - (now - began)) if self.steps is None else (self.steps - done) / rate
            report = Report(done, self.steps, means, left, rate, self.sheet)
            if callback is not None and callback(report):
                self.keep()
                return done == self.steps
            chunk = max(1, min(2 * chunk, round(SPOKEN * rate)))
        return True

    @property
    def network(self) -> StyleNetwork:
        """The network as it is: the average over the steps."""
        average = self.state.average
        if self.onto is not None:
            return with_styles(self.onto, self.names, average.styles)
        return StyleNetwork(average.kernels, average.styles, self.recipe.widths, self.learning)

    def sheet(self, rows: int = 3) -> np.ndarray:
        """Crops that no step saw, and beside each what the network makes of it in every style that it learns."""
        kernels, lines = {**self.lesson.kernels, **self.state.average.kernels}, []
        for image in samples(self.photographs, self.recipe)[:rows]:
            made = [self._paint(kernels, images=image[None], styles=row[None])[0] for row in self.state.average.styles]
            lines.append(np.concatenate([np.asarray(image), *map(np.asarray, made)], 1))
        return np.clip(np.concatenate(lines, 0), 0, 1)

    def measured(self) -> dict[str, dict[str, float]]:
        """What the network reaches for crops that no step saw, on the canonical scale, by style."""
        target = jax.jit(style_target)
        kernels = {**self.lesson.kernels, **self.state.average.kernels}

        @jax.jit
        def loss(params: Params, painted: Any, image: Any, grams: Any) -> Losses:
            return loss_parts(painted, params, Targets(content_target(params, image), grams), objective=CANONICAL)

        found = {}
        for name, picture, row in zip(self.names, self.pictures, self.state.average.styles, strict=False):
            grams = target(self.params, jnp.asarray(as_float(_square(picture, self.recipe.size))))
            images = samples(self.photographs, self.recipe)
            made = [self._paint(kernels, images=image[None], styles=row[None])[0] for image in images]
            each = [loss(self.params, one, image, grams)._asdict() for one, image in zip(made, images, strict=True)]
            found[name] = {part: float(np.mean([one[part] for one in each])) for part in ("total", "content", "style")}
        return found

    def file(self, about: Mapping[str, Any]) -> StyleFile:
        """The network's file as it is, with `about` added to how it was trained."""
        every = -(-len(self.curve) // KEPT)
        course = [[float(f"{value:.5g}") for value in point] for point in self.curve[::-1][::every][::-1]] if every else []
        pictures = zip(self.names, self.pictures, strict=True)
        thumbnails = {name: to_bytes(as_float(_square(picture, THUMBNAIL))) for name, picture in pictures}
        recipe = {key: value for key, value in asdict(self.recipe).items() if key != "widths"}
        training = {
            "styles": list(self.names),
            "steps": int(self.state.step),
            "seconds": round(self.seconds, 1),
            "photographs": int(self.photographs.sides.shape[0]),
            "recipe": recipe,
            "canonical": self.measured(),
            "losses": course,
            **about,
        }
        return StyleFile(self.network, thumbnails, plain(training))


def _square(picture: Picture, size: int) -> Picture:
    """The middle of a picture, `size` pixels a side."""
    width, height = picture.size
    side = min(width, height)
    top, left = (height - side) // 2, (width - side) // 2
    return resize(Picture(picture.rgb[top : top + side, left : left + side]), size, size)


def _fingerprint(pixels: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
