"""Being the parent of last resort, and being the only one."""

import asyncio
import contextlib
import ctypes
import fcntl
import os
from pathlib import Path

from aloft.base.errors import Conflict

_PR_SET_CHILD_SUBREAPER = 36
_LOCK_ATTEMPTS = 40
_LOCK_PAUSE = 0.05


def become_subreaper() -> None:
    """Have orphans among our descendants become our children instead of init's (see prctl(2))."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


async def take_lock(path: Path) -> int:
    """Hold an exclusive lock until the descriptor that is returned is closed or we die.

    Raises:
        Conflict: somebody else holds it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(_LOCK_ATTEMPTS):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        # A child that a killed supervisor has just forked holds the lock too, for the moment until it closes it.
        await asyncio.sleep(_LOCK_PAUSE)
    os.close(descriptor)
    raise Conflict(
        f"Another supervisor is at work in {path.parent}.", "Stop it first, or look whether it does what you want."
    )


class Reaper:
    """Buries orphans.

    An orphan of a daemon has a session of its own and is buried at once: programs that wait for a pid to vanish (libvirt
    does, after each probe of QEMU) must not wait for us. A zombie of our own session may be a subprocess that this program
    waits for; it is left alone unless it was there at the round before already.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def round(self) -> list[int]:
        """Bury who has been lying around since the last round; returns their pids."""
        with contextlib.suppress(ChildProcessError):
            if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                self._seen.clear()
                return []
            zombies = zombie_children()
            orphans = {pid for pid in zombies if _session(pid) != os.getsid(0)}
            buried = sorted(orphans | (zombies & self._seen))
            for pid in buried:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
            self._seen = zombies - set(buried)
            return buried
        self._seen.clear()
        return []


def _session(pid: int) -> int:
    """The session of a process, a zombie too; our own when it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[3])
    except OSError:
        return os.getsid(0)


def zombie_children() -> set[int]:
    """Our own children that have ended and were not waited for."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            for pid in (task / "children").read_text().split():
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z":
                        found.add(int(pid))
    return found
