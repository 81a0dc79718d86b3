"""Warps against SciPy's splines, and reliability against a plain loop."""

import jax
import numpy as np
import pytest
from scipy import ndimage
from scipy.interpolate import make_interp_spline

from jaxstyle.flow.reliable import long_term, reliability
from jaxstyle.flow.warping import KERNELS, warp

RNG = np.random.default_rng(5)


def cardinal(length, places, degree):
    """What each pixel of a line, mirrored at its ends, counts at places, (P, length): by SciPy's periodic splines."""
    period = 2 * (length - 1) or 1
    knots = np.arange(period * -(-24 // period) + 1)
    pixel = (length - 1) - abs(knots % period - (length - 1)) if length > 1 else 0 * knots
    return make_interp_spline(knots, np.eye(length)[pixel], degree, bc_type="periodic")(places)


@pytest.mark.parametrize(
    ("shape", "kernel"), [((17, 23), kernel) for kernel in KERNELS] + [((5, 1), "cubic"), ((2, 40), "quintic")], ids=str
)
def test_a_warp_is_scipys(shape, kernel):
    h, w = shape
    picture, flow = RNG.random((h, w, 3)), RNG.normal(0, 3, (h, w, 2))
    y, x = np.mgrid[:h, :w] + np.moveaxis(flow, 2, 0)[::-1]
    within = (x >= 0) & (x <= w - 1) & (y >= 0) & (y <= h - 1)
    places = [y.clip(0, h - 1), x.clip(0, w - 1)]
    order = KERNELS[kernel]
    if order <= 5:
        expected = np.stack([ndimage.map_coordinates(picture[..., k], places, order=order, mode="mirror") for k in range(3)], 2)
    else:
        rows, columns = (cardinal(length, at.ravel(), order) for length, at in zip((h, w), places, strict=True))
        expected = np.einsum("ph,pw,hwc->pc", rows, columns, picture).reshape(h, w, 3)
    with jax.enable_x64(True):
        found = jax.jit(warp, static_argnames="kernel")(picture, flow, kernel)
    assert (found.picture.dtype, found.inside.dtype) == (np.float32, bool)
    # In float32: the filter before the spline of degree 9 has a gain of 46 along each axis.
    assert np.abs(found.picture - expected).max() < (1e-4 if order == 9 else 1e-5)
    clear = np.minimum.reduce([abs(x), abs(y), abs(x - w + 1), abs(y - h + 1)]) > 1e-5  # of rounding
    assert np.array_equal(np.asarray(found.inside)[..., 0][clear], within[clear])
    assert 0 < within.sum() < within.size or w == 1


@pytest.mark.slow
def test_pictures_are_warped_at_once():
    pictures, flows = RNG.random((2, 9, 11, 3)), RNG.normal(0, 2, (2, 9, 11, 2))
    together = jax.jit(jax.vmap(warp))(pictures, flows)
    alone = jax.jit(warp)
    for k in range(2):
        assert np.abs(together.picture[k] - alone(pictures[k], flows[k]).picture).max() < 1e-5


@pytest.mark.slow
def test_splines_keep_detail_and_brightness():
    """Twenty warps to and fro by parts of a pixel."""
    texture = ndimage.gaussian_filter(RNG.random((48, 48, 1)), (0.7, 0.7, 0)).astype(np.float32)
    kept = {}
    for kernel in KERNELS:
        moved = jax.jit(warp, static_argnames="kernel")
        found = texture
        for k in range(20):
            found = moved(found, np.full((48, 48, 2), 0.4 * (-1) ** k), kernel).picture
        inner = np.asarray(found)[8:-8, 8:-8]
        kept[kernel] = inner.std() / texture[8:-8, 8:-8].std()
        assert abs(inner.mean() - texture[8:-8, 8:-8].mean()) < 0.01
    assert kept["bilinear"] < 0.6 * kept["quintic"]
    assert kept["bilinear"] < kept["cubic"] < kept["quintic"] < kept["nonic"] <= 1.001


def plain(flow, back):
    """The rule as loops; the Gaussian is SciPy's."""
    h, w, _ = flow.shape
    counted = np.ones((h, w))
    for y in range(h):
        for x in range(w):
            u, v = flow[y, x]
            a, b = x + u, y + v
            if not (0 <= a <= w - 1 and 0 <= b <= h - 1):
                counted[y, x] = 0
                continue
            left, top = min(int(a), w - 2), min(int(b), h - 2)
            s, t = a - left, b - top
            corners = back[top : top + 2, left : left + 2]
            returned = (1 - t) * ((1 - s) * corners[0, 0] + s * corners[0, 1]) + t * (
                (1 - s) * corners[1, 0] + s * corners[1, 1]
            )
            gap = (u + returned[0]) ** 2 + (v + returned[1]) ** 2
            if gap >= 0.01 * (u**2 + v**2 + (returned**2).sum()) + 0.5:
                counted[y, x] = -1
                continue
            down = (flow[min(y + 1, h - 1), x] - flow[max(y - 1, 0), x]) / 2
            right = (flow[y, min(x + 1, w - 1)] - flow[y, max(x - 1, 0)]) / 2
            if (down**2).sum() + (right**2).sum() > 0.01 * (u**2 + v**2) + 0.002:
                counted[y, x] = 0
    return counted, ndimage.gaussian_filter(counted, 0.8, mode="nearest", truncate=4).clip(0, 1)[..., None]


def test_reliability_is_the_rule():
    smooth = [ndimage.gaussian_filter(RNG.normal(0, 1, (24, 31, 2)), (4, 4, 0)) * 12 for _ in range(2)]
    flow = smooth[0] + (2, 1)
    flow[8:15, 10:20] += (3, -2)
    back = -flow + smooth[1] * 0.4
    counted, expected = plain(flow, back)
    assert {-1, 0, 1} == set(counted.ravel())  # every case is there
    assert min((counted == value).mean() for value in (-1, 0, 1)) > 0.05
    found = jax.jit(reliability)(flow, back)
    assert (found.shape, found.dtype) == ((24, 31, 1), np.float32)
    assert np.abs(found - expected).max() < 1e-5


@pytest.mark.slow
def test_a_still_picture_is_reliable_to_its_border():
    assert np.allclose(reliability(np.zeros((6, 7, 2)), np.zeros((6, 7, 2))), 1)


def test_frames_further_back_count_where_nearer_ones_do_not():
    near, middle, far = (np.full((1, 1, 1), value, np.float32) for value in (0.25, 0.5, 1.0))
    assert [float(mask[0, 0, 0]) for mask in long_term([near, middle, far])] == [0.25, 0.25, 0.25]
    assert [float(mask[0, 0, 0]) for mask in long_term([middle, near, far])] == [0.5, 0.0, 0.25]
