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

    An orphan of a daemon is buried at once: programs that wait for a pid to vanish (libvirt does, after each probe of
    QEMU) must not wait for us. It is known by its session, which is not ours and not its own: daemons fork once more
    after they have made a session. Other zombies may be children that this program itself started and will ask for
    their exit code, so they are left alone for a while.

    Args:
        patience: seconds for which such zombies are left to who started them.
    """

    def __init__(self, patience: float = 10.0) -> None:
        self._patience = patience
        self._seen: dict[int, float] = {}

    def round(self, now: float) -> list[int]:
        """Bury who is to be buried at ``now``, seconds on a clock that does not go back; returns their pids."""
        if not _any_zombie():
            self._seen.clear()
            return []
        zombies = zombie_children()
        self._seen = {pid: self._seen.get(pid, now) for pid in zombies}
        ours = os.getsid(0)
        buried = [
            pid
            for pid, session in zombies.items()
            if session not in (ours, pid) or now - self._seen[pid] >= self._patience
        ]
        for pid in buried:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            del self._seen[pid]
        return buried


def _any_zombie() -> bool:
    """One cheap question, which leaves the zombie as it is."""
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


def zombie_children() -> dict[int, int]:
    """Our own children that have ended and were not waited for, and their sessions."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            for pid in (task / "children").read_text().split():
                with contextlib.suppress(OSError):
                    stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
                    state, _, _, session = stat.rpartition(")")[2].split()[:4]
                    if state == "Z":
                        found[int(pid)] = int(session)
    return found
