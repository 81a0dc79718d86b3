"""The run record: beside the picture and inside it, what may be told there, and whose files stay as they are."""

import json
import os

import numpy as np
import pytest
from conftest import refusal
from PIL import Image

from jaxstyle import stylize
from jaxstyle.cli.places import SAMPLES
from jaxstyle.pictures import comment, ours, write
from jaxstyle.results import record

pytestmark = pytest.mark.usefixtures("small_network")

SUFFIXES = ["png", "jpg", "webp", "tif"]
SECRET = "someone's folder, of C++ & more"


@pytest.fixture(scope="module")
def made(tmp_path_factory, small_weights):
    """A result whose inputs, start and weights lie in a folder of a telling name."""
    folder = tmp_path_factory.mktemp("inputs") / SECRET
    folder.mkdir()
    for name in ("chelsea.jpg", "swirls.jpg"):
        (folder / name).write_bytes((SAMPLES / name).read_bytes())
    content, style = folder / "chelsea.jpg", folder / "swirls.jpg"
    result = stylize(content, style, size=32, evaluations=2, init=str(content), weights=str(small_weights))
    result.record["command"] = f"jaxstyle stylize '{content}' '{style}'"
    return result


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_picture_tells_how_it_was_made(made, tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    assert made.save(path) == ()
    whole = ours.read_record(path)
    assert whole == ours.read_record(f"{path}.json") == json.loads((tmp_path / f"x.{suffix}.json").read_text())
    moved = path.rename(tmp_path / f"moved.{suffix}")
    told = ours.read_record(moved)
    assert told["config"] == whole["config"] | {"init": "chelsea.jpg", "weights": "tiny.safetensors"}
    assert told["inputs"]["content"] == {"path": "chelsea.jpg", "sha256": whole["inputs"]["content"]["sha256"]}
    assert {*whole} - {*told} == {"command", "notices", "memory", "trace"}
    assert all(told[name] == whole[name] for name in ("loss", "size", "stages", "versions", "weights", "seconds"))
    data = moved.read_bytes()
    assert b"jaxstyle-run" in data
    assert not any(part in data for part in (b"someone", b"more", os.fsencode(tmp_path.name), b"stylize"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_is_told_where_that_is_not_wanted(made, tmp_path, suffix):
    made.save(tmp_path / f"x.{suffix}", metadata=False)
    data = (tmp_path / f"x.{suffix}").read_bytes()
    assert not any(word in data for word in (b"jaxstyle", b"chelsea", b"relu"))
    assert ours.read_record(tmp_path / f"x.{suffix}")["trace"]
    os.unlink(tmp_path / f"x.{suffix}.json")
    assert ours.read_record(tmp_path / f"x.{suffix}") is None


def test_pixels_do_not_depend_on_what_is_told(made, tmp_path):
    made.save(tmp_path / "a.png"), made.save(tmp_path / "b.png", metadata=False)
    a, b = (np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png"))
    np.testing.assert_array_equal(a, b)


def test_a_record_of_another_run_is_not_taken_for_this_ones(made, tmp_path):
    """As where a picture was copied over another one, or the disk was full when its record was due."""
    made.save(tmp_path / "a.png")
    other = made.record | {"seconds": {"compile": 0.0, "solve": 1e9}}
    (tmp_path / "a.png.json").write_text(record.dumps(other))
    assert "trace" not in ours.read_record(tmp_path / "a.png")
    assert ours.read_record(tmp_path / "a.png")["seconds"]["solve"] < 1e9


@pytest.mark.parametrize("text", ['{"mine": 1}', "[1, 2]", "not json", "", "[" * 100_000, '{"schema": "other-run-2"}'])
def test_a_file_of_the_users_stays_where_the_record_would_go(made, tmp_path, text):
    (tmp_path / "a.png.json").write_text(text)
    (notice,) = made.save(tmp_path / "a.png")
    assert "a.png.json is no record of ours and stays as it is" in notice
    assert ours.read_record(tmp_path / "a.png")["evaluations"] == 2
    refusal(lambda: made.save(tmp_path / "a.png", metadata=False), "out", "a.png.json", "is no record of ours")
    assert (tmp_path / "a.png.json").read_text() == text
    assert sorted(os.listdir(tmp_path)) == ["a.png", "a.png.json"]


def test_what_is_ours(made, tmp_path):
    picture = Image.open(SAMPLES / "chelsea.jpg")
    for suffix in SUFFIXES:
        picture.save(tmp_path / f"theirs.{suffix}")
        write.save(tmp_path / f"ours.{suffix}", np.zeros((16, 16, 3)))
        assert comment.read(tmp_path / f"ours.{suffix}") == ""
        assert ours.is_ours(tmp_path / f"ours.{suffix}")
        assert not ours.is_ours(tmp_path / f"theirs.{suffix}")
    made.save(tmp_path / "silent.png", metadata=False)
    assert ours.is_ours(tmp_path / "silent.png")
    assert ours.is_ours(tmp_path / "silent.png.json")
    (tmp_path / "text.png").write_text("x")
    assert not any(ours.is_ours(tmp_path / name) for name in ("text.png", "none.png", "none.json"))
    assert ours.read_record(tmp_path / "none.png") is None


def test_a_record_that_no_jpeg_holds(made, tmp_path, monkeypatch):
    monkeypatch.setitem(made.record, "labels", {"style": "x" * 70_000})
    (notice,) = made.save(tmp_path / "a.jpg")
    assert "too long to stand inside" in notice
    assert ours.read_record(tmp_path / "a.jpg")["labels"]["style"] == "x" * 70_000
