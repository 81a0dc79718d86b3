"""What goes wrong at the end, other people's files, requests to end, and what is said of the machine before a run."""

import contextlib
import errno
import io
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from jaxstyle.cli import main as command_line
from jaxstyle.cli.display import Display
from jaxstyle.cli.interrupt import Interrupt
from jaxstyle.cli.main import main
from jaxstyle.cli.places import SAMPLES
from jaxstyle.pictures import write
from jaxstyle.pictures.ours import read_record

CONTENT, STYLE = str(SAMPLES / "chelsea.jpg"), str(SAMPLES / "swirls.jpg")
TINY = ["--size", "32", "--evaluations", "2"]

pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")


def at_evaluation(monkeypatch, number, action):
    """`action` is called at that evaluation of a run."""
    monkeypatch.setattr(Display, "update", lambda display, evaluation, *_: evaluation == number and action())


# ---- work lost at the end


def test_a_folder_deleted_while_running(monkeypatch, capsys):
    os.mkdir("out")
    at_evaluation(monkeypatch, 2, lambda: shutil.rmtree("out"))
    assert main(["stylize", CONTENT, STYLE, "-o", "out/x.jpg", "-q", *TINY]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "`--out` (='out/x.jpg') cannot be written" in line
    assert f"the picture is kept in {os.path.abspath('x.jpg')!r}" in line
    assert read_record("x.jpg")["evaluations"] == 2


@pytest.mark.usefixtures("ordinary_user")
@pytest.mark.parametrize("command", ["stylize", "batch"])
def test_permission_lost_while_running(command, monkeypatch, capsys):
    os.mkdir("out")
    at_evaluation(monkeypatch, 2, lambda: os.chmod("out", 0o555))
    where = [CONTENT, STYLE, "-o", "out/x.jpg"] if command == "stylize" else [CONTENT, "--styles", STYLE, "-o", "out"]
    try:
        assert main([command, *where, "-q", *TINY]) == 1
    finally:
        os.chmod("out", 0o755)
    text = capsys.readouterr().err
    assert os.strerror(errno.EACCES) in text
    (kept,) = [path for path in Path().glob("*.*g") if read_record(path)]
    assert f"the picture is kept in {os.path.abspath(kept)!r}" in text


def test_every_other_place_is_tried(monkeypatch, tmp_path, capsys):
    """The current folder is gone with the output's, and home is none."""
    for name, variable in (("home", "HOME"), ("temporary", "TMPDIR")):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / name))
    (tmp_path / "home").rmdir()
    monkeypatch.setattr(write.tempfile, "tempdir", None)
    here = os.getcwd()
    at_evaluation(monkeypatch, 2, lambda: shutil.rmtree(here))
    assert main(["stylize", CONTENT, STYLE, "-o", "x.png", "-q", *TINY]) == 1
    assert str(tmp_path / "temporary" / "x.png") in capsys.readouterr().err
    assert read_record(tmp_path / "temporary" / "x.png")


@pytest.fixture
def small_disk():
    """A folder with room for 64 KB."""
    folder = Path("disk")
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if sys.platform != "linux" or shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs leave to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(disk):
    with open(disk / "filler", "ab", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 1024):
            pass


def test_a_full_disk(small_disk, capsys, monkeypatch):
    """The old picture stays, the new one goes to the current folder; intermediate pictures do not end the run."""
    command = ["stylize", CONTENT, STYLE, "-o", "disk/x.png", "-q", "--save-every", "1", *TINY]
    assert main(command) == 0
    before = (small_disk / "x.png").read_bytes()

    with monkeypatch.context() as patch:
        at_evaluation(patch, 1, lambda: fill(small_disk))
        assert main([*command, "--seed", "1", "--noise-ratio", "0.5"]) == 1
    intermediate, last = capsys.readouterr().err.splitlines()
    assert "x-00001.png" in intermediate
    assert "No space left" in last
    assert os.path.abspath("x.png") in last
    assert (small_disk / "x.png").read_bytes() == before
    assert read_record("x.png")["config"]["noise_ratio"] == 0.5
    os.unlink("x.png")
    assert main(["batch", CONTENT, "--styles", STYLE, "-o", "disk", "-q", *TINY]) == 2, "known before the first evaluation"
    assert "No space left" in capsys.readouterr().err


