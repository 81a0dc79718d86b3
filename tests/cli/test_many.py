"""`jaxstyle batch` and `jaxstyle sweep` end to end: files, names, resuming, sheet, gallery and table, several hosts."""

import html.parser
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import table
from PIL import Image

from jaxstyle.batch.folder import Folder, FolderEntry
from jaxstyle.batch.sheet import tabulate
from jaxstyle.cli.display import Display
from jaxstyle.cli.main import main
from jaxstyle.cli.places import SAMPLES
from jaxstyle.pictures.ours import read_record

CHELSEA, COFFEE, SWIRLS, GLASS, WAVES = (str(SAMPLES / f"{n}.jpg") for n in ("chelsea", "coffee", "swirls", "glass", "waves"))
TINY = ["--size", "32", "--evaluations", "2"]


pytestmark = pytest.mark.usefixtures("empty_folder", "small_network")


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in Path(folder).glob("*-*.png")}


class Links(html.parser.HTMLParser):
    """What a page shows and refers to, and the text of its figures."""

    def __init__(self, path):
        super().__init__()
        self.links, self.figures = set(), []
        self.feed(Path(path).read_text())

    def handle_starttag(self, tag, attrs):
        self.links |= {value for name, value in attrs if name in ("src", "href")}
        if tag == "figure":
            assert ("tabindex", "0") in attrs
            self.figures.append("")

    def handle_data(self, data):
        if self.figures:
            self.figures[-1] += data + " "


def test_a_grid_and_what_is_written_about_it(capsys):
    assert main(["batch", CHELSEA, COFFEE, "--styles", SWIRLS, f"{GLASS}+{WAVES}", *TINY]) == 0
    names = [f"{c}-{s}" for c in ("chelsea", "coffee") for s in ("swirls", "glass+waves")]
    files = [f"{name}{suffix}" for name in names for suffix in (".png", ".png.json")]
    assert sorted(os.listdir("batch")) == sorted([*files, "index.html", "results.csv", "sheet.png"])
    rows = table("batch")
    assert [row["picture"] for row in rows] == [f"{name}.png" for name in names]
    for row in rows:
        record = read_record(Path("batch") / row["picture"])
        assert float(row["loss_total"]) == record["loss"]["total"]
        assert (row["evaluations"], row["pictures_at_once"]) == ("2", "4")
        assert record["labels"] == {"content": row["content"], "style": row["style"]}
        assert record["complete"] is True
        assert record["command"].startswith("jaxstyle batch ")
        assert len(record["trace"]) == 2
    page = Links("batch/index.html")
    assert {f"{name}.png" for name in names} <= {link.replace("%2B", "+") for link in page.links}
    assert len(page.figures) == 4
    assert f"{float(rows[3]['loss_total']):.6g}" in page.figures[3]
    with Image.open("batch/sheet.png") as sheet:
        assert sheet.width > 2 * 256
        assert len(sheet.getcolors(1 << 24)) > 1000
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1] == "batch: 4 of 4 pictures; sheet.png, index.html, results.csv"


def test_resuming_goes_by_content(tmp_path, capsys):
    """A renamed input is known again; another input under an old name, and another setting, are new pictures."""
    arguments = ["--styles", SWIRLS, "-o", "out", "-q", "--resume"]
    copy = tmp_path / "photo.jpg"
    copy.write_bytes(Path(CHELSEA).read_bytes())
    assert main(["batch", str(copy), *arguments, *TINY]) == 0
    first = times("out")
    assert list(first) == ["photo-swirls.png"]
    moved = copy.rename(tmp_path / "moved.jpg")
    assert main(["batch", str(moved), *arguments, *TINY]) == 0
    assert times("out") == first
    assert table("out")[0]["picture"] == "photo-swirls.png"
    copy.write_bytes(Path(COFFEE).read_bytes())
    assert main(["batch", str(copy), *arguments, *TINY]) == 0
    assert times("out").keys() == {"photo-swirls.png", "photo-swirls-2.png"}
    assert times("out")["photo-swirls.png"] == first["photo-swirls.png"]
    assert main(["batch", str(copy), *arguments, *TINY, "--style-weight", "5"]) == 0
    assert times("out").keys() == {"photo-swirls.png", "photo-swirls-2.png", "photo-swirls-3.png"}
    assert capsys.readouterr().err == ""


