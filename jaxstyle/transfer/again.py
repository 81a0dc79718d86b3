"""A picture again, from its record: the plan that made it, what differs here, and the plan of more evaluations of it."""

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jaxstyle.errors import InputError, named
from jaxstyle.pictures import ours
from jaxstyle.pictures.paths import located
from jaxstyle.plans import schedule
from jaxstyle.plans.config import Config
from jaxstyle.plans.plan import Plan
from jaxstyle.plans.regions import specs_of_record
from jaxstyle.plans.resolve import resolve
from jaxstyle.plans.solve import Start
from jaxstyle.results import record
from jaxstyle.results.beside import state_of
from jaxstyle.runs.checkpoint import Kept
from jaxstyle.runs.loop import Progress


@dataclass(frozen=True, eq=False)
class RecordedRun:
    """How a picture was made.

    Attributes:
        picture: its path.
        record: of its run.
        plan: the one that made it.
        stopped_at: evaluations after which the user stopped it; 0 where it came to its end.
    """

    picture: Path
    record: Mapping[str, Any]
    plan: Plan
    stopped_at: int

    @property
    def is_cut(self) -> bool:
        """Whether the picture is there, but not to its last pixel."""
        return self.picture.exists() and not ours.is_whole(self.picture, self.record["size"])

    def differences(self) -> list[str]:
        """What is not here as it was there, in words: reasons for other pixels."""
        found, now = [], record.versions()
        for name, version in self.record["versions"].items():
            if now.get(name) != version:
                found.append(f"{name} {version}, here {now.get(name, 'none')}")
        here = record.device()
        if here != self.record["device"]:
            shown = (f"{d['count']} x {d['kind']} ({d['platform']})" for d in (self.record["device"], here))
            found.append("made on {}, here {}".format(*shown))
        if (members := self.record.get("batch", {}).get("members", 1)) > 1:
            found.append(f"made as one of {members} at once, whose sums are rounded otherwise")
        return found

    def is_over(self, progress: Progress) -> bool:
        """Whether a replay is where the run was stopped."""
        return bool(self.stopped_at) and progress.evaluation >= self.stopped_at


def load_recorded_run(picture: str | os.PathLike[str]) -> RecordedRun:
    """How a picture was made, by its record; every error is raised here.

    Raises:
        InputError: where it has no record, or what it was made of changed or is gone; all of that is named at once.
    """
    path = Path(located(picture))
    if not path.exists():
        raise InputError("picture", str(picture), "does not exist", "give a picture that jaxstyle made")
    known = ours.read_record(path)
    if known is None or known.get("schema") != record.SCHEMA:
        what = "has no record" if known is None else f"has a record of another kind ({known.get('schema')})"
        remedy = "give a picture that `stylize`, `batch` or `sweep` of this version made, or its .json"
        raise InputError("picture", str(picture), what, remedy)
    path = path.with_suffix("") if path.suffix.lower() == ".json" else path
    wrong: list[str] = []

    def find(source: Mapping[str, str]) -> str:
        found, problem = _find(source["path"], source["sha256"], path.parent)
        wrong.extend([problem] if problem else [])
        return found

    inputs = known["inputs"]
    content, styles = find(inputs["content"]), [find(source) for source in inputs["styles"]]
    fields = {field.name for field in dataclasses.fields(Config)}
    settings = {name: value for name, value in known["config"].items() if name in fields}
    if "regions" in inputs:
        settings["regions"] = specs_of_record([{**source, "path": find(source)} for source in inputs["regions"]])
    if settings.get("flat_noise", 0) is None:  # once the default, which `start` of the record tells
        del settings["flat_noise"]
    if "init" in inputs:
        settings["init"] = find(inputs["init"])
    if (weights := settings.get("weights")) and os.path.splitext(weights)[1]:
        settings["weights"] = _find(weights, known["weights"]["sha256"], path.parent)[0]
    if wrong:
        raise InputError("picture", str(picture), f"cannot be made again: {', '.join(wrong)}", "bring back what it was made of")
    plan = _as_recorded(resolve(content, styles, Config(**settings)), known)
    if plan.network.sha256 != known["weights"]["sha256"]:
        problem = f"was made with other weights: {known['weights']['name']} ({known['weights']['sha256'][:12]}), here "
        raise InputError("picture", str(picture), f"{problem}{plan.network.name} ({plan.network.sha256[:12]})", "give them")
    if (further := known.get("continued")) is not None:
        begun = _begun(further)
        plan = plan if begun is None else from_picture(plan, begun.get("held"))
        plan = with_evaluations(plan, further["evaluations"]) if further["from"] == "state" else plan
    if plan.method.strips != known.get("memory", {}).get("strips", plan.method.strips) and plan.fallback is not None:
        plan = plan.with_fallback
    stopped = re.match(r"stopped on request after (\d+)", known["stop_reason"])
    return RecordedRun(path, known, plan, int(stopped[1]) if stopped else 0)


