"""Masks: what is read as inside, how it is brought to a size, softened, and shared where masks overlap."""

import numpy as np
import pytest
from conftest import refusal
from PIL import Image

from jaxstyle.pictures import masks


def loaded(source, size=(32, 24)):
    return masks.load(source, size, argument="region").share


def half(height=24, width=32):
    return np.repeat(np.where(np.arange(width) < width // 2, np.uint8(255), np.uint8(0))[None], height, 0)


def test_white_is_inside_black_outside_grey_in_between(tmp_path):
    grey = half()
    grey[:, 20:] = 51
    wanted = grey / np.float32(255)
    Image.fromarray(grey).save(tmp_path / "mask.png")
    for source in (grey, Image.fromarray(grey), tmp_path / "mask.png", str(tmp_path / "mask.png"), np.dstack([grey] * 3)):
        np.testing.assert_allclose(loaded(source), wanted, atol=1e-6)
    np.testing.assert_array_equal(loaded(half() > 0), half() == 255)
    np.testing.assert_array_equal(loaded(half() / 255.0), half() == 255)


def test_a_transparent_picture_is_a_mask_by_its_alpha(tmp_path):
    rgba = np.dstack([np.zeros((24, 32, 3), np.uint8), half()])
    Image.fromarray(rgba).save(tmp_path / "cut.png")
    for source in (rgba, tmp_path / "cut.png"):
        np.testing.assert_array_equal(loaded(source), half() == 255)


@pytest.mark.parametrize("factor", [3, 8])
def test_a_larger_mask_is_averaged_by_area(rng, factor):
    large = rng.integers(0, 256, (24 * factor, 32 * factor), np.uint8)
    squares = large.reshape(24, factor, 32, factor).astype(float).mean((1, 3)) / 255
    np.testing.assert_allclose(loaded(large), squares, atol=1e-5)


def test_white_stays_white_at_every_size():
    for size in ((32, 24), (31, 17), (100, 75), (450, 20)):
        assert (loaded(np.full((60, 80), 255, np.uint8), size) == 1).all()


def test_a_soft_edge_runs_outwards_only():
    share = masks.soften(half(1, 64).astype(np.float32) / 255, 8)[0]
    np.testing.assert_array_equal(share[:32], 1)
    assert (np.diff(share[31:41]) < 0).all()
    np.testing.assert_array_equal(share[41:], 0)
    assert 0.4 < share[36] < 0.6, "half way it is half as much"
    untouched = np.full((5, 5), 0.5, np.float32)
    assert masks.soften(untouched, 8) is untouched
    assert masks.soften(share, 0) is share


def test_later_masks_lie_on_top_and_all_is_shared_out(rng):
    shares = [rng.random((6, 7)).astype(np.float32) for _ in range(3)]
    found, rest = masks.layered(shares)
    np.testing.assert_allclose(sum(found) + rest, 1, atol=1e-6)
    np.testing.assert_array_equal(found[-1], shares[-1])
    for y, x in np.ndindex(6, 7):  # what is left, place by place
        left = 1.0
        for share, got in zip(reversed(shares), reversed(found), strict=True):
            assert got[y, x] == pytest.approx(min(share[y, x], left), abs=2e-5)
            left -= min(share[y, x], left)
        assert rest[y, x] == pytest.approx(left, abs=2e-5)


def test_masks_that_complete_each_other_leave_no_rest():
    ramp = np.tile(np.arange(256, dtype=np.float32) / 255, (4, 1))
    (first, second), rest = masks.layered([ramp, 1 - ramp])
    np.testing.assert_allclose(first, ramp, atol=1e-6)
    np.testing.assert_allclose(second, 1 - ramp, atol=1e-6)
    assert not rest.any()


def test_what_is_no_mask_is_refused(tmp_path):
    Image.new("L", (32, 24)).save(tmp_path / "black.png")
    refusal(lambda: loaded(tmp_path / "black.png"), "region", "black.png", "without a white place")
    refusal(lambda: loaded(tmp_path / "none.png"), "region", "none.png", "does not exist")
    refusal(lambda: loaded("a"), "region", "'a'")
    mask = masks.load(half(), (32, 24), argument="region")
    mask.check_aspect(64, 48, "the picture", "region")
    mask.check_aspect(43, 32, "the picture", "region")
    refusal(lambda: mask.check_aspect(32, 32, "the picture", "region"), "region", "32x24", "32x32 of the picture", "aspect")
