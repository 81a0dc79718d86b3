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


def measure(benchmark: Any, run: Callable, rounds: int, calls: int = 1, setup: Callable | None = None) -> list[float]:
    """Times rounds of `run`, in each of which a worker makes so many calls, or as many as it says: the seconds of a call, round
    by round."""
    made: list[int] = []
    benchmark.pedantic(lambda: made.append(counted(run(), calls)), setup=setup, rounds=rounds, iterations=1)
    benchmark.stats.iterations = calls
    found = benchmark.stats.stats.data
    found[:] = [seconds / count for seconds, count in zip(found, made, strict=True)]
    return found


def counted(answer: Any, calls: int) -> int:
    """The calls of a round by the worker's answer; those that were meant, where it does not say."""
    return answer.get("calls", calls) if isinstance(answer, dict) else calls


def turn_about(
    benchmark: Any, ours: Callable, theirs: Callable, rounds: int, calls: tuple[int, int] = (1, 1)
) -> dict[str, Any]:
    """Times `theirs` before each round of `ours`; the seconds of a call of both, and of each round their ratio."""
    seconds: list[float] = []

    def turn() -> None:
        began = time.perf_counter()
        count = counted(theirs(), calls[1])
        seconds.append((time.perf_counter() - began) / count)

    mine = measure(benchmark, ours, rounds, calls[0], turn)
    return {"data": seconds, "ratios": [a / b for a, b in zip(mine, seconds, strict=True)]}