def test_what_a_crash_left_is_made_again(monkeypatch):
    """A picture without any record, a record without its picture, and rubbish are no finished pictures."""
    arguments = ["batch", CHELSEA, "--styles", SWIRLS, GLASS, WAVES, "-o", "out", "--batch-size", "1", "-q", *TINY]
    assert main(arguments) == 0
    first = times("out")
    for name in ("chelsea-swirls.png.json", "chelsea-glass.png.json", "chelsea-waves.png"):
        os.unlink(f"out/{name}")
    pixels = Image.open("out/chelsea-swirls.png").convert("RGB")
    pixels.save("out/chelsea-swirls.png")
    Path("out/other.png.json").write_text("{")
    assert main([*arguments, "--resume"]) == 0
    same = {name for name, time in times("out").items() if time == first.get(name)}
    assert same == {"chelsea-glass.png"}, "without the file beside it, it still tells how it was made"
    assert all(row["picture"] for row in table("out"))


def test_a_failed_picture_does_not_stop_the_rest(capsys):
    assert main(["sweep", CHELSEA, SWIRLS, "--vary", "style-weight=1e3,1e38", "-o", "out", *TINY]) == 1
    good, bad = table("out")
    assert good["picture"] == "chelsea-swirls-style_weight=1000.png"
    assert (bad["picture"], bad["loss_total"]) == ("", "")
    assert "not finite at the starting image" in bad["problem"]
    printed = capsys.readouterr().err
    assert "jaxstyle: error: chelsea, 1e+38, swirls: the loss is not finite" in printed
    assert "out: 1 of 2 pictures" in printed
    assert "not finite" in Path("out/index.html").read_text()


@pytest.mark.slow
def test_a_sweep_of_two_knobs():
    varied = ["--vary", "style-layers=relu1_1,relu2_1;relu3_1", "--vary", "init=content,noise"]
    assert main(["sweep", CHELSEA, SWIRLS, *varied, "-q", *TINY]) == 0
    rows = table("sweep")
    assert [(row["style_layers"], row["init"]) for row in rows] == [
        (layers, init) for layers in ("relu1_1,relu2_1", "relu3_1") for init in ("content", "noise")
    ]
    for row in rows:
        record = read_record(Path("sweep") / row["picture"])
        assert list(record["objective"]["style_layers"]) == row["style_layers"].split(",")
        assert record["config"]["init"] == row["init"]


@pytest.mark.slow
def test_a_row_from_one_style_to_another():
    """The ends are the pictures of the styles alone, each pixel within a level."""
    arguments = ["--styles", SWIRLS, GLASS, "-q", *TINY, "--evaluations", "6", "--solver", "adam"]
    assert main(["batch", CHELSEA, *arguments, "--interpolate", "3", "-o", "row"]) == 0
    assert main(["batch", CHELSEA, *arguments, "-o", "ends"]) == 0
    rows = table("row")
    assert [row["blend"] for row in rows] == ["1,0", "0.5,0.5", "0,1"]
    assert {row["pictures_at_once"] for row in rows} == {"3"}
    row = [np.asarray(Image.open(Path("row") / r["picture"]), int) for r in rows]
    ends = [np.asarray(Image.open(Path("ends") / r["picture"]), int) for r in table("ends")]
    assert np.abs(row[0] - ends[0]).max() <= 1
    assert np.abs(row[2] - ends[1]).max() <= 1
    assert min(np.abs(row[1] - end).max() for end in ends) > 5


def test_pairs_and_seeds():
    noise = ["--init", "noise", "--seeds", "2", "--pairs"]
    assert main(["batch", CHELSEA, COFFEE, "--styles", SWIRLS, GLASS, *noise, "-q", *TINY]) == 0
    assert [row["picture"] for row in table("batch")] == [
        f"{pair}-seed={seed}.png" for pair in ("chelsea-swirls", "coffee-glass") for seed in (0, 1)
    ]
    first, second = (np.asarray(Image.open(f"batch/chelsea-swirls-seed={seed}.png")) for seed in (0, 1))
    assert (first != second).mean() > 0.5


def entries(*labels):
    return [FolderEntry(one, None, None, "none") for one in labels]


