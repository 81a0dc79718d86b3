"""`jaxstyle train`: a network, its samples, stopping and going on, and what is refused."""

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxstyle.cli.course import course_of
from jaxstyle.cli.display import Display
from jaxstyle.cli.main import main
from jaxstyle.cli.parser import parser_for
from jaxstyle.errors import JaxstyleError
from jaxstyle.machine.compiler import Compiler
from jaxstyle.styles.network import read

pytestmark = pytest.mark.usefixtures("small_network")

SMALL = ["--size", "32", "--width", "slim", "--batch", "2", "--content-layers", "relu3_2", "--photos", "photos"]


@pytest.fixture
def pictures(empty_folder):
    """Two styles, three photographs and a text among them, in the current folder."""
    os.mkdir("photos")
    rng = np.random.default_rng(0)
    for name in ("dots.png", "dashes.png", "photos/a.png", "photos/b.png", "photos/c.png"):
        small = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
        small.resize((48, 40), Image.Resampling.BICUBIC).save(name)
    with open("photos/text.png", "w") as file:
        file.write("no picture")


def run(*arguments):
    return main(["train", *arguments, *SMALL])


@pytest.mark.slow
def test_a_network_is_taught_and_paints(pictures, monkeypatch, capsys):
    early, compiled = [], Compiler.compile
    with monkeypatch.context() as patch:
        patch.setattr(Compiler, "compile", lambda *args, **how: early.append(capsys.readouterr().err) or compiled(*args, **how))
        assert run("dots.png", "dashes.png", "-o", "net.safetensors", "--steps", "2") == 0
    assert early[0].splitlines()[-1] == "compiling, which may take a minute"
    assert "left out: " in early[0]
    said = early[0] + capsys.readouterr().err
    assert said.count("left out: ") == 1
    assert said.index("compiling") < said.index("step 2 of 2") < said.index("measuring") < said.index("canonical loss")
    assert "text.png" in said
    assert "net.safetensors" in said
    assert "dots, dashes; 2 steps" in said
    assert read("net.safetensors").network.shown == ("dots", "dashes")
    with Image.open("net-samples.png") as sheet:
        assert sheet.size == (4 * 32, 3 * 32)
    assert main(["apply", "photos/a.png", "--network", "net.safetensors", "--style", "dash", "-o", "out.png", "-q"]) == 0
    with Image.open("out.png") as painted:
        assert painted.size == (48, 40)
    made = ["net-samples.png", "net.safetensors", "net.safetensors.state", "out.png", "out.png.json"]
    assert sorted(os.listdir()) == sorted(["dashes.png", "dots.png", "photos", *made])
    the_same_again(capsys)


def the_same_again(capsys):
    """Nothing replaces that network; to go on with it there is nothing to do."""
    command = ["dots.png", "dashes.png", "-o", "net.safetensors", "--steps", "2"]
    before = Path("net.safetensors").read_bytes(), os.stat("net.safetensors").st_mtime_ns
    capsys.readouterr()
    for arguments, words in (
        (["photos/a.png", *command[2:]], "holds a network of 2 steps already"),
        ([*command, "--resume", "--style-weight", "7", "--no-flip"], "with no --no-flip, --style-weight 6, not 7; give"),
        (["photos/a.png", *command[2:], "--resume"], "with styles dots, dashes, not a; give"),
    ):
        assert run(*arguments) == 2
        assert words in capsys.readouterr().err.splitlines()[-1]
    assert run(*command, "--resume") == 0
    said = capsys.readouterr().err
    assert "net.safetensors has its 2 steps already, so nothing is left to do" in said
    assert "compiling" not in said
    assert (Path("net.safetensors").read_bytes(), os.stat("net.safetensors").st_mtime_ns) == before


