"""The loop of a training without a network: what is kept, goes on and is never replaced, and losses that are no numbers.

The training counts: its average after n steps is n, so every file says by itself how far it was.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refusal

from jaxstyle.errors import InputError, JaxstyleError, WeightsError
from jaxstyle.machine import tensor_file
from jaxstyle.pictures import write as pictures
from jaxstyle.training import trainer
from jaxstyle.training.checkpoints import differences, fingerprint
from jaxstyle.training.complete import complete
from jaxstyle.training.places import Place, checked
from jaxstyle.training.trainer import Diverged, Trainer

DEFAULT = 7
CLOCK = [0.0]
"""The last one is now. A step takes a second."""


class State(NamedTuple):
    average: Any
    step: Any


class Losses(NamedTuple):
    total: Any


@dataclass
class Counting(Trainer):
    """`wrong` is the step from which on losses are not finite; `spoilt` the same of the average."""

    format = "counting-1"
    remedy = "count more slowly"
    steps: int | None = 4
    rate: float = 0.5
    devices: int = 1
    picture: str = "one"
    wrong: float = np.inf
    spoilt: float = np.inf
    make_data = step = None

    def init_state(self):
        return State({"count": jnp.zeros(1)}, jnp.zeros((), jnp.int32))

    @property
    def settings(self):
        return {"rate": self.rate, "precision": "float32", "devices": self.devices}

    def hashes(self):
        return {"styles": {"waves": fingerprint(np.frombuffer(self.picture.encode(), np.uint8))}, "photographs": "p"}

    def compiled(self, steps):
        def step(state, steps):
            number = int(state.step) + 1
            CLOCK.append(CLOCK[-1] + 1.0)
            count = jnp.full(1, np.nan if number > self.spoilt else float(number))
            return State({"count": count}, jnp.asarray(number, jnp.int32)), Losses(
                np.nan if number > self.wrong else 1 / number
            )

        return step

    def sheet(self):
        raise AssertionError


@dataclass
class File:
    training: dict[str, Any]
    count: float


def read(path, *, argument="network"):
    arrays, about = tensor_file.read(path)
    return File(about["training"], float(arrays["count"][0]))


def write(path, file):
    arrays = {"count": np.full(1, file.count)}
    tensor_file.write(path, arrays, {"training": file.training}, kind=WeightsError)


@pytest.fixture
def place(empty_folder):
    return lambda **how: Place(Path("net.safetensors"), read, write, **how)


@pytest.fixture(autouse=True)
def _clock(monkeypatch):
    """One step between two reports, as if a step took a second."""
    monkeypatch.setattr(trainer.time, "monotonic", lambda: CLOCK[-1])
    monkeypatch.setattr(trainer, "REPORT_SECONDS", 1.0)


def train(place, *, resume=False, stop_at=None, **how):
    if not resume:
        place.check()
    keep_every = how.pop("keep_every", None)
    training = Counting(path=place.part, **how)

    def file(is_end):
        return File(training.about, float(training.state.average["count"][0]))

    callback = None if stop_at is None else lambda report: report.step >= stop_at
    complete(training, file, place, default=DEFAULT, resume=resume, keep_every=keep_every, callback=callback)
    return training


def contents(path="net.safetensors"):
    return Path(path).read_bytes(), os.stat(path).st_mtime_ns


# ---- what is there already


def test_nothing_replaces_the_network_of_another_training(place):
    train(place())
    before = contents()
    words = ["a network of 4 steps already", "--resume goes on", "another -o"]
    refusal(lambda: train(place(), rate=0.7), "out", *words, kind=InputError)
    problem = "is of a training with rate 0.5, not 0.7"
    refusal(lambda: train(place(), rate=0.7, resume=True), "resume", problem, "another -o", kind=InputError)
    refusal(lambda: train(place(), picture="two", resume=True), "resume", "another style waves", kind=InputError)
    assert contents() == before


def test_an_unfinished_training_is_not_replaced_either(place):
    train(place(), steps=100, stop_at=2)
    os.unlink("net.safetensors")  # as if it had been killed
    part = contents(place().part)
    refusal(lambda: train(place(), rate=0.7), "out", "unfinished training '.net.safetensors.part'", kind=InputError)
    refusal(lambda: train(place(extends=True)), "out", "unfinished training", kind=InputError)
    assert contents(place().part) == part
    train(place(), steps=4, resume=True)
    assert read("net.safetensors").count == 4


def test_a_network_that_is_added_to_may_be_there(place):
    train(place())
    train(place(extends=True), picture="two", steps=2)
    assert read("net.safetensors").count == 2
    assert tensor_file.read(place().state)[1]["steps"] == 4, "what the first training has left stays"


@pytest.mark.parametrize("steps", [None, 3, 4])
def test_resuming_what_is_finished_does_nothing(place, steps):
    train(place())
    before, state = contents(), contents(place().state)
    found = train(place(), steps=steps, resume=True)
    assert found.notices == [
        "net.safetensors has its 4 steps already, so nothing is left to do; more steps or minutes would go on"
    ]
    assert (contents(), contents(place().state)) == (before, state)


def test_more_steps_go_on_from_the_end(place):
    train(place())
    made = train(place(), steps=9, resume=True)
    assert [point[0] for point in made.curve] == list(range(1, 10))
    assert read("net.safetensors").count == 9
    assert not place().part.exists()
    os.unlink(place().state)
    before = contents()
    refusal(lambda: train(place(), steps=12, resume=True), "resume", ".state', the end of its training", kind=InputError)
    assert contents() == before


def test_minutes_count_from_the_beginning(place):
    made = train(place(), steps=None, minutes=0.5)
    assert made.steps == int(made.state.step) == 30
    before = contents()
    train(place(), steps=None, minutes=0.5, resume=True)
    train(place(), steps=None, minutes=0.4, resume=True)
    assert contents() == before
    train(place(), steps=None, minutes=0.75, resume=True)
    assert read("net.safetensors").count == 45


def test_a_stopped_training_goes_on_as_long_as_it_would_have(place):
    train(place(), steps=6, stop_at=2)
    assert read("net.safetensors").count == 2
    made = train(place(), steps=None, resume=True)
    assert made.steps == read("net.safetensors").count == 6 != DEFAULT


def test_another_machine_goes_on(place):
    train(place(), stop_at=2)
    made = train(place(), devices=2, resume=True)
    assert made.notices == ["goes on with devices 2, after 1 until now"]
    assert read("net.safetensors").count == 4


def test_two_trainings_of_one_name_at_once(place):
    """Whoever ends first has it; the other one's work lies beside."""
    mine, other = place(), place()
    train(other, rate=0.7, steps=2)
    before = contents()
    training = Counting(path=mine.part)
    with pytest.raises(JaxstyleError) as info:
        complete(training, lambda _: File(training.about, 4.0), mine, default=DEFAULT)
    assert not isinstance(info.value, InputError)
    assert "was written by something else meanwhile" in str(info.value)
    assert f"the network is kept in {os.path.abspath('net-2.safetensors')!r}" in str(info.value)
    assert contents() == before
    assert read("net-2.safetensors").count == 4
    part = mine.part.read_bytes()
    stranger = Counting(path=mine.part, rate=0.9)
    stranger.save_checkpoint()
    assert "another training, which was started meanwhile" in stranger.notices[0]
    assert mine.part.read_bytes() == part


