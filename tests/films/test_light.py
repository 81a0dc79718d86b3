"""High dynamic range as pictures: transfers against published values, the curve, and 10-bit films end to end."""

from fractions import Fraction

import numpy as np
import pytest
from film_files import make_film

from jaxstyle.films import light
from jaxstyle.films.film import Film
from jaxstyle.films.opened import opened


def test_pq_as_published():
    # BT.2408, table 1: nominal levels of PQ in per cent, rounded to whole ones
    assert np.round(100 * light.pq_signal(np.array([203.0, 26, 1000, 10000, 0]))).tolist() == [58, 38, 75, 100, 0]
    # ST 2084, the formula in plain floats
    for nits in (0.01, 1.0, 100.0, 4000.0):
        power = (nits / 10000) ** 0.1593017578125
        signal = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
        assert light.pq_signal(np.array(nits)) == pytest.approx(signal, rel=1e-12)
        assert light.pq_light(np.array(signal)) == pytest.approx(nits, rel=1e-9)


def test_hlg_as_published():
    # BT.2100: the two halves meet at 1/12, and 1 is 1; BT.2408: 75% is 203 cd/m2 on a screen of 1000
    assert light.hlg_scene(np.array([0, 0.5, 1])) == pytest.approx([0, 1 / 12, 1], abs=1e-6)
    assert 1000 * light.hlg_scene(np.array(0.75)) ** 1.2 == pytest.approx(203, abs=0.6)
    assert light.hlg_scene(np.array(0.5 + 1e-9)) == pytest.approx(1 / 12, abs=1e-6)


def test_the_curve_keeps_what_is_dark_and_ends_at_white():
    nits = np.geomspace(0.01, 1000, 200)
    shown = light.in_range(nits)
    assert shown[-1] == pytest.approx(203)
    assert (np.diff(shown) > 0).all()
    assert shown[nits < 80] == pytest.approx(nits[nits < 80])
    assert (np.diff(shown) / np.diff(nits)).max() < 1 + 1e-6  # nothing is made steeper


def plain(rgb):
    """sRGB of linear light, in levels."""
    return 255 * np.where(rgb <= 0.0031308, 12.92 * rgb, 1.055 * np.maximum(rgb, 0) ** (1 / 2.4) - 0.055)


def test_a_frame_against_the_formulas(rng):
    signal = rng.uniform(0, 0.7, (40, 40, 3))
    shown = light.to_srgb(np.rint(signal * 65535).astype(np.uint16), light.PQ).astype(int)
    nits = light.pq_light(signal)
    top = nits.max(-1, keepdims=True)
    scaled = nits * light.in_range(np.minimum(top, 1000)) / np.minimum(top, 1000) / 203
    expected = plain(np.clip(scaled @ light._TO_709.astype(float).T, 0, 1))
    assert np.abs(shown - expected).max() < 2
    assert np.abs(shown - expected).mean() < 0.4


def test_white_and_grey_stay_grey():
    for transfer in (light.PQ, light.HLG, 1):
        levels = np.repeat(np.linspace(0, 65535, 64).astype(np.uint16)[:, None, None], 3, 2)
        shown = light.to_srgb(levels, transfer)[:, 0].astype(int)
        assert np.ptp(shown, axis=-1).max() <= 1
        assert (np.diff(shown[:, 1]) >= 0).all()
        assert shown[0].tolist() == [0, 0, 0]
        assert shown[-1].min() >= 254


def test_wide_colours_become_those_of_srgb():
    # BT.2087: pure red of BT.709 in linear BT.2020
    red = plain(np.array([0.6274, 0.0691, 0.0164])) / 255
    shown = light.to_srgb(np.rint(red * 65535).astype(np.uint16)[None, None], 14)
    assert shown[0, 0].tolist() == pytest.approx([255, 0, 0], abs=2)


@pytest.mark.parametrize(("transfer", "signal"), [(light.PQ, 0.5807), (light.HLG, 0.75)])
def test_a_10_bit_film(empty_folder, transfer, signal):
    """Grey at 203 cd/m2, limited range, is what the formulas say."""
    y = round((219 * signal + 16) * 4)
    planes = np.concatenate([np.full(32 * 24, y), np.full(2 * 16 * 12, 512)]).astype(np.uint16).reshape(-1, 32)
    tags = {"colorspace": 9, "color_primaries": 9, "color_trc": transfer, "color_range": 1}
    path = make_film("hdr.mkv", [planes], pixels="yuv420p10le", given="yuv420p10le", tags=tags)
    (frame,) = Film(opened(path), "film", Fraction(0)).frames()
    expected = plain(light.in_range(np.array(203.0)) / 203)
    assert np.abs(frame.picture.rgb - expected).max() < 1.5
