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
        Whether it could, which is on Linux with glibc. Elsewhere nothing happens.
    """
    if (library := _glibc()) is None:
        return False
    settings = ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_TOP_PAD, 2**26))
    results = [library.mallopt(ctypes.c_int(name), ctypes.c_int(value)) for name, value in settings]
    return all(results)


def give_back_pages() -> None:
    """Returns what is free at the moment to the system, where memory is short: gaps that no later array fits into."""
    if (library := _glibc()) is not None:
        library.malloc_trim(ctypes.c_size_t(0))


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if all(hasattr(library, name) for name in ("gnu_get_libc_version", "mallopt", "malloc_trim")) else None
