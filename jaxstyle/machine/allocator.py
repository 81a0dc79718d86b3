"""Keeps freed memory in the process, so that each evaluation does not fetch all its pages from the kernel again.

glibc returns large blocks to the system when they are freed. An evaluation allocates hundreds of megabytes anew each time,
and the page faults cost 10 to 25% of it on a CPU. Changing that concerns the whole process, so that only programs do it
(the command line and the benchmarks), never the library on its own.
"""

import ctypes
import sys

# mallopt's parameters, from malloc.h
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8


def keep_pages() -> bool:
    """Tells malloc to keep what is freed, all of it: a limit of 2 GB cost a quarter of an evaluation's time at 2048x2048.

    Call it before JAX starts its threads.

    Returns:
        Whether it could: on Linux with glibc. Elsewhere nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"):
        return False
    settings = ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_TOP_PAD, 2**26))
    results = [mallopt(ctypes.c_int(name), ctypes.c_int(value)) for name, value in settings]
    return all(results)
