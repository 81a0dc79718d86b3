"""Odd surroundings: streams that are closed or know few characters, terminals that can do little, errors of any kind."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from conftest import table
from PIL import Image

from jaxstyle import stylize_batch
from jaxstyle.batch import run as batch_run, survey
from jaxstyle.batch.jobs import make_jobs, shown
from jaxstyle.cli import apply as apply_module, main as command_line
from jaxstyle.cli.main import main
from jaxstyle.cli.places import SAMPLES
from jaxstyle.errors import InputError, JaxstyleError, as_ours, named

CONTENT, STYLE = str(SAMPLES / "chelsea.jpg"), str(SAMPLES / "swirls.jpg")
GLASS, WAVES = (str(SAMPLES / f"{name}.jpg") for name in ("glass", "waves"))
SMALL = ["--size", "32", "--evaluations", "2"]

pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")


# ---- streams and terminals


def test_without_standard_error_a_picture_comes_and_nothing_goes_to_standard_output(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["stylize", CONTENT, STYLE, "-o", "x.png", *SMALL]) == 0
    assert main(["stylize", CONTENT, "none.png", "-o", "y.png", *SMALL]) == 2
    assert capsys.readouterr().out == ""
    with Image.open("x.png") as image:
        image.load()


@pytest.mark.skipif(os.name != "posix", reason="closes streams as a POSIX shell does")
@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- >&- 2>&-", "<&-"])
def test_no_file_takes_the_number_of_a_closed_stream(closed):
    lines = "from jaxstyle.cli.main import *; open_streams(); file = open('x', 'w'); print('lost', file=sys.stderr)"
    code = f"{lines}; os.write(2, b'lost'); file.write(str(file.fileno()))"
    subprocess.run(f'{sys.executable} -c "{code}" {closed}', shell=True, check=True)
    assert int(Path("x").read_text()) > 2


class Terminal(io.TextIOWrapper):
    def __init__(self, encoding="utf-8"):
        super().__init__(io.BytesIO(), encoding=encoding, errors="strict")

    def isatty(self):
        return True

    def shown(self):
        self.flush()
        return self.buffer.getvalue()


@pytest.mark.parametrize(
    ("encoding", "variables"),
    [("ascii", {}), ("utf-8", {"TERM": "dumb"}), ("utf-8", {"COLUMNS": "20"}), ("latin-1", {"NO_COLOR": "1", "COLUMNS": "1"})],
)
def test_terminals_that_can_do_little(encoding, variables, monkeypatch):
    """A file's name may hold what they cannot show."""
    for name, value in ({"TERM": "xterm"} | variables).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal(encoding))
    command_line.open_streams()
    Path("画[b].jpg").write_bytes(Path(CONTENT).read_bytes())
    assert main(["stylize", "画[b].jpg", STYLE, *SMALL]) == 0
    assert main(["batch", "画[b].jpg", "--styles", STYLE, *SMALL]) == 0
    shown = terminal.shown()
    assert b"2 evaluations is used up" in shown.replace(b"\n", b" ")
    assert (b"\x1b" in shown) == (variables.get("TERM") != "dumb")
    assert (b"\\u753b" in shown) == (encoding != "utf-8")


def test_standard_output_that_cannot_be_written(monkeypatch, capsys):
    """A reader that has gone is no error to speak of, a full disk is."""

    class Full:
        def __init__(self, error):
            self.error = error

        def flush(self):
            raise self.error

        def fileno(self):
            return os.dup(2)  # to be turned to nowhere

    monkeypatch.setattr(os, "dup2", lambda *_: None)
    for error, said in ((BrokenPipeError(32, "Broken pipe"), ""), (OSError(28, "No space left on device"), "No space left")):
        monkeypatch.setattr(sys, "stdout", Full(error))
        assert command_line.flushed(0) == 1
        assert command_line.flushed(2) == 2
        assert said in (err := capsys.readouterr().err)
        assert len(err.splitlines()) == 2 * bool(said)


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        "estimate --size 32 --evaluations 2 | head -c 0; echo",
        "--help | head -1",
        "weights list >&- 2>&-; echo",
        "stylize '{}' '{}' --size 32 --evaluations 2 -o x.png 2>&1 | head -c 0; cat x.png | head -c 0; echo",
    ],
)
def test_pipes_of_a_real_process(line):
    command = f"{sys.executable} -m jaxstyle {line.format(CONTENT, STYLE)}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert set(done.stderr.splitlines()) <= {"compiling and measuring, which may take a minute"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting", ["JAX_PLATFORMS=cuda,tpu", "JAX_PLATFORMS=nonsense", "JAX_ENABLE_X64=banana", "XLA_FLAGS=--xla_nonsense=1"]
)
def test_a_variable_of_jax_that_cannot_be_is_one_line(setting):
    name, _, value = setting.partition("=")
    command = [sys.executable, "-m", "jaxstyle", "stylize", CONTENT, STYLE, *SMALL]
    done = subprocess.run(command, env=os.environ | {name: value}, capture_output=True, text=True)
    assert done.returncode in (1, 2)
    (line,) = done.stderr.splitlines()
    assert name in line
    assert value.split(",")[0] in line


