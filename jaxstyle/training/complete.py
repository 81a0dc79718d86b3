"""All of a training: from its checkpoint if there is one, to the file of its network."""

from collections.abc import Callable
from typing import Any

from jaxstyle.errors import InputError, JaxstyleError
from jaxstyle.training.checkpoints import description
from jaxstyle.training.places import File, Place
from jaxstyle.training.trainer import Diverged, Report, Trainer


def complete(
    training: Trainer,
    file: Callable[[bool], File],
    place: Place[File] | None,
    *,
    default: int,
    resume: bool = False,
    keep_every: float | None = None,
    callback: Callable[[Report], bool | None] | None = None,
    saying: Callable[[str], None] | None = None,
) -> File:
    """Trains, and returns the file of what was learned.

    Args:
        training: at its beginning.
        file: what has been learned; told whether it is the end.
        place: where it goes; None to write nothing.
        default: how many steps, where nothing says it.
        resume: whether to go on from what is there; of a finished training that is the file as it is.
        keep_every: minutes between two networks that are kept beside; None for none.
        callback: see `Trainer.run`.
        saying: is called with "compiling".

    Raises:
        InputError: where what is there is of another training, or cannot be gone on with.
        JaxstyleError: where the training diverged, or its file could not be written to its place; it says where it lies.
    """
    if resume and place is not None and (finished := _take_up(training, place)) is not None:
        return finished
    if training.steps is None and training.minutes is None:
        training.steps = default
    if saying is not None:
        saying("compiling")
    kept = _number(training, keep_every)

    def between() -> None:
        nonlocal kept
        if place is not None and (number := _number(training, keep_every)) > kept:
            kept = number
            try:
                place.save_beside(int(training.state.step), file(False))
            except InputError as error:
                training.say_once(f"a network on the way is not kept: {error.told}")

    try:
        is_finished = training.run(callback, between)
    except Diverged as error:
        step = int(training.state.step)
        if place is None or step == 0:
            raise
        made, where = file(False), place.path
        if place.path.exists():  # it may be better
            where = place.save_beside(step, made)
        else:
            place.save(made)
        raise JaxstyleError(f"{error}; the network as it was after {step} steps is in {str(where)!r}") from None
    if is_finished:
        training.save_checkpoint()  # so that nothing is lost where the file itself cannot be written
    made = file(True)
    if place is not None:
        place.save(made)
        if is_finished:
            _finish(training, place)
    return made


def _number(training: Trainer, keep_every: float | None) -> int:
    """How many networks should have been kept beside by now."""
    return 0 if keep_every is None else int(training.seconds // (60 * keep_every))


def _take_up(training: Trainer, place: Place[File]) -> File | None:
    """Goes to where a training was; or returns its file, where there is nothing left to do."""
    file = place.there()
    is_ours = file is not None and not training.differences(file.training)
    if file is not None and not is_ours and not place.extends:
        training.check_same(place.path, file.training)
    if place.part.exists():
        training.resume()
        return None
    if file is not None and is_ours and _is_enough(training, file.training):
        words = f"{place.path} has its {file.training['steps']} steps already, so nothing is left to do"
        training.notices.append(f"{words}; more steps or minutes would go on")
        return file
    if place.state.exists() and not training.differences(description(place.state)):
        training.resume(place.state)
    elif is_ours:
        problem = f"cannot be gone on with: {str(place.state)!r}, the end of its training, is not there"
        raise InputError("resume", str(place.path), problem, "give another -o to begin anew")
    return None


def _is_enough(training: Trainer, about: Any) -> bool:
    """Whether a network that was trained like this was trained as long as it should be."""
    if training.steps is not None:
        return about["steps"] >= training.steps
    if training.minutes is None or training.minutes == about["minutes"]:
        return about["planned"] is not None and about["steps"] >= about["planned"]
    return about["seconds"] >= 60 * training.minutes


def _finish(training: Trainer, place: Place[File]) -> None:
    """After the network is there: its checkpoint becomes the state, if that place is free."""
    is_free = not place.state.exists() or not training.differences(description(place.state))
    if not is_free:
        training.notices.append(f"{place.state} is of another training and stays, so this one cannot be gone on with")
    place.finish(training.is_kept and is_free)
