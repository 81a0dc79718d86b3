"""Regions from what the user says to the picture: a photograph that is kept to the level, styles side by side, errors."""

import json
import shutil
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import refusal
from PIL import Image

import jaxstyle
from jaxstyle import Config, InputError, stylize, stylize_batch
from jaxstyle.cli.main import main
from jaxstyle.cli.places import SAMPLES
from jaxstyle.machine.compiler import Compiler
from jaxstyle.masks.words import MaskWord
from jaxstyle.pictures import read
from jaxstyle.plans.regions import RegionSpec, parse_region, parse_regions
from jaxstyle.plans.resolve import resolve
from jaxstyle.results import record
from jaxstyle.runs.engine import compile_engines
from jaxstyle.runs.start import starting_image

pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")

CONTENT, OTHER, STYLE, GLASS, WAVES = (str(SAMPLES / f"{n}.jpg") for n in ("chelsea", "coffee", "swirls", "glass", "waves"))
SIZE = (36, 32)
SMALL = dict(size="36x32", evaluations=8)
COMMAND = ["stylize", CONTENT, STYLE, "--size", "36x32", "--evaluations", "8", "-q"]
LEFT = np.repeat(np.where(np.arange(72) < 36, np.uint8(255), np.uint8(0))[None], 64, 0)
MIDDLE = np.zeros((32, 36), np.uint8)
MIDDLE[8:20, 10:24] = 255
WHITE = np.full((32, 36), 255, np.uint8)


def photograph():
    return read.load(CONTENT, argument="content", fit=lambda *_: SIZE).rgb


def levels(image):
    return np.rint(np.asarray(image) * 255).astype(np.uint8)


def files():
    for name, mask in (("left.png", LEFT), ("middle.png", MIDDLE)):
        Image.fromarray(mask).save(name)


def plan(content=CONTENT, **options):
    return resolve(content, STYLE, Config(**SMALL, **options))


def test_a_region_may_be_said_in_many_ways():
    files()
    assert parse_region("left.png=b.jpg") == RegionSpec("left.png", "b.jpg")
    assert parse_region("left.png=keep") == RegionSpec("left.png", None)
    assert parse_region("left.png=b.jpg:c.png") == RegionSpec("left.png", "b.jpg", "c.png")
    assert parse_region(r"C:\masks\a.png=D:\art\b.jpg") == RegionSpec(r"C:\masks\a.png", r"D:\art\b.jpg")
    assert parse_region(r"a.png=D:\art\b.jpg:E:\c.png") == RegionSpec("a.png", r"D:\art\b.jpg", r"E:\c.png")
    for name in ("a=b.png", "c:d.png", "c", "d.png"):
        Image.fromarray(LEFT).save(name, "png")
    assert parse_region("a=b.png=left.png") == RegionSpec("a=b.png", "left.png")
    assert parse_region("left.png=c:d.png") == RegionSpec("left.png", "c", "d.png")
    Path("d.png").unlink()
    assert parse_region("left.png=c:d.png") == RegionSpec("left.png", "c:d.png"), "the way to read it with the most files"
    assert parse_regions("left.png=Keep") == parse_regions([("left.png", "KEEP")]) == parse_regions("left.png=keep")
    Path("Keep").write_bytes(b"")
    assert parse_regions("left.png=Keep") == [RegionSpec("left.png", "Keep")]
    Path("Keep").unlink()
    assert parse_regions("left.png=keep") == parse_regions([("left.png", "keep")]) == [RegionSpec("left.png", None)]
    expected = [RegionSpec("a.png", "b", "c.png"), RegionSpec("left.png", "d")]
    assert parse_regions([("a.png", "b", "c.png"), "left.png=d"]) == expected


def test_a_mask_may_be_a_word():
    files()
    face = MaskWord("faces")
    assert parse_regions("faces=keep") == parse_regions([("faces", "keep")]) == [RegionSpec(face, None)]
    assert parse_regions("not:faces+3%=b.jpg") == [RegionSpec(MaskWord("faces", inverted=True, grown=3.0), "b.jpg")]
    assert parse_regions("left.png=b.jpg:people") == [RegionSpec("left.png", "b.jpg", MaskWord("people"))]
    assert parse_regions("subject=b.jpg:not:faces") == [RegionSpec(MaskWord("subject"), "b.jpg", MaskWord("faces", True))]
    Image.fromarray(LEFT).save("faces", "png")
    assert parse_regions("faces=keep") == [RegionSpec("faces", None)], "a file of this name wins"


