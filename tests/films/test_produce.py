"""Films as they are written: times, tags, sound; what a kill leaves, and what a later run makes of it."""

import itertools
import json
import resource
import signal
import weakref
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from film_files import boxes, decoded, heard, make_film, picture, sound, times
from PIL import Image

from jaxstyle.errors import InputError, JaxstyleError
from jaxstyle.films import joined
from jaxstyle.films.film import Film
from jaxstyle.films.forms import CODECS, form_of
from jaxstyle.films.fragments import cut_to_whole_fragments
from jaxstyle.films.opened import opened
from jaxstyle.films.part import Part, Writer
from jaxstyle.films.produce import produce
from jaxstyle.films.sound import Sound

pytestmark = pytest.mark.usefixtures("empty_folder")
KEY = {"style": "waves"}


class Killed(Exception):
    pass


def inverted(frames):
    for frame in frames:
        yield frame, 255 - frame.picture.rgb


def make(source, out, codec=None, *, resume=False, stop=None, kill=None, key=KEY, paint=inverted, **how):
    """A film whose frames are inverted. `kill` leaves it after so many frames as a killed process would."""
    form = form_of(out, codec)
    film = Film(opened(str(source)), "film", is_square=not form.holds_aspect, **how)
    part = Part(Path(out), form, key)
    part.begin(resume)
    if kill is not None:
        writer = Writer(part, film)
        for frame, image in itertools.islice(paint(film.frames(part.done)), kill):
            writer.add(image, frame.pts, frame.duration, frame.picture.alpha)
        if writer._file is not None:
            copies = {path: path.read_bytes() for path in part.segments}  # as it is on the disk now
            writer._container.close()
            writer._file.close()
            for path, data in copies.items():
                path.write_bytes(data)
        return None
    heard_of = Sound(film.source.sound, form)
    made = produce(film, part, heard_of, paint, callback=lambda done: done == stop)
    return film, heard_of.notices + film.source.notices + made.notices, made


def files():
    return sorted(path.name for path in Path().iterdir())


@pytest.mark.parametrize(
    ("out", "codec", "kind", "tagged"),
    [
        ("out.mp4", None, "h264", True),
        ("out.mov", None, "h264", True),
        ("out.mkv", None, "h264", True),
        ("out.mp4", "h265", "hevc", True),
        ("out.webm", None, "vp9", True),
        ("out.mp4", "av1", "libdav1d", True),
        ("out.mkv", "ffv1", "ffv1", False),
    ],
)
def test_what_comes_out(out, codec, kind, tagged):
    shown = [0, 40, 45, 200, 1000, 1010]
    source = make_film("film.mp4", times=shown, unit=Fraction(1, 1000), aspect=Fraction(4, 3))
    _, notices, made = make(source, out, codec)
    assert (notices, made.frames, made.is_whole) == ([], 6, True)
    assert [time * 1000 for time in times(out)] == shown
    with av.open(out) as film:
        stream = film.streams.video[0]
        context, frame = stream.codec_context, next(film.decode(video=0))
        is_square = not form_of(out, codec).holds_aspect
        assert (context.name, context.width, context.height) == (kind, 43 if is_square else 32, 24)
        assert stream.sample_aspect_ratio in ((1, None) if is_square else (Fraction(4, 3),))
        if tagged:
            fields = (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range)
            assert tuple(map(int, fields)) == (1, 1, 1, 1)
            assert frame.format.name == "yuv420p"
    for number, (before, after) in enumerate(zip([255 - picture(n) for n in range(6)], decoded(out), strict=True)):
        before = np.asarray(Image.fromarray(before).resize(after.shape[1::-1], Image.Resampling.BILINEAR))
        assert np.abs(before.astype(int) - after).mean() < (4 if tagged else 1), number
    assert files() == sorted(["film.mp4", out])
    if out.endswith(("mp4", "mov")):
        assert [name for name, *_ in boxes(Path(out).read_bytes()) if name in (b"moov", b"mdat")] == [b"moov", b"mdat"]
        assert codec != "h265" or b"hvc1" in Path(out).read_bytes()


