"""Faces of a photograph: boxes and landmarks by YuNet, and soft ovals over them.

W. Wu, H. Peng, S. Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 2023.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from jaxstyle.machine.modes import computing
from jaxstyle.masks import graph
from jaxstyle.pictures.find import one
from jaxstyle.pictures.read import Picture, as_float, load, resize

NETWORK = "yunet"
STRIDES = (8, 16, 32)
SIDES = (320, 640, 1280)
"""Pixels of the squares that are searched: a face of 10 to 300 pixels is found in one of them."""
LARGEST = SIDES[-1]
"""Pixels of the longest side at which a photograph is searched."""
ENLARGED = 1.6
"""How many times a small picture is enlarged at most."""
SCORE = 0.75
"""The least of a face: the root of its class times its objectness."""
SMALLEST = 15
"""Pixels of the height of a face where it is found: what is smaller is a dot on a tie as often as a face."""
OVERLAP = 0.3
"""Of two boxes, their common part over all of both, from which they are one face."""
TALL, WIDE = 1.5, 1.2
"""Half axes of the oval, in distances from the eyes to the mouth: to hairline and chin, and over the ears."""
TALL_OF_BOX, WIDE_OF_BOX = 0.6, 0.62
"""The same in heights and widths of the box: the larger counts, since a bowed or turned head shortens the other."""
LOWER = 0.25
"""How far below the eyes the middle of a face lies, in the same distances."""
SOFT = 0.16
"""Over which part of its radius the edge of an oval runs out."""


@dataclass(frozen=True)
class Face:
    """A face in a picture.

    Attributes:
        box: left, top, width, height in pixels.
        landmarks: (x, y) in pixels of the person's right eye, left eye, tip of the nose, right and left corner of the mouth.
        score: 0 to 1, how sure the network is.
    """

    box: tuple[float, float, float, float]
    landmarks: tuple[tuple[float, float], ...]
    score: float


def detect_faces(picture: Any) -> list[Face]:
    """The faces of a picture, the surest first.

    Args:
        picture: a path, a PIL image, or an array (H, W, 3): uint8, or float in [0, 1]. It is searched at several sizes, of at
            most 1280 pixels a side.

    Returns:
        A `Face` each, in pixels of the picture; none where there is none.

    Raises:
        ImageError: where it cannot be read.
    """
    return found(load(one(picture, argument="picture"), argument="picture"))


@lru_cache(1)  # for the next word of the same picture
@computing()
def found(picture: Picture) -> list[Face]:
    """`detect_faces` of one that was read."""
    width, height = picture.size
    longest = max(width, height)
    each = []
    for side in SIDES:
        if side > SIDES[0] and side > ENLARGED * longest:
            break
        scale = min(side / longest, ENLARGED)
        small = resize(picture, max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.zeros((1, side, side, 3), np.float32)
        image[0, : small.size[1], : small.size[0]] = 255 * as_float(small)[..., ::-1]  # BGR, 0..255
        maps = _program(graph.load(NETWORK).arrays, image)
        each.append(_decoded({name: np.asarray(one) for name, one in maps.items()}, width / small.size[0]))
    rows = np.concatenate(each)
    rows = rows[np.argsort(-rows[:, -1], kind="stable")]
    return [
        Face(
            (float(row[0]), float(row[1]), float(row[2]), float(row[3])),
            tuple((float(x), float(y)) for x, y in row[4:14].reshape(5, 2)),
            float(row[-1]),
        )
        for row in rows[_distinct(rows[:, :4])]
    ]


@jax.jit
def _program(arrays: Any, image: jax.Array) -> dict[str, jax.Array]:
    return graph.run(graph.load(NETWORK), image, arrays)


def _decoded(maps: dict[str, np.ndarray], scale: float) -> np.ndarray:
    """(N, 15): boxes, landmarks and scores of the places that are faces, in pixels of the picture."""
    rows = []
    for stride in STRIDES:
        score = np.sqrt(np.clip(maps[f"cls_{stride}"], 0, 1) * np.clip(maps[f"obj_{stride}"], 0, 1))[0, ..., 0]
        y, x = np.nonzero(score >= SCORE)
        place = np.stack([x, y], -1).astype(np.float32)
        box, points = maps[f"bbox_{stride}"][0, y, x], maps[f"kps_{stride}"][0, y, x]
        middle, size = (place + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride
        marks = (points.reshape(-1, 5, 2) + place[:, None]) * stride
        pixels = np.concatenate([middle - size / 2, size, marks.reshape(-1, 10)], 1) * scale
        rows.append(np.concatenate([pixels, score[y, x][:, None]], 1)[size[:, 1] >= SMALLEST])
    return np.concatenate(rows)


def _distinct(boxes: np.ndarray) -> list[int]:
    """Which of the boxes, the surest first, are not of a face that came before (non-maximum suppression)."""
    kept = list[int]()
    corners, areas = boxes[:, :2] + boxes[:, 2:], boxes[:, 2] * boxes[:, 3]
    for i in range(len(boxes)):
        others = np.asarray(kept, int)
        common = np.minimum(corners[others], corners[i]) - np.maximum(boxes[others, :2], boxes[i, :2])
        both = np.clip(common, 0, None).prod(-1)
        if (both <= OVERLAP * (areas[others] + areas[i] - both)).all():
            kept.append(i)
    return kept


def ovals(faces: list[Face], size: tuple[int, int]) -> np.ndarray:
    """The share of each place of a picture of this (width, height) that is face: (H, W), float32."""
    width, height = size
    share = np.zeros((height, width), np.float32)
    for face in faces:
        left, top, wide, tall = face.box
        marks = np.asarray(face.landmarks)
        eyes, mouth = marks[:2].mean(0), marks[3:].mean(0)
        length = max(float(np.hypot(*(mouth - eyes))), 1e-3)
        down = (mouth - eyes) / length
        middle = (eyes + LOWER * length * down + (left + wide / 2, top + tall / 2)) / 2
        upright = abs(down[1])  # of a lying head the box is as wide as the face is tall
        own_tall, own_wide = upright * tall + (1 - upright) * wide, upright * wide + (1 - upright) * tall
        half_tall, half_wide = max(TALL * length, TALL_OF_BOX * own_tall), max(WIDE * length, WIDE_OF_BOX * own_wide)
        reach = (1 + SOFT) * max(half_tall, half_wide)
        x0, y0 = (max(0, int(at - reach)) for at in middle)
        x1, y1 = (min(end, int(at + reach) + 2) for at, end in zip(middle, size, strict=True))
        y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32) + 0.5
        x, y = x - middle[0], y - middle[1]
        radius = np.hypot((x * down[0] + y * down[1]) / half_tall, (x * down[1] - y * down[0]) / half_wide)
        ramp = np.clip((1 + SOFT / 2 - radius) / SOFT, 0, 1)
        share[y0:y1, x0:x1] = np.maximum(share[y0:y1, x0:x1], ramp * ramp * (3 - 2 * ramp))
    return share