BAD = [
    (dict(regions="left.png"), "region", "is not of the form MASK=STYLE"),
    (dict(regions=["=b.jpg"]), "region", "is not of the form MASK=STYLE"),
    (dict(regions=[("left.png",)]), "region", "is no region"),
    (dict(regions=[("left.png", "keep", "left.png")]), "region", "has a style mask, but no style"),
    (dict(regions=f"none.png={GLASS}"), "region", "'none.png') does not exist"),
    (dict(regions=f"face={GLASS}"), "region", "did you mean 'faces'?"),
    (dict(regions="faces+90%=keep"), "region", "at most 50%"),
    (dict(regions="faces=keep"), "region", "chelsea.jpg'; draw a mask by hand"),
    (dict(regions="left.png=none.jpg"), "style", "'none.jpg') does not exist"),
    (dict(regions=[(np.zeros((32, 36), np.uint8), GLASS)]), "region", "without a white place"),
    (dict(regions=[(LEFT, GLASS, np.zeros((32, 36), np.uint8))]), "region", "without a white place"),
    (dict(regions=[(LEFT, GLASS, np.full((90, 20), 255, np.uint8))]), "region", "20x90 pixels, another aspect than"),
    (dict(regions=[(WHITE, "keep")]), "region", "nothing is painted"),
    (dict(regions=[(LEFT, "keep"), (255 - LEFT, "keep")]), "region", "nothing is painted"),
    (dict(regions=[(MIDDLE, GLASS), (WHITE, WAVES)]), "region", "lies under later regions everywhere"),
    (dict(regions="left.png=keep", feather=-1), "feather", "must be a number from 0 to 50"),
    (dict(regions="left.png=keep", feather="x"), "feather", "is no number"),
    (dict(guides="area"), "guides", "is for regions"),
    (dict(regions="left.png=keep", colors="style-only"), "colors", "paints nothing, so regions have no styles"),
    (dict(regions="left.png=keep:left.png"), "region", "has a mask of a style, but keeps the photograph"),
    (dict(feather=3), "feather", "is for regions, and there are none"),
    (dict(regions="left.png=keep", guides="inner"), "guides", "is unknown"),
]


@pytest.mark.parametrize(("options", "argument", "words"), BAD, ids=lambda v: str(v)[:40])
def test_bad_input_is_one_line(options, argument, words):
    files()
    refusal(lambda: plan(**options), argument, words, kind=InputError)


def test_a_mask_has_the_aspect_of_its_picture(capsys):
    Image.fromarray(np.full((90, 30), 255, np.uint8)).save("tall.png")
    refusal(
        lambda: resolve(CONTENT, STYLE, Config(size=32, regions="tall.png=keep")),
        "region",
        "'tall.png') is a mask of 30x90 pixels, another aspect than the 32x21 of the picture",
    )
    assert main(["stylize", CONTENT, STYLE, "--size", "32", "--region", "tall.png=keep"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not list(Path().glob("*.json"))


def test_the_key_and_the_record_know_the_regions():
    files()
    regions = [
        {},
        dict(regions="left.png=keep"),
        dict(regions="middle.png=keep"),
        dict(regions="left.png=keep", feather=3),
        dict(regions=f"left.png={GLASS}"),
        dict(regions=f"left.png={WAVES}"),
        dict(regions=f"left.png={GLASS}", guides="inside"),
        dict(regions=f"left.png={GLASS}:left.png", style_size="36x32"),
        dict(regions=["left.png=keep", f"middle.png={GLASS}"]),
        dict(regions=[f"middle.png={GLASS}", "left.png=keep"]),
    ]
    keys = [plan(**each).key for each in regions]
    assert len(set(keys)) == len(keys)
    assert plan(regions=[("left.png", GLASS)]).key == plan(regions=f"left.png={GLASS}").key == keys[4]
    made = plan(regions=["left.png=keep", f"middle.png={GLASS}"], feather=0)
    assert [(s["region"], s["role"]) for s in made.sources["regions"]] == [(0, "mask"), (1, "mask"), (1, "style")]
    shares = {name: mask.mean() for name, mask in made.regions.named}
    assert shares["glass.jpg"] == pytest.approx((MIDDLE == 255).mean())
    assert sum(shares.values()) == pytest.approx(1)
    assert record.plain([(LEFT, Image.fromarray(LEFT)), "left.png=keep"]) == [["<ndarray>", "<Image>"], "left.png=keep"]


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param(dict(scales=2), marks=pytest.mark.slow),
        pytest.param(dict(colors="content", evaluations=40), marks=pytest.mark.slow),
        pytest.param(dict(memory="low", init="noise", evaluations=25, preset="johnson"), marks=pytest.mark.slow),
    ],
)
def test_what_is_kept_is_the_photograph_to_the_level(options):
    """On the way too; what surrounds it is painted."""
    seen, settings = [], {**SMALL, "feather": 4, **options}

    def callback(progress):
        seen.append(progress.image())

    result = stylize(CONTENT, STYLE, regions=[(MIDDLE, "keep")], callback=callback, **settings)
    inside = MIDDLE == 255
    for image in (*(image for image in seen if image.shape[:2] == (32, 36)), result.image):
        np.testing.assert_array_equal(levels(image)[inside], photograph()[inside])
    changed = np.any(levels(result.image) != photograph(), axis=-1)
    assert changed[~inside].mean() > 0.75
    assert result.loss["total"] < result.trace[0].loss
    assert [region["name"] for region in result.record["regions"]] == ["the rest", "keep"]