def test_tables():
    grid = tabulate(entries(*({"content": c, "seed": s, "style": "x"} for c in "ab" for s in "123")))
    assert (grid.rows, grid.columns, grid.captions) == (["a", "b"], ["seed 1", "seed 2", "seed 3"], False)
    assert [[cell and cell.labels["seed"] for cell in row] for row in grid.cells] == [["1", "2", "3"]] * 2
    pairs = tabulate(entries(*({"content": c, "style": s} for c, s in zip("abcde", "vwxyz", strict=True))))
    assert pairs.captions
    assert [len([cell for cell in row if cell]) for row in pairs.cells] == [3, 2]
    assert (grid.down, grid.along, pairs.along) == ("content", "seed", "")
    single = tabulate(entries({"content": "a", "style": "x"}))
    assert (single.columns, len(single.cells[0])) == (["x"], 1)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--seeds", "2"], "`--seeds` (=[0, 1]) would all give the same picture"),
        (["--seeds", "none"], "`--seeds` (='none') must be a whole number of at least 1"),
        (["--vary", "stile-weight=1,2"], "`--vary` (='stile-weight') is unknown; did you mean 'style-weight'?"),
        (["--vary", "style-weight"], "`--vary` (='style-weight') names no values"),
        (["--vary", "style-weight=1,heavy"], "`--style-weight` (='heavy') is not a number"),
        (["--vary", "seed=1", "--vary", "seed=2"], "varies seed a second time"),
        (["--interpolate", "3"], "`--styles` (="),
        (["--interpolate", "1"], "`--interpolate` (='1') must be at least 2"),
        (["--processes", "2"], "`--coordinator` needs --processes and --process too"),
        (["--batch-size", "0"], "`--batch-size` (='0') must be a whole number of at least 1"),
        (["--devices", "99"], "`--devices` (=99) is more than the "),
        (["--pairs", "--grid"], "not allowed with argument"),
        (["-o", CHELSEA], "`--out` (="),
        (["--style", "x"], "`argument` (='--style') is unknown; did you mean '--styles'?"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(arguments, line, capsys):
    assert main(["batch", CHELSEA, "--styles", SWIRLS, *arguments]) == 2
    printed = capsys.readouterr().err
    assert len(printed.splitlines()) == 1
    assert line in printed
    assert os.listdir() == []


def test_ctrl_c_keeps_what_is_in_hand_and_resume_makes_it_whole(monkeypatch, capsys):
    command = [
        "batch",
        CHELSEA,
        "--styles",
        SWIRLS,
        GLASS,
        "--size",
        "32",
        "-o",
        "out",
        "--evaluations",
        "6",
        "--batch-size",
        "1",
    ]

    def press(display, evaluation, *_):
        if evaluation == 3:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Display, "update", press)
        assert main(command) == 130
    assert "the same command with --resume makes the rest" in capsys.readouterr().err
    first, second = table("out")
    assert first["stop_reason"] == "stopped on request after 3 of 6 evaluations"
    assert (second["picture"], second["problem"]) == ("", "not made yet")
    record = Path("out/chelsea-swirls.png.json")
    assert json.loads(record.read_text())["complete"] is False
    assert main([*command, "--resume"]) == 0
    assert {row["stop_reason"] for row in table("out")} == {"the budget of 6 evaluations is used up"}
    assert json.loads(record.read_text())["complete"] is True


def test_what_is_the_same_is_made_once(capsys):
    """Copies of a content and of a style, and values of a setting that come to the same."""
    Path("copy.jpg").write_bytes(Path(CHELSEA).read_bytes())
    arguments = [CHELSEA, "copy.jpg", "--styles", SWIRLS, SWIRLS, "--vary", "style-weight=1e3,1000.0"]
    assert main(["batch", *arguments, *TINY]) == 0
    assert [(row["content"], row["style"]) for row in table("batch")] == [("chelsea", "swirls")]
    assert "note: made once, since they give the same picture: 'chelsea, 1000, swirls' and " in capsys.readouterr().err


@pytest.mark.slow
def test_losses_of_two_paddings_are_said_not_to_compare(capsys):
    arguments = ["sweep", CHELSEA, SWIRLS, *TINY, "--evaluations", "1"]
    assert main([*arguments, "--vary", "padding=zero,reflect", "-o", "two"]) == 0
    line = "note: losses with different paddings cannot be compared: reflect, zero"
    assert line in capsys.readouterr().err
    first, second = (float(row["loss_total"]) for row in table("two"))
    assert first != second
    assert main([*arguments, "--vary", "padding=reflect", "-o", "one"]) == 0
    assert "cannot be compared" not in capsys.readouterr().err


def test_names_are_cut_by_bytes_at_a_character_and_differ():
    """Contents of three-byte characters that differ in the last one, a style of four-byte ones; upper and lower case."""
    names = [*("語" * 79 + last for last in "一二三"), "Å.b", "å.b"]
    for number, name in enumerate(names):
        Image.fromarray(np.full((42, 64, 3), 40 * number, np.uint8)).save(name + ".png")
    shutil.copy(SWIRLS, "🎨" * 60 + ".jpg")
    contents = [f"{name}.png" for name in names]
    assert main(["batch", *contents, "--styles", "🎨" * 60 + ".jpg", "-o", "out", "--batch-size", "1", "-q", *TINY]) == 0
    pictures = [row["picture"] for row in table("out")]
    assert all(pictures)
    assert len({name.casefold() for name in pictures}) == 5
    assert all(len(f"{name}.json".encode()) <= 255 and "語" in name for name in pictures[:3])
    assert sum(path.suffix == ".json" for path in Path("out").iterdir()) == 5
    assert main(["stylize", contents[0], "🎨" * 60 + ".jpg", "-q", *TINY, "--save-every", "1"]) == 0
    (record,) = Path().glob("*.json")
    assert "語" in record.name


