"""The report: its numbers against the result file, its words, its comparison, its errors, the README's table."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from statistics import median

import jsonschema
import pytest

from bench.report.__main__ import MARKS, main
from bench.report.data import Seconds, load, reached
from bench.report.tables import noise, summary

ROOT = Path(__file__).resolve().parents[2]
RESULTS = sorted((ROOT / "bench" / "results").glob("*.json"))


def example(**changes):
    """A small result as the suite writes it."""

    def bench(name, data, **info):
        return {"name": name, "group": info["axes"][0], "stats": {"data": data}, "extra_info": info}

    def kernel(width, height, data, axes, **case):
        usual = dict(precision="float32", algorithm="auto", pooling="max", batch=1, devices=1, platform="cpu")
        name = f"test_evaluation[{width}x{height}-cpu{''.join('-' + str(v) for v in case.values())}]"
        info = dict(
            case=dict(width=width, height=height) | usual | case,
            seconds={"compile": 1.25, "first": 0.5},
            flops=4e9,
            bytes_accessed=1e8,
            direct_flops=8e9,
            memory={"temporary": 300_000_000, "arguments": 100_000_000},
            loss={"total": 5.0},
            peak={"host": 700_000_000, "device": None},
        )
        return bench(name, data, axes=axes, **info)

    def solve(init, solver, trace, precision="float32"):
        case = dict(content="chelsea", style="swirls", width=171, height=128, evaluations=3, init=init, solver=solver)
        info = dict(seconds={"compile": 2.0, "solve": trace[-1][2]}, loss={"total": trace[-1][1]}, evaluations=3, trace=trace)
        info |= dict(picture=PICTURE, peak={"host": 900_000_000, "device": None})
        axes = ["solver"] if init == "content" else []
        axes += ["initialisation"] if solver == "lbfgs" else []
        axes = ["precision"] if precision != "float32" else [*axes, "preconditioner"]  # as the first results had it
        case |= dict(precision=precision, platform="cpu")
        return bench(f"test_solve[{init}-{solver}-{precision}]", [3.5], axes=axes, case=case, **info)

    rival = dict(name="PyTorch float32", data=[0.05, 0.04], ratios=[0.5, 0.6], info={"loss": {"total": 5.0}})
    rival |= dict(peak={"host": 1_000_000_000, "device": None})
    against = kernel(64, 64, [0.025, 0.024], ["rival evaluation"])
    against["name"], against["extra_info"]["rival"] = "test_torch_evaluation[float32-1]", rival
    benchmarks = [
        bench("test_matrix_rate[float32]", [0.5, 0.4], axes=["machine"], case={"precision": "float32"}, flops=2e11),
        bench("test_bandwidth", [0.2, 0.1], axes=["machine"], case={"precision": "float32"}, bytes_accessed=2e9),
        kernel(64, 64, [0.020, 0.021, 0.025], ["resolution", "precision", "algorithm"]),
        kernel(128, 96, [0.060, 0.061, 0.062], ["resolution"]),
        kernel(64, 64, [0.010, 0.011, 0.012], ["precision"], precision="bfloat16"),
        kernel(32, 32, [0.010, 0.010, 0.010], ["batch"]),
        kernel(32, 32, [0.015, 0.015, 0.015], ["batch"], batch=2),
        solve("content", "lbfgs", [[1, 100.0, 0.0], [2, 50.0, 0.5], [3, 20.0, 1.0]]),
        solve("content", "torch-lbfgs", [[1, 100.0, 0.0], [2, 80.0, 0.5], [3, 40.0, 1.0]]),
        solve("noise", "lbfgs", [[1, 900.0, 0.0], [2, 500.0, 0.5], [3, 300.0, 1.0]]),
        solve("noise", "torch-lbfgs", [[1, 900.0, 0.0], [2, 500.0, 0.5], [3, 200.0, 1.0]]),
        solve("content", "lbfgs", [[1, 100.0, 0.0], [2, None, 0.5], [3, 30.0, 1.0]], "bfloat16"),
        against,
    ]
    machine = {"processor": "Some CPU", "cores": 2, "memory": 2**34, "devices": {"cpu": {"kinds": ["cpu"], "count": 1}}}
    machine["versions"] = {"python": "3.12.0", "jax": "0.10.2", "jaxlib": "0.10.2"}
    return {
        "schema": "jaxstyle-bench-1",
        "datetime": "2026-11-24T12:00:00+00:00",
        "machine_info": machine,
        "commit_info": {"id": "a" * 40, "time": None, "dirty": False},
        "profile": {"name": "quick", "side": 64, "rounds": 3},
        "failures": [{"name": "test_torch_solve", "kind": "not installed", "reason": "No module named <torch>"}],
        "benchmarks": benchmarks,
    } | changes


PICTURE = base64.b64encode(b"\xff\xd8 a JPEG").decode()


@pytest.fixture
def path(tmp_path):
    (tmp_path / "first.json").write_text(json.dumps(example()))
    return tmp_path / "first.json"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The example's page, its text, and a README between whose marks its table was put."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "first.json").write_text(json.dumps(example()))
    (folder / "README.md").write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter")
    page, text = made(folder, folder / "first.json", "--readme", folder / "README.md")
    return page, text, (folder / "README.md").read_text()


class Page(HTMLParser):
    """Cells by table caption, and what the page refers to."""

    def __init__(self, text):
        super().__init__()
        self.tables, self.links, self.tags, self.text = {}, [], [], ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self._inside = tag
        self.links += [value for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag == "tr":
            self.rows.append([])
        if tag == "table":
            self.rows = []
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        self.text += data
        if self._inside == "caption":
            self.tables[data] = self.rows
        elif self._inside in ("td", "th"):
            self.rows[-1][-1] += data

    def handle_endtag(self, tag):
        self._inside = ""


def made(tmp_path, *arguments):
    assert main([*map(str, arguments), "-o", str(tmp_path / "report")]) == 0
    return Page((tmp_path / "report" / "index.html").read_text()), (tmp_path / "report" / "report.md").read_text()


def test_the_page_stands_alone_and_says_what_was_measured(report):
    page, text, _ = report
    assert page.tags.count("svg") == 6  # resolution, roofline, starts, solvers, batches, rivals
    assert all(link.startswith(("data:image/jpeg;base64,", "#")) for link in page.links)
    assert sum(link.endswith(PICTURE) for link in page.links) == 5
    for words in ("Some CPU, 2 cores, 16 GiB; python 3.12.0, jax 0.10.2", "commit aaaaaaaaaa, 2026-11-24"):
        assert words in page.text
        assert words in text
    assert "No module named <torch>" in page.text
    assert "Maxwell Titan X" in page.text
    assert "on other machines" in page.text


def test_numbers_are_those_of_the_file(report):
    page, text, _ = report
    found = {bench["name"]: bench for bench in example()["benchmarks"]}
    rows = {row[0]: row for row in page.tables["Resolution"][1:]}
    for name, row in rows.items():
        bench = found[f"test_evaluation[{name}]"]
        data, info = bench["stats"]["data"], bench["extra_info"]
        middle, pixels = median(data), info["case"]["width"] * info["case"]["height"]
        rate, memory = 2e11 / 0.4, 2e9 / 0.1
        spread = f"{middle * 1e3:.3g} ({min(data) * 1e3:.3g} to {max(data) * 1e3:.3g})"
        wanted = [spread, "1.2", "500", f"{1e6 * middle / pixels:.2f}"]
        wanted += [
            f"{4 / middle:.0f}",
            f"{8 / middle:.0f}",
            f"{4e9 / middle / rate:.0%}",
            f"{1e8 / middle / memory:.0%}",
            "400",
            "700",
        ]
        assert row[1:] == wanted
    assert len(rows) == 2
    quality = {(row[1], row[2]): row for row in page.tables["Whole pictures at 171x128"][1:]}
    assert quality["content", "lbfgs"][3:6] == ["3", "20", "3 in 1.0 s"]
    assert quality["noise", "torch-lbfgs"][5] == "3 in 1.0 s"
    assert quality["noise", "lbfgs"][5] == "not reached"
    (rival,) = page.tables["One evaluation against PyTorch (channels_last)"][1:]
    assert rival[2:5] == ["24.5 (24 to 25)", "45 (40 to 50)", "0.55 (0.50 to 0.60)"]
    for cell in rival:
        assert cell in text
    for sentence in (
        "takes 21 (20 to 25) ms, as direct convolutions would at 381 GFLOP/s, 76% of the matrix rate.",
        "In shares of that time: bfloat16 0.52.",
        "picture a second by pictures at once: 1: 100.00, 2: 133.33; batching pays.",
        "chelsea x swirls, canonical loss after 3 evaluations by start: content 20, noise 300.",
        "loss after 3 evaluations in shares of that of torch's L-BFGS: lbfgs 0.50.",
        "plain L-BFGS after 3: chelsea x swirls from content 0.50, chelsea x swirls from noise 1.50.",
        "An evaluation in shares of the time of PyTorch float32: 64x64 0.55 (0.50 to 0.60).",
    ):
        assert sentence in page.text
        assert sentence in text


@pytest.mark.slow
def test_two_results_are_compared_beyond_the_noise(tmp_path, path):
    other = example()
    for bench, factor in zip(other["benchmarks"], [1, 1, 1.5, 1.01, 0.5, *[1] * 8], strict=True):
        bench["stats"]["data"] = [factor * value for value in bench["stats"]["data"]]
    other["benchmarks"][7]["extra_info"]["loss"]["total"] = 22.0
    (tmp_path / "second.json").write_text(json.dumps(other))
    page, text = made(tmp_path, path, tmp_path / "second.json")
    rows = {row[0]: row for row in page.tables["second against first"][1:]}
    verdicts = {name: row[5] for name, row in rows.items()}
    assert verdicts["evaluation[64x64-cpu]"] == "slower"
    assert verdicts["evaluation[128x96-cpu]"] == "within the noise"
    assert verdicts["evaluation[64x64-cpu-bfloat16]"] == "faster"
    assert rows["solve[content-lbfgs-float32]"][3:] == ["1.00", "", "one round", "1.100"]
    assert "| evaluation[64x64-cpu] |" in text
    assert "second" in page.text


def test_noise_is_from_the_rounds_and_never_below_three_percent():
    steady, wild = Seconds((1.0, 1.001, 1.002)), Seconds((1.0, 1.2, 1.4))
    assert noise(steady, steady) == 0.03
    assert noise(steady, wild) == pytest.approx(2 * 0.4 / 1.693 / 1.2, rel=1e-3), "few rounds: from their range"
    assert noise(steady, Seconds((1.0, 1.1, 1.2, 1.3, 9.0))) == pytest.approx(2 * 0.2 / 1.35 / 1.2, rel=1e-3)
    assert noise(steady, Seconds((1.0,))) is None
    assert reached([(1, 5.0, 0.1), (2, 3.0, 0.2)], 4.0) == (2, 0.2)
    assert reached([(1, 5.0, 0.1)], 4.0) is None


def test_a_result_without_some_parts_is_reported_too(tmp_path):
    few = example()
    few["benchmarks"] = [bench for bench in few["benchmarks"] if bench["name"].startswith("test_evaluation[128")]
    (tmp_path / "few.json").write_text(json.dumps(few))
    page, _ = made(tmp_path, tmp_path / "few.json")
    assert page.tags.count("svg") == 1
    assert "Resolution" in page.tables


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        ("{", "cannot be read as JSON"),
        ('{"benchmarks": []}', "is no result of `pytest bench --benchmark-json=FILE`"),
    ],
)
def test_another_file_is_refused_in_one_line(tmp_path, capsys, content, message):
    if content is not None:
        (tmp_path / "other.json").write_text(content)
    assert main([str(tmp_path / "other.json"), "-o", str(tmp_path / "report")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "report").exists()


def test_a_readme_without_marks_is_left_alone(tmp_path, path, capsys, report):
    readme = tmp_path / "README.md"
    readme.write_text("no marks")
    assert main([str(path), "-o", str(tmp_path / "report"), "--readme", str(readme)]) == 2
    assert MARKS[0] in capsys.readouterr().err
    assert readme.read_text() == "no marks"
    assert not (tmp_path / "report").exists()
    *_, text = report
    assert text.startswith(f"before\n{MARKS[0]}\n| what | rival |")
    assert "| one evaluation, 64x64 | PyTorch float32 | 24 ms | 45 ms | 0.55 (0.50 to 0.60) |" in text
    assert text.endswith(f"{MARKS[1]}\nafter")


def test_a_slim_result_says_the_same_without_pictures(tmp_path, path):
    small = tmp_path / "slim" / path.name
    assert main([str(path), "-o", str(tmp_path / "report"), "--slim", str(small)]) == 0
    assert PICTURE in path.read_text()
    assert PICTURE not in small.read_text()
    assert main([str(small), "-o", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again/report.md").read_text() == (tmp_path / "report/report.md").read_text()


def test_an_accelerators_run_shows_shares_of_the_matrix_rate_and_times_to_a_loss(tmp_path):
    found = example()
    by_name = {bench["name"]: bench for bench in found["benchmarks"]}
    grid = by_name["test_evaluation[64x64-cpu]"]
    grid["extra_info"]["axes"] = ["resolution", "grid", "precision"]
    compiled = json.loads(json.dumps(by_name["test_torch_evaluation[float32-1]"]))
    compiled["name"] = "test_torch_evaluation[compile-1]"
    compiled["extra_info"]["rival"] |= {"name": "PyTorch compile", "data": [0.02, 0.02]}
    time = by_name["test_solve[noise-lbfgs-float32]"]
    time |= {"name": "test_time_to_loss[0.2]", "group": "rival time"}
    theirs = [[1, 900.0, 0.1], [2, 800.0, 0.2], [3, 600.0, 0.3], [4, 400.0, 0.4]]
    rival = dict(name="PyTorch L-BFGS", data=[0.5], ratios=[7.0], trace=theirs, evaluations=4, loss={"total": 400.0})
    time["extra_info"] |= {"axes": ["rival time"], "rival": rival | {"picture": PICTURE}}
    late = json.loads(json.dumps(time))
    late["extra_info"]["rival"]["trace"][-1][1] = late["extra_info"]["rival"]["loss"]["total"] = 200.0
    late["name"] = "test_time_to_loss[0.5]"
    kept = [by_name["test_matrix_rate[float32]"], grid, by_name["test_torch_evaluation[float32-1]"], compiled, time, late]
    (tmp_path / "gpu.json").write_text(json.dumps(found | {"benchmarks": kept}))
    page, text = made(tmp_path, tmp_path / "gpu.json")
    (row,) = page.tables["Evaluations a second"][1:]
    share = 8e9 / 0.021 / (2e11 / 0.4)
    assert row == ["64x64", "float32", "21 (20 to 25)", f"{1 / 0.021:.4g}", "0.381", "0.5", f"{share:.0%}", "22.22", "50"]
    assert f"Evaluations a second in float32 (share of the matrix rate): 64x64 47.62 ({share:.0%})." in text
    soon, never = page.tables["Time to a loss"][1:]
    assert soon[1:5] == ["3", "4", "300", "400"]
    assert soon[-2:] == ["3 in 3.5 s", "not reached"], "theirs never comes to 300"
    assert never[-2:] == ["not reached", "4 in 0.4 s"]
    assert "it is as low after 3 and 3.5 s, 0.14 times as soon." in text
    assert "jaxstyle to one 1.50 times as high with 3 in 3.5 s, compilation included." in text
    assert "Resolution" not in page.tables, "the same cases again"
    assert all(cell in text for cell in (*row, *soon))


CHANGED = {
    "2026-11-26-h200": "the profile's limit was set from 420 to 200 seconds on the machine",
    "2026-11-26-networks-epyc-zen3-2-cores": "tests, and another page of results",
    "2026-12-01-solvers-epyc-zen3-2-cores": "the profile, committed after it; cases of solvers alone were kept",
}
"""Results that were measured with changes to a commit, and which."""


def test_the_readmes_table_is_that_of_the_committed_result():
    text = (ROOT / "bench" / "README.md").read_text(encoding="utf-8")
    table = re.search(f"{MARKS[0]}\n(.*){MARKS[1]}", text, re.DOTALL)
    (named,) = set(re.findall(r"\(results/([\w.-]+)\.json", text))
    assert table
    assert table[1] == summary(load(ROOT / "bench" / "results" / f"{named}.json")).markdown(0)


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_committed_results_are_as_the_schema_says(path):
    found = json.loads(path.read_text())
    jsonschema.validate(found, json.loads((ROOT / "bench" / "schema.json").read_text()))
    assert not found["commit_info"]["dirty"] or path.stem in CHANGED
    assert (path.with_suffix("") / "report.md").exists()
    assert path.stat().st_size < 2**20
