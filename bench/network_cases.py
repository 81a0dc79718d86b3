"""What is measured of style networks, as data: pictures that they paint, and steps of their training."""

from dataclasses import dataclass, replace
from typing import Any

from bench.cases import Profile, side_of

PAINTERS = ("styles", "styles26")
"""Networks in the box: ours, of Johnson's width, and the slim one of 26 styles, which onnxruntime runs too."""

LEAST = 32
"""Pixels a side of the smallest crops that `train_styles` takes."""


@dataclass(frozen=True)
class Painting:
    """A square picture of noise through a network in the box: the time depends on the shape alone."""

    network: str
    width: int
    height: int
    platform: str = "cpu"

    @property
    def name(self) -> str:
        """Network, size and platform."""
        return f"{self.network}-{self.width}x{self.height}-{self.platform}"


@dataclass(frozen=True)
class Training:
    """Steps of a training of two styles: crops of `side` pixels, `batch` of them a step; `widths` as of `train_styles`."""

    widths: str
    side: int
    batch: int
    devices: int = 1
    platform: str = "cpu"

    @property
    def name(self) -> str:
        """Widths, crops and platform, and the devices where they are several."""
        more = [f"devices{self.devices}"] if self.devices > 1 else []
        return "-".join([self.widths, f"{self.batch}x{self.side}x{self.side}", self.platform, *more])

    @property
    def job(self) -> dict[str, Any]:
        """What a worker needs to know."""
        return {"widths": self.widths, "side": self.side, "batch": self.batch}


def paintings(profile: Profile, platform: str) -> dict[Painting, list[str]]:
    """Every painter at every size, with the axis."""
    sides = [side_of(profile.side * factor) for factor in profile.painted]
    return {Painting(name, side, side, platform): ["painting"] for name in PAINTERS[: profile.painters] for side in sides}


def rival_paintings(profile: Profile, platform: str) -> dict[Painting, list[str]]:
    """Those that onnxruntime makes too."""
    if platform != "cpu":
        return {}
    return {
        case: ["rival painting"] for case in paintings(replace(profile, painters=2), platform) if case.network == PAINTERS[1]
    }


def rival_trainings(profile: Profile, devices: dict[str, dict[str, Any]]) -> dict[Training, list[str]]:
    """Those on one device, the best that there is."""
    platform = next(iter(devices))
    found = [case for case in trainings(profile, devices) if case.devices == 1 and case.platform == platform]
    return {case: ["rival training"] for case in found}


def trainings(profile: Profile, devices: dict[str, dict[str, Any]]) -> dict[Training, list[str]]:
    """Trainings that differ from the first in one thing, with their axes."""
    platform, *others = devices
    found: dict[Training, list[str]] = {}
    widths, factors, batches = profile.trained
    sides = [max(LEAST, round(profile.side * factor)) for factor in factors]
    base = Training(widths[0], sides[0], batches[0], platform=platform)
    groups = {
        "training": [base],
        "training width": [replace(base, widths=name) for name in widths],
        "training size": [replace(base, side=side) for side in sides],
        "training batch": [replace(base, batch=batch) for batch in batches],
        "training device": [replace(base, platform=other) for other in (platform, *others)],
    }
    counts = profile.simulated if platform == "cpu" else [2**i for i in range(8) if 2**i <= devices[platform]["count"]]
    groups["training devices"] = [replace(base, devices=count) for count in counts if batches[0] % count == 0]
    for axis, cases in groups.items():
        if len(cases) > 1 or axis == "training":
            for case in cases:
                found.setdefault(case, []).append(axis)
    return found
