"""What is left of a film that is killed, stopped or has no room, and what a later run makes of it."""

import json
import resource
import signal
from pathlib import Path

import numpy as np
import pytest
from film_files import boxes, decoded, heard, make_film, picture, sound, times
from film_making import KEY, Killed, files, inverted, make

from jaxstyle.errors import InputError, JaxstyleError
from jaxstyle.films import joined
from jaxstyle.films.film import Film
from jaxstyle.films.forms import form_of
from jaxstyle.films.fragments import cut_to_whole_fragments
from jaxstyle.films.opened import opened
from jaxstyle.films.part import Part
from jaxstyle.films.produce import produce
from jaxstyle.films.sound import Sound

pytestmark = pytest.mark.usefixtures("empty_folder")


@pytest.mark.parametrize(("out", "codec"), [("out.mkv", "ffv1"), ("out.mp4", None), ("out.webm", None), ("shots", None)])
def test_a_killed_run_goes_on(out, codec):
    source = make_film("film.mkv", 9, times=[0, 1, 2, 5, 6, 7, 10, 11, 12], sound="aac")
    make(source, f"whole{Path(out).suffix}", codec)
    make(source, out, codec, kill=4)
    if codec != "ffv1" and Path(out).suffix:
        assert len(decoded(f".{out}.part-1.mp4")) == 4  # it plays
    make(source, out, codec, resume=True, kill=2)
    seen = []

    def counted(frames):
        for frame in frames:
            seen.append(frame.pts)
            yield frame, 255 - frame.picture.rgb

    _, _, made = make(source, out, codec, resume=True, paint=counted)
    assert (len(seen), made.frames) == (3, 9)
    if out == "shots":
        names = sorted(path.name for path in Path("whole").iterdir())
        assert len(names) == 9
        assert all(Path("whole", name).read_bytes() == Path("shots", name).read_bytes() for name in names)
        return
    assert times(out) == times(f"whole{Path(out).suffix}")
    pairs = zip(decoded(out), decoded(f"whole{Path(out).suffix}"), strict=True)
    apart = [np.abs(a.astype(int) - b).mean() for a, b in pairs]
    assert max(apart) == 0 if codec == "ffv1" else max(apart) < 3
    assert codec != "ffv1" or Path(out).read_bytes() == Path("whole.mkv").read_bytes()
    assert not [name for name in files() if "part" in name]


def test_a_kill_at_any_byte_leaves_whole_frames():
    source = make_film("film.mkv", 6)
    make(source, "out.mkv", "ffv1", kill=6)
    data = Path(".out.mkv.part-1.mp4").read_bytes()
    ends = [end for name, _, end in boxes(data) if name == b"mdat"]
    assert len(ends) == 6
    rng = np.random.default_rng(0)
    for cut in (0, 5, ends[0] - 1, ends[0], ends[1] + 3, *rng.integers(0, len(data), 12)):
        Path("cut.mp4").write_bytes(data[:cut])
        cut_to_whole_fragments(Path("cut.mp4"))
        count = sum(end <= cut for end in ends)
        assert Path("cut.mp4").stat().st_size == (ends[count - 1] if count else 0)
        if count:
            frames = decoded("cut.mp4")
            assert len(frames) == count
            assert (frames[-1] == 255 - picture(count - 1)).all()
    Path(".out.mkv.part-1.mp4").write_bytes(data[: ends[2] + 20])
    _, _, made = make(source, "out.mkv", "ffv1", resume=True)
    assert made.frames == 6
    assert all((frame == 255 - picture(number)).all() for number, frame in enumerate(decoded("out.mkv")))


def test_a_stopped_run_leaves_a_film_that_ends_there_and_goes_on():
    source = make_film("film.mp4", 40, codec="libx264", pixels="yuv420p", sound="aac")
    _, _, made = make(source, "out.mp4", stop=15)
    assert (made.frames, made.is_whole) == (15, False)
    assert len(decoded("out.mp4")) == 15
    assert 0.55 < np.flatnonzero(np.abs(heard("out.mp4")) > 0.01)[-1] / 48000 < 0.68
    _, _, made = make(source, "out.mp4", resume=True)
    assert (made.frames, made.is_whole) == (40, True)
    assert sound("out.mp4") == sound(source)
    assert files() == ["film.mp4", "out.mp4"]


def test_a_run_with_other_settings_is_not_gone_on_with():
    source = make_film("film.mkv", 5)
    make(source, "out.mp4", kill=3)
    before = {path: path.read_bytes() for path in Path().iterdir()}
    with pytest.raises(InputError, match="has begun otherwise, with style 'waves' and not 'glass'; give the same options, or"):
        make(source, "out.mp4", resume=True, key={"style": "glass"})
    with pytest.raises(
        InputError, match=r"is begun \(frames painted: 3\); go on with resume, or remove .out.mp4.part to begin anew"
    ):
        make(source, "out.mp4", key={"style": "glass"})
    assert {path: path.read_bytes() for path in Path().iterdir()} == before
    Path(".out.mp4.part").unlink()
    make(source, "out.mp4", key={"style": "glass"})
    assert files() == ["film.mkv", "out.mp4"]


def test_an_error_on_the_way_leaves_what_was_written():
    source = make_film("film.mkv", 6)

    def breaks(frames):
        for number, frame in enumerate(frames):
            if number == 4:
                raise Killed
            yield frame, 255 - frame.picture.rgb

    with pytest.raises(Killed):
        make(source, "out.mp4", paint=breaks)
    assert len(decoded(".out.mp4.part-1.mp4")) == 4
    assert json.loads(Path(".out.mp4.part").read_text())["key"] == KEY
    assert make(source, "out.mp4", resume=True)[2].frames == 6


@pytest.fixture
def full_disk():
    """Files cannot become longer than this allows, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


def noise(frames):
    rng = np.random.default_rng(0)
    for frame in frames:
        yield frame, rng.integers(0, 256, frame.picture.rgb.shape, np.uint8)


@pytest.mark.parametrize("out", ["out.mp4", "shots"])
def test_a_full_disk_loses_nothing(full_disk, out):
    source = make_film("film.mkv", 12)
    full_disk(8000 if out == "out.mp4" else 2000)
    with pytest.raises(
        JaxstyleError, match=r"cannot be written .*; \d+ frames are kept: the same command with --resume"
    ) as caught:
        make(source, out, paint=noise)
    assert "\n" not in str(caught.value)
    full_disk(resource.RLIM_INFINITY)
    seen = []

    def counted(frames):
        for frame in frames:
            seen.append(frame.pts)
            yield frame, 255 - frame.picture.rgb

    assert make(source, out, paint=counted, resume=True)[2].frames == 12
    assert len(seen) == 12 if out == "shots" else 0 < len(seen) < 12


def test_a_film_that_cannot_be_put_in_its_place_is_kept(monkeypatch):
    source = make_film("film.mkv", 4)

    def refused(*names):
        raise PermissionError(13, "it is in use")

    film, form = Film(opened(source), "film"), form_of("out.mp4")
    known = Part(Path("out.mp4"), form, KEY)
    known.begin(False)
    with monkeypatch.context() as patched:
        patched.setattr(joined.os, "replace", refused)
        part = "what is painted is kept without sound in .out.mp4.part-1.mp4, and the same command with --resume"
        with pytest.raises(JaxstyleError, match=f"cannot be written .it is in use.; {part}"):
            produce(film, known, Sound(None, form), inverted)
    assert files() == [".out.mp4.part", ".out.mp4.part-1.mp4", "film.mkv"]
    assert (
        make(
            source,
            "out.mp4",
            resume=True,
        )[2].frames
        == 4
    )