def test_a_full_disk_in_a_batch(small_disk, capsys, monkeypatch):
    glass = str(SAMPLES / "glass.jpg")
    at_evaluation(monkeypatch, 1, lambda: fill(small_disk))
    assert main(["batch", CONTENT, "--styles", STYLE, glass, "-o", "disk", "-q", "--batch-size", "1", *TINY]) == 1
    kept = [path for path in Path().rglob("chelsea-*.png") if read_record(path)]
    assert sorted(path.name for path in kept) == ["chelsea-glass.png", "chelsea-swirls.png"]
    assert "the picture is kept in" in capsys.readouterr().err


def test_a_place_that_is_not_what_it_was(tmp_path):
    """`keep` writes a PNG where the format itself is what fails, and never over another file."""
    Path("x.png").write_text("mine")
    Path("x-2.png.json").write_text("mine")
    places = write.elsewhere("x.jpg")
    assert [next(places), next(places)] == [Path("x.jpg"), Path("x-3.png")]


@pytest.mark.parametrize("name", ["x" * 248 + ".png", "é" * 124 + ".png"])
def test_a_name_without_room_for_the_record_is_refused_before_the_run(name, capsys):
    assert main(["stylize", CONTENT, STYLE, "-o", name, *TINY]) == 2
    assert "File name too long" in capsys.readouterr().err
    assert os.listdir() == []


def test_a_terminal_that_is_gone_ends_nothing(monkeypatch):
    class Gone:
        def write(self, text):
            raise OSError(5, "Input/output error")

        flush = isatty = lambda self: False

    monkeypatch.setattr(sys, "stderr", Gone())
    assert main(["stylize", CONTENT, STYLE, "-o", "x.png", *TINY]) == 0
    assert read_record("x.png")


def test_the_bar_of_a_terminal_knows_the_number_of_evaluations(monkeypatch):
    """Where the quality says it, too."""

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    assert main(["stylize", CONTENT, STYLE, "-o", "x.png", "--size", "32", "--quality", "draft"]) == 0
    assert "30 evaluations is used up" in terminal.getvalue()


# ---- other people's files


def picture(name, seed=0):
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (30, 40, 3), dtype=np.uint8)).save(name)


@pytest.mark.parametrize("link", [os.symlink, os.link])
@pytest.mark.parametrize("role", ["content", "style", "init"])
def test_inputs_stay_behind_links_too(link, role, capsys):
    picture("mine.png")
    link("mine.png", "x.png")
    before = Path("mine.png").read_bytes()
    names = dict(content=CONTENT, style=STYLE, init="content") | {role: "mine.png"}
    command = ["stylize", names["content"], names["style"], "--init", names["init"], "-o", "x.png", *TINY]
    assert main(command) == 2
    assert "`--out` (='x.png') is one of the input pictures" in capsys.readouterr().err
    assert Path("mine.png").read_bytes() == before
    assert sorted(os.listdir()) == ["mine.png", "x.png"]


def test_a_result_that_is_the_start_stays_too(capsys):
    command = ["stylize", CONTENT, STYLE, "-o", "x.png", "--save-every", "1", "-q", *TINY]
    assert main(command) == 0
    before = Path("x-00001.png").read_bytes()
    assert main([*command, "--init", "x-00001.png"]) == 2
    assert "`--save-every` (='x-00001.png') is one of the input pictures" in capsys.readouterr().err
    assert Path("x-00001.png").read_bytes() == before


@pytest.mark.parametrize(
    ("mine", "argument"), [("x.webp", "--out"), ("x-00002.webp", "--save-every"), ("chelsea-swirls.png", "--out")]
)
def test_a_file_that_we_did_not_make_is_not_replaced(mine, argument, capsys):
    Path(mine).write_text("mine")
    out = ["-o", "x.webp"] if mine.startswith("x") else []
    assert main(["stylize", CONTENT, STYLE, *out, "--save-every", "1", *TINY]) == 2
    assert f"`{argument}` (='{mine}') is a file that jaxstyle did not make" in capsys.readouterr().err
    assert os.listdir() == [mine]


@pytest.mark.parametrize("more", [[], ["--no-metadata"]])
def test_our_own_results_are_replaced(more):
    command = ["stylize", CONTENT, STYLE, "-o", "x.png", "--save-every", "1", "-q", *more, *TINY]
    for seed in ("1", "2"):
        assert main([*command, "--noise-ratio", "0.5", "--seed", seed]) == 0
        assert read_record("x.png")["config"]["seed"] == int(seed)
    assert (b"relu1_1" in Path("x.png").read_bytes()) == (not more)


