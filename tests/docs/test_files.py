"""Records are as their schema says, which refuses others; networks have the fields that the documents tell."""

import json
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import jaxstyle
from jaxstyle.machine import tensor_file
from jaxstyle.machine.folders import bundled

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA = json.loads((DOCS / "record.schema.json").read_text())


def record_of(result, path):
    result.save(path)
    return json.loads(Path(f"{path}.json").read_text())


@pytest.fixture
def made(small_network, tmp_path, rgb, rng):
    """The record of a small picture with two regions."""
    style = rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)
    mask = np.indices((24, 32))[1] < 16
    return record_of(jaxstyle.stylize(rgb, style, evaluations=3, regions=[(mask, style)]), tmp_path / "a.png")


def test_a_record_is_as_the_schema_says(made):
    jsonschema.validate(made, SCHEMA)
    told = re.findall(r"^\| (`.*?) \|", (DOCS / "files.md").read_text().split("\n## ")[1], re.MULTILINE)
    assert set(made) == {name for names in told for name in re.findall(r"`(\w+)`", names)}


def test_a_record_of_one_pass_is_as_the_schema_says(tmp_path, rgb, tiny_styles):
    jsonschema.validate(record_of(jaxstyle.apply_style(rgb, tiny_styles, style="dots"), tmp_path / "a.png"), SCHEMA)


def test_the_schema_refuses_what_is_missing(made):
    for field in ("schema", "inputs", "versions", "stages", "stop_reason", "loss", "pixels_sha256", "trace"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({name: value for name, value in made.items() if name != field}, SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(made | {"size": [0, 1]}, SCHEMA)


@pytest.mark.parametrize("name", ["vgg19", "styles", "styles26"])
def test_the_fields_of_a_network_are_told(name):
    tensors, description = tensor_file.read(bundled(name))
    row = next(row for row in (DOCS / "files.md").read_text().splitlines() if f"`{description['format']}`" in row)
    told = set(re.findall(r"`(\w+)`", row)) | {"format"}
    assert set(description) <= told
    assert all(re.search(r"\.(codes|codebook|kernel|bias)$|^styles$|^thumbnail\.", tensor) for tensor in tensors)
