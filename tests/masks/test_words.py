"""Words for masks: how they are read, what they find, and what is said where they find nothing."""

from pathlib import Path

import numpy as np
import pytest
from conftest import refusal
from PIL import Image

import jaxstyle
from jaxstyle.errors import ImageError, InputError
from jaxstyle.masks import faces, sources, subjects
from jaxstyle.masks.words import MaskWord, nearest_word, parse_word
from jaxstyle.pictures import comment
from jaxstyle.pictures.read import Picture

with np.load(Path(__file__).with_name("recorded.npz")) as _file:
    PHOTOGRAPH = _file["image"]
GREY = np.full((64, 64, 3), 128, np.uint8)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("faces", MaskWord("faces")),
        (" Faces ", MaskWord("faces")),
        ("not:people", MaskWord("people", inverted=True)),
        ("subject+3%", MaskWord("subject", grown=3)),
        ("not: faces - 0.5 %", MaskWord("faces", inverted=True, grown=-0.5)),
        ("face", None),
        ("faces+3", None),
        ("faces+60%", None),
        ("faces.png", None),
        ("", None),
    ],
)
def test_words(text, word):
    assert parse_word(text) == word
    if word is not None:
        assert parse_word(str(word)) == word


def test_nearest_word():
    assert [nearest_word(text) for text in ("face", "not:peple", "backgroud+3%", "sky", "mask")] == [
        "faces",
        "people",
        "background",
        None,
        None,
    ]


def test_mask_of_a_face_grows_and_is_inverted():
    mask = jaxstyle.make_mask(PHOTOGRAPH, "faces")
    assert (mask.shape, mask.dtype) == ((320, 320), np.uint8)
    assert mask[110, 135] == 255  # between the eyes, as OpenCV has them
    assert 0.05 < mask.mean() / 255 < 0.2
    larger, inverted = (jaxstyle.make_mask(PHOTOGRAPH, word) for word in ("faces+3%", "not:faces"))
    assert (larger >= mask).all()
    assert larger.sum() > 1.2 * mask.sum()
    np.testing.assert_array_equal(inverted, 255 - mask)


def test_background_is_all_but_the_subject():
    subject, background = (jaxstyle.make_mask(PHOTOGRAPH, word).astype(int) for word in ("subject", "background"))
    assert np.abs(subject + background - 255).max() <= 1
    assert subject[110, 135] == 255
    assert background[40, 250] == 255  # the wall


def test_people_are_looked_for_around_faces():
    mask = jaxstyle.make_mask(PHOTOGRAPH, "people")
    assert mask[110, 135] == 255
    assert mask[300, 100] == 255  # the suit
    assert mask[40, 250] == 0
    assert subjects.people(Picture(GREY)).max() == 0


@pytest.mark.parametrize("word", ["faces", "people", "not:faces"])
def test_nothing_found_is_said(word):
    refusal(lambda: jaxstyle.make_mask(GREY, word), "word", word, "finds no", "draw a mask", kind=ImageError)


def test_shrunk_to_nothing_is_said():
    refusal(lambda: jaxstyle.make_mask(PHOTOGRAPH, "faces-40%"), "word", "leaves no place", kind=ImageError)


@pytest.mark.parametrize(
    ("word", "said"),
    [("face", "did you mean 'faces'?"), ("sky", "known: faces, people"), ("faces+99%", "at most 50%"), (3, "known")],
)
def test_other_words_are_refused(word, said):
    refusal(lambda: jaxstyle.make_mask(GREY, word), "word", said, kind=InputError)


def test_a_large_photograph_is_searched_at_1280_pixels(monkeypatch):
    seen = []
    monkeypatch.setattr(faces, "found", lambda picture: seen.append(picture.size) or [])
    with pytest.raises(ImageError):
        jaxstyle.make_mask(np.zeros((600, 2560, 3), np.uint8), "faces")
    assert seen == [(1280, 300)]


def test_a_file_wins_over_a_word(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sources.meant("faces", argument="region") == MaskWord("faces")
    Image.fromarray(GREY + 127).save("faces", format="PNG")
    assert sources.meant("faces", argument="region") == "faces"
    mask, found = sources.read_mask("faces", (64, 64), None, argument="region")
    assert found is None
    assert "the file of this name is the mask" in mask.notices[-1]


def test_a_folder_is_no_mask(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "faces").mkdir()
    assert sources.meant("faces", argument="region") == MaskWord("faces")


@pytest.mark.parametrize("text", ["faces+2.5", "faces+60.5%"])
def test_a_word_with_a_point_in_it_is_no_file(text):
    refusal(lambda: sources.meant(text, argument="region"), "region", "is not of the form faces", kind=InputError)


def test_a_mask_is_used_as_its_file_is_read_again(tmp_path):
    """To the last bit, or a replay would not be exact: the mean of three equal channels is not always their value."""
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = sources.FoundMask("faces", levels)
    (tmp_path / "mask.png").write_bytes(found.png)
    mask, _ = sources.read_mask(MaskWord("faces"), (16, 16), lambda word: found, argument="region")
    again, _ = sources.read_mask(str(tmp_path / "mask.png"), (16, 16), None, argument="region")
    np.testing.assert_array_equal(mask.share, again.share)
    np.testing.assert_array_equal(sources.FoundMask.of_png("faces", found.png).levels, levels)


def test_found_mask_is_a_file_of_ours(tmp_path):
    found = sources.find_mask(Picture(PHOTOGRAPH), MaskWord("faces", grown=2), "region", "photo.jpg")
    path = tmp_path / "mask.png"
    path.write_bytes(found.png)
    assert comment.read(path) == ""
    with Image.open(path) as picture:
        np.testing.assert_array_equal(np.asarray(picture), found.levels)
    files = sources.MaskFiles()
    names = [files.describe(found, number, role)["path"] for number, role in ((0, "mask"), (1, "mask"), (1, "style mask"))]
    assert names == ["mask-faces+2.png", "mask-faces+2.png", "style-mask-faces+2.png"]
    other = sources.FoundMask("faces+2%", 255 - found.levels)
    assert files.describe(other, 1, "mask")["path"] == "2-mask-faces+2.png"
