"""Limits of memory that containers, queues and services set: Linux control groups, of both versions, at every level.

A group's limit holds for all groups below it, so the tightest one on the way up counts. Pages of files that were read are
counted as used but are given back when memory is short.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple


class _Version(NamedTuple):
    """The files of a group: limits, what is used, and the entries of memory.stat that can be had back."""

    limits: tuple[str, ...]
    used: str
    reclaimable: tuple[str, ...]


_V1 = _Version(("memory.limit_in_bytes",), "memory.usage_in_bytes", ("total_inactive_file",))
_V2 = _Version(("memory.max", "memory.high"), "memory.current", ("inactive_file", "slab_reclaimable"))


def containers_free(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> list[int]:
    """Bytes that can still be had within each group with a limit that this process is in.

    Args:
        root: where control groups are mounted.
        own: the file that names the groups of this process.
    """
    found = []
    for folder, version in _folders(root, own):
        for name in version.limits:
            limit, used = _number(folder / name), _number(folder / version.used)
            if limit is not None and used is not None:
                found.append(max(0, limit - max(0, used - _reclaimable(folder / "memory.stat", version))))
    return found


def _folders(root: Path, own: Path) -> Iterator[tuple[Path, _Version]]:
    """The groups of this process, from its own up to the root, which in a container is the container's."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        lines = ["0::/"]
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        below = PurePosixPath(path).parts[1:]
        below = () if ".." in below else below  # outside of the namespace
        if not controllers:
            yield from ((root.joinpath(*below[:n]), _V2) for n in range(len(below), -1, -1))
        elif "memory" in controllers.split(","):
            yield from (((root / "memory").joinpath(*below[:n]), _V1) for n in range(len(below), -1, -1))


def _number(file: Path) -> int | None:
    """The number in a file; None where there is none, such as ``max``."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def _reclaimable(file: Path, version: _Version) -> int:
    try:
        entries = dict(line.split() for line in file.read_text().splitlines())
        return sum(int(entries.get(name, 0)) for name in version.reclaimable)
    except (OSError, ValueError):
        return 0
