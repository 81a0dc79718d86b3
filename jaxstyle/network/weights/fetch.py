"""Downloads of verified files, resumed where an earlier try stopped.

A file counts once every one of its hashes matches: in the cache, after a download, after a resume. So no ETag is needed
to resume: mirrors may complete one another's bytes, and a part that was wrong is found out and fetched again from zero.

A file grows as ``NAME.part`` beside its place ``NAME``, which it takes in one step. A system lock on the empty file
``NAME.lock`` lets one process at a time do so; the others wait, then find the file in the cache. The lock of a process
that dies is freed. Its file stays: to remove it would race with a process that opens it.
"""

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jaxstyle.errors import DownloadError, InputError
from jaxstyle.machine.folders import cache_root

if TYPE_CHECKING:
    from rich.progress import Progress

_PAUSES = (0.5, 2.0, 5.0)  # seconds before each retry of a mirror whose connection broke
_TIMEOUT = (10, 30)  # seconds to connect, and without a byte
_CHUNK = 65536  # bytes


@dataclass(frozen=True)
class Download:
    """A file on the network: several mirrors as data, and how to know the right file."""

    filename: str  # in the cache folder
    size: int | None  # bytes, if known
    hashes: tuple[str, ...]  # "md5:..." and "sha256:..."; all must match
    urls: tuple[str, ...]  # the mirrors, in the order to try them

    def __post_init__(self):
        known = "md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}"
        if not self.hashes or not all(re.fullmatch(known, text) for text in self.hashes):
            raise InputError("hashes", self.hashes, "must be one or more of 'md5:...' and 'sha256:...', in lower case")


class _Failed(Exception):
    """A mirror does not give the file; the message says why, in a few words."""


class _Dropped(_Failed):
    """The connection broke; what came until then is in the part."""


def cache_folder() -> Path:
    """The folder of downloads."""
    return cache_root() / "weights"


def fetch(download: Download, folder: Path | None = None, *, progress: bool = True) -> Path:
    """The path of the file in `folder` (default: `cache_folder()`), downloaded unless it is there and whole.

    With `progress`, a bar is shown on stderr if that is a terminal. DownloadError if every mirror failed: a broken
    download is kept, and the next call goes on with it. InputError if the folder cannot be used.
    """
    folder = (folder or cache_folder()).absolute()
    target = folder / download.filename
    try:
        if _fault(target, download) is not None:
            folder.mkdir(parents=True, exist_ok=True)
            with _bar(progress) as bar:
                bar.add_task("waiting for another process", total=download.size)
                with _locked(folder / f"{download.filename}.lock"):
                    if _fault(target, download) is not None:  # else another process was first
                        _obtain(download, target, bar)
    except OSError as error:
        remedy = "choose another with the environment variable JAXSTYLE_CACHE"
        raise InputError("folder", str(folder), f"cannot be used ({error.strerror or error})", remedy) from error
    return target


def _obtain(download: Download, target: Path, bar: "Progress") -> None:
    """Puts the file at `target`, from the first mirror that has it."""
    part = target.with_name(f"{target.name}.part")
    failures = []
    for url in download.urls:
        bar.update(bar.task_ids[0], description=urlsplit(url).hostname)
        try:
            _complete(part, url, download, bar)
            os.replace(part, target)
            return
        except _Failed as failure:
            failures.append(f"{url}: {failure}")
    raise DownloadError(
        f"cannot download {download.filename} ({'; '.join(failures)}); try again later, or put the file by hand "
        f"at {target}; its hash must be {' and '.join(download.hashes)}"
    )


def _complete(part: Path, url: str, download: Download, bar: "Progress") -> None:
    """Makes the part the whole verified file, from one mirror."""
    pauses = list(_PAUSES)
    while True:
        try:
            continued = _receive(part, url, download.size, bar)
        except _Dropped:
            if not pauses:
                raise
            time.sleep(pauses.pop(0))
            continue
        fault = _fault(part, download)
        if fault is None:
            return
        part.unlink(missing_ok=True)
        if not continued:  # else the older bytes may be the wrong ones: once more, from zero
            raise _Failed(fault)


def _receive(part: Path, url: str, size: int | None, bar: "Progress") -> bool:
    """Downloads what the part lacks; says whether older bytes were kept."""
    import requests

    start = part.stat().st_size if part.exists() else 0
    if size is not None and start >= size:
        return True
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        response = requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT)
    except requests.RequestException as error:
        raise _Failed("timed out" if isinstance(error, requests.Timeout) else "no connection") from error
    with response:
        status, length = response.status_code, response.headers.get("Content-Length", "")
        if status == 416 and start:
            return True
        if status not in (200, 206):
            raise (_Dropped if status >= 500 else _Failed)(f"HTTP {status}")
        continued = status == 206 and start > 0
        got = start if continued else 0
        total = got + int(length) if length.isdigit() else size
        if size is not None and total != size:  # an error page, say: it must not replace the bytes of the part
            raise _Failed(f"{total:,} bytes instead of {size:,}")
        bar.reset(bar.task_ids[0], total=total, completed=got)
        with open(part, "ab" if continued else "wb") as file:
            try:
                for chunk in response.iter_content(_CHUNK):
                    got += file.write(chunk)
                    bar.update(bar.task_ids[0], completed=got)
            except requests.RequestException as error:
                raise _Dropped(f"connection broken after {got:,} bytes") from error
    if total is not None and got < total:
        raise _Dropped(f"connection broken after {got:,} bytes")
    return continued


def _fault(path: Path, download: Download) -> str | None:
    """What is wrong with a file, in a few words; None for the right one."""
    import pooch

    if not path.is_file():
        return "no file"
    size = path.stat().st_size
    if download.size is not None and size != download.size:
        return f"{size:,} bytes instead of {download.size:,}"
    for wanted in download.hashes:
        algorithm = wanted.partition(":")[0]
        found = f"{algorithm}:{pooch.file_hash(str(path), alg=algorithm)}"
        if found != wanted:
            return f"{found} instead of {wanted}"
    return None


def _bar(progress: bool) -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(None), DownloadColumn(), TransferSpeedColumn())
    shown = progress and sys.stderr is not None and sys.stderr.isatty()
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True, disable=not shown)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Waits until no other process is inside."""
    with open(path, "a") as file:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # an OSError after 10 seconds
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
