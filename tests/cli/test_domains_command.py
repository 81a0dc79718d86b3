"""`jaxstyle domains train`, and `jaxstyle apply` of what it writes: stopping and going on, and what is refused."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from conftest import smooth_pictures
from PIL import Image

from jaxstyle.cli.display import Display
from jaxstyle.cli.main import main
from jaxstyle.domains.network import DomainFile, DomainNetwork, read, write
from jaxstyle.domains.recipe import Recipe
from jaxstyle.domains.step import init_state
from jaxstyle.machine.compiler import Compiler
from jaxstyle.pictures.ours import read_record

SMALL = ["--size", "32", "--width", "2", "--blocks", "1"]
FOLDERS = ["--a", "photos", "--b", "paintings"]


@pytest.fixture
def folders(empty_folder):
    """Four pictures of each kind and a text among them, in the current folder; too few, and too small ones, in others."""
    for number, (folder, count) in enumerate({"photos": 4, "paintings": 4, "few": 3, "small": 4}.items()):
        os.mkdir(folder)
        for i, image in enumerate(smooth_pictures(count, 10 * number)):
            Image.fromarray(image[:20] if folder == "small" else image).save(f"{folder}/{i}.png")
    Path("photos/text.png").write_text("no picture")


def run(*arguments):
    return main(["domains", "train", *arguments, *SMALL])


@pytest.mark.slow
def test_a_network_is_taught_and_paints(folders, monkeypatch, capsys):
    early, compiled = [], Compiler.compile
    with monkeypatch.context() as patch:
        patch.setattr(Compiler, "compile", lambda *args, **how: early.append(capsys.readouterr().err) or compiled(*args, **how))
        assert run(*FOLDERS, "-o", "net.safetensors", "--steps", "2") == 0
    assert early[0].splitlines()[-1] == "compiling, which may take a minute"
    assert "left out: " in early[0]
    said = early[0] + capsys.readouterr().err
    for part in ("left out: ", "text.png", "generator ", "discriminator ", ": a2b, cut; 2 steps"):
        assert part in said
    with Image.open("net-samples.png") as sheet:
        assert sheet.size == (4 * 32, 2 * 32)
    assert main(["apply", "photos/0.png", "--network", "net.safetensors"]) == 0
    assert main(["apply", "photos", "--network", "net.safetensors", "-q", "-o", "out"]) == 1  # the text
    with Image.open("0-net.png") as painted:
        assert painted.size == (44, 36)
    assert sorted(os.listdir("out")) == sorted(f"{i}-net.png{end}" for i in range(4) for end in ("", ".json"))
    record = read_record(Path("0-net.png"))
    assert record is not None
    assert record["config"]["direction"] == "a2b"


def test_the_other_direction(folders):
    """Of a network that has learned nothing."""
    state = init_state(Recipe("cyclegan", 2, 1, 32))
    write("both.safetensors", DomainFile(DomainNetwork(state.average, 2, 1, "cyclegan")))
    assert main(["apply", "photos/0.png", "--network", "both.safetensors", "--direction", "b2a", "-q"]) == 0
    assert os.path.exists("0-both-b2a.png")


@pytest.mark.slow
def test_what_is_interrupted_is_usable_and_goes_on(folders, monkeypatch, capsys):
    assert run(*FOLDERS, "-o", "straight.safetensors", "--steps", "4", "-q") == 0
    advance = Display.advance
    monkeypatch.setattr(Display, "advance", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    assert run(*FOLDERS, "-o", "net.safetensors", "--steps", "4") == 130
    assert "--resume goes on" in capsys.readouterr().err
    assert read("net.safetensors").training["steps"] < 4
    monkeypatch.setattr(Display, "advance", advance)
    assert run(*FOLDERS, "-o", "net.safetensors", "--steps", "4", "--resume", "--method", "cyclegan") == 2
    assert "of a training with --method cut, not cyclegan" in capsys.readouterr().err
    assert run(*FOLDERS, "-o", "net.safetensors", "--steps", "4", "--resume", "--no-flip") == 2
    assert "of a training with no --no-flip; give" in capsys.readouterr().err
    assert run(*FOLDERS, "-o", "net.safetensors", "--steps", "4") == 2
    assert "already, which no other training replaces; --resume goes on with it" in capsys.readouterr().err
    assert run(*FOLDERS, "-o", "net.safetensors", "--steps", "4", "--resume", "-q") == 0
    written = os.stat("net.safetensors").st_mtime_ns
    assert run(*FOLDERS, "-o", "net.safetensors", "--steps", "4", "--resume") == 0
    assert "has its 4 steps already, so nothing is left to do" in capsys.readouterr().err
    assert os.stat("net.safetensors").st_mtime_ns == written
    found, wanted = (read(f"{name}.safetensors").network.generators["a2b"] for name in ("net", "straight"))
    for layer, arrays in wanted.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[layer][name], array)
    assert not os.path.exists(".net.safetensors.part")
    assert main(["apply", "photos/0.png", "--network", "net.safetensors", "--direction", "b2a"]) == 2
    assert "cut learns one direction" in capsys.readouterr().err
    assert main(["apply", "photos/0.png", "--network", "net.safetensors", "--style", "waves"]) == 2
    assert "is of style networks, and this is a domain network" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([*FOLDERS], ["`--out`", "-o NAME.safetensors"]),
        ([*FOLDERS, "-o", "net.png"], ["`--out`", ".safetensors"]),
        ([*FOLDERS, "-o", "mine.safetensors"], ["`--out`", "damaged or no"]),
        ([*FOLDERS, "-o", "net.safetensors", "--steps", "0"], ["`--steps`", "at least 1"]),
        ([*FOLDERS, "-o", "net.safetensors", "--hours", "soon"], ["`--hours`", "not a number"]),
        ([*FOLDERS, "-o", "net.safetensors", "--method", "pix2pix"], ["`--method`", "known: cut, cyclegan"]),
        (["--a", "photos", "--b", "few", "-o", "net.safetensors"], ["`--b` (='few')", "3 pictures", "at least 4"]),
        (
            ["--a", "small", "--b", "photos", "-o", "net.safetensors"],
            ["`--a` (='small')", "44x20, smaller than the crops of 32"],
        ),
        (["--a", "photos", "--b", "photos/", "-o", "net.safetensors"], ["`--b`", "the same pictures as `--a`"]),
        (
            ["--a", "photos", "--b", "few", "photos/1.png", "-o", "net.safetensors"],
            ["photos/1.png", "pictures of `--a` too"],
        ),
        (["--a", "none", "--b", "photos", "-o", "net.safetensors"], ["`--a` (='none')", "does not exist"]),
    ],
)
def test_bad_input_is_one_line(folders, capsys, arguments, parts):
    Path("mine.safetensors").write_text("not a network")
    assert run(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert all(part in line for part in parts), line
    assert Path("mine.safetensors").read_text() == "not a network"
    assert not os.path.exists("net.safetensors")


def test_a_direction_is_not_of_style_networks(folders, styles_file, capsys):
    assert main(["apply", "photos/0.png", "--network", str(styles_file), "--direction", "a2b"]) == 2
    assert "is of domain networks, and this is a style network" in capsys.readouterr().err
