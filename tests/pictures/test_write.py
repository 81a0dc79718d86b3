"""Results out: what files hold, that they appear whole or not at all, and where they may go."""

import errno
import io
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from conftest import over_white, refusal, smooth
from PIL import Image, JpegImagePlugin

from jaxstyle.errors import ImageError, WeightsError
from jaxstyle.network.vgg import ARCHITECTURES
from jaxstyle.network.weights.files import write_tensors
from jaxstyle.pictures import write as outputs
from jaxstyle.pictures.write import check_output, save, write_atomically

SUFFIXES = [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"]
VGG19 = ARCHITECTURES["vgg19"]


def reread(path):
    with Image.open(path) as im:
        im.load()
        return im, np.asarray(im)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", ".tiff", ".PNG"])
def test_save_without_loss(tmp_path, rgb, suffix):
    path = tmp_path / f"a{suffix}"
    for pixels in (rgb, (rgb / 255).astype(np.float32), rgb / 255.0):
        assert save(path, pixels) == ()
        im, got = reread(path)
        assert im.mode == "RGB"
        np.testing.assert_array_equal(got, rgb)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_save_jpeg(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save(path, smooth() / 255.0)
    im, got = reread(path)
    assert im.format == "JPEG"
    assert JpegImagePlugin.get_sampling(im) == 0  # 4:4:4
    assert np.abs(got.astype(int) - smooth()).mean() < 1.5
    same = io.BytesIO()
    Image.fromarray(smooth()).save(same, "JPEG", quality=95)
    same.seek(0)
    with Image.open(same) as other:
        assert isinstance(im, JpegImagePlugin.JpegImageFile)
        assert isinstance(other, JpegImagePlugin.JpegImageFile)
        assert im.quantization == other.quantization


def test_save_rounds_and_clips(tmp_path):
    levels = np.arange(256).reshape(16, 16, 1).repeat(3, axis=-1)
    for shift, expected in ((0.4, levels), (-0.4, levels), (0.6, np.minimum(levels + 1, 255))):
        save(tmp_path / "a.png", (levels + shift) / 255.0)
        np.testing.assert_array_equal(reread(tmp_path / "a.png")[1], expected)
    wild = np.zeros((16, 16, 3), np.float32)
    wild[0, 0] = -3, 7, 0.5
    wild[0, 1] = -np.inf, np.inf, 1
    save(tmp_path / "a.png", wild)
    got = reread(tmp_path / "a.png")[1]
    assert got[0, 0].tolist() in ([0, 255, 127], [0, 255, 128])
    assert got[0, 1].tolist() == [0, 255, 255]


def test_save_says_srgb_and_is_the_same_every_time(tmp_path, rgb):
    save(tmp_path / "a.png", rgb)
    first = (tmp_path / "a.png").read_bytes()
    save(tmp_path / "a.png", rgb)
    assert (tmp_path / "a.png").read_bytes() == first
    assert reread(tmp_path / "a.png")[0].info["srgb"] == 0


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_save_puts_alpha_back(tmp_path, rgb, rng, suffix):
    alpha = rng.integers(0, 256, rgb.shape[:2], dtype=np.uint8)
    assert save(tmp_path / f"a{suffix}", rgb / 255.0, alpha=alpha) == ()
    im, got = reread(tmp_path / f"a{suffix}")
    assert im.mode == "RGBA"
    np.testing.assert_array_equal(got, np.dstack([rgb, alpha]))


def test_save_jpeg_puts_the_picture_over_white(tmp_path):
    alpha = np.full((48, 64), 255, np.uint8)
    alpha[:, 32:] = 128
    (notice,) = save(tmp_path / "a.jpg", smooth(), alpha=alpha)
    assert notice.startswith("out a.jpg: JPEG has no transparency")
    assert np.abs(reread(tmp_path / "a.jpg")[1] - over_white(smooth(), alpha)).mean() < 2


def test_saved_tiff_is_deflated(tmp_path):
    save(tmp_path / "a.tif", smooth())
    assert reread(tmp_path / "a.tif")[0].info["compression"] == "tiff_adobe_deflate"


@pytest.mark.parametrize(
    ("rgb", "alpha", "argument", "part"),
    [
        (np.zeros((20, 20)), None, "rgb", "(H, W, 3)"),
        (np.zeros((20, 20, 4)), None, "rgb", "(20, 20, 4)"),
        (np.zeros((20, 20, 3), int), None, "rgb", "int64"),
        (np.full((20, 20, 3), np.nan), None, "rgb", "NaN"),
        (np.zeros((20, 20, 3)), np.zeros((20, 21), np.uint8), "alpha", "(20, 21)"),
        (np.zeros((20, 20, 3)), np.zeros((20, 20)), "alpha", "float64"),
    ],
)
def test_pixels_that_cannot_be_saved(tmp_path, rgb, alpha, argument, part):
    refusal(lambda: save(tmp_path / "a.png", rgb, alpha=alpha), argument, part)
    assert os.listdir(tmp_path) == []


def fail_encoding(monkeypatch):
    def encode(self, file, **options):
        file.write(b"half a pict")
        raise OSError("encoder error -2 when writing image file")

    monkeypatch.setattr(Image.Image, "save", encode)
    return "encoder error -2"


def fail_syncing(monkeypatch):
    def sync(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", sync)
    return os.strerror(errno.ENOSPC)


def fail_replacing(monkeypatch):
    def swap(old, new):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "replace", swap)
    return os.strerror(errno.EACCES)


@pytest.mark.parametrize("fail", [fail_encoding, fail_syncing, fail_replacing])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failed_save_leaves_the_old_file_and_no_litter(tmp_path, rgb, monkeypatch, fail, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"the old picture")
    reason = fail(monkeypatch)
    refusal(lambda: save(path, rgb, argument="output"), "output", str(path), "cannot be written", reason)
    assert path.read_bytes() == b"the old picture"
    assert os.listdir(tmp_path) == [path.name]


def test_a_real_disk_error(tmp_path, rgb):
    """The kernel refuses to let a file grow: the nearest to a full disk that a test can have."""
    (tmp_path / "a.png").write_bytes(b"the old picture")
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
    try:
        with pytest.raises(ImageError) as info:
            save(tmp_path / "a.png", rgb)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "cannot be written" in str(info.value)
    assert (tmp_path / "a.png").read_bytes() == b"the old picture"
    assert os.listdir(tmp_path) == ["a.png"]


def test_an_interrupted_save_leaves_no_litter(tmp_path, rgb, monkeypatch):
    def sync(handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", sync)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path / "a.png", rgb)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o002, 0o664)])
def test_saved_files_have_ordinary_permissions(tmp_path, rgb, umask, mode):
    old = os.umask(umask)
    try:
        save(tmp_path / "a.png", rgb)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == mode
    (tmp_path / "a.png").chmod(0o600)
    save(tmp_path / "a.png", rgb)
    assert stat.S_IMODE((tmp_path / "a.png").stat().st_mode) == 0o600


def test_write_atomically(tmp_path, monkeypatch):
    path = tmp_path / "a.json"
    write_atomically(path, b"old")
    write_atomically(str(path), b"new")
    assert path.read_bytes() == b"new"
    refusal(lambda: write_atomically(tmp_path / "none" / "a.json", b""), "out", "cannot be written")
    reason = fail_syncing(monkeypatch)
    refusal(lambda: write_atomically(path, b"newest", argument="record"), "record", str(path), reason)
    refusal(lambda: write_atomically(path, b"", argument="w", kind=WeightsError), "w", reason, kind=WeightsError)
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["a.json"]


def test_weights_are_written_the_same_way(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        reason = fail_syncing(patch)
        refusal(lambda: write_tensors(path, {}, VGG19, "caffe", "", ""), "out", str(path), reason, kind=WeightsError)
    assert path.read_bytes() == b"old"
    write_tensors(path, {}, VGG19, "caffe", "", "")
    assert path.read_bytes() != b"old"
    assert os.listdir(tmp_path) == [path.name]


def test_a_link_is_followed(tmp_path, rgb):
    (tmp_path / "far").mkdir()
    (tmp_path / "a.png").symlink_to(tmp_path / "far" / "real.png")
    save(check_output(tmp_path / "a.png"), rgb)
    assert (tmp_path / "a.png").is_symlink()
    np.testing.assert_array_equal(reread(tmp_path / "far" / "real.png")[1], rgb)


# ---- where the output may go: checked before the work, and again by save


def out_errors(path, *parts):
    refusal(lambda: check_output(path, argument="-o"), "-o", *parts)
    refusal(lambda: save(path, np.zeros((16, 16, 3)), argument="-o"), "-o", *parts)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_check_output(tmp_path, monkeypatch, suffix):
    assert check_output(str(tmp_path / f"a{suffix}")) == tmp_path / f"a{suffix}"
    monkeypatch.chdir(tmp_path)
    assert check_output(f"a{suffix.upper()}") == Path(f"a{suffix.upper()}")
    assert os.listdir(tmp_path) == []
    Path(f"a{suffix}").write_bytes(b"old")
    check_output(f"a{suffix}")
    assert Path(f"a{suffix}").read_bytes() == b"old"


@pytest.mark.parametrize(("name", "near"), [("a.pgn", "'.png'"), ("a.jepg", "'.jp"), ("a.mp4", None), ("a", None)])
def test_unknown_suffixes(tmp_path, name, near):
    out_errors(tmp_path / name, "suffix", "known: .png, .jpg, .jpeg, .webp, .tif, .tiff")
    text = refusal(lambda: check_output(tmp_path / name), "out")
    assert (f"did you mean {near}" in text) if near else ("mean" not in text)


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file.txt").write_text("x")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "gone" / "a.png")
    (tmp_path / "folder.png").mkdir()
    out_errors(tmp_path / "none" / "a.png", "is not a folder", str(tmp_path / "none"), "create it")
    out_errors(tmp_path / "file.txt" / "a.png", "is not a folder", str(tmp_path / "file.txt"))
    out_errors(tmp_path / "dangling.png", "is not a folder", str(tmp_path / "gone"))
    out_errors(tmp_path / "loop.png", "cannot be written")
    out_errors(tmp_path / "folder.png", "is a folder", "out.png")
    out_errors(tmp_path / ("x" * 300 + ".png"), "cannot be written", os.strerror(errno.ENAMETOOLONG))
    out_errors("a\0.png", "cannot be written", "null")
    refusal(lambda: check_output(""), "out", "suffix")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_a_folder_where_even_root_cannot_write():
    out_errors("/proc/a.png", "/proc/a.png", "cannot be written", "choose a folder")


@pytest.mark.usefixtures("ordinary_user")
def test_a_folder_without_permission(tmp_path):
    tmp_path.chmod(0o555)
    try:
        out_errors(tmp_path / "a.png", "cannot be written", os.strerror(errno.EACCES))
    finally:
        tmp_path.chmod(0o755)


def test_a_pillow_without_the_codec(tmp_path, monkeypatch):
    monkeypatch.setattr(outputs.features, "check", lambda name: name != "webp")
    out_errors(tmp_path / "a.webp", "webp", ".png")
    check_output(tmp_path / "a.png")
