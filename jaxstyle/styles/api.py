"""From files to a trained network: `jaxstyle.train_styles`."""

import os
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jaxstyle.errors import InputError, unknown
from jaxstyle.loss.presets import Objective
from jaxstyle.machine.devices import devices_for, training_precision
from jaxstyle.machine.modes import computing
from jaxstyle.network.vgg import Params, check_tap
from jaxstyle.network.weights import load_weights
from jaxstyle.pictures.find import expand
from jaxstyle.pictures.noise import check_seed
from jaxstyle.pictures.read import load
from jaxstyle.styles.model import WIDTHS
from jaxstyle.styles.names import check_names
from jaxstyle.styles.network import StyleFile, StyleNetwork, find, read, without_last, write
from jaxstyle.styles.step import OBJECTIVE, Recipe
from jaxstyle.styles.trainer import StyleTrainer
from jaxstyle.training.complete import complete
from jaxstyle.training.gather import check_counts, check_time, gather
from jaxstyle.training.places import Place, checked
from jaxstyle.training.trainer import Report

LEAST_SIZE = 32
STEPS, ADDED_STEPS = 2000, 500
"""By default: of a network, and of styles that are added to one."""


@computing()
def train_styles(
    styles: Sequence[Any] | Mapping[str, Any],
    photos: Any,
    out: str | os.PathLike[str] | None = None,
    *,
    size: int = 256,
    steps: int | None = None,
    minutes: float | None = None,
    width: str = "half",
    batch: int = 4,
    objective: Objective = OBJECTIVE,
    add_to: str | os.PathLike[str] | StyleNetwork | None = None,
    seed: int = 0,
    flip: bool = True,
    weights: str | os.PathLike[str] | Params | None = None,
    resume: bool = False,
    keep_every: float | None = None,
    callback: Callable[[Report], bool | None] | None = None,
    notices: list[str] | None = None,
    saying: Callable[[str], None] | None = None,
) -> StyleFile:
    """Trains one network for several styles, or adds styles to a network.

    Args:
        styles: pictures as `stylize` takes them, each known by the name of its file; or a mapping of names to pictures. Names
            must differ in more than case, and be no numbers; ``+`` and ``:`` are for blends.
        photos: photographs to learn from: a folder, a list of files and folders, or of pictures. Those that cannot be read, or
            are smaller than the crops, are left out with a notice. Sixteen are enough (Ulyanov et al., 2016); steps count.
        out: .safetensors; the network is written there at the end, and its checkpoint beside it every minute, whose end stays
            as OUT.state, to be gone on with. A network of another training is never replaced. None to keep nothing on disk.
        size: pixels a side of the crops. A network paints pictures of any size; its strokes are as large as here.
        steps: how many in all; 2,000 where neither they nor minutes are given, 500 with `add_to`.
        minutes: how long, in place of steps; preparing comes on top.
        width: ``"full"`` (Johnson's, 1.7 million values), ``"half"`` (0.4) or ``"slim"`` (0.14).
        batch: crops a step.
        objective: whose layers count; its weights are in contents, see `jaxstyle.styles.step.OBJECTIVE`.
        add_to: a network, its file or its name in the box, to which the styles are added: only their scales and shifts learn,
            and the styles that it has stay as they are, bit for bit. `width` is then the network's.
        seed: of the first kernels and of every crop.
        flip: whether crops are mirrored left to right every other time; not for what has a side, such as text.
        weights: of the loss network, as `stylize` takes them.
        resume: whether to go on from the checkpoint that an earlier call with the same arguments has left; to the same
            network, bit for bit on a CPU, as without the break. Begins where there is none. Of a finished training the file is
            returned as it is; with more steps or minutes, which may differ, it goes on.
        keep_every: minutes after which the network as it is then is kept beside, as OUT-STEP.safetensors, again and again.
        callback: is called with a `Report` every few seconds; True ends the training, with the network as it then is.
        notices: sentences for the user are added to it.
        saying: is called with what is done before the first step and after the last, each of which may take a minute:
            "reading 40 of 1200 photographs" every few seconds, "compiling", "measuring".

    Returns:
        The content of the file.

    Raises:
        InputError: for an argument that cannot be, photographs none of which can be used, or a network or checkpoint of
            another training in the place of this one's.
        ImageError: where a style cannot be read.
        WeightsError: where a network cannot be read, or written anywhere.
        JaxstyleError: where the loss is no number any more, or `out` cannot be written at the end. It says where the network
            is, that from before in the first case.
    """
    said = [] if notices is None else notices
    check_counts(size=(size, LEAST_SIZE), batch=(batch, 1), steps=(1 if steps is None else steps, 1))
    check_time("minutes", minutes, steps)
    check_time("keep_every", keep_every)
    if width not in WIDTHS:
        raise unknown("width", width, WIDTHS)
    check_seed(seed)
    path = None if out is None else checked(out, read)
    there = None if isinstance(add_to, StyleNetwork) or add_to is None else find(add_to, argument="add_to")
    held = there and read(there, argument="add_to")
    onto = add_to if isinstance(add_to, StyleNetwork) else held and held.network
    listed = [(name, name, one) for name, one in styles.items()] if isinstance(styles, Mapping) else _named(styles)
    if not listed:
        raise InputError("styles", styles, "must be one style or more")
    named = tuple(name for name, *_ in listed)
    place = None if path is None else Place(path, read, write)
    if place is not None and there is not None and path is not None and path.exists() and path.samefile(there):
        place.extends = True
        if resume and onto is not None and onto.names[-len(named) :] == named:
            # They are there as far as they came. If another training has made them, that is refused.
            onto, place.extends = without_last(onto, len(named)), False
    check_names([(name, source) for name, source, _ in listed], onto.names if onto else ())
    if place is not None and not resume:
        place.check()
    if place is not None and place.extends and place.state.exists():
        words = "the training that made it cannot be gone on with once it has more styles"
        said.append(f"{place.path}: {words}; to keep that possible, write to another file")
    pictures = [load(source, argument="style") for *_, source in listed]
    photographs = gather(photos, size, said, saying=saying)
    params = weights if isinstance(weights, Params) else load_weights(weights)
    for argument in ("content_layers", "style_layers"):
        for layer in getattr(objective, argument):
            check_tap(layer, params.architecture, argument)
    recipe = Recipe(
        WIDTHS[width], objective, size, batch, seed=seed, flip=flip, precision=training_precision(), devices=devices_for(batch)
    )
    limits: Any = dict(steps=steps, minutes=minutes, path=place and place.part, notices=said)
    training = StyleTrainer(named, pictures, photographs, params, recipe, onto, **limits)

    def learned(is_end: bool) -> StyleFile:
        if is_end and saying is not None:
            saying("measuring")
        file = training.file(measures=is_end)
        return file if held is None else replace(file, thumbnails={**held.thumbnails, **file.thumbnails})

    how: Any = dict(resume=resume, keep_every=keep_every, callback=callback, saying=saying)
    return complete(training, learned, place, default=STEPS if onto is None else ADDED_STEPS, **how)


def _named(styles: Sequence[Any]) -> list[tuple[str, str, Any]]:
    """Styles as a list of their names, what the user calls them, and their pictures: files go by their own names."""
    found = []
    for i, source in enumerate(expand(styles, argument="style")):
        is_file = isinstance(source, str | os.PathLike)
        name = unicodedata.normalize("NFC", Path(source).stem) if is_file else f"style{i}"
        found.append((name, os.fspath(source) if is_file else name, source))
    return found
