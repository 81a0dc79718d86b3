"""The identity test: its measures against plain loops, and a row of its table."""

import sys

import numpy as np
import pytest

from bench.studies import identity


def test_psnr_of_a_known_error(rng):
    image = rng.random((20, 30, 3))
    assert identity.psnr(image + 0.1, image) == pytest.approx(20)


def test_ssim_is_that_of_weighted_windows(rng):
    image, wanted = rng.random((2, 13, 14, 3))
    offsets = np.arange(-5, 6)
    weights = np.exp(-0.5 * (offsets[:, None] ** 2 + offsets**2) / 1.5**2)
    weights /= weights.sum()
    x, y = (picture @ [0.299, 0.587, 0.114] for picture in (image, wanted))
    found = []
    for row in range(5, 8):
        for column in range(5, 9):
            a, b = (plane[row - 5 : row + 6, column - 5 : column + 6] for plane in (x, y))
            ma, mb = np.sum(weights * a), np.sum(weights * b)
            va, vb, ab = (
                np.sum(weights * (p - mp) * (q - mq)) for p, mp, q, mq in ((a, ma, a, ma), (b, mb, b, mb), (a, ma, b, mb))
            )
            top = (2 * ma * mb + 1e-4) * (2 * ab + 9e-4)
            found.append(top / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4)))
    assert identity.ssim(image, wanted) == pytest.approx(np.mean(found), rel=1e-9)
    assert identity.ssim(image, image) == pytest.approx(1)


@pytest.mark.usefixtures("small_network")
def test_a_row(monkeypatch, capsys, tmp_path):
    options = ["--size", "32x21", "--evaluations", "2", "--paintings", "the_scream", "--metrics", "plain"]
    monkeypatch.setattr(sys, "argv", ["identity", *options, "--sheet", str(tmp_path / "sheet.png")])
    identity.main()
    assert "| the_scream | plain |" in capsys.readouterr().out
    assert (tmp_path / "sheet.png").exists()
