"""What processes use: memory and processor time, as the kernel counts it (proc(5))."""

import contextlib
import os
import socket
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def user(pid: int) -> int:
    """The numeric user that a process runs as; -1 when it is gone."""
    with contextlib.suppress(OSError, ValueError):
        status = (_PROC / str(pid) / "status").read_text(errors="replace")
        return int(status.partition("\nUid:")[2].split(maxsplit=2)[1])  # the effective one
    return -1


def of_user(wanted: int) -> frozenset[int]:
    """Process ids of a numeric user. Every process of a controller has the user of its slot, which nobody else has."""
    return frozenset(pid for pid in map(int, _numbers()) if user(pid) == wanted)


def parent(pid: int) -> int:
    """The process that another is a child of."""
    return int((_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])


def descendants(roots: Iterable[int]) -> frozenset[int]:
    """The processes ``roots`` with their children and children's children."""
    children: dict[int, list[int]] = {}
    for pid in map(int, _numbers()):
        with contextlib.suppress(OSError):
            children.setdefault(parent(pid), []).append(pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return frozenset(found)


def listener(path: Path) -> int:
    """The process that listens on a unix socket (``SO_PEERCRED``, unix(7))."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        told = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", told)[0])


def pss_mib(pids: Iterable[int]) -> float:
    """Proportional set size, MiB: a page that n processes share counts 1/n in each (``smaps_rollup``)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def processor_seconds(pids: Iterable[int]) -> dict[int, float]:
    """Processor time that each process, with those of its children that have ended, has used so far."""
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
            found[pid] = sum(map(int, fields[11:15])) / _TICKS
    return found


def growth(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    """Processor seconds used between two looks; a process that is new has used all of its own."""
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())


def _numbers() -> list[str]:
    return [entry.name for entry in _PROC.glob("[0-9]*")]
