"""Coarse masks brought to the edges of made pictures, and masks that grow and shrink."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from jaxstyle.masks.edges import grown, refined

RNG = np.random.default_rng(0)


def disc(size, radius, middle=None):
    y, x = np.mgrid[:size, :size]
    cy, cx = middle or (size / 2, size / 2)
    return np.hypot(y + 0.5 - cy, x + 0.5 - cx) < radius


def painted(inside, size=256):
    """A picture in which a region has another colour than the rest; both with grain."""
    image = np.where(inside[..., None], np.float32((0.8, 0.5, 0.3)), np.float32((0.2, 0.4, 0.6)))
    return np.clip(image + RNG.normal(0, 0.03, (size, size, 3)), 0, 1).astype(np.float32)


@pytest.mark.parametrize("offset", [0, 2])
def test_edges_follow_the_photograph(offset):
    """A coarse mask of 64x64, two pixels off, becomes that of the picture to less than a pixel's width on the average."""
    inside = disc(256, 80)
    shifted = disc(256, 80, (128 + offset, 128)).astype(np.float32)
    coarse = np.asarray(Image.fromarray(shifted).resize((64, 64), Image.Resampling.BOX))
    found = refined(coarse, painted(inside))
    assert (found.shape, found.dtype) == ((256, 256), np.float32)
    wrong = np.abs(found - inside).sum() / (2 * np.pi * 80)
    plain = np.abs(np.asarray(Image.fromarray(coarse).resize((256, 256), Image.Resampling.BILINEAR)) - inside).sum()
    assert wrong < 0.8
    assert wrong < 0.7 * plain / (2 * np.pi * 80)


def test_far_from_the_edge_nothing_changes():
    """However the picture looks: only a band along the coarse edge does."""
    inside = disc(256, 80)
    noise = RNG.uniform(0, 1, (256, 256, 3)).astype(np.float32)
    found = refined(inside.astype(np.float32), noise)
    depth = ndimage.distance_transform_edt(inside) - ndimage.distance_transform_edt(~inside)
    np.testing.assert_array_equal(found[depth > 8], 1)
    np.testing.assert_array_equal(found[depth < -8], 0)


def test_where_colours_tell_nothing_the_coarse_edge_stays():
    inside = disc(256, 80)
    found = refined(inside.astype(np.float32), np.full((256, 256, 3), 0.5, np.float32))
    assert np.abs(found - inside).mean() < 0.01


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_mask_without_an_edge_stays(level):
    found = refined(np.full((16, 16), level, np.float32), painted(disc(64, 20), 64))
    np.testing.assert_array_equal(found, level)


@pytest.mark.parametrize("reach", [6, -6])
def test_grown_by_pixels(reach):
    share = disc(128, 30).astype(np.float32)
    found = grown(share, reach)
    radius = np.sqrt(found.sum() / np.pi)
    assert radius == pytest.approx(30 + reach, abs=0.5)
    assert found.dtype == np.float32
    ordered = (share, found) if reach > 0 else (found, share)
    assert (ordered[0] <= ordered[1]).all()


def test_nothing_grows_by_nothing():
    share = disc(32, 9).astype(np.float32)
    assert grown(share, 0) is share
    np.testing.assert_array_equal(grown(np.zeros((8, 8), np.float32), 3), 0)
    np.testing.assert_array_equal(grown(np.ones((8, 8), np.float32), -3), 1)
