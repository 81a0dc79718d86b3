"""What the cases share: the beginning of a record, and taking turns with a rival."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from bench.cases import Case


def describe_case(benchmark: Any, axes: list[str], case: Case | dict[str, Any]) -> None:
    """Begins a record: the axes that a case belongs to, the first of which groups it in the console, and its fields."""
    benchmark.group = axes[0]
    benchmark.extra_info.update(axes=axes, case=case if isinstance(case, dict) else asdict(case))


def turn_about(benchmark: Any, ours: Callable, theirs: Callable, rounds: int, warmup_rounds: int = 0) -> dict[str, Any]:
    """Times `theirs` before each round of `ours`; the seconds of both, and of each round their ratio."""
    seconds: list[float] = []

    def turn() -> None:
        began = time.perf_counter()
        theirs()
        seconds.append(time.perf_counter() - began)

    benchmark.pedantic(ours, setup=turn, rounds=rounds, iterations=1, warmup_rounds=warmup_rounds)
    del seconds[:warmup_rounds]
    mine = benchmark.stats.stats.data
    return {"data": seconds, "ratios": [a / b for a, b in zip(mine, seconds, strict=True)]}
