"""Runs that are killed at random moments and go on: picture, trace and losses are an uninterrupted run's, bit for bit."""

import itertools
import json
import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from jaxstyle.cli.main import main
from jaxstyle.cli.places import SAMPLES
from jaxstyle.machine import tensor_file
from jaxstyle.plans import schedule
from jaxstyle.runs import checkpoint

pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")

CONTENT, STYLE, OTHER = (str(SAMPLES / f"{name}.jpg") for name in ("chelsea", "swirls", "glass"))
STAGES = ["--size", "48x40", "--evaluations", "30", "--scales", "2", "--metric", "whitened", "--init", "noise", "--seed", "5"]
"""10 evaluations at half the size, 15 in the whitened metric, 5 in the plain one."""
FROM_PREVIEW = [*STAGES[:5], "auto", *STAGES[6:]]
"""22 evaluations in the whitened metric and 8 in the plain one at half the size, then 10."""

CHILD = """
import json, os, signal, sys, threading, time
from jaxstyle.cli.main import main
from jaxstyle.machine import tensor_file
from jaxstyle.runs import checkpoint
checkpoint.EVERY = checkpoint.WORTH = 0.0
checkpoint.SHARE = 1e9
commands, moment, write = json.loads(sys.argv[1]), float(sys.argv[2]), tensor_file.write
if len(commands) > 1 and main(commands[0]):
    sys.exit("the first command failed")
def slowly(*args, **how):
    global moment
    if moment:
        threading.Timer(moment, os.kill, (os.getpid(), signal.SIGKILL)).start()
        moment = 0
    time.sleep(0.01)
    write(*args, **how)
tensor_file.write = slowly
sys.exit(main(commands[-1]))
"""
"""Runs commands and, a moment after the last one was kept for the first time, kills itself."""


def go(*commands, moment=0.0):
    """Runs commands in a process of their own, which is killed on the way; its exit code."""
    return subprocess.run([sys.executable, "-c", CHILD, json.dumps(commands), str(moment)], timeout=300).returncode


def course(name):
    with open(name + ".json") as file:
        record = json.load(file)
    trace = [(entry["evaluation"], entry["loss"], entry["objective"]) for entry in record["trace"]]
    return trace, record["loss"], record["stages"], record["evaluations"], record["stop_reason"]


def same(one, other):
    np.testing.assert_array_equal(*(np.asarray(Image.open(name)) for name in (one, other)))
    assert course(one) == course(other)


@pytest.mark.optimized
@pytest.mark.slow
def test_a_killed_run_goes_on_bit_for_bit():
    run = ["stylize", CONTENT, STYLE, "-q", "--size", "32", "--evaluations", "30", "-o"]
    assert go([*run, "whole.png"], [*run, "killed.png"], moment=random.uniform(0.001, 0.25)) == -signal.SIGKILL
    assert not os.path.exists("killed.png")
    assert go([*run, "killed.png", "--resume"]) == 0
    same("killed.png", "whole.png")
    assert sorted(os.listdir()) == ["killed.png", "killed.png.json", "whole.png", "whole.png.json"]


@pytest.mark.optimized
@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_is_the_same():
    whole, killed = (["stylize", CONTENT, STYLE, OTHER, "-o", f"{name}.png", "-q", *STAGES] for name in ("whole", "killed"))
    assert go(whole) == 0
    times = 0
    while times < 8:
        for _ in itertools.count():
            code = go([*killed, "--resume"], moment=random.uniform(0.001, 0.2))
            if code == 0:
                break
            assert code == -signal.SIGKILL
            times += 1
        same("killed.png", "whole.png")
        os.unlink("killed.png")


class Killed(BaseException):
    """Takes the place of the end of a process."""


@pytest.fixture
def killed_at(monkeypatch):
    """`killed_at(n)` ends what runs when it is kept for the nth time; n = 0 never."""
    for name, value in {"EVERY": 0.0, "WORTH": 0.0, "SHARE": 1e9}.items():
        monkeypatch.setattr(checkpoint, name, value)
    write, left = tensor_file.write, [0]

    def count(*args, **how):
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        write(*args, **how)

    monkeypatch.setattr(tensor_file, "write", count)
    return lambda n: left.__setitem__(0, n)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("times", "stages"),
    [((2, 14), STAGES), ((2, 9, 14, 3), STAGES), ((2, 9, 14, 12), FROM_PREVIEW)],
    ids=["two", "four", "from preview"],
)
def test_every_stage_can_be_taken_up(monkeypatch, killed_at, times, stages):
    monkeypatch.setattr(schedule, "PREVIEW", 24)
    whole, killed = (["stylize", CONTENT, STYLE, "-o", f"{name}.png", "-q", *stages] for name in ("whole", "killed"))
    assert main(whole) == 0
    for n in times:
        killed_at(n)
        with pytest.raises(Killed):
            main([*killed, "--resume"])
    killed_at(0)
    assert main([*killed, "--resume"]) == 0
    same("killed.png", "whole.png")
    assert sorted(os.listdir()) == ["killed.png", "killed.png.json", "whole.png", "whole.png.json"]