# ---- what cannot be written


def test_a_checkpoint_without_room_is_a_note(place, monkeypatch):
    monkeypatch.setattr(trainer, "CHECKPOINT_SECONDS", 1.0)
    tried, written = [], tensor_file.write

    def full(path, *rest, **how):
        if str(path).endswith(".part"):
            tried.append(path)
            raise InputError("out", str(path), "cannot be written (No space left on device)")
        written(path, *rest, **how)

    monkeypatch.setattr(tensor_file, "write", full)
    made = train(place(), steps=8)
    assert len(tried) > 2
    (notice,) = made.notices
    assert "the training is not kept on its way" in notice
    assert "No space left" in notice
    assert read("net.safetensors").count == 8
    assert sorted(os.listdir()) == ["net.safetensors"]


def test_a_network_without_room_goes_elsewhere(empty_folder, monkeypatch):
    """Its folder is gone at the end; the current one takes it."""
    os.mkdir("out")
    there = Place(Path("out/net.safetensors"), read, write)
    training = Counting(path=there.part)

    def file(_):
        os.unlink(there.part)
        os.rmdir("out")
        return File(training.about, 4.0)

    with pytest.raises(JaxstyleError) as info:
        complete(training, file, there, default=DEFAULT)
    assert not isinstance(info.value, InputError)
    assert f"the network is kept in {os.path.abspath('net.safetensors')!r}" in str(info.value)
    assert read("net.safetensors").count == 4
    monkeypatch.setattr(pictures, "elsewhere", lambda *_: iter(()))
    with pytest.raises(WeightsError, match="cannot be written"):
        Place(Path("out/net.safetensors"), read, write).save(File({}, 1.0))


