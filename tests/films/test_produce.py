"""Films as they are written: times, tags, sound."""

import weakref
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from film_files import boxes, decoded, heard, make_film, picture, sound, times
from film_making import KEY, files, inverted, make
from PIL import Image

from jaxstyle.errors import InputError
from jaxstyle.films.film import Film
from jaxstyle.films.forms import CODECS, form_of
from jaxstyle.films.opened import opened
from jaxstyle.films.part import Part, Writer
from jaxstyle.films.produce import produce
from jaxstyle.films.sound import Sound

pytestmark = pytest.mark.usefixtures("empty_folder")


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