@pytest.mark.slow
def test_a_run_in_grey_can_be_taken_up(killed_at):
    run = ["stylize", CONTENT, STYLE, "-q", *STAGES, "--colors", "content"]
    assert main([*run, "-o", "whole.png"]) == 0
    for n in (3, 12):
        killed_at(n)
        with pytest.raises(Killed):
            main([*run, "-o", "killed.png", "--resume"])
    killed_at(0)
    assert main([*run[:-1], "style", "-o", "killed.png", "--resume"]) == 2
    assert main([*run, "-o", "killed.png", "--resume"]) == 0
    same("killed.png", "whole.png")


@pytest.mark.parametrize(
    "solver",
    ["adam", *(pytest.param(s, marks=pytest.mark.slow) for s in ("lbfgs-torch", "lbfgs-zoom", "optax-lbfgs"))],
)
def test_every_solver_can_be_taken_up(killed_at, solver):
    run = ["stylize", CONTENT, STYLE, "-q", "--size", "32", "--evaluations", "25", "--solver", solver, "--style-weight", "2e3"]
    assert main([*run, "-o", "whole.png"]) == 0
    killed_at(4)
    with pytest.raises(Killed):
        main([*run, "-o", "killed.png"])
    killed_at(0)
    assert main([*run, "-o", "killed.png", "--resume"]) == 0
    same("killed.png", "whole.png")


def test_resume_refuses_another_run_and_names_the_difference(killed_at, capsys):
    run = ["stylize", CONTENT, STYLE, "-o", "out.png", "-q", "--size", "32", "--evaluations", "12"]
    killed_at(3)
    with pytest.raises(Killed):
        main(run)
    killed_at(0)
    part = os.stat(".out.png.part").st_mtime_ns
    for other, words in {
        ("--style-weight", "5"): "--style-weight by default, not 5;",
        ("--evaluations", "13"): "--evaluations 12, not 13;",
        ("--seed", "3", "--init", "noise"): "--init by default, not noise",
    }.items():
        assert main([*run, *other, "--resume"]) == 2
        assert f"`--resume` (='.out.png.part') is of a run with {words}" in capsys.readouterr().err
    for place, name in ((1, OTHER), (2, OTHER)):
        changed = [*run]
        changed[place] = name
        assert main([*changed, "--resume"]) == 2
        assert f"{run[place]}, not {OTHER}" in capsys.readouterr().err
    assert os.stat(".out.png.part").st_mtime_ns == part
    assert os.listdir() == [".out.png.part"]