# ---- losses that are no numbers


@pytest.mark.parametrize(("how", "words"), [({"wrong": 5}, "the loss is nan"), ({"spoilt": 5}, "a value of the network is no")])
def test_what_was_good_is_kept(place, how, words):
    with pytest.raises(JaxstyleError) as info:
        train(place(), steps=20, **how)
    assert words in str(info.value)
    assert "after 5 steps; count more slowly; the network as it was after 5 steps is in 'net.safetensors'" in str(info.value)
    found = read("net.safetensors")
    assert (found.count, found.training["steps"]) == (5, 5)


def test_nothing_good_is_lost_for_it(place):
    """The network of a finished training that goes on and diverges stays; the later one lies beside."""
    train(place())
    before = contents()
    with pytest.raises(JaxstyleError, match="is in 'net-000005.safetensors'"):
        train(place(), steps=20, resume=True, wrong=5)
    assert contents() == before
    assert read("net-000005.safetensors").count == 5


def test_a_training_that_never_was_good_leaves_nothing(place):
    with pytest.raises(Diverged, match="after 0 steps"):
        train(place(), wrong=0)
    assert os.listdir() == []


# ---- networks on the way


def test_networks_are_kept_beside(place):
    """Names that are taken are passed over."""
    Path("net-000006.safetensors").write_text("mine")
    made = train(place(), steps=20, keep_every=0.1)
    kept = sorted(set(os.listdir()) - {"net.safetensors", "net.safetensors.state", "net-000006.safetensors"})
    assert kept == ["net-000006-2.safetensors", "net-000012.safetensors", "net-000018.safetensors"]
    assert [read(name).count for name in kept] == [6, 12, 18]
    assert Path("net-000006.safetensors").read_text() == "mine"
    assert made.notices == []


def test_after_a_break_the_minutes_go_on(place):
    train(place(), steps=20, keep_every=0.1, stop_at=7)
    train(place(), steps=20, keep_every=0.1, resume=True)
    assert sorted(name for name in os.listdir() if "-" in name) == [f"net-0000{n}.safetensors" for n in ("06", "12", "18")]


def test_a_network_on_the_way_without_room_is_a_note(place, monkeypatch):
    def full(*_):
        raise WeightsError("out", "net", "cannot be written (No space left on device)")

    monkeypatch.setattr(Place, "save_beside", full)
    made = train(place(), steps=20, keep_every=0.1)
    assert len(made.notices) == 1
    assert read("net.safetensors").count == 20


# ---- words


def in_python(words):
    return [str(JaxstyleError(one)) for one in words]


def test_differences_name_both_values():
    old = {
        "recipe": {"size": 32, "layers": {"a": 0.0, "b": 1.0}, "old": 1},
        "inputs": {"styles": {"x": "1", "y": "2"}, "a": "3"},
    }
    new = {"recipe": {"size": 48, "layers": {"b": 0.5}, "flip": True}, "inputs": {"styles": {"x": "1", "y": "4"}, "a": "5"}}
    words = ["size 32, not 48", "layers b=1, not b=0.5", "flip not stated, not True", "another style y", "other a"]
    assert in_python(differences(old, new)) == words
    new["inputs"]["styles"] = {"z": "1"}
    assert differences(old, new)[3] == "styles x, y, not z"
    old["recipe"]["flip"] = False
    assert in_python(differences(old, new))[2] == "flip=False"


def test_a_tilde_is_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert checked("~/net.safetensors", read) == tmp_path / "net.safetensors"
