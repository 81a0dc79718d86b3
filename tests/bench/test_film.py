"""The bench of films: its measures against plain NumPy and numbers that are known beforehand."""

import json

import numpy as np
import pytest
from PIL import Image

import jaxstyle
from bench import film as bench
from bench.films import FILMS
from bench.pictures import SAMPLES


@pytest.fixture
def pan():
    return FILMS["pan"](96, 64, 13)


@pytest.fixture
def noise(rng):
    return {i: rng.integers(0, 256, (64, 96, 3), dtype=np.uint8) for i in (0, 1, 2, 11, 12)}


def test_which_frames_are_painted_alone():
    assert bench.alone(12) == [0, 1, 6, 11]
    assert bench.alone(40) == [0, 1, 11, 20, 39]
    assert bench.alone(3) == [0, 1, 2]


def test_flicker_and_sharpness_by_hand(noise, pan):
    sources = {i: pan.frame(i) for i in noise}
    pairs = [(0, 1), (1, 2), (11, 12)]
    wanted, own = (np.mean([np.abs(kept[b].astype(int) - kept[a].astype(int)) for a, b in pairs]) for kept in (noise, sources))
    assert bench.flicker(noise, sources) == pytest.approx(wanted / own)
    assert bench.flicker(sources, sources) == 1
    slope = np.broadcast_to(np.arange(20)[:, None, None] * 3 + np.arange(30)[:, None] * 2, (20, 30, 3))
    assert bench.sharpness(slope.astype(np.uint8)) == pytest.approx(2.5)


def test_warping_errors_by_hand(noise):
    still = FILMS["still"](96, 64, 13)  # where nothing moves a warp is the frame itself
    found = bench.warping(still, noise, 1)
    assert sorted(found) == [1, 2, 12]
    for now, error in found.items():
        assert error == pytest.approx(np.square(noise[now].astype(float) - noise[now - 1]).mean(), rel=1e-4)
    assert sorted(bench.warping(still, noise, bench.FAR)) == [11, 12]


@pytest.mark.usefixtures("small_network")
def test_a_style_that_is_the_content_leaves_no_loss(rgb, tmp_path):
    Image.fromarray(rgb).save(tmp_path / "style.png")
    loss = bench.Canonical(tmp_path / "style.png")
    assert loss(rgb, rgb) < 1e-6 * loss(255 - rgb, rgb)


@pytest.mark.slow
@pytest.mark.usefixtures("small_network")
def test_the_loss_is_that_of_a_run(rgb):
    style = SAMPLES / "starry_night.jpg"
    made = jaxstyle.stylize(rgb, style, size="content", evaluations=1)
    levels = np.rint(255 * made.image).astype(np.uint8)
    assert bench.Canonical(style)(levels, rgb) == pytest.approx(made.loss["total"], rel=2e-2)


def test_measures_of_a_film_that_is_darker_and_half_as_sharp(pan):
    own = {i: pan.frame(i) for i in bench.alone(len(pan))}
    darker = {i: (frame // 2) for i, frame in own.items()}
    found = bench.measured(pan, darker, own, lambda image, source: float(image.sum()))
    by_own = np.mean(list(bench.warping(pan, own, 1).values()))
    means = {i: darker[i].mean() - own[i].mean() for i in (1, 6, 12)}
    assert found["drift"] == pytest.approx(means)
    assert list(found["sharpness"].values()) == pytest.approx([0.5] * 3, rel=0.05)
    assert list(found["loss"].values()) == pytest.approx([0.5] * 3, rel=0.05)
    assert found["warping next of alone"] == pytest.approx(np.mean(list(found["warping next"].values())) / by_own)
    assert 0.15 < found["warping next of alone"] < 0.4
    assert set(bench.measured(pan, darker, own, None)) == {name for name in found if "warping" in name} | {"flicker"}


def test_frames_are_kept_and_not_taken_again(tmp_path, noise):
    folder = bench.Folder(tmp_path / "pan")
    folder.take(bench.ALONE, ((i, frame, 60) for i, frame in noise.items()))
    folder.take("steady 0.5", ((i, frame, 10) for i, frame in list(noise.items())[1:]))
    again = bench.Folder(tmp_path / "pan")

    def never():
        raise AssertionError("is painted again")
        yield

    again.take(bench.ALONE, never())
    for way in (bench.ALONE, "steady 0.5"):
        kept = again.frames(way)
        assert list(kept) == list(noise)
        assert all(np.array_equal(kept[i], noise[i]) for i in noise)
    first = again.costs[bench.ALONE][0]
    assert bench.cost(again.costs["steady 0.5"], first)["evaluations"] == [60, 10]


def test_what_is_written_reads_well(pan, noise):
    own = {i: pan.frame(i) for i in noise}
    costs = {"evaluations": [60, 10.0], "seconds": [31.234, 4.5678]}
    row = bench.measured(pan, noise, own, lambda image, source: 1.0) | costs
    found = bench.rounded({"pan, 13 frames": {"steady 0.5": row}})
    assert json.loads(json.dumps(found)) == found
    last = bench.table(found).splitlines()[-1]
    assert last.startswith("| pan, 13 frames | steady 0.5 | ")
    assert last.endswith("| 60, 10 | 31, 4.6 |")
    assert last.count("|") == bench.table(found).splitlines()[0].count("|")
    made = bench.strip(pan, {"noise": noise})
    assert isinstance(made, Image.Image)
    assert np.array_equal(np.asarray(made)[64 + 14 : 142, 96 + 2 : 194], noise[1])
