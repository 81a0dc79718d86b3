"""The pictures of a batch or a sweep, as a list: every combination of contents, styles and settings, or pairs of them."""

import itertools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxstyle.errors import MISSING, InputError, Plain, named
from jaxstyle.pictures.find import expand
from jaxstyle.pictures.paths import located
from jaxstyle.plans import regions
from jaxstyle.plans.config import Config, make_config
from jaxstyle.plans.solve import is_random
from jaxstyle.results.record import plain

MOST = 1_000_000
"""Pictures of a batch."""
Sources = Any
"""A picture (path, PIL image or array), or a list of them."""


@dataclass(frozen=True, eq=False)
class Job:
    """One picture that is to be made.

    Attributes:
        content: a path, PIL image or array.
        style: the same, or a list of them that are blended.
        config: all settings.
        labels: what tells it from the others, in words: ``{"content": "cat", "seed": "3", "style": "swirls"}``; the keys are
            those of all jobs.
    """

    content: Any
    style: Any
    config: Config
    labels: Mapping[str, str]


def make_jobs(
    contents: Sources,
    styles: Sources,
    *,
    pairs: bool = False,
    seeds: int | Sequence[int] | None = None,
    style_weights: Sequence[float] | None = None,
    vary: Mapping[str, Sequence[Any]] | None = None,
    config: Config | None = None,
    **options: Any,
) -> list[Job]:
    """Contents x settings x styles as a list of jobs, the styles changing fastest.

    Args:
        contents: one or more; a folder or a pattern stands for its pictures, as `pictures.find` says.
        styles: the same; a list among them is one style, blended.
        pairs: the first content with the first style and so on, in place of every content with every style.
        seeds: how many, from `config.seed` on, or which ones.
        style_weights: one picture for each.
        vary: values by field of `Config`; one picture for each combination.
        config: all other settings; the defaults otherwise.
        **options: fields of `Config` to change.

    Raises:
        InputError: for an unknown field, an empty list, pairs that do not match, or seeds where nothing is random.
    """
    config = make_config(config, **options)
    given = {"contents": contents, "styles": styles}
    contents, styles = (
        expand(sources if isinstance(sources, list | tuple) else [sources], argument=name) for name, sources in given.items()
    )
    axes: dict[str, Sequence[Any]] = {}
    if seeds is not None:
        count = isinstance(seeds, int) and not isinstance(seeds, bool)
        axes["seed"] = range(config.seed, config.seed + min(seeds, MOST + 1)) if count else [*seeds]  # pyright: ignore
    if style_weights is not None:
        axes["style_weight"] = [*style_weights]
    axes |= {name: [*values] for name, values in (vary or {}).items()}
    for name, values in {"contents": contents, "styles": styles, **axes}.items():
        if not values:
            raise InputError(name, Plain("[]"), "is empty", "give at least one")
    if len(contents) * (1 if pairs else len(styles)) * math.prod(map(len, axes.values())) > MOST:
        name, value = ("seeds", Plain(seeds)) if seeds is not None else ("contents", Plain(f"{len(contents)} pictures"))
        raise InputError(name, value, f"makes more than {MOST} pictures", "make them in several batches")
    if pairs and len(contents) != len(styles):
        problem = f"has {len(contents)} contents for {len(styles)} styles"
        raise InputError("pairs", MISSING, problem, "give as many of the one as of the other")
    titled = [list(zip(given, _titles(given), strict=True)) for given in (contents, styles)]
    groups = [[pair] for pair in zip(*titled, strict=True)] if pairs else [[(c, s) for s in titled[1]] for c in titled[0]]
    configs = []
    for chosen in itertools.product(*axes.values()):
        settings = dict(zip(axes, chosen, strict=True))
        configs.append((make_config(config, **settings), {name: shown(value) for name, value in settings.items()}))
    jobs = [
        Job(content, style, one, {"content": first, **words, "style": second})
        for group in groups
        for one, words in configs
        for (content, first), (style, second) in group
    ]
    if "seed" in axes and len(axes["seed"]) > 1 and not any(is_random(job.config) for job in jobs):
        remedy = f"start from noise ({named('init', 'noise')}) or mix some in ({named('noise_ratio', 0.3)})"
        raise InputError("seeds", Plain([*axes["seed"]]), "would all give the same picture: nothing here is random", remedy)
    return jobs


def differing(labelled: Sequence[Any]) -> list[str]:
    """The names of the labels that differ among things with `labels`, such as jobs."""
    return [name for name in labelled[0].labels if len({one.labels[name] for one in labelled}) > 1]


def called(some: Sequence[Job], jobs: Sequence[Job]) -> str:
    """Some of the jobs in words: what they have in common where that tells them from the others, else the first of them.
    Nothing where they are none or all."""
    if len(some) in (0, len(jobs)):
        return ""
    common = {name: text for name, text in some[0].labels.items() if all(job.labels[name] == text for job in some)}
    if sum(common.items() <= job.labels.items() for job in jobs) == len(some):
        return ", ".join(common.values())
    return few([", ".join(job.labels.values()) for job in some])


def few(words: Sequence[str]) -> str:
    """Words in a row; of more than four the first three, and how many more there are."""
    return "; ".join([*words[:3], f"{len(words) - 3} more"] if len(words) > 4 else words)


def shown(value: Any) -> str:
    """A setting in words."""
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    if isinstance(value, Mapping):
        return ",".join(f"{name}={shown(weight)}" for name, weight in value.items())
    return ",".join(map(shown, value)) if isinstance(value, list | tuple) else str(plain(value))


def title(source: Any) -> str:
    """What a picture is called: its file's name without the suffix, the kind of object otherwise; blended ones joined."""
    if isinstance(source, list | tuple):
        return "+".join(map(title, source))
    if not isinstance(source, str | os.PathLike):
        return type(source).__name__
    return os.fsencode(Path(source).stem).decode(errors="replace")  # a name need not be text


def _titles(sources: Iterable[Any]) -> list[str]:
    """Titles by which the sources can be told apart: numbered where they would be the same."""
    found: list[str] = []
    for source in sources:
        name, number = title(source), 1
        while (numbered := name if number == 1 else f"{name}-{number}") in found:
            number += 1
        found.append(numbered)
    return found


def files_of(jobs: Sequence[Job]) -> list[str]:
    """The paths of all pictures that go into jobs, starts included."""
    found: dict[str, None] = {}
    for job in jobs:
        styles = job.style if isinstance(job.style, list | tuple) else [job.style]
        masks: list[str] = []
        with suppress(InputError):  # that job fails by itself
            masks = regions.files_of(job.config.regions)
        for source in (job.content, *styles, located(job.config.init), *masks):
            if isinstance(source, str | os.PathLike):
                found[os.fspath(source)] = None
    return list(found)
