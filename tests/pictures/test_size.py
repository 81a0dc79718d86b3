"""Sizes: what users may write, and what their pictures get, by the rule of Gatys' notebook."""

import numpy as np
import pytest
from conftest import refusal

from jaxstyle.errors import InputError
from jaxstyle.pictures.size import MAX_SIDE, MIN_SIDE, Size, parse_size


@pytest.mark.parametrize(
    ("spec", "picture", "fitted"),
    [
        ("short:512", (1024, 768), (682, 512)),
        ("short:512", (768, 1024), (512, 682)),
        ("short:512", (970, 768), (646, 512)),
        (170, (1024, 768), (170, 127)),
        ("170", (768, 1024), (127, 170)),
        (512, (100, 100), (512, 512)),
        ("682x512", (10, 1000), (682, 512)),
        (" SHORT:64 ", (128, 128), (64, 64)),
        ("20X30", (99, 98), (20, 30)),
        (np.int64(64), (128, 64), (64, 32)),
        (MIN_SIDE, (50, 50), (16, 16)),
        (MAX_SIDE, (50, 25), (8192, 4096)),
        ("content", (123, 4567), (123, 4567)),
        (" Content", (16, 16), (16, 16)),
    ],
)
def test_sizes(spec, picture, fitted):
    size = parse_size(spec)
    assert size.fit(*picture) == fitted
    assert parse_size(str(size)) == size


def test_sizes_are_those_of_gatys_notebook(rng):
    """torchvision's Scale, which the notebook uses: the other side is int(size * other / this)."""
    for width, height, size in rng.integers(100, 3000, (300, 3)):
        short, long = int(min(width, height)), int(max(width, height))
        free = int(int(size) * long / short)
        expected = (int(size), free) if width <= height else (free, int(size))
        if max(expected) <= MAX_SIDE:
            assert parse_size(f"short:{size}").fit(int(width), int(height)) == expected


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        (0, "at least 16"),
        (-5, "at least 16"),
        ("-5", "at least 16"),
        (15, "at least 16"),
        (40000, "at most 8192"),
        (8193, "at most 8192"),
        ("short:8", "at least 16"),
        ("short:9000", "at most 8192"),
        ("8x512", "sides of at least 16"),
        ("512x9000", "sides of at most 8192"),
        ("abc", "is not a size"),
        ("", "is not a size"),
        ("12x", "is not a size"),
        ("x12", "is not a size"),
        ("1x2x3", "is not a size"),
        ("short:", "is not a size"),
        ("short:64x64", "is not a size"),
        ("long:64", "is not a size"),
        ("512.0", "is not a size"),
        ("٥١٢", "is not a size"),
        ("9" * 5000, "is not a size"),
        (True, "is not a size"),
        (512.0, "is not a size"),
        (None, "is not a size"),
        ((64, 64), "is not a size"),
    ],
)
def test_sizes_that_are_refused(spec, part):
    shown = repr(spec) if isinstance(spec, str) else str(spec)
    text = refusal(lambda: parse_size(spec, argument="style-size"), "style-size", part, shown, kind=InputError)
    assert "(512)" in text
    assert "'short:512'" in text
    assert "'682x512'" in text
    assert "'content'" in text


@pytest.mark.parametrize(("width", "height"), [(1000, 37), (37, 1000), (300, 7), (8000, 16)])
def test_too_thin_for_the_longest_side_asked_for(width, height):
    works = next(n for n in range(MIN_SIDE, MAX_SIDE + 1) if int(min(width, height) * n / max(width, height)) >= MIN_SIDE)
    said = f"{width}x{height}", f"the smallest that works is {works}"
    refusal(lambda: parse_size(works - 1, argument="size").fit(width, height), "size", *said, kind=InputError)
    assert min(parse_size(works).fit(width, height)) == MIN_SIDE


@pytest.mark.parametrize(("width", "height"), [(1000, 37), (37, 1000), (700, 300)])
def test_too_long_for_the_shorter_side_asked_for(width, height):
    works = max(n for n in range(MIN_SIDE, MAX_SIDE + 1) if int(max(width, height) * n / min(width, height)) <= MAX_SIDE)
    said = f"{width}x{height}", f"the largest that works is short:{works}"
    refusal(lambda: parse_size(f"short:{works + 1}").fit(width, height), "size", *said, kind=InputError)
    assert max(parse_size(f"short:{works}").fit(width, height)) <= MAX_SIDE


def test_a_picture_that_no_side_suits():
    for spec in ("512", "short:16"):
        refusal(lambda spec=spec: parse_size(spec).fit(16, 16 * 513), "size", "crop it", kind=InputError)
    assert parse_size("64x64").fit(16, 16 * 513) == (64, 64)


def test_a_size_that_nobody_asked_for_enlarges_nothing():
    gentle = Size((512,), gentle=True)
    assert gentle.fit(120, 90) == (120, 90)
    assert gentle.fit(90, 512) == (90, 512)
    assert gentle.fit(1024, 768) == (512, 384)
    assert gentle.fit(3000, 48) == (1000, 16)  # where the shorter side would be too short
    assert Size((16,), gentle=True).fit(80, 16) == (80, 16)


def test_the_pictures_own_size_where_that_is_too_large():
    said = "9000x100 pixels", "at most 8192", "(8192)"
    refusal(lambda: parse_size("content").fit(9000, 100), "size", "(=content)", *said, kind=InputError)
