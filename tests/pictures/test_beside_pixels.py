"""Files whose pixels are fine and of which something else is not: EXIF, profiles, texts, tags; and the limits of Pillow."""

import io
import struct
import zlib

import numpy as np
import pytest
from conftest import distance, read, smooth
from PIL import Image, ImageCms, PngImagePlugin

from jaxstyle.pictures import files
from jaxstyle.pictures.read import load

PICTURE = smooth()
IGNORED = "is ignored"


def exif(orientation=1):
    found = Image.Exif()
    found[274], found[271], found[305] = orientation, "Camera", "Editor"
    found.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0a comment"
    return found


def encoded(kind, **options):
    file = io.BytesIO()
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(PICTURE).save(file, kind, **{"exif": exif(), "icc_profile": icc, **options})
    return file.getvalue()


def png_chunks(data):
    """(name, body) of each."""
    place = 8
    while place < len(data):
        length, name = struct.unpack(">I4s", data[place : place + 8])
        yield name, data[place + 8 : place + 8 + length]
        place += length + 12


def with_chunks(data, *more, change=lambda name, body: body):
    """A PNG with other bodies of its chunks, and `more` behind the first."""
    found = [(name, change(name, body)) for name, body in png_chunks(data)]
    found[1:1] = more
    parts = (struct.pack(">I4s", len(body), name) + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in found)
    return data[:8] + b"".join(parts)


def rubbish_in_all_chunks(rng):
    """But for those of the pixels; the checksums are right."""
    info = PngImagePlugin.PngInfo()
    info.add_text("workflow", "x" * 200, zip=True)
    data = encoded("PNG", pnginfo=info, dpi=(72, 72))
    return with_chunks(data, change=lambda name, body: body if name[:1].isupper() else rng.bytes(len(body)))


def wrong_checksum(rng):
    data = encoded("PNG")
    end = data.index(b"eXIf") + 4 + len(dict(png_chunks(data))[b"eXIf"])
    return data[:end] + rng.bytes(4) + data[end + 4 :]


def broken_tags(rng):
    """Whatever need not be known of the pixels points behind the end, or says that it is endless."""
    data = bytearray(encoded("TIFF", software="Editor", description="d" * 60, compression="tiff_adobe_deflate"))
    (place,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[place : place + 2])
    for entry in range(place + 2, place + 2 + 12 * count, 12):
        (tag,) = struct.unpack("<H", data[entry : entry + 2])
        if tag in (270, 271, 305, 34665, 34675):
            struct.pack_into("<II", data, entry + 4, 2**31, len(data) + 1000)
    struct.pack_into("<I", data, place + 2 + 12 * count, len(data) - 3)  # another page, of which nothing is there
    return bytes(data)


BROKEN = {
    "transparent colour": lambda rng: with_chunks(encoded("PNG"), (b"tRNS", b"\0")),
    "colours of a JPEG": lambda rng: encoded("JPEG", quality=95).replace(b"\xff\xdb", b"\xff\xee\0\7Adobe\xff\xdb", 1),
    "gamma": lambda rng: with_chunks(encoded("PNG"), (b"gAMA", b"\0"), (b"pHYs", b"\0\0"), (b"cHRM", b"\0")),
    "animation": lambda rng: with_chunks(encoded("PNG"), (b"acTL", b"\0" * 8), (b"fcTL", b"\0" * 3)),
    "all of a PNG": rubbish_in_all_chunks,
    "checksum": wrong_checksum,
    "EXIF of a PNG": lambda rng: encoded("PNG", exif=b"Exif\0\0\0\x08\0\x02\x01\x12\0\x03"),
    "EXIF of a JPEG": lambda rng: encoded("JPEG", exif=b"Exif\0\0" + bytes(32), dpi=(72, 72), quality=95),
    "EXIF of a WebP": lambda rng: encoded("WEBP", exif=b"Exif\0\0rubbish", lossless=True),
    "frames of a JPEG": lambda rng: encoded("MPO", save_all=True, quality=95).replace(b"MPF\0II", b"MPF\0??"),
    "TIFF tags": broken_tags,
}


