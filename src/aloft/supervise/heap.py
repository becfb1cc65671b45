"""A heap without holes, so that forked children keep sharing it.

A page is shared with a child until one of both writes to it. What a child allocates goes into the first hole that fits,
and after importing thousands of modules there are holes on most pages: the child's first allocations would each cost a
page of 4 KiB. So the holes are filled before the fork, and a child's new objects lie together on pages of their own.
Seen with Placement: 6 MiB of 26 that a child would not have shared otherwise. Standard library only.
"""

import ctypes
import os
import re
import sys

_OBJECT_OVERHEAD = sys.getsizeof(b"")
_LARGE = (131072, 65536, 32768, 16384, 8192, 4096, 2048)
_SMALL = range(1024, 16, -16)
_STATISTICS = re.compile(rb"^\s*\d+\s+(\d+)\s+\d+\s+\d+\s+(\d+)\s*$", re.MULTILINE)

_fillings: list[list[bytes]] = []


class _Allocated(ctypes.Structure):
    """``struct mallinfo2`` of glibc (mallinfo(3)); all in bytes or counts."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


def fill_holes() -> None:
    """Fill the holes of Python's and of the C library's allocator; what fills them is never freed."""
    _fillings.append(_fill_pools())
    _fill_malloc()


def free_blocks() -> dict[int, int]:
    """How many free blocks of each size (bytes) Python's allocator has in memory that is partly used.

    Only ``sys._debugmallocstats`` knows, which writes it to standard error.
    """
    kept = os.dup(2)
    caught = os.memfd_create("allocator statistics")
    try:
        sys.stderr.flush()
        os.dup2(caught, 2)
        sys._debugmallocstats()
        text = os.pread(caught, 1 << 20, 0)
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(caught)
    return {int(size): int(free) for size, free in _STATISTICS.findall(text)}


def _fill_pools() -> list[bytes]:
    free = {size - _OBJECT_OVERHEAD: count for size, count in free_blocks().items() if size > _OBJECT_OVERHEAD}
    held = [b""] * sum(free.values())
    place = 0
    for length, count in free.items():
        for _ in range(count):
            held[place] = bytes(length)
            place += 1
    return held


def _fill_malloc() -> None:
    """Allocate, from large to small, what fits below the heap's upper end. Does nothing without glibc 2.33 or newer."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallinfo2"):
        return
    libc.mallinfo2.restype = _Allocated
    libc.sbrk.restype = libc.malloc.restype = ctypes.c_void_p
    libc.sbrk.argtypes = (ctypes.c_long,)
    libc.malloc.argtypes = (ctypes.c_size_t,)
    libc.free.argtypes = (ctypes.c_void_p,)
    libc.malloc_trim(0)  # whole free pages go back to the kernel; this also joins neighbouring holes
    for size in (*_LARGE, *_SMALL):
        state = libc.mallinfo2()  # walks all holes, so once for each size, not for each allocation
        end = libc.sbrk(0) - state.keepcost - 2 * ctypes.sizeof(ctypes.c_size_t)
        for _ in range((state.fordblks - state.keepcost) // size):
            place = libc.malloc(size)
            if place is None or place >= end:
                libc.free(place)
                break
