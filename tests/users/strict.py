# pyright: strict
"""What a user may write whose editor checks types strictly: nothing of ours is of unknown type. Checked, never run."""

from pathlib import Path

import numpy as np
from jax import Array

import jaxstyle


def by_hand(content: Array, style: Array) -> Array:
    params = jaxstyle.load_weights()
    targets = jaxstyle.make_targets(params, content, [style], blend=[1.0])
    parts = jaxstyle.loss_parts(content, params, targets, objective=jaxstyle.PRESETS["gatys-paper"])
    first = jaxstyle.loss_terms(content, params, targets)["style"]["relu1_1"]
    found = jaxstyle.features(params, content, ["relu1_1", "relu2_1"])
    matrix = jaxstyle.gram(found["relu1_1"])
    convolved = jaxstyle.ALGORITHMS["direct"](matrix)
    return parts.total + parts.style + first + jaxstyle.style_loss(matrix, matrix) + convolved


def watch(progress: jaxstyle.Progress) -> bool:
    print(progress.evaluation, progress.loss, progress.image().shape)
    return progress.loss < 1.0


def pictures(folder: Path) -> None:
    result = jaxstyle.stylize(folder / "a.jpg", ["b.jpg"], size=64, evaluations=5, callback=watch)
    image: np.ndarray = result.image
    notices: tuple[str, ...] = result.save(folder / "out.png")
    print(image.shape, notices, result.evaluations, result.stop_reason, result.trace[0].loss)
    for made in jaxstyle.stylize_batch([folder / "a.jpg"], ["b.jpg"]):
        print(made)
    painted = jaxstyle.apply_style("a.jpg", style="waves")
    print(painted.image.shape, jaxstyle.estimate("a.jpg", "b.jpg"))
    try:
        jaxstyle.stylize("a.jpg", "b.jpg", config=jaxstyle.Config(size=64, strength=0.5))
    except jaxstyle.InputError as error:
        print(error.argument, error.value, error.problem)


def film(frames: list[np.ndarray]) -> None:
    for frame in jaxstyle.stylize_frames(frames, "b.jpg", steady=1.0):
        print(frame.image, frame.evaluations, frame.loss)
    flow = jaxstyle.optical_flow(frames[0], frames[1])
    print(flow.shape, jaxstyle.warp(frames[1], flow).picture)
