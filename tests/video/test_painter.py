"""Films by optimisation: what frames begin with, how steady they are, cuts, films that go on, and one program for all."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxstyle
from jaxstyle.cli.places import SAMPLES
from jaxstyle.errors import InputError
from jaxstyle.flow.reliable import reliability
from jaxstyle.pictures.read import Picture, as_float, load
from jaxstyle.plans.config import Config
from jaxstyle.plans.frames import for_frame
from jaxstyle.plans.resolve import resolve
from jaxstyle.video import carrying, painter as painting
from jaxstyle.video.carrying import AWAY, EDGE, Earlier, carry, recoloured
from jaxstyle.video.painter import CUT, FilmPainter

pytestmark = pytest.mark.usefixtures("small_network")
WIDTH, HEIGHT = 48, 36
STYLE = str(SAMPLES / "swirls.jpg")


@pytest.fixture
def steps(monkeypatch):
    """Flow is what the test says: pixels from a frame to the one before, x before y."""
    said = {"step": (0.0, 0.0), "kept": 1.0}

    def flows(frame, before):
        there = np.broadcast_to(np.float32(said["step"]), (HEIGHT, WIDTH, 2))
        rows = np.arange(HEIGHT)[:, None, None] < said["kept"] * HEIGHT
        return jnp.asarray(there), jnp.asarray(np.where(rows, -there, 50 - there))

    monkeypatch.setattr(carrying, "flows", flows)
    return said


@pytest.fixture(scope="module")
def wide():
    """A photograph that frames are windows of."""
    return load(str(SAMPLES / "coffee.jpg"), argument="content", fit=lambda *_: (160, 60)).rgb


def window(wide, x, y=6):
    return Picture(np.ascontiguousarray(wide[y : y + HEIGHT, x : x + WIDTH]))


def painter_of(picture, steady=0.5, **options):
    plan = resolve(picture.rgb, STYLE, Config(**{"size": "content", "evaluations": 30, **options}))
    return FilmPainter(plan, steady)


def test_a_painting_is_carried_along(rng, steps):
    steps["step"] = (4.0, -2.0)
    frame, before, painting = (rng.random((HEIGHT, WIDTH, 3)).astype(np.float32) for _ in range(3))
    carried = carry(frame, [Earlier(before, painting)])
    image, weight = map(np.asarray, carried)
    inner = slice(2 + EDGE, HEIGHT), slice(0, WIDTH - 4 - EDGE)
    expected = np.roll(painting, (2, -4), (0, 1))
    assert np.abs(image[inner] - expected[inner]).max() < 1e-4
    assert weight[inner].min() == 1
    assert weight[:, WIDTH - 4 - EDGE :].max() == 0 == weight[: 2 + EDGE].max()
    # What comes in has the strokes of a place further inside, which it is equal to up to long waves.
    away = round(AWAY * (WIDTH - 1))
    columns, rows = slice(WIDTH - 4, WIDTH - 1), slice(10, HEIGHT - 4)
    strokes = painting[8 : HEIGHT - 6, WIDTH - away : WIDTH - away + 3]
    there = image[rows, columns]
    clear = (there > 0.02) & (there < 0.98)
    assert np.corrcoef(there[clear], strokes[clear])[0, 1] > 0.8


@pytest.mark.slow
def test_frames_further_back_count_where_nearer_ones_are_not_known(rng, monkeypatch):
    """Of three flows each is wrong in another third of the frame; the oracle is the rule of eq. 10, written out."""
    frame, *paintings = (rng.random((HEIGHT, WIDTH, 3)).astype(np.float32) for _ in range(4))
    wrong = [np.arange(WIDTH) // 16 == k for k in range(3)]
    flows = iter(wrong)

    def each(frame, before):
        there = np.zeros((HEIGHT, WIDTH, 2), np.float32)
        return there, there + 9 * next(flows)[None, :, None]

    monkeypatch.setattr(carrying, "flows", each)
    carried = carry(frame, [Earlier(frame, painting) for painting in paintings])
    zero = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    near, middle, far = (np.asarray(reliability(zero, zero + 9 * k[None, :, None])) for k in wrong)
    shares = [near, np.maximum(middle - near, 0), np.maximum(far - near - middle, 0)]
    known = np.clip(sum(shares), 0, 1)
    expected = sum(share * painting for share, painting in zip(shares, paintings, strict=True)) + (1 - known) * paintings[0]
    assert np.abs(np.asarray(carried.image) - expected).max() < 1e-3
    assert np.abs(np.asarray(carried.weight) - known).max() < 1e-5
    assert 0.2 < shares[1].mean() < 0.5


def test_a_frame_in_a_paintings_colours_is_the_least_squares_map(rng):
    before = rng.random((20, 30, 3)).astype(np.float32)
    true = np.array([[0.5, 0.1, 0.0], [0.1, 0.3, 0.1], [0.0, 0.2, 0.4]], np.float32)
    painting = before @ true + 0.1 + 0.01 * rng.normal(size=before.shape).astype(np.float32)
    frame = rng.random((20, 30, 3)).astype(np.float32)
    columns = np.concatenate([before.reshape(-1, 3), np.ones((600, 1))], 1)
    found, *_ = np.linalg.lstsq(columns, painting.reshape(-1, 3), rcond=None)
    expected = np.clip(frame @ found[:3] + found[3], 0, 1)
    assert np.abs(np.asarray(recoloured(frame, before, painting)) - expected).max() < 0.01


def test_a_pan_is_steady_and_compiled_once(wide, steps):
    steps["step"] = (2.0, 0.0)
    frames = [window(wide, 2 * k) for k in range(4)]
    painter = painter_of(frames[0])
    painted = [painter.paint(frame) for frame in frames[:2]]
    seconds = painter.compiler.seconds
    painted += [painter.paint(frame) for frame in frames[2:]]
    assert painter.compiler.seconds == seconds > 0
    assert [one.is_first for one in painted] == [True, False, False, False]
    assert [one.evaluations for one in painted] == [30, 5, 5, 5] == [painter.budgets[0], *[painter.budgets[1]] * 3]
    alone = [painter_of(frame).paint(frame).image for frame in frames[1:3]]

    def apart(now, before):
        return np.square(now[4:, :-8].astype(float) - before[4:, 2:-6]).mean()

    assert apart(painted[2].image, painted[1].image) < 0.25 * apart(alone[1], alone[0])
    assert painted[2].change == pytest.approx(apart(painted[2].image, painted[1].image), rel=0.8)
    assert painted[1].image.dtype == np.uint8
    assert painted[1].loss["total"] < 3 * painted[0].loss["total"]


@pytest.mark.slow
def test_steadiness_holds_what_is_known(wide, steps, monkeypatch):
    """The flow says that nothing moves, and the frame is another."""
    monkeypatch.setattr(painting, "STRONGEST", 1e6)  # the losses of the small network are small
    first, other = window(wide, 0), window(wide, 60)
    changes = []
    for steady in (0, 1):
        painter = painter_of(first, steady, evaluations=120)
        painter.paint(first)
        changes.append(painter.paint(other).change)

    assert changes[0] > 2 * changes[1] > 0


def test_a_cut_begins_anew(wide, steps):
    frame = window(wide, 0)
    painter = painter_of(frame)
    painter.paint(frame)
    steps["kept"] = CUT / 2
    cut = painter.paint(window(wide, 100))
    assert (cut.is_first, cut.evaluations, cut.change) == (True, 30, None)
    alone = painter_of(frame)
    alone._first = for_frame(alone._first, window(wide, 100))
    assert np.array_equal(cut.image, alone.paint(window(wide, 100)).image)
    steps["kept"] = 1.0
    assert not painter.paint(window(wide, 100)).is_first


@pytest.mark.parametrize(
    "options", [{}, {"colors": "content"}, {"colors": "content-histogram"}, {"strength": 0.5}], ids=["plain", "c", "h", "s"]
)
def test_a_film_goes_on_from_its_pictures(wide, steps, options):
    """Bit for bit, from the last picture alone."""
    steps["step"] = (2.0, 0.0)
    frames = [window(wide, 2 * k) for k in range(3)]
    painter = painter_of(frames[0], **options)
    whole = [painter.paint(frame).image for frame in frames]
    later = painter_of(frames[0], **options)
    later.recall(frames[1:2], whole[1:2])
    assert np.array_equal(later.paint(frames[2]).image, whole[2])


@pytest.mark.slow
def test_what_a_region_keeps_is_the_film_itself(wide, steps, tmp_path):
    from PIL import Image

    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[:, :20] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    steps["step"] = (2.0, 0.0)
    frames = [window(wide, 2 * k) for k in range(3)]
    painter = painter_of(frames[0], regions=(f"{tmp_path / 'mask.png'}=keep",), feather=0)
    painted = [painter.paint(frame).image for frame in frames]
    for frame, image in zip(frames, painted, strict=True):
        assert np.abs(image[:, :18].astype(int) - frame.rgb[:, :18]).max() <= 1
        assert np.abs(image[:, 24:].astype(int) - frame.rgb[:, 24:]).mean() > 5


def test_styles_follow_the_light_of_each_frame(wide):
    """With the content's colours a style has the mean of the frame that is painted, not of the first one."""
    first, darker = window(wide, 0), Picture((window(wide, 0).rgb * 0.5).astype(np.uint8))
    plan = resolve(first.rgb, STYLE, Config(size="content", colors="content-histogram"))
    other = for_frame(plan, darker)
    assert as_float(plan.styles[0]).mean() == pytest.approx(as_float(first).mean(), abs=0.02)
    assert as_float(other.styles[0]).mean() == pytest.approx(as_float(darker).mean(), abs=0.02)
    plain = resolve(first.rgb, STYLE, Config(size="content"))
    assert for_frame(plain, darker).styles is plain.styles


def test_frames_from_python(wide, steps):
    """As the painter makes them; nothing is asked for before its time, and a repeated frame is painted once."""
    steps["step"] = (2.0, 0.0)
    frames = [window(wide, 0).rgb, window(wide, 2).rgb]
    asked = []

    def given():
        for frame in (frames[0], frames[1], frames[1]):
            asked.append(1)
            yield frame

    made = jaxstyle.stylize_frames(given(), STYLE, size="content", evaluations=30)
    assert not asked
    painted = [next(made)]
    assert len(asked) == 1
    painted += made
    painter = painter_of(Picture(frames[0]))
    for one, frame in zip(painted, frames, strict=False):
        assert np.array_equal(one.image, painter.paint(Picture(frame)).image)
    assert painted[2] is painted[1]
    with pytest.raises(InputError, match="steady"):
        jaxstyle.stylize_frames([], STYLE, steady=3)