# ---- endings


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_saves_what_is_there(name, monkeypatch, request):
    if not hasattr(signal, name):
        pytest.skip(f"no {name} here")
    before = signal.signal(getattr(signal, name), signal.SIG_DFL)  # ignored where the tests run under nohup
    request.addfinalizer(lambda: signal.signal(getattr(signal, name), before))
    at_evaluation(monkeypatch, 3, lambda: [signal.raise_signal(getattr(signal, name)) for _ in range(2)])
    command = ["stylize", CONTENT, STYLE, "-o", "x.png", "--size", "32", "--evaluations", "6", "-q"]
    assert main(command) == 130
    assert read_record("x.png")["stop_reason"] == "stopped on request after 3 of 6 evaluations"
    assert signal.getsignal(getattr(signal, name)) == signal.SIG_DFL


@pytest.mark.slow
def test_a_process_that_is_terminated_saves_its_picture():
    command = [sys.executable, "-m", "jaxstyle", "demo", "--size", "32", "--evaluations", "100000", "--save-every", "2", "-q"]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 120
    while not os.path.exists("demo-00002.png"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.terminate()
    assert process.wait(60) == 130
    assert "stopped on request" in read_record("demo.png")["stop_reason"]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no SIGHUP here")
def test_who_ignores_hangups_goes_on_ignoring_them(monkeypatch):
    """As `nohup` has it."""
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupt("this") as interrupt:
            signal.raise_signal(signal.SIGHUP)
        assert not interrupt.came
    finally:
        signal.signal(signal.SIGHUP, old)


def test_a_second_ctrl_c_interrupts_unless_it_is_being_saved():
    with Interrupt("this"):
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with Interrupt("this") as interrupt:
        interrupt.saving = True
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
    assert interrupt.came


# ---- what is said of the machine


NO_CACHE = "compiled programs cannot be kept in "


@pytest.mark.parametrize("place", ["/proc/nope", "file", "disk", "~"])
def test_a_cache_without_a_place_costs_one_sentence(place, monkeypatch, request):
    """A file in the folder's place, a full disk, no home at all."""
    Path("file").touch()
    if place == "disk":
        fill(request.getfixturevalue("small_disk"))
    monkeypatch.setenv("JAXSTYLE_CACHE", place)
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    if place == "~":
        monkeypatch.delenv("JAXSTYLE_CACHE")
        monkeypatch.setattr("platformdirs.user_cache_path", lambda name: Path("~/.cache") / name)
    settings = {}
    with warnings.catch_warnings():
        monkeypatch.setattr("jax.config", SimpleNamespace(update=settings.__setitem__))
        assert command_line._set_up_jax().startswith(NO_CACHE)
    assert "jax_compilation_cache_dir" not in settings
    assert not os.path.exists("~")


@pytest.mark.slow
def test_a_cache_without_a_place_from_outside():
    """The same as a user sees it; and a disk that fills up later costs no word."""
    for cache in ({"JAXSTYLE_CACHE": "/proc/nope"}, {"JAX_COMPILATION_CACHE_DIR": "/proc/nope"}):
        environment = {key: value for key, value in os.environ.items() if key != "JAX_COMPILATION_CACHE_DIR"} | cache
        command = [sys.executable, "-m", "jaxstyle", "stylize", CONTENT, STYLE, "-o", "x.png", *TINY]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0
        *notes, last = done.stderr.splitlines()
        assert last.startswith("x.png 32x21")
        assert [note.startswith(f"note: {NO_CACHE}") for note in notes] == [True] * ("JAXSTYLE_CACHE" in cache)


@pytest.mark.parametrize("command", [["train", "none.jpg", "--photos", "."], ["domains", "train", "--a", "none", "--b", "."]])
def test_notes_come_before_a_training_too(command, capsys):
    for more, lines in (([], ["note: one", "note: two"]), (["--quiet"], [])):
        assert main([*command, "-o", "x.safetensors", *more], notes=lambda: ["one", "two"]) == 2
        assert capsys.readouterr().err.splitlines()[:-1] == lines


def test_notes_come_before_the_run_and_not_with_quiet(capsys):
    assert "pip install 'jaxstyle[cuda]'" in command_line.UNUSED_GPU
    for more, lines in (([], ["note: one", "note: two"]), (["--quiet"], [])):
        assert main(["stylize", CONTENT, STYLE, "-o", "x.png", *more, *TINY], notes=lambda: ["one", "two"]) == 0
        assert capsys.readouterr().err.splitlines()[:2] == lines
        assert main(["batch", CONTENT, "--styles", STYLE, *more, *TINY], notes=lambda: ["one", "two"]) == 0
        assert capsys.readouterr().err.splitlines()[:2] == lines
