"""A case in a process of its own: its memory is its own, its devices are what it asks for, and its death harms nobody.

`Worker` is the side of the suite. The process reads one JSON request a line and answers each with one: first a job with
its case, which is prepared, then any number of runs. A job is a function in a module of `bench`, of the case's fields, that
returns what is known once it is prepared and a function that runs it once and waits for it. Where starting a process takes
longer than a case, one process may prepare one job after another.
"""

import gc
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 3600
"""Seconds after which a request that is not answered counts as failed."""


FULL = "out of memory|RESOURCE_EXHAUSTED|can't allocate memory|of memory beside what is in use"


class Failure(Exception):
    """A case that could not be measured.

    Attributes:
        kind: ``"not installed"``, ``"out of memory"``, ``"died"``, ``"timeout"`` or ``"error"``.
        reason: one line.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(f"{kind}: {reason}")
        self.kind, self.reason = kind, reason


class Worker:
    """A process with one prepared case.

    Attributes:
        info: what the job told when it was prepared.
        jobs: how many it has been asked to prepare.

    Raises:
        Failure: where it cannot be.
    """

    def __init__(self, job: str, case: dict[str, Any], **environment: str) -> None:
        self._log = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 (closed with the worker)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=surroundings(**environment),
            text=True,
            start_new_session=True,
        )
        self.info: dict[str, Any] = {}
        self.jobs = 0
        try:
            self.prepare(job, case)
        except BaseException:
            self.close()
            raise

    def prepare(self, job: str, case: dict[str, Any]) -> None:
        """Puts another case in the place of the one before.

        Raises:
            Failure: where it cannot be prepared; the process may go on.
        """
        self.jobs += 1
        self.info = self._ask(job=job, case=case)

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(PATIENCE, give_up)
        timer.start()
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            timer.cancel()
        if not line:
            raise Failure("timeout", f"no answer within {PATIENCE} seconds") if late.is_set() else self._death()
        answer = json.loads(line)
        if "failure" in answer:
            raise Failure(*answer["failure"])
        return answer["answer"]

    def _death(self) -> Failure:
        code = self._process.wait()
        self._log.seek(0)
        last = (self._log.read().strip().splitlines() or ["it said nothing"])[-1]
        hint = "; the system may have run out of memory" if code == -9 else ""
        return Failure("died", f"the process ended with {code}{hint}: {last[:200]}")

    def run(self) -> dict[str, Any]:
        """Runs the case once; its answer, if it has one."""
        return self._ask(run=1)

    def peak(self) -> dict[str, int | None]:
        """The most bytes held so far: ``host`` of the whole process, ``device`` where it counts them. Nothing for a case that
        shares its process."""
        return self._ask(peak=1) if self.jobs == 1 else {"host": None, "device": None}

    def close(self) -> None:
        """Ends the process and what it has started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL) if hasattr(os, "killpg") else self._process.kill()
        except ProcessLookupError:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None and not stream.closed:
                try:
                    stream.close()
                except BrokenPipeError:
                    continue

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def surroundings(**more: str) -> dict[str, str]:
    """The environment of a measured process: this checkout's modules, no memory taken ahead, nothing compiled before."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    fixed = {"PYTHONPATH": path, "XLA_PYTHON_CLIENT_PREALLOCATE": "false", "JAX_ENABLE_COMPILATION_CACHE": "false"}
    return os.environ | fixed | more


def peak() -> dict[str, int | None]:
    """The most bytes that this process has held, and that its device has."""
    host = None
    if (status := Path("/proc/self/status")).exists():  # getrusage would count what the parent held before it started us
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        host = int(line.split()[1]) * 1024
    elif sys.platform != "win32":
        import resource

        host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    device = None
    if "torch" in sys.modules:
        torch: Any = sys.modules["torch"]
        device = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    elif "jax" in sys.modules:
        jax: Any = sys.modules["jax"]
        device = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    return {"host": host, "device": device}


def release() -> None:
    """Gives back what the case before has left, on the device too."""
    gc.collect()
    if "torch" in sys.modules and (torch := sys.modules["torch"]).cuda.is_available():
        torch.cuda.empty_cache()


def failure(error: Exception) -> tuple[str, str]:
    """Kind and reason of an error, as `Failure` takes them."""
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] not in ("bench", "jax", "jaxlib", "jaxstyle"):
        return "not installed", text
    if isinstance(error, MemoryError) or re.search(FULL, str(error)):
        return "out of memory", text
    return "error", f"{type(error).__name__}: {text}"


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    run: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "job" in request:
                run = None
                release()
                module, _, name = request["job"].partition(":")
                found, run = getattr(importlib.import_module(f"bench.{module}"), name)(**request["case"])
            else:
                found = peak() if "peak" in request else run() or {}
            answer = {"answer": found}
        except Exception as error:
            answer = {"failure": failure(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
