"""The command line end to end: pictures, exit codes, one line for each kind of bad input, and Ctrl-C."""

import dataclasses
import importlib.metadata
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from jaxstyle import Config
from jaxstyle.cli.main import main
from jaxstyle.cli.options import flag
from jaxstyle.cli.places import SAMPLES
from jaxstyle.plans.config import GROUPS

CONTENT, STYLE = str(SAMPLES / "chelsea.jpg"), str(SAMPLES / "swirls.jpg")


pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")


def test_stylize_writes_a_picture_and_its_record(capsys):
    assert main(["stylize", CONTENT, STYLE, "-o", "out.png", "--size", "32", "--evaluations", "3", "--seed", "4"]) == 0
    assert sorted(os.listdir()) == ["out.png", "out.png.json"]
    with Image.open("out.png") as image:
        assert image.size == (32, 21)
    with open("out.png.json") as file:
        record = json.load(file)
    assert record["command"].startswith("jaxstyle stylize ")
    assert record["command"].endswith("--evaluations 3 --seed 4")
    assert record["config"]["seed"] == 4
    assert record["config"]["size"] == "32"
    printed = capsys.readouterr()
    assert printed.out == ""
    assert re.search(r"out\.png 32x21, loss [\d.e+]+ .*the budget of 3 evaluations is used up", printed.err)
    assert len(printed.err.splitlines()) == 1


