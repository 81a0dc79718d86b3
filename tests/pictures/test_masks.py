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


def labels(*values):
    """A mask whose left half is of the first value, its right one of the last, and the others stand between."""
    found = np.full((24, 32), values[0])
    for place, value in enumerate(values[1:-1]):
        found[place, 10:20] = value
    found[:, 16:] = values[-1]
    return found


def test_labels_0_and_1_are_black_and_white_with_a_notice(tmp_path):
    wanted = labels(0, 1)
    bytes_, wide = wanted.astype(np.uint8), np.full((24 * 90, 32 * 90), 0, np.uint8)
    wide[:, 16 * 90 :] = 1
    Image.fromarray(bytes_).save(tmp_path / "grey.png")
    Image.fromarray(np.dstack([bytes_] * 3)).save(tmp_path / "colours.png")
    Image.fromarray(np.dstack([bytes_ * 0] * 3 + [bytes_])).save(tmp_path / "alpha.png")
    Image.fromarray((bytes_ * 255).astype(np.uint16)).save(tmp_path / "sixteen.png")
    Image.fromarray(wide).save(tmp_path / "wide.png")
    palette = Image.fromarray(bytes_, "L").convert("P")
    palette.save(tmp_path / "palette.png")
    for name in ("grey", "colours", "alpha", "sixteen", "wide", "palette"):
        mask = masks.load(tmp_path / f"{name}.png", (32, 24), argument="region")
        np.testing.assert_allclose(mask.share, wanted, atol=1e-6, err_msg=name)
        assert f"region {name}.png: its brightest level is 1 of 255" in mask.notices[0]
    assert masks.load(bytes_, (32, 24), argument="region").notices[0].startswith("region: ")


def test_what_is_white_needs_no_notice(tmp_path):
    Image.fromarray(labels(0, 1).astype(np.float32)).save(tmp_path / "float.tiff")
    Image.fromarray(labels(0, 1).astype(bool)).save(tmp_path / "bits.png")
    Image.fromarray((labels(0, 1) * 65535).astype(np.uint16)).save(tmp_path / "sixteen.tiff")
    for source in (tmp_path / "float.tiff", tmp_path / "bits.png", tmp_path / "sixteen.tiff", labels(0, 1) > 0):
        mask = masks.load(source, (32, 24), argument="region")
        np.testing.assert_array_equal(mask.share, labels(0, 1))
        assert mask.notices == ()


@pytest.mark.parametrize("values", [(0, 2), (0, 7), (0, 1, 2, 3), (1, 2, 15)])
def test_other_labels_are_refused(tmp_path, values):
    Image.fromarray(labels(*values).astype(np.uint8)).save(tmp_path / "m.png")
    said = "m.png", f"brightest level is {max(values)} of 255", "labels", "white (255)"
    refusal(lambda: loaded(tmp_path / "m.png"), "region", *said)


def test_labels_in_colours_and_of_16_bits_are_refused(tmp_path):
    palette = Image.fromarray(labels(0, 1, 15).astype(np.uint8), "P")
    palette.putpalette([level for i in range(256) for level in (128 * (i & 1), 64 * (i & 2), 32 * (i & 4))])
    palette.save(tmp_path / "voc.png")
    refusal(lambda: loaded(tmp_path / "voc.png"), "region", "voc.png", "in colours", "white (255)")
    Image.fromarray(labels(0, 1).astype(np.uint16)).save(tmp_path / "wide.png")
    refusal(lambda: loaded(tmp_path / "wide.png"), "region", "wide.png", "without a white place", "labels")


def test_a_grey_mask_is_taken_and_its_brightest_place_told():
    for level, told in ((128, True), (40, True), (251, False), (255, False)):
        mask = masks.load(np.full((24, 32), level, np.uint8), (32, 24), argument="region")
        np.testing.assert_allclose(mask.share, level / 255, atol=1e-6)
        assert mask.notices == (
            (f"region: its brightest level is {level} of 255, so no place lies wholly inside",) if told else ()
        )


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
