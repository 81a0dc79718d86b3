"""The notebooks run from top to bottom as programs, and paint, without Jupyter."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

NOTEBOOKS = Path(__file__).resolve().parents[2] / "docs" / "notebooks"


def run(name, folder):
    """What a notebook prints; warnings are errors."""
    environment = os.environ | {"PYTHONPATH": str(NOTEBOOKS.parents[1]), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-W", "error", str(NOTEBOOKS / name)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.optimized
@pytest.mark.slow
def test_a_picture_and_its_controls(tmp_path):
    assert "12 evaluations" in run("picture.py", tmp_path)
    with Image.open(tmp_path / "cup.png") as image:
        assert max(image.size) <= 128


@pytest.mark.slow
def test_inside(tmp_path):
    said = run("inside.py", tmp_path)
    before, after = (float(part) for part in said.split("style loss ")[1].splitlines()[0].split(" -> "))
    assert after < before / 10
    assert int(said.split(" levels")[0].split()[-1]) < 25


def test_both_stand_in_the_documentation():
    pages = (NOTEBOOKS.parent / "index.md").read_text(encoding="utf-8")
    assert all(f"notebooks/{path.stem}" in pages for path in NOTEBOOKS.glob("*.py"))