def test_the_output_has_a_name_of_its_own_and_quiet_is_quiet(capsys):
    assert main(["stylize", CONTENT, STYLE, "--size", "32", "--evaluations", "2", "--quiet"]) == 0
    assert sorted(os.listdir()) == ["chelsea-swirls.png", "chelsea-swirls.png.json"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tiff"])
def test_every_format(suffix):
    assert main(["demo", "-o", f"out.{suffix}", "--size", "32", "--evaluations", "1", "-q"]) == 0
    with Image.open(f"out.{suffix}") as image:
        assert image.size == (32, 21)


def test_intermediate_pictures():
    assert main(["demo", "--size", "32", "--evaluations", "10", "--save-every", "4", "-q"]) == 0
    assert sorted(os.listdir()) == ["demo-00004.png", "demo-00008.png", "demo.png", "demo.png.json"]
    first, last = (np.asarray(Image.open(name)) for name in ("demo-00004.png", "demo.png"))
    assert (first != last).any()


def test_notices_are_printed(capsys):
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    assert main(["stylize", "moving.gif", STYLE, "--size", "32", "--evaluations", "1"]) == 0
    assert "note: content moving.gif: animated, its first frame is used" in capsys.readouterr().err


def test_every_field_has_a_flag(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["stylize", "--help-all"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for name in Config.__dataclass_fields__:
        assert flag(name) in text


@pytest.mark.parametrize("command", ["stylize", "demo", "batch", "sweep", "estimate"])
def test_the_help_has_the_groups_in_order(capsys, command):
    with pytest.raises(SystemExit):
        main([command, "--help-all"])
    text = capsys.readouterr().out
    headings = [line.removesuffix(":") for line in text.splitlines() if re.fullmatch(r"[a-z][a-z ]+:", line)]
    assert [heading for heading in headings if heading in GROUPS] == list(GROUPS)
    assert headings[: headings.index(GROUPS[0])] == ["examples", *["arguments"][: command != "demo"]]
    for group in GROUPS:
        start = text.index(f"\n{group}:\n")
        shown = re.findall(r"^  (?:-\w(?: [A-Z]+)?, )?(--[a-z-]+)", text[start + 1 :].partition("\n\n")[0], re.MULTILINE)
        fields = [field.name for field in dataclasses.fields(Config) if field.metadata["group"] == group]
        flags = [flag(name) for name in fields]
        assert [name for name in shown if name in flags] == flags


def test_all_options_of_stylize_begin_with_what_most_need(capsys):
    with pytest.raises(SystemExit):
        main(["stylize", "--help-all"])
    options = re.findall(r"^  (?:-\w(?: [A-Z]+)?, )?(--[a-z-]+)", capsys.readouterr().out, re.MULTILINE)
    assert options[:6] == ["--out", "--size", "--quality", "--evaluations", "--strength", "--style-weight"]
    assert options[-3:] == ["--quiet", "--help", "--help-all"]


def test_the_help_shows_the_values_of_the_usual_preset(capsys, monkeypatch):
    """Those of Gatys' notebook, written out."""
    layers = "relu1_1,relu2_1,relu3_1,relu4_1,relu5_1"
    wanted = {"style-weight": "1000", "content-weight": "1", "tv-weight": "0", "pooling": "max", "init": "content"}
    wanted |= {"content-layers": "relu4_2", "style-layers": layers}
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit):
        main(["stylize", "--help-all"])
    text = capsys.readouterr().out
    shown = dict(re.findall(r"^  --([a-z-]+) (?:(?!^  -).)*?\(default: ([^\s)]+)\)", text, re.MULTILINE | re.DOTALL))
    assert {name: shown.get(name) for name in wanted} == wanted


def test_quiet_may_stand_before_the_command(monkeypatch, capsys):
    """Before an action too; without it, it is as loud as ever."""
    seen = []
    monkeypatch.setattr("jaxstyle.cli.main._handler", lambda command: lambda options: seen.append(options.quiet) or 0)
    domains = ["train", "--a", "x", "--b", "y"]
    for line in (["demo"], ["train", STYLE, "--photos", "x"], ["domains", *domains], ["weights", "fetch"]):
        for argv in (["-q", *line], ["--quiet", *line], [*line, "-q"], line):
            assert main(argv) == 0
    assert main(["domains", "-q", *domains]) == main(["weights", "-q", "fetch"]) == main(["weights", "list"]) == 0
    assert seen == [True, True, True, False] * 4 + [True, True, False]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("argv", [[], ["stylize"], ["weights"], ["weights", "list"], ["domains", "train"]])
def test_the_version_is_shown_before_and_after_a_command(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*argv, "--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"jaxstyle {importlib.metadata.version('jaxstyle')}\n"


BAD = [
    (["stylize", "none.jpg", STYLE], "`content` (='none.jpg') does not exist"),
    (["stylize", CONTENT, "none.jpg"], "`style` (='none.jpg') does not exist"),
    (["stylize", ".", STYLE], "`content` (='.') is a folder"),
    (["stylize", "text.jpg", STYLE], "`content` (='text.jpg') is not a picture that can be read"),
    (["stylize", "cut.jpg", STYLE], "`content` (='cut.jpg') is cut short"),
    (["stylize", "tiny.png", STYLE], "`content` (='tiny.png') is 3x3 pixels"),
    (["stylize", CONTENT, STYLE, "--size", "0"], "`--size` (='0') must be at least 16"),
    (["stylize", CONTENT, STYLE, "--size", "40000"], "`--size` (='40000') must be at most"),
    (["stylize", CONTENT, STYLE, "--size", "big"], "`--size` (='big') is not a size"),
    (
        ["stylize", CONTENT, STYLE, "--style-layers", "rel4_2"],
        "`--style-layers` (='rel4_2') is unknown; did you mean 'relu4_2'?",
    ),
    (["stylize", CONTENT, STYLE, "--preset", "gatis-notebook"], "did you mean 'gatys-notebook'?"),
    (["stylize", CONTENT, STYLE, "--metric", "whi"], "did you mean 'whitened'?"),
    (["stylize", CONTENT, STYLE, "--padding", "reflct"], "did you mean 'reflect'?"),
    (["stylize", CONTENT, STYLE, "--network", "vgg91"], "`--network` (='vgg91') is unknown; did you mean 'vgg19'?"),
    (["stylize", CONTENT, STYLE, "--solver", "adm"], "`--solver` (='adm') is unknown; did you mean 'adam'?"),
    (["stylize", CONTENT, STYLE, "--weights", "no.h5"], "`--weights` (='no.h5') does not exist"),
    (["stylize", CONTENT, STYLE, "--weights", "text.jpg"], "`--weights` (='text.jpg') is of an unknown kind"),
    (["stylize", CONTENT, STYLE, "--network", "vgg16", "--weights", "vgg19"], "holds vgg19, but the network is vgg16"),
    (
        ["stylize", CONTENT, STYLE, "--network", "vgg19"],
        "`--weights` (='tiny.safetensors') holds tiny, but the network is vgg19",
    ),
    (["stylize", CONTENT, STYLE, "--quality", "god"], "`--quality` (='god') is unknown; did you mean 'good'?"),
    (["stylize", CONTENT, STYLE, "-o", "none/out.png"], "`--out` (='none/out.png') cannot be written"),
    (["stylize", CONTENT, STYLE, "-o", "text.jpg/out.png"], "`--out` (='text.jpg/out.png') cannot be written"),
    (
        ["stylize", CONTENT, STYLE, "-o", "out.pgn"],
        "`--out` (='out.pgn') has the unknown suffix '.pgn'; did you mean '.png'?",
    ),
    (["stylize", "same.jpg", STYLE, "-o", "same.jpg"], "`--out` (='same.jpg') is one of the input pictures"),
    (["stylize", CONTENT, STYLE, "--evaluations", "many"], "`--evaluations` (='many') is not a whole number"),
    (["stylize", CONTENT, STYLE, "--style-weight", "heavy"], "`--style-weight` (='heavy') is not a number"),
    (["stylize", CONTENT, STYLE, "--strength", "1.5"], "`--strength` (=1.5) must be a number from 0 to 1"),
    (
        ["stylize", CONTENT, STYLE, "--strength", "0.5", "--style-weight", "5"],
        "`--strength` (=0.5) sets the weights, and so does --style-weight; give the one or the other",
    ),
    (
        ["sweep", CONTENT, STYLE, "--vary", "strength=0.5,1", "--content-weight", "5"],
        "`--strength` (=0.5, 1.0) sets the weights, and so does --content-weight; give the one or the other",
    ),
    (["stylize", CONTENT, STYLE, "--save-every", "0"], "`--save-every` (='0') must be a whole number"),
    (["stylize", CONTENT, STYLE, "--sizes", "64"], "`argument` (='--sizes') is unknown; did you mean '--size'?"),
    (
        ["sweep", CONTENT, STYLE, "--report"],
        "`argument` (='--report') is not for sweep; it is for stylize, demo, video, continue",
    ),
    (["stylize", CONTENT, STYLE, "--regions", "m"], "`argument` (='--regions') is unknown; did you mean '--region'?"),
    (["weights", "list", "--out", "x"], "`argument` (='--out') is unknown; known: --version, --help, --help-all"),
    (["stylize", CONTENT], "required: STYLE"),
    (["demo", "--style", "swirl"], "`--style` (='swirl') is unknown; did you mean 'swirls'?"),
    (["weights", "fetch", "vgg20"], "`name` (='vgg20') is unknown"),
    (["weights", "convert", "text.jpg", "-o", "a.safetensors"], "`file` (='text.jpg') is of an unknown kind"),
    (["weights", "verify", "none.safetensors"], "does not exist"),
    (["-q"], "required: COMMAND"),
    (
        ["-v"],
        "`argument` (='-v') is not one of those that may stand before the command: -h, --help, --help-all, ",
    ),
    (["--size", "32", "stylize", CONTENT, STYLE], "`argument` (='--size') is not one of those that may stand before"),
    (["-q", "estimate"], "`argument` (='--quiet') is not for estimate; leave it out"),
    (["weights", "-q", "list"], "`argument` (='--quiet') is not for weights list; leave it out"),
    (["-q", "stylize", "none.jpg", STYLE], "`content` (='none.jpg') does not exist"),
]


@pytest.mark.parametrize(("argv", "message"), BAD, ids=lambda v: " ".join(v)[-40:] if isinstance(v, list) else "")
def test_bad_input_is_one_line_and_leaves_nothing(capsys, argv, message):
    with open("text.jpg", "w") as file:
        file.write("hello")
    with open(CONTENT, "rb") as file:
        data = file.read()
    for name, content in (("cut.jpg", data[: len(data) // 2]), ("same.jpg", data)):
        with open(name, "wb") as file:
            file.write(content)
    Image.new("RGB", (3, 3)).save("tiny.png")
    before = {name: os.stat(name).st_mtime_ns for name in os.listdir()}
    assert main(argv) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("jaxstyle: error: ")
    assert message in printed.err
    assert len(printed.err.splitlines()) == 1
    assert {name: os.stat(name).st_mtime_ns for name in os.listdir()} == before


def test_a_loss_that_is_not_finite_exits_1(capsys):
    assert main(["demo", "--size", "32", "--style-weight", "1e38"]) == 1
    assert "not finite at the starting image" in capsys.readouterr().err
    assert os.listdir() == []


@pytest.mark.slow
def test_weights_commands(capsys):
    assert main(["weights", "list"]) == 0
    text = capsys.readouterr().out
    assert "vgg19-full" in text
    assert "jaxstyle weights fetch vgg16-full" in text
    assert main(["weights", "verify"]) == 0
    assert capsys.readouterr().out.count("ok") == 3


@pytest.mark.slow
def test_ctrl_c_saves_the_best_image_and_exits_130():
    command = [sys.executable, "-m", "jaxstyle", "demo", "--size", "32", "--evaluations", "100000", "--save-every", "2"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not os.path.exists("demo-00002.png"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped on request after" in err
    with open("demo.png.json") as file:
        record = json.load(file)
    assert record["trace"][-1]["objective"] < record["trace"][0]["objective"]
    with Image.open("demo.png") as image:
        assert image.size == (32, 21)
