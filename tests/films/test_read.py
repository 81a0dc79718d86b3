"""Films as they are read: upright, in sRGB, each frame at its time."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from film_files import make_film, picture, turned
from PIL import Image

from jaxstyle.errors import ImageError, InputError
from jaxstyle.films import library
from jaxstyle.films.film import Film
from jaxstyle.films.opened import opened
from jaxstyle.films.times import spelt

pytestmark = pytest.mark.usefixtures("empty_folder")


def read(path, **how):
    film = Film(opened(str(path)), "film", **how)
    return film, list(film.frames())


def seconds(film, frames):
    return [float(frame.pts * film.time_base) for frame in frames]


def test_frames_to_the_level_at_uneven_times():
    shown = [0, 40, 45, 200, 1000, 1010]
    film, frames = read(make_film("film.mkv", times=shown, unit=Fraction(1, 1000)))
    assert [frame.pts * film.time_base * 1000 for frame in frames] == shown
    assert all((frame.picture.rgb == picture(number)).all() for number, frame in enumerate(frames))
    assert (film.size, film.source.sound) == ((32, 24), None)
    assert film.source.notices == []


def test_a_part_of_it():
    path = make_film("film.mp4", 20, codec="libx264", pixels="yuv420p", options={"g": "7"})
    film, frames = read(path, start=Fraction("0.4"), end=Fraction("0.6"))
    assert seconds(film, frames) == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])
    assert film.origin == Fraction("0.4")
    whole = read(path)[1]
    assert (frames[0].picture.rgb == whole[10].picture.rgb).all()
    assert film.count == 5
    assert [frame.pts for frame in film.frames(skip=3)] == [frame.pts for frame in frames[3:]]


@pytest.mark.parametrize(("fps", "numbers"), [("50", [0, 0, 1, 1, 2, 2, 3, 3]), ("12.5", [0, 2]), ("25", [0, 1, 2, 3])])
def test_another_rate_repeats_frames_or_leaves_some_out(fps, numbers):
    film, frames = read(make_film("film.mkv", 4), fps=Fraction(fps))
    assert [frame.pts for frame in frames] == list(range(len(numbers)))
    assert [int(frame.picture.rgb[0, 0, 2]) for frame in frames] == [30 + 9 * number for number in numbers]
    assert film.count == len(numbers)
    if fps == "50":
        assert frames[0].picture is frames[1].picture  # it is painted once


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_what_a_phone_filmed_is_upright(degrees):
    plain = make_film("film.mp4", 2, codec="libx264", pixels="yuv420p", aspect=Fraction(4, 3))
    lying = read(plain)[1][0].picture.rgb
    film, frames = read(turned(plain, degrees))
    assert (frames[0].picture.rgb == np.rot90(lying, -degrees // 90)).all()
    assert film.size == frames[0].picture.size
    assert film.source.aspect == (Fraction(4, 3) if degrees == 180 else Fraction(3, 4))


def levels(red, green, blue, matrix, full):
    """Y'CbCr of R'G'B' in [0, 1], in 8 bits, as BT.601 and BT.709 have it."""
    kr, kb = {"601": (0.299, 0.114), "709": (0.2126, 0.0722)}[matrix]
    y = kr * red + (1 - kr - kb) * green + kb * blue
    cb, cr = (blue - y) / (2 - 2 * kb), (red - y) / (2 - 2 * kr)
    return [255 * y, 255 * cb + 128, 255 * cr + 128] if full else [219 * y + 16, 224 * cb + 128, 224 * cr + 128]


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("tag", "height", "matrix"), [(2, 24, "601"), (2, 720, "709"), (1, 24, "709"), (5, 720, "601")])
def test_matrix_and_range(tag, height, matrix, full):
    colour = (0.8, 0.3, 0.1)
    y, cb, cr = (round(level) for level in levels(*colour, matrix, full))
    planes = np.concatenate([np.full(32 * height, y), np.full(8 * height, cb), np.full(8 * height, cr)]).astype(np.uint8)
    tags = {"colorspace": tag, "color_range": 2 if full else 1}
    frame = planes.reshape(-1, 32)
    path = make_film("film.mkv", [frame], pixels="yuv420p", given="yuv420p", tags=tags)
    found = read(path)[1][0].picture.rgb
    assert np.abs(found / 255 - colour).max() < 3 / 255


def test_transparency():
    clear = np.dstack([picture(0), np.full((24, 32), 128, np.uint8)])
    _, (frame,) = read(make_film("film.mkv", [clear], pixels="bgra", given="rgba"))
    assert (frame.picture.alpha == 128).all()
    expected = clear[..., :3] * (128 / 255) + 127
    assert np.abs(frame.picture.rgb - expected).max() < 1


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_animated_pictures(suffix):
    shades = [Image.new("RGB", (32, 24), (60 * number, 90, 200)) for number in range(4)]
    durations = [40, 100, 70, 200]
    shades[0].save(f"film{suffix}", save_all=True, append_images=shades[1:], duration=durations, lossless=True, loop=0)
    film, frames = read(f"film{suffix}")
    assert [frame.duration for frame in frames] == durations
    assert [frame.pts for frame in frames] == [0, 40, 140, 210]
    assert [int(frame.picture.rgb[0, 0, 0]) for frame in frames] == pytest.approx([0, 60, 120, 180], abs=1)
    assert film.count == 4


def test_numbered_pictures_in_natural_order():
    Path("shots").mkdir()
    for number in (1, 2, 10):
        Image.fromarray(picture(number)).save(f"shots/{number}.png")
    for name in ("shots", "shots/*.png"):
        film, frames = read(name)
        assert [int(frame.picture.rgb[0, 0, 2]) for frame in frames] == [39, 48, 120]
        assert (film.rate, seconds(film, frames)) == (25, [0, 0.04, 0.08])
    assert opened("shots", rate=Fraction(12)).rate == 12


def test_frames_that_change_their_size_are_scaled_with_a_word():
    Path("shots").mkdir()
    for number, size in enumerate([(32, 24), (64, 48), (30, 40)]):
        Image.fromarray(picture(number, *size)).save(f"shots/{number}.png")
    film, frames = read("shots")
    assert {frame.picture.size for frame in frames} == {(32, 24)}
    assert film.source.notices == ["film: frame 2 is 64x48 and not 32x24; it is scaled to that, as are others after it"]


def test_what_is_missing_of_a_cut_film_is_said():
    data = Path(make_film("whole.mkv", 100, codec="libx264", pixels="yuv420p")).read_bytes()
    Path("cut.mkv").write_bytes(data[: len(data) // 2])
    film, frames = read("cut.mkv")
    (notice,) = film.source.notices
    end = spelt(frames[-1].pts * film.time_base + Fraction("0.04"))
    assert 10 < len(frames) < 90
    assert notice == f"film: its end is missing: it says 0:04, and its frames end at {end}"
    film, _ = read("whole.mkv")
    assert film.source.notices == []


def test_damaged_frames_are_left_out_and_counted():
    data = bytearray(Path(make_film("film.mkv", 10, options={"slicecrc": "1", "g": "1", "level": "3"})).read_bytes())
    with av.open("film.mkv") as film:
        places = [(packet.pos, packet.size) for packet in film.demux(video=0) if packet.size]
    place, size = places[4]
    data[place + 8 : place + size] = bytes(size - 8)
    Path("film.mkv").write_bytes(data)
    film, frames = read("film.mkv")
    assert len(frames) in (9, 10)  # FFmpeg gives some frames as far as it can
    if len(frames) == 9:
        assert film.source.notices == ["film film.mkv: 1 frames are damaged and left out"]


def test_times_that_are_missing_or_go_back_do_not_stop_it():
    path = make_film("film.avi", 5, codec="mpeg4", pixels="yuv420p")
    _, frames = read(path)
    assert len(frames) == 5
    assert all(before.pts < after.pts for before, after in pairwise(frames))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("film.mp4", None, "does not exist"),
        ("film.mp4", b"no film at all", "is cut short, damaged or no film that can be read"),
        ("film.txt", b"no film at all", "is cut short, damaged or no film that can be read"),
        ("folder", "folder", "holds no picture"),
    ],
)
def test_what_is_no_film(name, content, words):
    if content == "folder":
        Path(name).mkdir()
    elif content:
        Path(name).write_bytes(content)
    with pytest.raises(ImageError, match=words) as caught:
        opened(name)
    assert "\n" not in str(caught.value)


def test_a_cut_mp4_and_one_picture_and_sound_alone():
    data = Path(make_film("whole.mp4", 10, codec="libx264", pixels="yuv420p")).read_bytes()
    Path("cut.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError, match="is cut short"):
        opened("cut.mp4")
    Image.fromarray(picture(0)).save("one.png")
    with pytest.raises(ImageError, match="is one picture and no film; give"):
        opened("one.png")
    with av.open("tone.mp4", "w") as out:
        track = out.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        frame.sample_rate = 48000
        out.mux(track.encode(frame))
        out.mux(track.encode(None))
    with pytest.raises(ImageError, match="holds no video"):
        opened("tone.mp4")


def test_a_part_that_is_not_there():
    source = opened(make_film("film.mkv", 5))
    with pytest.raises(InputError, match=r"`start` \(='0:09'\) is not before the end of the film, 0:00.2"):
        Film(source, "film", start=Fraction(9))
    with pytest.raises(InputError, match=r"`end` \(='0:01'\) must be later than the start, 0:02"):
        Film(source, "film", start=Fraction(2), end=Fraction(1))
    with pytest.raises(InputError, match="holds no frame between"):
        list(Film(source, "film", start=Fraction("0.17"), end=Fraction("0.19")).frames())


def test_without_the_extra_or_with_an_old_one(monkeypatch):
    make_film("film.mkv", 1)
    monkeypatch.setattr(av, "__version__", "16.1.0")
    with pytest.raises(
        InputError, match=r"needs PyAV 17 or newer, and 16.1.0 is installed; run pip install 'jaxstyle\[video\]'"
    ):
        opened("film.mkv")
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(InputError, match=r"needs PyAV, which reads and writes films; run pip install 'jaxstyle\[video\]'"):
        opened("film.mkv")


def test_rates_of_every_version_of_pyav():
    class Ratio:  # AVRational of 19
        numerator, denominator = 30000, 1001

    assert library.fraction(Ratio(), Fraction(25)) == Fraction(30000, 1001)
    assert library.fraction(None, Fraction(25)) == library.fraction(Fraction(0), Fraction(25)) == 25
