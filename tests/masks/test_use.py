"""Words in runs: what is kept, what stands in records and beside results, batches, networks, and the command `mask`."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import refusal
from PIL import Image

import jaxstyle
from jaxstyle.cli.main import main
from jaxstyle.cli.places import SAMPLES
from jaxstyle.errors import ImageError, InputError
from jaxstyle.masks import find, sources
from jaxstyle.pictures.ours import is_ours
from jaxstyle.styles.apply import apply_style

pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")
with np.load(Path(__file__).with_name("recorded.npz")) as _file:
    PHOTOGRAPH = _file["image"]
STYLE, NOBODY = str(SAMPLES / "swirls.jpg"), str(SAMPLES / "coffee.jpg")


@pytest.fixture(autouse=True)
def _photo(empty_folder):
    Image.fromarray(PHOTOGRAPH).save("photo.png")


def pixels(name):
    with Image.open(name) as image:
        return np.asarray(image)


def made(name):
    return json.loads(Path(f"{name}.json").read_text())


@pytest.fixture
def no_detector(monkeypatch):
    """Whoever looks for a mask after this fails."""

    def forbidden(*_, **__):
        raise AssertionError("nothing is looked for")

    return lambda: monkeypatch.setattr(find, "faces", forbidden)


def test_a_face_is_kept_and_replayed_without_a_detector(capsys, no_detector):
    how = ["--size", "content", "--evaluations", "2", "-q"]
    assert main(["stylize", "photo.png", STYLE, "--region", "faces=keep", "-o", "out.png", *how]) == 0
    assert sorted(os.listdir()) == ["out.png", "out.png.json", "out.png.mask-faces.png", "photo.png"]
    mask = pixels("out.png.mask-faces.png")
    np.testing.assert_array_equal(mask, jaxstyle.make_mask("photo.png", "faces"))
    assert is_ours("out.png.mask-faces.png")
    away = np.abs(pixels("out.png").astype(int) - PHOTOGRAPH).max(-1)
    assert away[mask == 255].max() == 0
    assert away[mask == 0].mean() > 5
    (source,) = made("out.png")["inputs"]["regions"]
    assert {name: source[name] for name in ("path", "word", "role")} == {
        "path": "out.png.mask-faces.png",
        "word": "faces",
        "role": "mask",
    }
    no_detector()
    os.mkdir("elsewhere")
    for name in ("out.png", "out.png.json", "out.png.mask-faces.png", "photo.png"):
        os.rename(name, f"elsewhere/{name}")
    assert main(["replay", "elsewhere/out.png"]) == 0
    assert "the same picture again" in capsys.readouterr().err
    os.remove("elsewhere/out.png.mask-faces.png")
    assert main(["replay", "elsewhere/out.png"]) == 2
    assert "out.png.mask-faces.png is gone" in capsys.readouterr().err


def test_masks_lie_beside_each_result_and_follow_its_name():
    result = jaxstyle.stylize("photo.png", STYLE, regions=[("faces", "keep"), ("not:faces", STYLE)], size=64, evaluations=2)
    for name in ("a.png", "b.png"):
        result.save(name)
        paths = [source["path"] for source in made(name)["inputs"]["regions"]]
        assert paths == [f"{name}.mask-faces.png", f"{name}.mask-not-faces.png", STYLE]
        assert all(os.path.exists(path) for path in paths)
    assert jaxstyle.make_mask("photo.png", "faces").shape == pixels("a.png.mask-faces.png").shape
    Path("c.png.mask-faces.png").write_bytes(b"mine")
    assert "is no mask of ours" in " ".join(result.save("c.png"))
    assert Path("c.png.mask-faces.png").read_bytes() == b"mine"


def test_a_style_has_masks_by_name_too():
    region = ("not:faces", "photo.png", "faces")
    result = jaxstyle.stylize("photo.png", STYLE, regions=[region], size=64, evaluations=2)
    result.save("out.png")
    roles = {source["role"]: source["path"] for source in made("out.png")["inputs"]["regions"]}
    assert roles == {
        "mask": "out.png.mask-not-faces.png",
        "style": "photo.png",
        "style mask": "out.png.style-mask-faces.png",
    }
    np.testing.assert_array_equal(
        pixels("out.png.mask-not-faces.png"), 255 - pixels("out.png.style-mask-faces.png").astype(int)
    )


def test_in_a_batch_each_picture_has_its_own_masks(monkeypatch):
    """One without a face fails alone; one that comes with two styles is looked through once."""
    seen = []
    look = sources.mask_of
    monkeypatch.setattr(sources, "mask_of", lambda picture, *how, **more: seen.append(0) or look(picture, *how, **more))
    flipped = np.ascontiguousarray(PHOTOGRAPH[:, ::-1])
    Image.fromarray(flipped).save("other.png")
    contents = ["photo.png", NOBODY, "other.png"]
    styles = [STYLE, str(SAMPLES / "glass.jpg")]
    results = jaxstyle.stylize_batch(contents, styles, regions="faces=keep", size=48, evaluations=2)
    kinds = [isinstance(result, ImageError) for result in results]
    assert kinds == [False, False, True, True, False, False]
    assert "finds no face" in str(results[2])
    assert len([*results[0].masks.values()]) == 1
    assert results[0].masks != results[4].masks
    assert len(seen) == 4  # what finds nothing is not kept


def test_a_networks_regions_are_mixed_by_their_masks(tiny_styles):
    """Each style over the whole picture, and the photograph, mixed as NumPy does."""
    photo = np.asarray(Image.fromarray(PHOTOGRAPH).resize((48, 40)))
    left, top = np.zeros((40, 48), np.uint8), np.zeros((40, 48), np.uint8)
    left[:, :20], top[:10] = 255, 128
    how = dict(style="dots", feather=0)
    found = apply_style(photo, tiny_styles, regions=[(left, "dashes"), (top, "keep")], **how)
    dots, dashes = (apply_style(photo, tiny_styles, style=name).image for name in ("dots", "dashes"))
    kept = top[..., None] / 255
    rest = 1 - kept
    second = np.minimum(left[..., None] / 255, rest)
    expected = photo / 255 * kept + dashes * second + dots * (rest - second)
    np.testing.assert_allclose(found.image, expected, atol=1e-5)
    whole = apply_style(photo, tiny_styles, regions=[(np.full((40, 48), 255, np.uint8), "dashes")], **how)
    np.testing.assert_array_equal(whole.image, dashes)


def test_a_stretched_picture_takes_masks_of_the_photographs_aspect(tiny_styles):
    half = np.zeros((30, 40), np.uint8)
    half[:, :20] = 255
    photo = np.asarray(Image.fromarray(PHOTOGRAPH).resize((40, 30)))
    found = apply_style(photo, tiny_styles, style="dots", size="32x32", regions=[(half, "keep")], feather=0)
    assert found.image.shape == (32, 32, 3)
    with pytest.raises(ImageError, match="another aspect"):
        apply_style(photo, tiny_styles, style="dots", size=32, regions=[(half[:, :30], "keep")])


def test_what_is_kept_of_a_transparent_photograph_is_as_it_was(tiny_styles):
    Image.fromarray(np.dstack([PHOTOGRAPH[:40, :40], np.full((40, 40), 100, np.uint8)])).save("clear.png")
    half = np.zeros((40, 40), np.uint8)
    half[:, :20] = 255
    apply_style("clear.png", tiny_styles, style="dots", regions=[(half, "keep")], feather=0).save("out.png")
    away = np.abs(pixels("out.png").astype(int) - pixels("clear.png"))[:, :20]
    assert away.max() <= 2


def test_nothing_of_the_users_is_replaced(styles_file, capsys):
    assert main(["mask", "photo.png", "faces", "-q"]) == 0
    mask = "masks/photo-faces.png"
    command = ["apply", "photo.png", "--network", str(styles_file), "--style", "dots", "--region", f"{mask}=keep"]
    assert main([*command, "-o", mask]) == 2
    assert "is one of the input pictures" in capsys.readouterr().err
    assert main([*command, "-o", "masks/photo-people.png", "-q"]) == 0
    before = Path("masks/photo-people.png").read_bytes()
    assert main(["mask", "photo.png", "people", "-q"]) == 0
    assert Path("masks/photo-people.png").read_bytes() == before
    assert "photo-people-2.png" in os.listdir("masks")


def test_a_style_without_what_its_mask_names_is_refused_in_films_too():
    frames = jaxstyle.stylize_frames([PHOTOGRAPH], NOBODY, regions=[("not:faces", NOBODY, "faces")], size=48, evaluations=2)
    with pytest.raises(ImageError, match="finds no face in"):
        next(frames)


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        ("faces=99", "must be"),
        ("faces", "is not of the form MASK=STYLE"),
        ("face=keep", "did you mean 'faces'?"),
        ("faces=dotz", "did you mean 'dots'?"),
        ([("faces",)], "is no region"),
        ("none.png=keep", "does not exist"),
        ([(np.full((64, 64), 255, np.uint8), "keep")], "covers the whole photograph"),
        ([(np.full((64, 20), 255, np.uint8), "keep")], "another aspect"),
    ],
)
def test_regions_of_networks_that_cannot_be(tiny_styles, regions, said):
    refusal(lambda: apply_style("photo.png", tiny_styles, style="dots", regions=regions), "region", said, kind=InputError)


def test_feather_of_networks_that_cannot_be(tiny_styles):
    refusal(lambda: apply_style("photo.png", tiny_styles, style="dots", feather=51), "feather", "0 to 50", kind=InputError)


def test_apply_keeps_a_face(styles_file, capsys):
    command = ["apply", "photo.png", "--network", str(styles_file), "--style", "dots", "-o", "out.png"]
    assert main([*command, "--region", "faces=keep", "--region", "not:faces+2%=dashes", "-q"]) == 0
    assert {"out.png.mask-faces.png", "out.png.mask-not-faces+2.png"} <= set(os.listdir())
    known = made("out.png")
    assert known["config"]["regions"] == ["faces=keep", "not:faces+2%=dashes"]
    assert [source["word"] for source in known["inputs"]["regions"]] == ["faces", "not:faces+2%"]
    assert np.abs(pixels("out.png")[110, 135].astype(int) - PHOTOGRAPH[110, 135]).max() <= 1
    assert main([*command, "--region", "faces=dotz"]) == 2
    assert "`--region` (='dotz') is unknown" in capsys.readouterr().err
    shutil.copy(NOBODY, "nobody.jpg")
    assert main([*command[:1], "nobody.jpg", *command[2:], "--region", "faces=keep"]) == 2
    assert "finds no face in 'nobody.jpg'" in capsys.readouterr().err


def test_the_command_writes_masks_and_a_sheet(capsys):
    shutil.copy(NOBODY, "nobody.jpg")
    assert main(["mask", "photo.png", "faces", "not:faces+3%"]) == 0
    assert sorted(os.listdir("masks")) == ["photo-faces.png", "photo-masks.png", "photo-not-faces+3.png"]
    np.testing.assert_array_equal(pixels("masks/photo-faces.png"), jaxstyle.make_mask("photo.png", "faces"))
    assert pixels("masks/photo-masks.png").shape == (320, 960, 3)
    assert "masks/photo-faces.png faces: " in capsys.readouterr().err
    assert main(["mask", "photo.png", "nobody.jpg", "faces", "-o", "more", "-q"]) == 1
    assert "`word` (='faces') finds no face in 'nobody.jpg'" in capsys.readouterr().err
    assert sorted(os.listdir("more")) == ["photo-faces.png", "photo-masks.png"]
    assert main(["mask", "nobody.jpg", "faces", "-o", "none"]) == 2
    assert os.listdir("none") == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["photo.png"], "give one, such as faces"),
        (["faces"], "give one, such as photo.jpg"),
        (["photo.png", "fases"], "did you mean 'faces'?"),
        (["none.png", "faces"], "does not exist"),
    ],
)
def test_commands_for_masks_that_cannot_be(given, said, capsys):
    assert main(["mask", *given]) == 2
    assert said in capsys.readouterr().err