def test_a_name_that_is_no_text():
    """As old archives leave them: Latin-1 bytes."""
    name = os.fsdecode(b"caf\xe9.jpg")
    shutil.copy(CHELSEA, name)
    assert main(["batch", name, "--styles", SWIRLS, "-o", "out", "-q", *TINY]) == 0
    assert table("out")[0]["picture"]
    assert sorted(path.suffix for path in Path("out").iterdir()) == [".csv", ".html", ".json", ".png", ".png"]


def test_a_batch_replaces_nothing_but_its_own():
    """Pictures and records of the user's under the names of results, and an input behind a link."""
    os.mkdir("out")
    shutil.copy(COFFEE, "coffee.png")
    for name in ("chelsea-swirls.png", "chelsea-swirls-2.png.json"):
        Path("out", name).write_text("mine")
    Path("out/coffee-swirls.png").symlink_to(Path("coffee.png").absolute())
    before = Path("coffee.png").read_bytes()
    for _ in range(2):
        assert main(["batch", CHELSEA, "coffee.png", "--styles", SWIRLS, "-o", "out", "-q", *TINY]) == 0
        assert [row["picture"] for row in table("out")] == ["chelsea-swirls-3.png", "coffee-swirls-2.png"]
    assert Path("out/chelsea-swirls.png").read_text() == Path("out/chelsea-swirls-2.png.json").read_text() == "mine"
    assert Path("coffee.png").read_bytes() == before


@pytest.mark.parametrize("name", ["sheet.png", "index.html", "results.csv"])
def test_a_folder_with_a_page_of_the_users(name, capsys):
    Path(name).write_text("a,picture\n<html>mine</html>")
    assert main(["batch", CHELSEA, "--styles", SWIRLS, "-o", ".", *TINY]) == 2
    assert f"`--out` (='.') has a file '{name}' that jaxstyle did not make" in capsys.readouterr().err
    assert os.listdir() == [name]


def test_a_folder_that_goes_away_loses_no_picture(monkeypatch, capsys):
    """It is made again, and where that cannot be, a file in its place say, the pictures go to the current folder."""
    save, gone = Folder.save, []

    def saved(folder, *args, **how):
        if not gone:
            shutil.rmtree("out")
        elif gone == [1]:
            shutil.rmtree("out")
            Path("out").write_text("a file in its place")
        gone.append(1)
        return save(folder, *args, **how)

    monkeypatch.setattr(Folder, "save", saved)
    command = ["batch", CHELSEA, "--styles", SWIRLS, GLASS, WAVES, "-o", "out", "--batch-size", "1", *TINY]
    assert main(command) == 1
    assert sorted(path.name for path in Path().glob("*.png")) == ["chelsea-glass.png", "chelsea-waves.png"]
    errors = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert [os.path.abspath(f"chelsea-{style}.png") in line for style, line in zip(("glass", "waves"), errors, strict=False)]
    assert len(errors) == 5, "table, gallery and sheet have no place"


def test_the_page_and_the_table_do_not_need_the_sheet(monkeypatch, capsys):
    def fail(*_):
        raise OSError("image file is truncated")

    monkeypatch.setattr("jaxstyle.cli.many.write_sheet", fail)
    assert main(["batch", CHELSEA, "--styles", SWIRLS, "-q", *TINY]) == 1
    assert capsys.readouterr().err == "jaxstyle: error: sheet.png cannot be made (image file is truncated)\n"
    assert {"index.html", "results.csv", "chelsea-swirls.png"} <= {*os.listdir("batch")}


def test_a_batch_keeps_records_out_of_pictures_where_that_is_wanted():
    arguments = ["batch", CHELSEA, "--styles", SWIRLS, "--no-metadata", "-q", *TINY]
    assert main(arguments) == 0
    assert b"jaxstyle" not in Path("batch/chelsea-swirls.png").read_bytes()
    first = times("batch")
    assert main([*arguments, "--resume"]) == 0
    assert times("batch") == first


@pytest.mark.slow
def test_two_hosts_share_the_work():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jaxstyle", "batch", CHELSEA, "--styles", SWIRLS, GLASS, WAVES, *TINY, "-o", "out"]
    several = ["--coordinator", f"127.0.0.1:{port}", "--processes", "2", "--process"]
    running = [subprocess.Popen([*command, *several, str(i)], stderr=subprocess.PIPE, text=True) for i in range(2)]
    printed = [process.communicate(timeout=240)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], printed
    assert [text.count(": the budget of 2 evaluations is used up") for text in printed] == [2, 1]
    assert [row["picture"] for row in table("out")] == [f"chelsea-{style}.png" for style in ("swirls", "glass", "waves")]