@pytest.mark.slow
def test_a_white_region_is_a_run_in_its_style():
    alone = stylize(CONTENT, GLASS, **SMALL)
    result = stylize(CONTENT, STYLE, regions=[(WHITE, GLASS)], **SMALL)
    assert [e.loss for e in result.trace[:2]] == pytest.approx([e.loss for e in alone.trace[:2]], rel=1e-5)
    assert result.loss == pytest.approx(alone.loss, rel=0.02)
    assert "the regions cover the whole picture" in result.notices[0]


@pytest.mark.slow
def test_batches_and_their_members():
    """Members with as many regions share a program; their masks are their own."""
    both = [[(LEFT, GLASS), (MIDDLE, "keep")], [(255 - LEFT, WAVES), (MIDDLE, "keep")]]
    results = stylize_batch([CONTENT, OTHER], STYLE, vary={"regions": both}, batch_size=4, **SMALL)
    assert [result.record["batch"]["members"] for result in results] == [4] * 4
    alone = stylize(CONTENT, STYLE, regions=both[1], **SMALL)
    assert [e.loss for e in results[1].trace[:2]] == pytest.approx([e.loss for e in alone.trace[:2]], rel=1e-5)
    assert results[1].loss["total"] == pytest.approx(alone.loss["total"], rel=0.02)
    mixed = stylize_batch(CONTENT, STYLE, vary={"regions": [(), both[0]]}, size="36x32", evaluations=1)
    assert [result.record["batch"]["members"] for result in mixed] == [1, 1]


@pytest.mark.slow
def test_a_replay_finds_the_masks_and_a_run_goes_on(capsys):
    files()
    for source, name in ((CONTENT, "a.jpg"), (STYLE, "b.jpg"), (GLASS, "c.jpg")):
        shutil.copy(source, name)
    region = ["--region", "middle.png=keep", "--region", "left.png=c.jpg:left.png", "--style-size", "36x32"]
    assert main(["stylize", "a.jpg", "b.jpg", *COMMAND[3:], *region, "-o", "x.png", "--report", "--keep-state"]) == 0
    page = Path("x.png.html").read_text()
    assert "region: c.jpg, " in page
    assert "region: keep, " in page
    assert len(json.loads(Path("x.png.json").read_text())["inputs"]["regions"]) == 4
    assert main(["continue", "x.png", "--evaluations", "2", "-o", "more.png", "-q"]) == 0
    Path("there").mkdir()
    for name in ("x.png", "a.jpg", "b.jpg", "c.jpg", "left.png", "middle.png"):
        Path(name).rename(f"there/{name}")
    assert main(["replay", "there/x.png"]) == 0, "by the record inside"
    assert "the same picture again" in capsys.readouterr().err
    Image.fromarray(255 - LEFT).save("there/left.png")
    assert main(["replay", "there/x.png"]) == 2
    assert "left.png has changed" in capsys.readouterr().err