@pytest.mark.slow
def test_what_is_interrupted_is_usable_and_goes_on(pictures, monkeypatch, capsys):
    assert run("dots.png", "-o", "straight.safetensors", "--steps", "4", "-q") == 0
    advance = Display.advance
    monkeypatch.setattr(Display, "advance", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    assert run("dots.png", "-o", "net.safetensors", "--steps", "4") == 130
    assert "--resume goes on" in capsys.readouterr().err
    assert read("net.safetensors").training["steps"] < 4
    assert os.path.exists(".net.safetensors.part")
    monkeypatch.setattr(Display, "advance", advance)
    assert run("dots.png", "-o", "net.safetensors", "--steps", "4", "--resume", "-q") == 0
    found, wanted = (read(f"{name}.safetensors").network for name in ("net", "straight"))
    np.testing.assert_array_equal(found.styles, wanted.styles)
    for name, kernel in wanted.kernels.items():
        np.testing.assert_array_equal(found.kernels[name], kernel)
    assert not os.path.exists(".net.safetensors.part")


@pytest.mark.slow
def test_an_added_style_that_is_interrupted_goes_on(pictures, styles_file, monkeypatch, capsys):
    """The network's file has the style already, as far as it came."""
    for name in ("straight", "net"):
        shutil.copy(styles_file, f"{name}.safetensors")
    new = "photos/a.png"
    assert run(new, "--add-to", "straight.safetensors", "--steps", "4", "-q") == 0
    with monkeypatch.context() as patch:
        patch.setattr(Display, "advance", lambda *_: os.kill(os.getpid(), signal.SIGINT))
        assert run(new, "--add-to", "net.safetensors", "--steps", "4", "-q") == 130
    found, had = (read(file).network for file in ("net.safetensors", styles_file))
    assert found.names == (*had.names, "a")
    assert run(new, "--add-to", "net.safetensors", "--steps", "4") == 2
    assert "'a' is in the network already" in capsys.readouterr().err
    assert run(new, "--add-to", "net.safetensors", "--steps", "4", "-q", "--resume") == 0
    found, wanted = (read(f"{name}.safetensors").network for name in ("net", "straight"))
    assert found.names == wanted.names == (*had.names, "a")
    np.testing.assert_array_equal(found.styles, wanted.styles)


def test_what_is_lost_by_adding_in_place_is_said_before_it(pictures, styles_file, monkeypatch, capsys):
    """The network is then no longer that of the training whose end lies beside it."""
    shutil.copy(styles_file, "net.safetensors")
    Path("net.safetensors.state").touch()

    def stops(*_, saying, **__):
        saying("reading")
        raise JaxstyleError("enough")

    monkeypatch.setattr("jaxstyle.styles.api.gather", stops)
    for out, said in (("net.safetensors", True), ("other.safetensors", False)):
        assert run("photos/a.png", "--add-to", "net.safetensors", "-o", out) == 1
        words = "note: net.safetensors: the training that made it cannot be gone on with once it has more styles; to keep that"
        assert (words in capsys.readouterr().err) == said


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["dots.png"], ["`--out`", "-o NAME.safetensors"]),
        (["dots.png", "-o", "net.png"], ["`--out`", ".safetensors"]),
        (["dots.png", "-o", "dots.safetensors", "--steps", "0"], ["`--steps`", "at least 1"]),
        (["dots.png", "-o", "net.safetensors", "--minutes", "soon"], ["`--minutes`", "not a number"]),
        (["dots.png", "-o", "net.safetensors", "--minutes", "10min"], ["(='10min')", "not a number; give 10"]),
        (["dots.png", "-o", "net.safetensors", "--hours", "90 minutes"], ["not a number; give 1.5"]),
        (["dots.png", "-o", "net.safetensors", "--keep-every", "1,5h"], ["not a number; give 90"]),
        (["dots.png", "-o", "net.safetensors", "--steps", "2k"], ["at least 1; give 2000"]),
        (["dots.png", "-o", "net.safetensors", "--steps", "2h"], ["at least 1"]),
        (["dots.png", "-o", "net.safetensors", "--hours", "1", "--minutes", "3"], ["`--hours`", "the same as --minutes"]),
        (["dots.png", "-o", "net.safetensors", "--steps", "1", "--hours", "1"], ["`--hours`", "the same as --steps"]),
        (["dots.png", "-o", "net.safetensors", "--keep-every", "0"], ["`--keep-every`", "positive"]),
        (["dots.png", "-o", "tiny.safetensors"], ["`--out`", "holds a network already", "--resume", "another -o"]),
        (["dots.png", "--add-to", "styles", "-o", "tiny.safetensors"], ["`--out`", "holds a network already"]),
        (["dots.png", "-o", "tiny.safetensors", "--resume"], ["`--resume`", "settings that it does not name"]),
        (["dots.png", "-o", "net.safetensors", "--style-weight", "-1"], ["`--style-weight`", "at least 0"]),
        (["dots.png", "-o", "net.safetensors", "--style-layers", "relu9_1"], ["`--style-layers`", "unknown"]),
        (["none.png", "-o", "net.safetensors"], ["none.png"]),
        (["dots.png", "--add-to", "none.safetensors"], ["none.safetensors"]),
        (["dots.png", "-o", "mine.safetensors"], ["`--out`", "damaged or no"]),
        (
            ["dots.png", "photos/DOTS.png", "-o", "net.safetensors"],
            ["(='photos/DOTS.png')", "'dots.png' has that name", "rename the files"],
        ),
        (
            ["a+b.png", "photos/1.png", "dots.png", "2.png", "-o", "net.safetensors"],
            ["(='a+b.png')", "; nor 'photos/1.png', '2.png': a number means"],
        ),
        (["dots.png", "--add-to", "styles"], ["`--out`", "-o NAME.safetensors"]),
        (["dots.png", "--add-to", "stiles", "-o", "net.safetensors"], ["`--add-to`", "did you mean 'styles'"]),
        (["photos/waves.png", "--add-to", "styles", "-o", "net.safetensors"], ["'waves' is in the network already"]),
        (["photos/Dashes.png", "--add-to", "tiny.safetensors"], ["'dashes' is in the network already"]),
    ],
)
def test_bad_input_is_one_line(pictures, styles_file, capsys, arguments, parts):
    shutil.copy(styles_file, "tiny.safetensors")
    with open("mine.safetensors", "w") as file:
        file.write("not a network")
    assert run(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert all(part in line for part in parts), line
    with open("mine.safetensors") as file:
        assert file.read() == "not a network"


def test_hours_and_minutes_are_one_time():
    for command, unit in (("train", "minutes"), ("domains train", "hours")):
        for flag, value in (("--hours", "1.5"), ("--minutes", "90")):
            needed = ["x.png", "--photos", "p"] if command == "train" else ["--a", "p", "--b", "q"]
            arguments = [*command.split(), *needed, flag, value]
            found = course_of(parser_for(arguments).parse_args(arguments), unit)
            assert found[unit] == {"minutes": 90, "hours": 1.5}[unit]
            assert found["flip"]
            assert {"minutes", "hours"} & set(found) == {unit}
