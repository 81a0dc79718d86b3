"""Camera RAW files: named as such, whatever they are called and wherever they are given; pictures are not."""

import struct
from pathlib import Path

import pytest
from conftest import read, refusal
from PIL import Image, TiffImagePlugin

from jaxstyle.pictures.find import expand

pytestmark = pytest.mark.usefixtures("empty_folder")
SAID = "is a RAW file of a camera", "export as JPEG or TIFF"


def thumbnail(name, tags):
    """A TIFF of a few pixels, as it stands first in most RAW files."""
    found = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        found[tag] = value
    found[330] = 8
    Image.new("RGB", (160, 120), "teal").save(name, format="TIFF", tiffinfo=found)


@pytest.mark.parametrize("name", ["a.dng", "a.NEF", "a.arw", "a.cr2", "a.pef", "a.tif"])
def test_a_thumbnail_is_not_taken_for_the_picture(name):
    thumbnail(name, {254: 1, 271: "NIKON CORPORATION"})
    refusal(lambda: read(name), "content", name, *SAID)


@pytest.mark.parametrize(
    "head",
    [
        b"II*\0\x10\0\0\0CR\x02\0",
        b"\0\0\0\x18ftypcrx \0\0\0\1",
        b"FUJIFILMCCD-RAW 0201",
        b"IIU\0\x18\0\0\0",
        b"IIRO\x08\0\0\0",
        b"FOVb\0\0\3\0",
        b"II\x1a\0\0\0HEAPCCDR",
        b"\0MRM\0\0\0\0",
    ],
)
def test_what_is_no_tiff_is_known_by_its_beginning(head):
    Path("a").write_bytes(head + bytes(1000))
    refusal(lambda: read("a"), "content", *SAID)


@pytest.mark.parametrize("order", "<>")
def test_a_sensors_pixels_are_known_in_a_file_of_any_name(order):
    mark = b"II*\0" if order == "<" else b"MM\0*"
    entries = struct.pack(f"{order}HHHIH2x", 1, 262, 3, 1, 32803)
    Path("a.tiff").write_bytes(mark + struct.pack(f"{order}I", 8) + entries + bytes(4))
    refusal(lambda: read("a.tiff"), "content", *SAID)


def test_pictures_are_no_raw_files():
    image = Image.new("RGB", (40, 30), "teal")
    image.save("a.tif", tiffinfo={254: 0, 271: "NIKON CORPORATION"})
    image.save("b.dng", format="JPEG"), image.save("c.raw", format="PNG")
    assert [read(name).size for name in ("a.tif", "b.dng", "c.raw")] == [(40, 30)] * 3


def test_a_folder_names_the_raw_files_without_a_picture():
    """Cameras write both; where there is a JPEG beside it, a RAW file is not missed."""
    Path("in").mkdir()
    for name in ("1.jpg", "1.NEF", "2.nef", "x.txt"):
        Path("in", name).write_bytes(b"II*\0" + bytes(100))
    assert expand(["in"], argument="contents") == ["in/1.jpg", "in/2.nef"]
    assert expand(["in/*"], argument="contents") == ["in/1.jpg", "in/2.nef"]
    refusal(lambda: read("in/2.nef"), "content", *SAID)
    refusal(lambda: expand(["in/*.nef"], argument="photos"), "photos", "no picture but 1 RAW files of a camera", SAID[1])
