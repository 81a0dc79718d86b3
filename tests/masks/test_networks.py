"""The networks for masks against the programs that others run them by, on a photograph (`weights/masks.py` recorded them)."""

from pathlib import Path

import jax
import numpy as np
import pytest
from conftest import refusal

import jaxstyle
from jaxstyle.errors import WeightsError
from jaxstyle.machine import tensor_file
from jaxstyle.masks import faces, graph, subjects
from jaxstyle.pictures.read import Picture

HERE = Path(__file__).parent


def recorded(name="recorded"):
    with np.load(HERE / f"{name}.npz") as file:
        return dict(file)


@pytest.mark.parametrize("x64", [False, True])
def test_yunet_is_that_of_onnxruntime(x64):
    known = recorded()
    with jax.enable_x64(x64):
        image = known["image"][None, ..., ::-1].astype(np.float32)
        maps = graph.run(graph.load("yunet"), image)
    assert sorted(maps) == sorted(name.removeprefix("yunet.") for name in known if name.startswith("yunet."))
    for name, found in maps.items():
        expected = known[f"yunet.{name}"]
        assert np.abs(expected).max() > 1e-3
        assert np.abs(np.asarray(found).reshape(expected.shape) - expected).max() < 1e-4, name


def test_faces_are_those_of_opencv():
    """Box, landmarks and score, as cv2.FaceDetectorYN gives them at the same size."""
    known = recorded()
    (face,) = jaxstyle.detect_faces(known["image"])
    found = [*face.box, *np.ravel(face.landmarks), face.score]
    np.testing.assert_allclose(found, known["faces"][0], atol=2e-3)


def test_u2net_is_that_of_onnxruntime():
    """Its kernels are rounded to float16, divided by the largest of each channel: without that the error is 0.08."""
    known = recorded()
    image = known["image"].astype(np.float32)[None] / 255
    found = np.asarray(subjects._program("u2netp")(graph.load("u2netp").arrays, image))[::4, ::4]
    expected = known["u2netp.1959"][0, 0]
    assert expected.max() > 0.99
    assert np.abs(found - expected).max() < 0.02
    assert np.abs(found - expected).mean() < 1e-3


def test_people_are_those_of_mediapipe():
    known = recorded("people")
    image = known["image"].astype(np.float32)[None] / 255
    found = np.asarray(subjects._program("selfie")(graph.load("selfie").arrays, image))
    assert 0.4 < known["people"].mean() < 0.6
    assert np.abs(found - known["people"]).max() < 1e-3


def test_transposed_convolution_places_a_kernel_at_every_place():
    rng = np.random.default_rng(0)
    x, kernel, bias = (rng.normal(size=shape).astype(np.float32) for shape in ((1, 3, 4, 5), (2, 2, 5, 6), (6,)))
    expected = np.zeros((1, 6, 8, 6))
    for y in range(3):
        for column in range(4):
            for i in range(2):
                for j in range(2):
                    expected[0, 2 * y + i, 2 * column + j] = x[0, y, column] @ kernel[i, j] + bias
    np.testing.assert_allclose(graph.transposed(x, kernel, bias), expected, rtol=1e-5, atol=1e-5)


def test_pool_takes_what_is_left_over():
    x = np.arange(15, dtype=np.float32).reshape(1, 3, 5, 1)
    np.testing.assert_array_equal(graph.max_pool(x)[0, ..., 0], [[6, 8, 9], [11, 13, 14]])


def test_file_of_another_kind_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "yunet.safetensors"
    tensor_file.write(path, {"a": np.zeros(3, np.float32)}, {"format": "other"})
    monkeypatch.setattr(tensor_file, "bundled", lambda name: path)
    refusal(lambda: graph.load.__wrapped__("yunet"), "weights", "of another kind", "reinstall", kind=WeightsError)


def boxes(*corners):
    return np.asarray([(x0, y0, x1 - x0, y1 - y0) for x0, y0, x1, y1 in corners], np.float32)


def test_boxes_of_one_face_are_one():
    """Overlap is the common part over all of both: 80/120 for the second, none for the third, a quarter for the last."""
    found = faces._distinct(boxes((0, 0, 10, 10), (2, 0, 12, 10), (40, 0, 50, 10), (6, 0, 16, 10)))
    assert found == [0, 2, 3]
    assert faces._distinct(np.zeros((0, 4), np.float32)) == []


def face(box, eyes, mouth, score=0.9):
    nose = tuple(np.mean([*eyes, *mouth], axis=0))
    return faces.Face(box, (*eyes, nose, *mouth), score)


def test_oval_covers_the_face_upright_and_lying():
    upright = face((40, 30, 40, 56), ((52, 52), (68, 52)), ((54, 72), (66, 72)))
    share = faces.ovals([upright], (120, 120))
    rows, columns = np.nonzero(share > 0.5)
    assert share.dtype == np.float32
    assert share[58, 60] == 1
    assert share.max() == 1
    assert share[0].max() == share[:, 0].max() == 0
    assert rows.min() < 30 and rows.max() > 86  # noqa: PT018
    assert columns.min() < 40 and columns.max() > 80  # noqa: PT018
    lying = face((30, 40, 56, 40), ((52, 68), (52, 52)), ((72, 66), (72, 54)))  # turned by a quarter
    np.testing.assert_allclose(faces.ovals([lying], (120, 120)), share.T, atol=0.02)


def test_oval_at_the_border_is_cut():
    share = faces.ovals([face((-20, -20, 40, 50), ((-5, 0), (10, 0)), ((-4, 18), (9, 18)))], (64, 48))
    assert share[0, 0] == 1
    assert share[-1, -1] == 0
    assert faces.ovals([], (5, 7)).shape == (7, 5)


def test_dots_are_no_faces(monkeypatch):
    """What is lower than `SMALLEST` pixels where it is found is left out."""
    image = recorded()["image"]
    assert len(faces.found(Picture(image))) == 1
    monkeypatch.setattr(faces, "SMALLEST", 1 + round(recorded()["faces"][0, 3]))
    assert faces.found(Picture(image)) == []