def test_levels_of_every_colour_survive():
    """Plain colours through H.264 and back as a player would, by the formulas of BT.709."""
    colours = [(255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 160, 40), (30, 60, 250), (128, 128, 128)]
    make(make_film("film.mkv", [np.full((24, 32, 3), colour, np.uint8) for colour in colours]), "out.mp4")
    for colour, planes in zip(colours, decoded("out.mp4", "yuv420p"), strict=True):
        y, cb, cr = planes[12, 16], planes[24 + 3, 8], planes[30 + 3, 8]
        r, g, b = (1 - np.array(colour) / 255).tolist()
        luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
        expected = [219 * luma + 16, 224 * (b - luma) / 1.8556 + 128, 224 * (r - luma) / 1.5748 + 128]
        assert np.abs(np.array([y, cb, cr], float) - expected).max() < 2.5


def test_the_sound_is_copied_to_the_byte():
    source = make_film("film.mp4", 30, codec="libx264", pixels="yuv420p", sound="aac")
    for out in ("out.mp4", "out.mkv", "out.mov"):
        _, notices, _ = make(source, out)
        assert notices == []
        assert sound(out) == sound(source)
    assert np.abs(heard("out.mp4") - heard(source)).max() < 1e-6


def test_a_part_has_its_own_sound():
    source = make_film("film.mp4", 50, codec="libx264", pixels="yuv420p", sound="aac")
    make(source, "out.mp4", start=Fraction(1), end=Fraction("1.4"))
    whole, part = heard(source), heard("out.mp4")
    shifts = [np.abs(whole[48000 + shift : 64000 + shift] - part[:16000]).mean() for shift in range(-1024, 1025)]
    assert abs(int(np.argmin(shifts)) - 1024) <= 48  # the millisecond in which an MP4 says where its sound begins
    assert 0.35 < np.flatnonzero(np.abs(part) > 0.01)[-1] / 48000 < 0.45
    assert len(times("out.mp4")) == 10


def test_sound_that_the_container_cannot_hold_is_packed_anew():
    source = make_film("film.mkv", 30, sound="aac")
    _, notices, _ = make(source, "out.webm")
    assert notices == ["the sound is packed anew, as Opus: .webm cannot hold aac"]
    with av.open("out.webm") as film:
        assert film.streams.audio[0].codec_context.name == "opus"
    before, after = heard(source)[4800:48000], heard("out.webm")[4800:48000]
    assert np.corrcoef(before, after)[0, 1] > 0.95  # in time: 10 ms away it would be -1
    source = make_film("film.avi", 30, codec="mpeg4", pixels="yuv420p", sound="adpcm_ms")
    _, notices, _ = make(source, "out.mp4")
    assert notices == ["the sound is packed anew, as AAC: .mp4 cannot hold adpcm_ms"]
    assert np.sqrt(np.mean(heard("out.mp4")[4800:48000] ** 2)) == pytest.approx(0.173, abs=0.01)


def test_sound_that_cannot_be_had_costs_the_sound_only(monkeypatch):
    source = make_film("film.mkv", 5, sound="aac")
    assert make(source, "out.gif")[1] == ["the sound is left out: .gif has none"]

    def broken(self, *where):
        raise ValueError("it is broken")

    monkeypatch.setattr(Sound, "_packets", broken)
    _, notices, made = make(source, "out.mp4")
    assert notices == ["the sound is left out: it cannot be copied or decoded (it is broken)"]
    assert (made.frames, len(times("out.mp4"))) == (5, 5)


def test_odd_sides_lose_a_line_where_they_must_be_even():
    source = make_film("film.mkv", [picture(number, 33, 25) for number in range(3)])
    for out, codec, size in [("out.mp4", None, (32, 24)), ("out.webm", None, (33, 25)), ("out.mkv", "ffv1", (33, 25))]:
        make(source, out, codec)
        frame = decoded(out)[0]
        assert frame.shape[1::-1] == size
    assert (frame == 255 - picture(0, 33, 25)).all()


