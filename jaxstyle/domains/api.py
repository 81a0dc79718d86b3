"""From two folders to a network between them: `jaxstyle.train_domains`."""

import os
from collections.abc import Callable
from typing import Any

import jax

from jaxstyle.domains.network import DomainFile, read, write
from jaxstyle.domains.recipe import BATCH, Recipe
from jaxstyle.domains.step import METHODS
from jaxstyle.domains.trainer import DomainTrainer
from jaxstyle.errors import InputError, named, unknown
from jaxstyle.machine.devices import devices_for, training_precision
from jaxstyle.machine.modes import computing
from jaxstyle.pictures.find import expand
from jaxstyle.pictures.noise import check_seed
from jaxstyle.training.complete import complete
from jaxstyle.training.gather import check_counts, check_time, gather
from jaxstyle.training.places import Place, checked
from jaxstyle.training.trainer import Report

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
    out: str | os.PathLike[str] | None = None,
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
    flip: bool = True,
    resume: bool = False,
    keep_every: float | None = None,
    callback: Callable[[Report], bool | None] | None = None,
    notices: list[str] | None = None,
    saying: Callable[[str], None] | None = None,
) -> DomainFile:
    """Trains a network that makes pictures of one collection into pictures of another, without pairs.

    Args:
        a, b: the collections, such as photographs and a painter's works: each a folder, a list of files and folders, or of
            pictures. Those that cannot be read, or are smaller than the crops, are left out with a notice. At least four of
            each are needed; the papers have a thousand.
        out: .safetensors; the network is written there at the end, and its checkpoint beside it every minute, whose end stays
            as OUT.state, to be gone on with. A network of another training is never replaced. None to keep nothing on disk.
        method: ``"cut"`` (Park et al., ECCV 2020) learns from A to B alone, by one generator and one discriminator;
            ``"cyclegan"`` (Zhu et al., ICCV 2017) learns both directions, by two of each.
        size: pixels a side of the crops. A network paints pictures of any size; its strokes are as large as here.
        steps: how many in all; 20,000 where neither they nor hours are given. The papers have 200,000 and more.
        hours: how long, in place of steps; preparing comes on top.
        width: channels of the networks at the picture's own resolution. 64 is the papers'; 32 has a quarter of the work.
        blocks: residual blocks of a generator; 9 are the papers', who have 6 for pictures of 128.
        batch: crops of each collection in a step; one for each device by default.
        content_weight: what it counts that the content stays: 1 with CUT and 10 with CycleGAN by default. More holds on to
            shapes; less paints more freely.
        learning_rate: Adam's, for the first half of the steps; it falls to zero over the second.
        seed: of the first values and of all that a step draws.
        flip: whether crops are mirrored left to right every other time; not for what has a side, such as text.
        resume: whether to go on from the checkpoint that an earlier call with the same arguments has left; to the same
            network, bit for bit on a CPU, as without the break. Begins where there is none. Of a finished training the file is
            returned as it is; with more steps or hours, which may differ, it goes on.
        keep_every: minutes after which the network as it is then is kept beside, as OUT-STEP.safetensors, again and again: the
            last one is not always the best.
        callback: is called with a `Report` every few seconds; True ends the training, with the network as it then is. Its
            losses are `jaxstyle.domains.recipe.Losses`.
        notices: sentences for the user are added to it.
        saying: is called with what is done before the first step: "reading 40 of 1200 pictures" every few seconds, and
            "compiling", which may take a minute.

    Returns:
        The content of the file.

    Raises:
        InputError: for an argument that cannot be, collections of too few pictures, or a network or checkpoint of another
            training in the place of this one's.
        WeightsError: where `out` is not a domain network's file, or the network cannot be written anywhere.
        JaxstyleError: where a loss is no number any more, or `out` cannot be written at the end. It says where the network is,
            that from before in the first case.
    """
    said = [] if notices is None else notices
    if method not in METHODS:
        raise unknown("method", str(method), METHODS)
    batch = BATCH * jax.local_device_count() if batch is None else batch
    check_counts(size=(size, LEAST_SIZE), width=(width, 1), blocks=(blocks, 1), batch=(batch, 1))
    check_counts(steps=(1 if steps is None else steps, 1))
    check_time("hours", hours, steps)
    check_time("keep_every", keep_every)
    for argument, value in {"content_weight": content_weight, "learning_rate": learning_rate}.items():
        if value is not None and not 0 <= value < float("inf"):
            raise InputError(argument, value, "must be a number of at least 0")
    check_seed(seed)
    place = None if out is None else Place(checked(out, read), read, write)
    if place is not None and not resume:
        place.check()
    check_apart(a, b)
    how: Any = dict(notices=said, what="pictures", least=LEAST_PICTURES, good=GOOD, saying=saying)
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
        flip=flip,
        precision=training_precision(),
        devices=devices_for(batch),
    )
    limits: Any = dict(steps=steps, minutes=None if hours is None else 60 * hours, path=place and place.part, notices=said)
    training = DomainTrainer(first, second, recipe, **limits)
    how = dict(resume=resume, keep_every=keep_every, callback=callback, saying=saying)
    return complete(training, lambda _: training.file(), place, default=STEPS, **how)


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