@pytest.mark.slow
def test_a_sweep_over_regions_and_a_mask_that_must_not_be_replaced(capsys):
    files()
    line = ["sweep", *COMMAND[1:-1], "--vary", f"region=left.png={GLASS};middle.png=keep", "-q"]
    assert main([*line, "-o", "out"]) == 0
    assert len([path for path in Path("out").glob("*.png") if path.stem != "sheet"]) >= 2
    assert main([*COMMAND, "--region", "left.png=keep", "-o", "left.png"]) == 2
    assert "is one of the input pictures" in capsys.readouterr().err


@pytest.mark.slow
def test_the_loss_does_not_see_the_photograph_that_is_kept():
    """It lies over the picture only where that is shown: what is painted beside it would else make up for its colours."""
    made = plan(regions=[(MIDDLE, "keep")], init="noise")
    (engine,) = compile_engines(made, Compiler())
    start = starting_image(made)
    shown = jnp.where(MIDDLE[..., None] == 255, photograph() / 255, start)
    losses = [float(jaxstyle.total_loss(image, made.network.params, engine.targets.targets(made))) for image in (start, shown)]
    assert losses[1] != pytest.approx(losses[0], rel=0.01)
    result = stylize(CONTENT, STYLE, regions=[(MIDDLE, "keep")], init="noise", **SMALL)
    assert result.trace[0].loss == pytest.approx(losses[0], rel=1e-4)


def test_what_lies_under_a_kept_photograph_is_found_again(rng):
    mask = np.tile(np.linspace(0, 255, 36).astype(np.uint8), (32, 1))
    made = plan(regions=[(mask, "keep")], feather=0)
    below = rng.random((32, 36, 3), np.float32)
    shown = np.rint(made.finished(below) * 255) / 255
    share = mask / 255
    found = made.uncovered(read.Picture(shown)).rgb
    np.testing.assert_allclose(found[share < 0.8], below[share < 0.8], atol=0.5 / 255 / 0.2 + 1e-5)
    np.testing.assert_allclose(found[share > 0.9], photograph()[share > 0.9] / 255, atol=1e-6)


def test_a_picture_that_goes_on_is_not_covered_twice():
    """A photograph that is kept by half stays so far away."""
    shutil.copy(CONTENT, "a.jpg")
    Image.new("L", SIZE, 128).save("grey.png")
    assert (
        main(["stylize", "a.jpg", STYLE, *COMMAND[3:], "--region", "grey.png=keep", "--evaluations", "20", "-o", "x.png"]) == 0
    )
    assert main(["continue", "x.png", "--evaluations", "1", "-o", "y.png", "-q"]) == 0
    far = [np.abs(np.asarray(Image.open(name).convert("RGB"), int) - photograph()).mean() for name in ("x.png", "y.png")]
    assert far[1] == pytest.approx(far[0], rel=0.05)


def test_what_is_kept_of_a_transparent_photograph_is_not_paler():
    rgb = np.random.default_rng(0).integers(0, 256, (32, 36, 3), np.uint8)
    alpha = np.full((32, 36), 128, np.uint8)
    result = stylize(np.dstack([rgb, alpha]), STYLE, regions=[(MIDDLE, "keep")], **SMALL)
    inside = MIDDLE == 255
    assert np.abs(levels(result.image).astype(int) - rgb)[inside].max() <= 1


@pytest.mark.slow
def test_a_stage_begins_where_the_last_one_ended():
    """Nothing is blended twice at a soft edge."""
    settings = {**SMALL, "evaluations": 30, "metric": "whitened", "feather": 20}
    result = stylize(CONTENT, GLASS, regions=[(MIDDLE, "keep")], **settings)
    stages = result.record["stages"]
    assert [stage["metric"] for stage in stages] == ["whitened", "plain"]
    before = [entry for entry in result.trace if entry.evaluation <= stages[0]["evaluations"]]
    after = result.trace[len(before)]
    assert after.loss == pytest.approx(min(before, key=lambda entry: entry.objective).loss, rel=1e-4)
