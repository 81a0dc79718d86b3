"""The allocator setting in a process of its own: freed memory is used again, without page faults."""

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
from jaxstyle.machine.allocator import keep_pages
if sys.argv[1] == "keep":
    assert keep_pages()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = bytearray(200_000_000)
    block[::4096] = bytes(len(block[::4096]))
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(*[faults() for _ in range(3)])
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="concerns glibc's malloc")
def test_a_block_that_was_freed_is_not_fetched_from_the_kernel_again():
    counts = {}
    for mode in ("keep", "default"):
        done = subprocess.run([sys.executable, "-c", SCRIPT, mode], capture_output=True, text=True, check=True)
        counts[mode] = [int(word) for word in done.stdout.split()]
    assert counts["default"][-1] > 50  # with pages of 2 MB; 50000 with pages of 4 kB
    assert counts["keep"][-1] < counts["default"][-1] / 10


GAP = """
import psutil
from jaxstyle.machine.allocator import give_back_pages, keep_pages
keep_pages()
block, above = b"1" * 100_000_000, b"1" * 1_000_000
del block
before = psutil.Process().memory_info().rss
give_back_pages()
print(before - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="concerns glibc's malloc")
def test_a_gap_is_given_back():
    done = subprocess.run([sys.executable, "-c", GAP], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 90_000_000


def test_other_systems_are_left_alone(monkeypatch):
    from jaxstyle.machine import allocator

    monkeypatch.setattr(sys, "platform", "darwin")
    assert not allocator.keep_pages()
    allocator.give_back_pages()