def _as_recorded(plan: Plan, known: Mapping[str, Any]) -> Plan:
    """A plan with the start of its record, and with evaluations shared as they were when records did not tell a tone."""
    if not (told := known.get("start", {})):
        return plan
    start = Start(**{field.name: told[field.name] for field in dataclasses.fields(Start) if field.name in told})
    plan = replace(plan, start=start, preview=plan.preview and replace(plan.preview, start=start))
    scales = len(plan.sizes)
    if "tone" in told or plan.preview is not None or scales == 1 or plan.strength == 0:
        return plan
    how: Any = dict(metric=plan.stages[0].metric, shared=schedule.former_budgets)
    return replace(plan, stages=schedule.stages(*plan.content.size, scales, plan.evaluations, **how))


def _begun(further: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """How a run that was continued began, where that was from a picture; `further` is what its record says of it."""
    return further if further["from"] == "picture" else further.get("begun")


def _find(path: str, sha256: str, folder: Path) -> tuple[str, str]:
    """Where an input lies now, and what is wrong with it: at its old place, beside the picture, or here, by its hash."""
    if path.startswith("<"):
        return path, f"{path} was no file"
    places = [Path(path), folder / path, folder / Path(path).name, Path(Path(path).name)]
    there = [str(place) for place in places if place.is_file()]
    for place in there:
        if record.describe_source(place)["sha256"] == sha256:
            return place, ""
    return (there[0], f"{there[0]} has changed") if there else (path, f"{path} is gone")


def with_evaluations(plan: Plan, evaluations: int) -> Plan:
    """A plan whose last stage goes on until so many evaluations in all."""
    *before, last = plan.stages
    return replace(plan, stages=(*before, last._replace(evaluations=evaluations - sum(stage.evaluations for stage in before))))


def from_picture(plan: Plan, held: Sequence[int] | None) -> Plan:
    """A plan that starts from a picture, with all its colours and from under what is kept, and holds the waves that it held."""
    stages = tuple(stage._replace(held=held and tuple(held)) for stage in plan.stages)
    picture = plan.init_picture and plan.uncovered(plan.init_picture)
    return replace(plan, init_picture=picture, start=replace(plan.start, smooth_colour=False), stages=stages)


def continuation(was: RecordedRun, evaluations: int) -> tuple[Plan, Kept | None, dict[str, Any], str]:
    """More evaluations of a picture.

    Returns:
        The plan; the end of its run, where that was kept; what the record says of it; and from what it goes on, in words.

    Raises:
        InputError: where nothing of it was painted.
    """
    if not was.plan.colours.painted:
        problem = "has other colours, but nothing of it was painted"
        raise InputError("picture", str(was.picture), problem, f"make it with other {named('colors')}, to go on with")
    state, done = state_of(was.picture), was.record["evaluations"]
    kept, why = _kept(was, state)
    if kept is not None:
        plan = with_evaluations(was.plan, done + evaluations)
        about: dict[str, Any] = {"from": "state", "evaluations": done + evaluations}
        if "continued" in was.record and (begun := _begun(was.record["continued"])) is not None:
            about["begun"] = begun
        return plan, kept.further, about, f"goes on from {state}, exactly"
    if was.is_cut:
        problem, remedy = f"is cut short or damaged, and {why}", "make it again first: `jaxstyle replay` does"
        raise InputError("picture", str(was.picture), problem, remedy)
    styles = [source["path"] for source in was.plan.sources["styles"]]
    config = replace(was.plan.config, init=str(was.picture), evaluations=evaluations, scales=1, metric="plain")
    config = replace(config, noise_ratio=0.0, flat_noise=0.0)
    plan = from_picture(resolve(was.plan.sources["content"]["path"], styles, config), was.plan.held)
    about = {"from": "picture", "evaluations": evaluations} | ({} if plan.held is None else {"held": plan.held})
    return plan, None, about, f"goes on from the 8-bit picture, since {why}"


def _kept(was: RecordedRun, state: Path) -> tuple[Kept | None, str]:
    """The end of a picture's run, or why there is none."""
    if not state.exists():
        return None, f"there is no {state.name} (--keep-state keeps it)"
    try:
        kept = Kept.read(state, argument="state")
        (known,) = kept.about["identity"]["plans"]
        (member,) = kept.about["members"]
    except InputError as error:
        return None, error.told.partition("; ")[0]
    except ValueError as error:
        return None, str(error)
    same = known["key"] == was.plan.key and member["known"] == was.record["evaluations"]
    return (kept, "") if same else (None, f"{state.name} is of another run")