@pytest.mark.parametrize("what", BROKEN)
def test_only_the_pixels_matter(tmp_path, rng, what):
    path = tmp_path / "picture"
    path.write_bytes(BROKEN[what](rng))
    assert distance(read(path), PICTURE) <= (8 if "JPEG" in what else 0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_rubbish_in_its_place(tmp_path, rng, kind):
    """Some bytes of whatever is no pixel become others: each file is read, and the same but for what a turn changes."""
    options = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}, "TIFF": {"compression": "tiff_adobe_deflate"}}
    data = encoded(kind, **options.get(kind, {}))
    places = [data.find(mark) for mark in (b"Camera", b"Editor", b"a comment", b"acsp", b"desc", b"II*\0", b"MM\0*")]
    for place in [place for place in places for _ in range(4) if place > 8]:
        other = bytearray(data)
        other[place : place + 9] = rng.bytes(9)
        path = tmp_path / "picture"
        path.write_bytes(other)
        assert sorted(read(path).size) == [48, 64]


def test_what_is_broken_is_said(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(BROKEN["EXIF of a PNG"](None))
    assert any("EXIF" in notice and IGNORED in notice for notice in read(path).notices)
    path.write_bytes(BROKEN["gamma"](None))
    assert any("beside its pixels" in notice and IGNORED in notice for notice in read(path).notices)
    path.write_bytes(encoded("PNG"))
    assert read(path).notices == ()


def test_a_sound_orientation_survives_a_broken_chunk(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(with_chunks(encoded("PNG", exif=exif(3)), (b"gAMA", b"\0")))
    assert distance(read(path), PICTURE[::-1, ::-1]) == 0


def test_broken_pixels_stay_broken(tmp_path, rng):
    """That something else is broken too is no reason to take them."""
    path = tmp_path / "a.png"
    noise = rng.integers(0, 256, (40, 40, 3), np.uint8)
    Image.fromarray(noise).save(path)
    data = with_chunks(path.read_bytes(), (b"gAMA", b"\0"))
    place = data.index(b"IDAT") + 1000
    path.write_bytes(data[:place] + bytes(200) + data[place + 200 :])
    with pytest.raises(files.ImageError, match="damaged"):
        read(path)


def test_a_picture_of_pillow_with_a_broken_exif():
    image = Image.fromarray(PICTURE)
    image.info["exif"] = b"Exif\0\0rubbish"
    picture = load(image, argument="content")
    assert distance(picture, PICTURE) == 0
    assert IGNORED in picture.notices[0]


def test_limits_of_pillow_are_lifted_and_put_back(tmp_path, rng):
    """Texts of many megabytes, as image generators write them, and a colour profile of more than one."""
    before = PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    info = PngImagePlugin.PngInfo()
    for index in range(2):
        info.add_text(f"workflow{index}", "x" * 34_000_000, zip=True)
    wide = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes())
    wide += bytes(2_000_000)
    struct.pack_into(">I", wide, 0, len(wide))
    (tmp_path / "a.png").write_bytes(encoded("PNG", pnginfo=info, icc_profile=bytes(wide)))
    picture = read(tmp_path / "a.png")
    assert distance(picture, PICTURE) == 0
    assert "it is for 'Lab' pixels" in picture.notices[0], "the profile was looked at"
    assert before == (PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY)


def test_libtiff_says_nothing(tmp_path, rng, capfd):
    """Its errors go past Python to the terminal."""
    path = tmp_path / "a.tif"
    Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(path, compression="tiff_lzw")
    data = bytearray(path.read_bytes())
    data[2000:6000] = rng.bytes(4000)
    path.write_bytes(data)
    with pytest.raises(OSError, match="decoder error"), Image.open(path) as image:
        image.load()
    assert "tempfile.tif" in capfd.readouterr().err, "as it is without us"
    with pytest.raises(files.ImageError):
        read(path)
    assert capfd.readouterr().err == ""
