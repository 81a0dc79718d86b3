"""The built wheel in a clean environment: nothing but the wheel and what it asks for, an empty folder, no network."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.optimized
@pytest.mark.slow
def test_the_wheel_makes_a_picture(tmp_path):
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"jaxstyle/data/vgg19.safetensors", "jaxstyle/data/styles26.safetensors"} <= set(names)
    assert "jaxstyle/samples/chelsea.jpg" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert any(name.endswith("LICENSE-Apache-2.0.txt") for name in names), "for styles26"
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", wheel], check=True)
    folder = tmp_path / "empty"
    folder.mkdir()
    nowhere = "http://127.0.0.1:9"
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "JAXSTYLE_WEIGHTS", "JAX_COMPILATION_CACHE_DIR")}
    environment = {**clean, "http_proxy": nowhere, "https_proxy": nowhere, "HOME": str(tmp_path), "JAX_PLATFORMS": "cpu"}
    command = [python.parent / "jaxstyle", "demo", "--size", "64", "--evaluations", "3"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1, "no warnings"
    assert sorted(p.name for p in folder.iterdir()) == ["demo.png", "demo.png.json"]
    assert any((tmp_path / "cache" / "compiled").rglob("*")), "compiled programs are kept in the user's cache folder"
    with Image.open(folder / "demo.png") as image:
        assert image.size == (64, 42)
