"""What processes use: memory and processor time, as the kernel counts it (proc(5))."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def of_user(user: int) -> frozenset[int]:
    """Process ids of a numeric user. Every process of a controller has the user of its slot, which nobody else has."""
    found = set()
    for entry in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            status = (entry / "status").read_text(errors="replace")
            if int(status.partition("\nUid:")[2].split(maxsplit=2)[1]) == user:  # the effective one
                found.add(int(entry.name))
    return frozenset(found)


def parent(pid: int) -> int:
    """The process that another is a child of."""
    return int((_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])


def descendants(roots: Iterable[int], stop: Iterable[int] = ()) -> frozenset[int]:
    """The processes ``roots`` with their children and children's children, without ``stop`` and what is below these."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            children.setdefault(parent(int(entry.name)), []).append(int(entry.name))
    found: set[int] = set()
    refused, waiting = set(stop), list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found and pid not in refused:
            found.add(pid)
            waiting += children.get(pid, [])
    return frozenset(found)


def pss_mib(pids: Iterable[int]) -> float:
    """Proportional set size, MiB: a page that n processes share counts 1/n in each (``smaps_rollup``)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def processor_seconds(pids: Iterable[int]) -> float:
    """Processor time that processes, and those of their children that have ended, have used so far."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
    return total / _TICKS
