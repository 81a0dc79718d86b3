"""From two folders to a network between them: `jaxstyle.train_domains`."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import jax

from jaxstyle.domains.network import DomainFile, read, write
from jaxstyle.domains.recipe import BATCH, Recipe
from jaxstyle.domains.step import METHODS
from jaxstyle.domains.training import Training
from jaxstyle.errors import InputError, named, unknown
from jaxstyle.machine.devices import devices_for, training_precision
from jaxstyle.machine.modes import computing
from jaxstyle.onepass.course import Report
from jaxstyle.onepass.gather import check_counts, check_time, checked, gather
from jaxstyle.pictures.find import expand
from jaxstyle.pictures.noise import check_seed
from jaxstyle.transfer.checkpoint import part_of

LEAST_PICTURES = 4
"""Of each collection that can be used."""
GOOD = 200
"""Pictures of each that make a good network; a notice says so where there are less than half."""
LEAST_SIZE = 32
STEPS = 20_000


@computing()
def train_domains(
    a: Any,
    b: Any,
    out: str | os.PathLike | None = None,
    *,
    method: str = "cut",
    size: int = 256,
    steps: int | None = None,
    hours: float | None = None,
    width: int = 64,
    blocks: int = 9,
    batch: int | None = None,
    content_weight: float | None = None,
    learning_rate: float = 2e-4,
    seed: int = 0,
    resume: bool = False,
    callback: Callable[[Report], bool | None] | None = None,
    notices: list[str] | None = None,
    saying: Callable[[str], None] | None = None,
) -> DomainFile:
    """Trains a network that makes pictures of one collection into pictures of another, without pairs.

    Args:
        a, b: the collections, such as photographs and a painter's works: each a folder, a list of files and folders, or of
            pictures. Those that cannot be read, or are smaller than the crops, are left out with a notice. At least four of
            each are needed; the papers have a thousand.
        out: .safetensors; the network is written there at the end, and its checkpoint beside it every minute. None to keep
            nothing on disk.
        method: ``"cut"`` (Park et al., ECCV 2020) learns from A to B alone, by one generator and one discriminator;
            ``"cyclegan"`` (Zhu et al., ICCV 2017) learns both directions, by two of each.
        size: pixels a side of the crops. A network paints pictures of any size; its strokes are as large as here.
        steps: how many; 20,000 where neither they nor hours are given. The papers have 200,000 and more.
        hours: how long, in place of steps; preparing comes on top.
        width: channels of the networks at the picture's own resolution. 64 is the papers'; 32 has a quarter of the work.
        blocks: residual blocks of a generator; 9 are the papers', who have 6 for pictures of 128.
        batch: crops of each collection in a step; one for each device by default.
        content_weight: what it counts that the content stays: 1 with CUT and 10 with CycleGAN by default. More holds on to
            shapes; less paints more freely.
        learning_rate: Adam's, for the first half of the steps; it falls to zero over the second.
        seed: of the first values and of all that a step draws.
        resume: whether to go on from the checkpoint that an earlier call with the same arguments has left; to the same
            network, bit for bit on a CPU, as without the break. Begins where there is none.
        callback: is called with a `Report` every few seconds; True ends the training, with the network as it then is. Its
            losses are `jaxstyle.domains.recipe.Losses`.
        notices: sentences for the user are added to it.
        saying: is called with "compiling" before the first step, which may take a minute.

    Returns:
        The content of the file.

    Raises:
        InputError: for an argument that cannot be, collections of too few pictures, or another training's checkpoint.
        WeightsError: where `out` is not a domain network's file, or cannot be written.
    """
    said = [] if notices is None else notices
    if method not in METHODS:
        raise unknown("method", str(method), METHODS)
    batch = BATCH * jax.local_device_count() if batch is None else batch
    check_counts(size=(size, LEAST_SIZE), width=(width, 1), blocks=(blocks, 1), batch=(batch, 1))
    check_counts(steps=(1 if steps is None else steps, 1))
    check_time("hours", hours, steps)
    for argument, value in {"content_weight": content_weight, "learning_rate": learning_rate}.items():
        if value is not None and not 0 <= value < float("inf"):
            raise InputError(argument, value, "must be a number of at least 0")
    check_seed(seed)
    path = None if out is None else checked(out, read)
    check_apart(a, b)
    how: Any = dict(notices=said, what="pictures", least=LEAST_PICTURES, good=GOOD)
    first, second = (gather(one, size, argument=name, **how) for name, one in (("a", a), ("b", b)))
    chosen = METHODS[method]
    content, identity = chosen.WEIGHTS
    share = 1.0 if content_weight is None else content_weight / content
    recipe = Recipe(
        method,
        width,
        blocks,
        size,
        batch,
        content * share,
        identity * share,
        pool=chosen.POOL,
        learning_rate=learning_rate,
        seed=seed,
        precision=training_precision(),
        devices=devices_for(batch),
    )
    part = None if path is None else part_of(path)
    steps = STEPS if steps is None and hours is None else steps
    if saying is not None:
        saying("compiling")
    training = Training(first, second, recipe, steps, None if hours is None else 60 * hours, part)
    return training.complete(resume, callback, lambda: training.file({}), path and partial(write, path))


def check_apart(a: Any, b: Any) -> None:
    """Raises an InputError where both collections have a file in common."""

    def files(source: Any, argument: str) -> dict[str, str]:
        sources = [source] if isinstance(source, str | os.PathLike) else list(source)
        found = (one for one in expand(sources, argument=argument) if isinstance(one, str | os.PathLike))
        return {os.path.realpath(one): os.fspath(one) for one in found}

    mine, others = files(a, "a"), files(b, "b")
    if both := sorted(mine.keys() & others.keys()):
        if mine.keys() == others.keys():
            shown = ", ".join(str(one) for one in ([b] if isinstance(b, str | os.PathLike) else b))
            raise InputError("b", shown, f"holds the same pictures as `{named('a')}`", "give two collections")
        raise InputError("b", others[both[0]], f"is among the pictures of `{named('a')}` too", "give two collections")
