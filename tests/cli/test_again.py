"""Finished pictures: replayed to the same pixels, gone on with exactly or from 8 bits, and shown on a page."""

import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.fft import dctn

from jaxstyle import stylize
from jaxstyle.cli.main import main
from jaxstyle.cli.places import SAMPLES
from jaxstyle.plans import schedule
from jaxstyle.results import record
from jaxstyle.transfer import again

pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")

CONTENT, STYLE = str(SAMPLES / "chelsea.jpg"), str(SAMPLES / "swirls.jpg")
SMALL = ["--size", "32", "--evaluations", "12", "-q"]


def pixels(name):
    with Image.open(name) as image:
        return np.asarray(image.convert("RGB"))


def made(name):
    return json.loads(Path(f"{name}.json").read_text())


def copies():
    """Inputs that may be changed."""
    for name, size, colour in (("a.png", (40, 30), "teal"), ("b.png", (32, 32), "orange")):
        image = Image.new("RGB", size, colour)
        image.paste("black", (5, 5, 20, 12))
        image.save(name)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_replay_is_the_same_picture(capsys, suffix):
    out = f"x.{suffix}"
    assert main(["stylize", CONTENT, STYLE, "-o", out, *SMALL, "--init", "noise", "--seed", "7"]) == 0
    before = sorted(os.listdir())
    assert main(["replay", out]) == 0
    assert f"the same picture again, sha256 {made(out)['pixels_sha256']}" in capsys.readouterr().err
    assert sorted(os.listdir()) == before, "there already"
    assert main(["replay", f"{out}.json", "-o", "new.png", "-q"]) == 0
    assert capsys.readouterr().err == ""
    if suffix == "png":
        np.testing.assert_array_equal(pixels("new.png"), pixels(out))


@pytest.mark.slow
def test_a_picture_that_was_moved_is_replayed_by_the_record_inside_it(capsys):
    os.mkdir("there")
    copies()
    assert main(["stylize", "a.png", "b.png", "--init", "b.png", "-o", "x.png", *SMALL]) == 0
    for name in ("a.png", "b.png", "x.png"):
        os.rename(name, f"there/{name}")
    assert main(["replay", "there/x.png"]) == 0
    assert "the same picture again" in capsys.readouterr().err


def test_a_record_of_other_defaults_is_replayed_as_it_was_made():
    """What a run began with and how its evaluations were shared stand in its record; the defaults have changed since."""
    stylize(CONTENT, STYLE, size=64, scales=2, evaluations=6).save("x.png")
    old = made("x.png")
    old["config"]["flat_noise"] = None
    old["start"] = {
        name: value for name, value in old["start"].items() if name not in ("tone", "noise_chroma", "flat_waves")
    } | {"flat_noise": 0.5}
    Path("x.png.json").write_text(json.dumps(old))
    plan = again.load_recorded_run("x.png").plan
    assert (plan.start.flat_noise, plan.start.flat_waves) == (0.5, 0)
    assert (plan.start.tone, plan.start.noise_chroma, plan.chroma) == (0, 1, 1)
    assert [stage.evaluations for stage in plan.stages] == [2, 4], "a third of them coarse"
    del old["start"]["flat_noise"]
    old["start"]["of another version"] = 1
    Path("x.png.json").write_text(json.dumps(old))
    assert again.load_recorded_run("x.png").plan.start.flat_noise == 0


def test_a_picture_that_was_stopped_is_replayed_to_where_it_stopped(monkeypatch, capsys):
    from jaxstyle.transfer import stylize

    plan = again.resolve(CONTENT, STYLE, again.Config(size=32, evaluations=40))
    stylize.carry_out(plan, lambda progress: progress.evaluation == 33).save("x.png")
    assert made("x.png")["evaluations"] == 33
    assert main(["replay", "x.png"]) == 0
    assert "the same picture again" in capsys.readouterr().err


def test_inputs_and_weights_that_changed_or_are_gone_are_named_all_at_once(tiny_params, monkeypatch, capsys, tmp_path):
    copies()
    assert main(["stylize", "a.png", "b.png", "-o", "x.png", *SMALL]) == 0
    Image.new("RGB", (32, 32), "red").save("a.png")
    os.unlink("b.png")
    assert main(["replay", "x.png"]) == 2
    err = capsys.readouterr().err
    assert "`picture` (='x.png') cannot be made again: a.png has changed, b.png is gone" in err
    assert len(err.splitlines()) == 1
    copies()
    monkeypatch.delenv("JAXSTYLE_WEIGHTS")
    assert main(["replay", "x.png"]) == 2
    assert "was made with other weights: tiny" in capsys.readouterr().err