def test_resume_begins_where_there_is_nothing_and_refuses_what_it_cannot_read(capsys):
    run = ["stylize", CONTENT, STYLE, "-o", "out.png", "-q", "--size", "32", "--evaluations", "2", "--resume"]
    assert main(run) == 0
    assert sorted(os.listdir()) == ["out.png", "out.png.json"]
    with open(".out.png.part", "w") as file:
        file.write("mine")
    assert main(run) == 2
    assert "`--resume` (='.out.png.part') cannot be read" in capsys.readouterr().err
    assert main([one for one in run if one != "--resume"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "`--out` (='.out.png.part') cannot be read: " in line
    assert line.endswith("; remove it, or choose another name")
    with open(".out.png.part") as file:
        assert file.read() == "mine"


def test_a_run_that_cannot_be_kept_goes_on(killed_at, monkeypatch, capsys):
    def full(path, *_, **__):
        raise checkpoint.InputError("out", str(path), "cannot be written (No space left on device)")

    monkeypatch.setattr(tensor_file, "write", full)
    assert main(["stylize", CONTENT, STYLE, "-o", "out.png", "--size", "32", "--evaluations", "4"]) == 0
    err = capsys.readouterr().err
    assert err.count("note: the run is not kept on its way: '.out.png.part' cannot be written") == 1


def test_short_runs_are_not_kept(monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    monkeypatch.setattr(tensor_file, "write", lambda *_, **__: pytest.fail("was kept"))
    assert main(["stylize", CONTENT, STYLE, "-o", "out.png", "-q", "--size", "32", "--evaluations", "4"]) == 0


def test_how_often_a_run_is_kept(monkeypatch):
    """Every 20 seconds, or more seldom: at most one fiftieth of the time goes into it, also where writing is slow."""
    clock, costs, kept = [0.0], [0.0], []
    monkeypatch.setattr(checkpoint.time, "perf_counter", lambda: clock[0])

    class Big:
        nbytes = 10**8

    def write(path, arrays, about, **_):
        kept.append(about["seconds"])
        clock[0] += costs[0]

    monkeypatch.setattr(tensor_file, "write", write)
    for costs[0], moments in ((0.1, list(range(20, 401, 20))), (4.0, [20, 220])):
        keeper = checkpoint.Checkpoint(checkpoint.Path(".x.part"), {})
        for second in range(401):
            keeper.offer("going", float(second), 400.0, lambda s=second: ({"a": Big()}, {"seconds": s}))
        assert kept == moments
        kept.clear()


def test_ctrl_c_keeps_a_long_run(killed_at, monkeypatch, capsys):
    run = ["stylize", CONTENT, STYLE, "-o", "out.png", "--size", "32", "--evaluations", "30"]
    assert main([*run, "-q", "-o", "whole.png"]) == 0
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "EVERY", 1e9)
        patch.setattr("jaxstyle.cli.single.Interrupt.came", True)
        assert main(run) == 130
    assert "the same command with --resume goes on" in capsys.readouterr().err
    assert os.path.exists("out.png")
    assert main([*run, "--resume"]) == 0
    same("out.png", "whole.png")
    assert not os.path.exists(".out.png.part")


@pytest.mark.slow
def test_the_members_of_a_batch_go_on_bit_for_bit(killed_at):
    """One stops before the others; a picture that was written before the end of its batch is not made again."""
    run = [
        "batch",
        CONTENT,
        OTHER,
        "--styles",
        STYLE,
        "-q",
        "--size",
        "32x32",
        "--vary",
        "evaluations=26,30",
        "--batch-size",
        "4",
    ]
    assert main([*run, "-o", "whole"]) == 0
    for n in (2, 20, 2):  # after evaluation 1, after 20, with which two of them end the first stage, and after 21
        killed_at(n)
        with pytest.raises(Killed):
            main([*run, "-o", "killed", "--resume"])
    assert len([name for name in os.listdir("killed") if name.endswith(".part")]) == 1
    killed_at(0)
    assert main([*run, "-o", "killed", "--resume"]) == 0
    names = [name for name in sorted(os.listdir("whole")) if name.endswith(".json")]
    assert len(names) == 4
    assert sorted(os.listdir("killed")) == sorted(os.listdir("whole"))
    for name in names:
        same(*(f"{folder}/{name.removesuffix('.json')}" for folder in ("killed", "whole")))


@pytest.mark.slow
def test_a_member_that_is_there_keeps_the_others_company(killed_at, monkeypatch):
    run = ["batch", CONTENT, OTHER, "--styles", STYLE, "-q", "--size", "32x32", "--evaluations", "12", "--batch-size", "2"]
    assert main([*run, "-o", "whole"]) == 0
    from jaxstyle.batch.folder import Folder

    save = Folder.save

    def once(folder, *args, **more):
        monkeypatch.setattr(Folder, "save", lambda *_, **__: (_ for _ in ()).throw(Killed()))
        return save(folder, *args, **more)

    monkeypatch.setattr(Folder, "save", once)
    with pytest.raises(Killed):
        main([*run, "-o", "killed"])
    monkeypatch.setattr(Folder, "save", save)
    (first,) = (name for name in os.listdir("killed") if name.endswith(".png"))
    before = os.stat(f"killed/{first}").st_mtime_ns
    assert main([*run, "-o", "killed", "--resume"]) == 0
    assert os.stat(f"killed/{first}").st_mtime_ns == before
    for name in (name for name in os.listdir("whole") if name.endswith(".json")):
        same(*(f"{folder}/{name.removesuffix('.json')}" for folder in ("killed", "whole")))
    assert not [name for name in os.listdir("killed") if name.startswith(".")]