def test_animated_pictures():
    shades = [np.dstack([np.full((24, 32, 3), 50 * number, np.uint8), np.full((24, 32), 255, np.uint8)]) for number in range(5)]
    for shade in shades:
        shade[:8, :, 3] = 0
    source = make_film("film.mkv", shades, times=[0, 40, 100, 101, 300], unit=Fraction(1, 1000), pixels="bgra", given="rgba")
    for out, durations in [("out.webp", [40, 60, 1, 199]), ("out.gif", [40, 60, 200])]:
        make(source, out)
        with Image.open(out) as made:
            assert made.info["loop"] == 0
            found = []
            for number in range(made.n_frames):
                made.seek(number)
                made.load()
                found.append(made.info["duration"])
                pixels = np.asarray(made.convert("RGBA")).astype(int)
                assert pixels[:8, :, 3].max() == 0
                assert pixels[10:, :, 3].min() == 255
                kept = number if out == "out.webp" or number < 3 else 4
                assert np.abs(pixels[12:, :, :3] - (255 - 50 * kept)).max() < 4
            assert found[: len(durations)] == durations


def test_a_folder_of_pictures():
    _, _, made = make(make_film("film.mkv", 3), "shots")
    assert sorted(path.name for path in Path("shots").iterdir()) == ["000001.png", "000002.png", "000003.png"]
    assert made.frames == 3
    with Image.open("shots/000002.png") as still:
        assert (np.asarray(still) == 255 - picture(1)).all()
    assert files() == ["film.mkv", "shots"]


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


def test_one_frame_and_none():
    assert make(make_film("film.mkv", 1), "out.mp4")[2].frames == 1
    assert len(decoded("out.mp4")) == 1
    film = Film(opened("film.mkv"), "film")
    film.source.shots = lambda start: iter(())
    form = form_of("none.mp4")
    part = Part(Path("none.mp4"), form, KEY)
    part.begin(False)
    with pytest.raises(InputError, match="holds no frame"):
        produce(film, part, Sound(None, form), inverted)
    assert files() == ["film.mkv", "out.mp4"]


def test_memory_does_not_grow_with_the_film():
    """One frame at a time: pictures alive at once are few, however long the film is."""
    alive, most = weakref.WeakSet(), 0

    def watched(frames):
        nonlocal most
        for frame in frames:
            alive.add(frame.picture)
            most = max(most, len(alive))
            yield frame, frame.picture.rgb

    make(make_film("film.mkv", 60), "out.mp4", paint=watched)
    assert 1 <= most <= 5


@pytest.mark.parametrize(
    ("out", "codec", "words"),
    [
        ("out.avi", None, "has the unknown suffix '.avi'; films: .mp4, .m4v, .mov"),
        ("out.mp4", "h246", "is unknown; did you mean 'h265'?"),
        ("out.webm", "h264", "is not for .webm; .webm takes vp9, av1; .mkv takes all"),
        ("out.mov", "ffv1", "is not for .mov"),
        ("out.gif", "vp9", "is for films, and .gif pictures have none"),
        ("out", "vp9", "is for films, and a folder of pictures has none"),
    ],
)
def test_forms_that_cannot_be(out, codec, words):
    with pytest.raises(InputError, match=words.replace("?", r"\?")):
        form_of(out, codec)


def test_no_codec_looks_ahead():
    """Each packet comes as its frame goes in, so that a kill loses nothing that was painted."""
    for codec in CODECS.values():
        film = Film(opened(make_film("film.mkv", 4)), "film")
        part = Part(Path(f"{codec.name}.mkv"), form_of(f"{codec.name}.mkv", codec.name), KEY)
        part.begin(False)
        with Writer(part, film) as writer:
            for number, frame in enumerate(film.frames()):
                writer.add(frame.picture.rgb, frame.pts, frame.duration)
                data = part.segments[0].read_bytes()
                assert sum(name == b"mdat" for name, *_ in boxes(data)) == number + 1, codec.name