# ---- an error stops one of many


def short_of(kind, where, picture):
    """`where`, which raises `kind` for a picture."""

    def call(*given, **how):
        if any(picture in str(one) for one in given):
            raise kind
        return where(*given, **how)

    return call


KINDS = {
    "memory": (MemoryError(), "memory ran out; try --memory low or try a smaller --size"),
    "device": (RuntimeError("RESOURCE_EXHAUSTED: Out of memory\nwhile trying to allocate"), "memory ran out"),
    "strange": (ZeroDivisionError("by\nzero"), "ZeroDivisionError: by zero (JAXSTYLE_DEBUG=1 shows where)"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_one_of_several_in_one_pass(kind, monkeypatch, capsys, styles_file):
    error, said = KINDS[kind]
    monkeypatch.setattr(apply_module, "apply_style", short_of(error, apply_module.apply_style, "swirls"))
    how = ["--network", str(styles_file), "-s", "dots", "--size", "32", "-o", "out", "-q"]
    assert main(["apply", CONTENT, STYLE, GLASS, *how]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"jaxstyle: error: {STYLE}: {said}")
    assert sorted(path.name for path in Path("out").glob("*.png")) == ["chelsea-dots.png", "glass-dots.png"]


@pytest.mark.parametrize("kind", KINDS)
def test_one_of_several_that_cannot_be_read(kind, monkeypatch, capsys):
    error, said = KINDS[kind]
    monkeypatch.setattr(survey, "resolve", short_of(error, survey.resolve, "swirls"))
    assert main(["batch", CONTENT, "--styles", STYLE, GLASS, "-q", *SMALL]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"jaxstyle: error: chelsea, swirls: {said}")
    assert [bool(row["picture"]) for row in table("batch")] == [False, True]


@pytest.mark.parametrize("kind", ["device", "strange"])
def test_one_of_several_at_once(kind, monkeypatch, capsys):
    """They run as members of one program: where that fails each is tried alone."""
    error, said = KINDS[kind]
    run_plans, runs = batch_run.run_plans, []

    def short(engines, plans, *rest, **more):
        runs.append(len(plans))
        if any("swirls" in plan.sources["styles"][0]["path"] for plan in plans):
            raise error
        return run_plans(engines, plans, *rest, **more)

    monkeypatch.setattr(batch_run, "run_plans", short)
    assert main(["batch", CONTENT, "--styles", STYLE, GLASS, WAVES, "-q", *SMALL]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"jaxstyle: error: chelsea, swirls: {said}")
    assert [bool(row["picture"]) for row in table("batch")] == [False, True, True]
    assert runs == [3, 1, 1, 1]


def test_in_python_the_error_stands_in_its_place_and_has_its_cause(monkeypatch):
    error = ZeroDivisionError("by zero")
    monkeypatch.setattr(batch_run, "finish", lambda plan, *_, **__: (_ for _ in ()).throw(error))
    (found,) = stylize_batch(CONTENT, STYLE, size=32, evaluations=2)
    assert isinstance(found, JaxstyleError)
    assert found.__cause__ is error


def test_what_the_callback_raises_ends_a_batch():
    def callback(progress):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        stylize_batch(CONTENT, [STYLE, GLASS], size=32, evaluations=2, callback=callback)


def test_any_error_of_a_command_is_one_line_and_its_place_is_shown_on_demand(monkeypatch, capsys):
    def broken(*_, **__):
        raise KeyError("x" * 1000)

    monkeypatch.setattr("jaxstyle.cli.single.check_replaced", broken)
    assert main(["stylize", CONTENT, STYLE, *SMALL]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("jaxstyle: error: KeyError: 'xxx")
    assert line.endswith("... (JAXSTYLE_DEBUG=1 shows where)")
    assert len(line) < 500
    monkeypatch.setenv("JAXSTYLE_DEBUG", "1")
    assert main(["stylize", CONTENT, STYLE, *SMALL]) == 1
    assert "in broken" in capsys.readouterr().err


def test_a_bad_picture_is_no_fault_of_ours(monkeypatch, capsys):
    """Its error has a cause too."""

    def broken(*_, **__):
        raise InputError("content", "x.png", "cannot be read") from SyntaxError("chunk")

    monkeypatch.setattr("jaxstyle.cli.single.check_replaced", broken)
    assert main(["stylize", CONTENT, STYLE, *SMALL]) == 2
    assert capsys.readouterr().err == "jaxstyle: error: `content` (='x.png') cannot be read\n"


# ---- arguments as they are typed


def test_hints_name_what_the_caller_has(monkeypatch, capsys):
    """Memory has no option in `train`, and Python no options."""
    assert str(as_ours(MemoryError())) == "memory ran out; try memory='low' or try a smaller size"
    monkeypatch.setattr("jaxstyle.cli.train.load_weights", short_of(MemoryError(), None, "None"))
    assert main(["train", STYLE, "--photos", "x", "-o", "n.safetensors"]) == 1
    assert capsys.readouterr().err == "jaxstyle: error: memory ran out; try a smaller --size\n"


def test_an_argument_with_a_value_in_both_spellings():
    error = InputError("style_weight", 5, "goes not", f"with {named('init', 'noise')} and {named('noise_ratio', 0.3)}")
    assert str(error) == "`style_weight` (=5) goes not; with init='noise' and noise_ratio=0.3"
    typed = error.spelt(lambda name, value: f"<{name}>" if value is None else f"<{name} {value}>")
    assert typed == "`<style_weight>` (=5) goes not; with <init 'noise'> and <noise_ratio 0.3>"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--strength", "1.50"], "`--strength` (=1.50) must be"),
        (["--style-weight", "-1e2"], "`--style-weight` (=-1e2) must be"),
        (["--noise-sigma", "nan"], "`--noise-sigma` (=nan) must be"),
        (["--strength", "0.5", "--style-weight", "5"], "and so does --style-weight;"),
        (["--metric", "whitened", "--solver", "adam"], "give --solver lbfgs or --metric plain"),
        (["--feather", "3"], "give --region"),
        (["--colors", "style-only", "--strength", "0.5"], "weighs nothing with --colors style-only"),
        (["--seed", "-1"], "`--seed` (=-1) must be a whole number from 0 to 18446744073709551615"),
        (["--seed", str(2**64)], f"`--seed` (={2**64}) must be"),
        (["--seed", "1e3"], "`--seed` (='1e3') is not a whole number; give 1000"),
        (["--strength", "50%"], "`--strength` (='50%') is not a number; give 0.5"),
        (["--strength", "0,5"], "`--strength` (='0,5') is not a number; give 0.5"),
        (["--feather", "5 %"], "`--feather` (='5 %') is not a number; give 5"),
        (["--style-weight", "1k"], "is not a number; give 1000"),
        (["--style-weight", "2,500"], "is not a number; give 2500"),
        (["--stroke", "2x"], "is not a number; give 2"),
        (["--evaluations", "60.0"], "is not a whole number; give 60"),
        (["--evaluations", "0,5"], "`--evaluations` (='0,5') is not a whole number"),
        (["--save-every", "10px"], "must be a whole number of at least 1; give 10"),
        (["--blend", "70%,30%"], "`--blend` (='70%') is no number; give one such as 0.5"),
        (["--size", "512px"], "`--size` (='512px') is not a size; give the longest side in pixels (512)"),
        (["--size", "16x16"], "`--size` (='16x16') gives a style of "),
        (["--seed", "9" * 5000], "is not a whole number"),
        (["--evaluations", str(2**40)], f"`--evaluations` (={2**40}) must be"),
        (["--save-every", "9" * 5000], "`--save-every` (='9999"),
    ],
)
def test_one_line_with_what_was_typed(argv, said, capsys):
    assert main(["stylize", CONTENT, STYLE, *argv]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert os.listdir() == []


# ---- numbers keep their digits


def test_a_seed_of_64_bits_and_its_replay(capsys):
    """Every bit counts."""
    seeds = [5, 2**32 + 5, 2**64 - 1]
    for seed in seeds:
        run = ["stylize", CONTENT, STYLE, "--init", "noise", "--seed", str(seed), "-o", f"{seed}.png", "-q", *SMALL]
        assert main(run) == 0
    records = [json.loads(Path(f"{seed}.png.json").read_text()) for seed in seeds]
    assert [record["config"]["seed"] for record in records] == seeds
    assert len({record["pixels_sha256"] for record in records}) == 3
    assert main(["replay", f"{seeds[-1]}.png"]) == 0


def test_varied_numbers_that_are_nearly_the_same_have_labels_of_their_own():
    assert shown(1e6) == "1e+06"
    assert [shown(1000001.0), shown(0.1 + 0.2), shown(2.5)] == ["1000001.0", "0.30000000000000004", "2.5"]


def test_too_many_pictures_are_refused_before_they_are_listed(capsys):
    assert main(["batch", CONTENT, "--styles", STYLE, "--seeds", "2147483647", "--init", "noise"]) == 2
    assert "`--seeds` (=2147483647) makes more than 1000000 pictures" in capsys.readouterr().err
    assert main(["batch", CONTENT, "--styles", STYLE, GLASS, "--interpolate", "5000"]) == 2
    assert "`--interpolate` (='5000') must be at most 1001" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"more than 1000000"):
        make_jobs([np.zeros((9, 9, 3))] * 1001, [np.zeros((9, 9, 3))] * 1001)


def test_the_command_line_computes_as_ever_in_64_bits(capsys):
    command = ["stylize", CONTENT, STYLE, "--init", "noise", "-q", *SMALL]
    assert main([*command, "-o", "x.png"]) == 0
    with jax.enable_x64(True):
        assert main([*command, "-o", "y.png"]) == 0
    assert Path("x.png").read_bytes() != b""
    np.testing.assert_array_equal(np.asarray(Image.open("x.png")), np.asarray(Image.open("y.png")))
