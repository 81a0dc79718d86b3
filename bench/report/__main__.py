"""python -m bench.report RESULT.json [OTHER.json ...] -o report/ [--readme README.md] [--slim SMALL.json]

Writes index.html, one page that needs no other file, and report.md. With several results each is compared with the first.
--readme puts the table of rivals between the lines `<!-- bench -->` and `<!-- /bench -->` of a text file. --slim writes the
first result without its pictures, as it is kept in bench/results.
"""

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from bench.report import tables
from bench.report.data import ReportError, Result, load
from bench.report.page import markdown, page

MARKS = ("<!-- bench -->", "<!-- /bench -->")


def write(path: Path, text: str) -> None:
    """The whole file or nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(path.name + ".part")
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        raise ReportError(f"{path}: cannot be written ({error.strerror})") from None


def slim(path: Path) -> str:
    """A result file without its pictures, a record a line."""
    known = json.loads(path.read_text(encoding="utf-8"))
    for record in known["benchmarks"]:
        info = record["extra_info"]
        info.pop("picture", None)
        info.get("rival", {}).pop("picture", None)
    records = ",\n".join(json.dumps(record, separators=(",", ":")) for record in known.pop("benchmarks"))
    return f'{json.dumps(known, separators=(",", ":"))[:-1]},"benchmarks":[\n{records}\n]}}\n'


def with_table(text: str, result: Result, path: Path) -> str:
    """A text with the table of rivals between its marks."""
    if not all(text.count(mark) == 1 for mark in MARKS):
        raise ReportError(f"{path}: must have the lines {MARKS[0]} and {MARKS[1]} once each")
    before, rest = text.split(MARKS[0])
    _, after = rest.split(MARKS[1])
    return f"{before}{MARKS[0]}\n{tables.summary(result).markdown(0)}{MARKS[1]}{after}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="bench.report", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", nargs="+", type=Path, metavar="RESULT.json")
    parser.add_argument("-o", "--out", type=Path, default=Path("report"), metavar="DIR")
    parser.add_argument("--readme", type=Path, metavar="FILE")
    parser.add_argument("--slim", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        results = [load(path) for path in options.results]
        labels = [result.label for result in results]
        if len(set(labels)) < len(labels):
            results = [replace(r, label=str(path.with_suffix(""))) for r, path in zip(results, options.results, strict=True)]
        readme = options.readme and with_table(options.readme.read_text(encoding="utf-8"), results[0], options.readme)
        write(options.out / "index.html", page(results))
        write(options.out / "report.md", markdown(results))
        if options.slim:
            write(options.slim, slim(options.results[0]))
        if readme:
            write(options.readme, readme)
    except (ReportError, OSError) as error:
        print(f"bench.report: {error}", file=sys.stderr)
        return 2
    print(options.out / "index.html")
    return 0


if __name__ == "__main__":
    sys.exit(main())
