"""Files that lack their end: read with a notice where all or nearly all of the picture is there, refused otherwise."""

import io

import numpy as np
import pytest
from conftest import read, refusal
from PIL import Image

from jaxstyle.pictures import ends

KINDS = {
    "png": {},
    "png stored": {"compress_level": 0},
    "webp": {},
    "webp lossless": {"lossless": True},
    "jpg": {"quality": 90},
    "jpg 4:4:4": {"subsampling": 0, "optimize": True},
    "jpg restarts": {"restart_marker_blocks": 3},
    "jpg restarts by rows": {"restart_marker_rows": 1},
    "jpg progressive": {"progressive": True},
    "jpg progressive, restarts": {"progressive": True, "restart_marker_rows": 1},
    "jpg grey": {"quality": 80},
}
LAST = {"png": 12, "webp": 1, "jpg": 2}
"""Bytes of each format that hold nothing of the picture."""


def encoded(kind, scene="waves"):
    y, x = np.mgrid[0:150, 0:190]
    waves = np.stack([127 + 120 * np.sin(x / 9 + c) * np.cos(y / (7 + c)) for c in range(3)], -1).astype(np.uint8)
    image = Image.fromarray(waves) if scene == "waves" else Image.new("RGB", (190, 150), (90, 120, 160))
    image = image.convert("L") if "grey" in kind else image
    suffix = kind.split()[0]
    file = io.BytesIO()
    image.save(file, {"jpg": "JPEG"}.get(suffix, suffix.upper()), **KINDS[kind])
    return file.getvalue(), suffix


def cut(tmp_path, kind, many, scene="waves"):
    """The path of a file of which so many bytes are left."""
    data, suffix = encoded(kind, scene)
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(data[: many(data)])
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scene", ["waves", "flat"])
def test_only_the_end_is_missing(tmp_path, kind, scene):
    whole, suffix = read(cut(tmp_path, kind, len, scene)), kind.split()[0]
    assert whole.notices == ()
    for missing in range(1, LAST[suffix] + 1):
        picture = read(cut(tmp_path, kind, lambda data, missing=missing: len(data) - missing, scene))
        np.testing.assert_array_equal(picture.rgb, whole.rgb)
        assert picture.notices == (f"content cut.{suffix}: the end of the file is missing, but all of the picture is there",), (
            missing
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("scene", ["waves", "flat"])
def test_what_lacks_more_is_refused(tmp_path, kind, share, scene):
    if (kind, scene) == ("jpg progressive, restarts", "flat"):
        share *= 0.9  # the last tenth holds nothing but restarts
    path = cut(tmp_path, kind, lambda data: int(share * len(data)), scene)
    refusal(lambda: read(path), "content", path.name)


def test_a_little_may_be_missing_and_is_told(tmp_path):
    path = cut(tmp_path, "jpg", lambda data: len(data) - 12)
    (notice,) = read(path).notices
    assert notice.startswith("content cut.jpg: the end of the file is missing, 0.")
    assert notice.endswith("% of the picture with it")
    whole = read(cut(tmp_path, "jpg", len)).rgb
    assert (read(path).rgb[:-16] == whole[:-16]).all()


def test_what_stands_behind_the_end_is_no_reason_for_a_notice(tmp_path):
    for kind in ("jpg", "png"):
        data, suffix = encoded(kind)
        (tmp_path / f"a.{suffix}").write_bytes(data + b"a phone's own data" * 9)
        assert read(tmp_path / f"a.{suffix}").notices == ()


def test_other_files_have_no_such_end():
    assert ends.filled(b"GIF89a") is None
    assert ends.filled(b"RIFF\4\0\0\0WEBP") is None
    assert ends.filled(encoded("jpg progressive")[0][:-2000]) is None
