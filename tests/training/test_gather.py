"""Photographs for a training: what is left out, large ones, memory, and words on the way."""

import itertools
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import refusal, smooth_pictures
from PIL import Image

from jaxstyle.errors import InputError
from jaxstyle.machine import memory
from jaxstyle.pictures import files
from jaxstyle.training import gather as module
from jaxstyle.training.gather import gather
from jaxstyle.training.photographs import SIDE_FACTOR


def test_what_is_left_out_is_one_note_with_a_count(empty_folder):
    """The first with its reason, some more by name."""
    Path("photos").mkdir()
    for i, image in enumerate(smooth_pictures(3, 0)):
        Image.fromarray(image).save(f"photos/{i}.png")
    for name in "abcdef":
        Path(f"photos/{name}.png").write_text("no picture")
    notices = []
    found = gather("photos", 32, notices, good=4)
    assert len(found.sides) == 3
    (notice,) = notices
    assert notice.startswith("left out: 6 of 9 photographs: (='photos/a.png') is not a picture")
    assert notice.endswith("; also photos/b.png, photos/c.png, photos/d.png, 2 more")


def test_a_large_jpeg_is_decoded_at_a_reduced_scale(empty_folder, monkeypatch):
    """And is what all of its pixels would have made, to a level or so."""
    size, sides, decoded = 64, (2400, 1800), files.reduce_or_refuse
    whole = Image.fromarray(smooth_pictures(1, 0)[0]).resize(sides, Image.Resampling.BICUBIC)
    whole.save("large.jpg", quality=95)
    shapes = []

    def watch(im, *rest):
        extent = decoded(im, *rest)
        shapes.append(im.size)
        return extent

    monkeypatch.setattr(files, "reduce_or_refuse", watch)
    found = gather(["large.jpg"], size, [])
    assert shapes == [(300, 225)]
    assert found.sides.tolist() == [[round(SIDE_FACTOR * size), round(SIDE_FACTOR * size * 4 / 3)]]
    wanted = np.asarray(whole.resize((128, 96), Image.Resampling.BOX), float)
    assert np.abs(np.asarray(found.pixels[0]) - wanted).mean() < 1


def test_more_than_memory_holds_is_refused_before_all_are_read(monkeypatch):
    """36x44 pixels each: one by one, in an array, and its copy."""
    pictures = smooth_pictures(8, 0) * 50
    monkeypatch.setattr(memory, "host_available", lambda: 100 * 3 * 36 * 44 * 3)
    read, load = [], module.load

    def slowly(*args, **how):
        read.append(1)
        time.sleep(0.002)  # as a disk does it; one core would read all of these small ones before the first is looked at
        return load(*args, **how)

    monkeypatch.setattr(module, "load", slowly)
    text = refusal(lambda: gather(pictures, 32, []), "photos", "(=400 photographs)", "and 0.00143 GB are free", kind=InputError)
    assert "give about 100, or a smaller --size" in text
    assert len(read) < 400
    assert len(gather(pictures[:100], 32, []).sides) == 100
    monkeypatch.undo()
    monkeypatch.setattr(memory, "available", lambda: 100 * 36 * 44 * 3)  # of a device, which has the array only
    refusal(lambda: gather(pictures, 32, []), "photos", "give about 100, or", kind=InputError)


def test_words_on_the_way_come_every_few_seconds(monkeypatch):
    monkeypatch.setattr(module.time, "monotonic", itertools.count(0, 2).__next__)
    said = []
    gather(smooth_pictures(9, 0), 32, [], what="pictures", saying=said.append)
    assert said == ["reading 3 of 9 pictures", "reading 6 of 9 pictures"]


def test_the_only_photograph_is_refused_with_its_own_reason(empty_folder):
    Path("text.png").write_text("no picture")
    refusal(lambda: gather("text.png", 32, []), "photos", "text.png", "is not a picture")


@pytest.mark.parametrize("size", [33, 47])
def test_a_photograph_that_fits_is_not_scaled_again(size):
    """Also where half a pixel is rounded."""
    found = gather([np.zeros((200, 301, 3), np.uint8)], size, [])
    short = round(SIDE_FACTOR * size)
    assert found.sides.tolist() == [[short, round(301 * short / 200)]]