def test_another_picture_is_kept_and_the_reasons_named(capsys):
    copies()
    assert main(["stylize", "a.png", "b.png", "-o", "x.png", *SMALL]) == 0
    known = made("x.png")
    known["versions"]["jax"], known["device"]["kind"], known["pixels_sha256"] = "0.1", "abacus", "0" * 64
    Path("x.png.json").write_text(record.dumps(known))
    assert main(["replay", "x.png"]) == 1
    err = capsys.readouterr().err
    assert "another picture, x-replay.png: 0 of 255 levels apart in the mean, 0 at most; " in err
    assert "jax 0.1, here" in err
    assert "made on 1 x abacus (cpu), here 1 x cpu (cpu)" in err
    np.testing.assert_array_equal(pixels("x-replay.png"), pixels("x.png"))
    changed = pixels("x.png").copy()
    changed[0, 0, 0] ^= 8
    Image.fromarray(changed).save("x.png")
    assert main(["replay", "x.png"]) == 1
    apart = 8 / changed.size
    assert f"{apart:.2g} of 255 levels apart in the mean, 8 at most; " in capsys.readouterr().err


def test_what_has_no_record_is_one_line(capsys):
    copies()
    for argv, words in {
        ("replay", "a.png"): "`picture` (='a.png') has no record",
        ("replay", "none.png"): "`picture` (='none.png') does not exist",
        ("continue", "a.png", "--evaluations", "5"): "`picture` (='a.png') has no record",
        ("continue", "a.png"): "required: --evaluations",
        ("continue", "a.png", "--evaluations", "0"): "`--evaluations` (='0') must be a whole number of at least 1",
    }.items():
        assert main([*argv]) == 2
        err = capsys.readouterr().err
        assert words in err
        assert len(err.splitlines()) == 1


def test_from_its_state_a_picture_goes_on_as_if_nothing_had_been_between(capsys):
    """The last stage, 20 + 10 and 12 + 18 evaluations."""
    run = ["stylize", CONTENT, STYLE, "--size", "32", "--metric", "plain", "-q"]
    assert main([*run, "-o", "whole.png", "--evaluations", "30"]) == 0
    assert main([*run, "-o", "x.png", "--evaluations", "12", "--keep-state"]) == 0
    assert main(["continue", "x.png", "--evaluations", "8", "--keep-state"]) == 0
    assert "x.png goes on from x.png.state, exactly" in capsys.readouterr().err
    assert main(["continue", "x-20.png", "--evaluations", "10", "-o", "y.png"]) == 0
    np.testing.assert_array_equal(pixels("y.png"), pixels("whole.png"))
    for name in ("evaluations", "loss", "stages", "pixels_sha256"):
        assert made("y.png")[name] == made("whole.png")[name]
    assert [e["objective"] for e in made("y.png")["trace"]] == [e["objective"] for e in made("whole.png")["trace"]]
    capsys.readouterr()
    assert main(["replay", "y.png"]) == 0
    assert "the same picture again" in capsys.readouterr().err


def test_without_its_state_a_picture_goes_on_from_its_pixels(capsys):
    assert main(["stylize", CONTENT, STYLE, "-o", "x.png", *SMALL]) == 0
    assert main(["continue", "x.png", "--evaluations", "10", "-o", "y.png"]) == 0
    assert "x.png goes on from the 8-bit picture, since there is no x.png.state" in capsys.readouterr().err
    assert made("y.png")["trace"][0]["loss"] == pytest.approx(made("x.png")["loss"]["total"], rel=0.05)
    assert made("y.png")["loss"]["total"] < made("x.png")["loss"]["total"]
    assert main(["continue", "x.png", "--evaluations", "10", "-o", "x.png"]) == 2
    assert "is one of the input pictures" in capsys.readouterr().err
    assert main(["replay", "y.png"]) == 0
    assert "the same picture again" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("keep", [[], ["--keep-state"]], ids=["picture", "state"])
def test_a_picture_with_a_preview_goes_on_without_leaving_it(monkeypatch, keep):
    monkeypatch.setattr(schedule, "PREVIEW", 32)
    assert (
        main(["stylize", CONTENT, STYLE, "-o", "x.png", "--size", "64", "--evaluations", "12", "--scales", "auto", *keep]) == 0
    )
    assert main(["continue", "x.png", "--evaluations", "10", "-o", "y.png", "--keep-state"]) == 0
    assert made("y.png")["stages"][-1]["held"] == [24, 16]
    assert made("y.png")["loss"]["total"] < made("x.png")["loss"]["total"]
    waves = [dctn(pixels(name), type=2, norm="forward", axes=(0, 1))[:8, :12] for name in ("x.png", "y.png")]
    assert np.abs(waves[0] - waves[1]).max() <= 1, "8-bit levels, for what is clipped and rounded"
    assert main(["continue", "y.png", "--evaluations", "5", "-o", "more.png"]) == 0
    assert made("more.png")["stages"][-1]["held"] == [24, 16]
    for name in ("y", "more"):
        assert main(["replay", f"{name}.png", "-o", f"{name}2.png"]) == 0
        np.testing.assert_array_equal(pixels(f"{name}2.png"), pixels(f"{name}.png"))


@pytest.mark.slow
@pytest.mark.parametrize("scales", [2, "auto"])
def test_a_picture_that_was_stopped_at_a_coarse_size_is_replayed(monkeypatch, capsys, scales):
    monkeypatch.setattr(schedule, "PREVIEW", 24)
    how = dict(size="48x40", scales=scales, evaluations=9, metric="plain")
    stylize(CONTENT, STYLE, callback=lambda progress: progress.evaluation == 2, **how).save("x.png")
    assert [stage["evaluations"] for stage in made("x.png")["stages"]] == [2, 1]
    assert main(["replay", "x.png"]) == 0
    assert "the same picture again" in capsys.readouterr().err


def test_the_state_of_another_run_is_not_taken(capsys):
    assert main(["stylize", CONTENT, STYLE, "-o", "x.png", *SMALL, "--keep-state"]) == 0
    assert main(["stylize", CONTENT, STYLE, "-o", "x.png", *SMALL, "--style-weight", "50"]) == 0
    assert main(["continue", "x.png", "--evaluations", "2", "-o", "y.png"]) == 0
    assert "since x.png.state is of another run" in capsys.readouterr().err


class Page(HTMLParser):
    """What stands in a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.sources, self.open = [], [], []
        self.feed(text)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [["--style-weight", "50"], pytest.param(["--scales", "2"], marks=pytest.mark.slow)], ids=str
)
def test_the_page_of_a_run(options):
    run = ["stylize", CONTENT, STYLE, "-o", "a & b.png", "-q", "--size", "48x32", "--evaluations", "30", "--report"]
    assert main([*run, *options]) == 0
    text = Path("a & b.png.html").read_text()
    page = Page(text)
    assert not page.open
    assert "script" not in page.tags
    assert all(source.startswith(("data:image/jpeg;base64,", "a%20%26%20b.png")) for source in page.sources)
    assert "http" not in text
    assert page.tags.count("svg") == 2
    assert page.tags.count("img") > 3 + 10
    assert page.tags.count("polyline") == 2 * 3
    numbers = [float(n) for way in re.findall(r'points="([^"]*)"', text) for n in re.split("[ ,]", way)]
    assert np.isfinite(numbers).all()
    assert 0 <= min(numbers) <= max(numbers) <= 400
    for shown in ("chelsea.jpg", "swirls.jpg", "the budget of 30 evaluations is used up", "a &amp; b.png", "--report"):
        assert shown in text


def test_the_page_of_a_run_changes_nothing():
    for name, more in (("a.png", []), ("b.png", ["--report"])):
        assert main(["stylize", CONTENT, STYLE, "-o", name, *SMALL, *more]) == 0
    assert made("a.png")["pixels_sha256"] == made("b.png")["pixels_sha256"]


@pytest.mark.parametrize(("name", "option"), [("a.png.html", "--report"), ("a.png.state", "--keep-state")])
def test_a_page_and_a_state_replace_only_our_own(name, option, capsys):
    Path(name).write_text("<html>mine</html>")
    run = ["stylize", CONTENT, STYLE, "-o", "a.png", "--size", "32", "--evaluations", "2", "-q"]
    assert main([*run, option]) == 2
    assert f"`{option}` (='{name}') is a file that jaxstyle did not make" in capsys.readouterr().err
    assert os.listdir() == [name]
    os.unlink(name)
    for _ in range(2):
        assert main([*run, option]) == 0
