"""Listening sockets that outlive the processes that serve them.

A socket that its process made is gone with the process, and whoever connects before the next one listens is refused. So
the supervisor makes it, holds it, and hands it to each new process by the protocol of sd_listen_fds(3): connections
wait in its backlog meanwhile, as many as fit. A supervisor that was restarted itself takes its copies back from the
processes that it adopts (pidfd_getfd(2)).
"""

import ctypes
import os
import socket
import stat
from collections.abc import Sequence
from pathlib import Path

from aloft.base.errors import PermanentError
from aloft.supervise.child import LISTENERS_START

BACKLOG = 256
"""Connections that wait at a socket; the kernel refuses more (EAGAIN, unix(7))."""

_PIDFD_GETFD = 438
"""The system call's number, the same on all architectures; Python has no function for it."""

_NOWHERE = (0, 0)
"""The identity of a file that is gone."""

_LIBC = ctypes.CDLL(None, use_errno=True)


class Listeners:
    """The sockets of one process.

    Args:
        workshop: a folder that only we can write to, on the file system of the sockets, where they are made.
    """

    def __init__(self, workshop: Path) -> None:
        self._workshop = workshop
        self._held: dict[Path, tuple[socket.socket, tuple[int, int]]] = {}

    @property
    def held(self) -> bool:
        """Whether any socket is held."""
        return bool(self._held)

    def provide(self, paths: Sequence[Path], user: int, group: int, mode: int) -> list[int]:
        """Descriptors of sockets that listen at ``paths``: those that are held, and new ones for the others.

        A path whose file is missing, or is not the one that was made, gets a new socket.

        Args:
            paths: where; sockets at other paths are let go.
            user: numeric owner of the files.
            group: numeric group of the files, unless their folder gives them its own (the set-group-ID bit, inode(7)).
            mode: permissions of the files.

        Raises:
            PermanentError: a socket cannot be made there.
        """
        for path in self._held.keys() - set(paths):
            self._drop(path)
        for path in paths:
            if path in self._held and _identity(path) != self._held[path][1]:
                self._drop(path)
            if path not in self._held:
                try:
                    self._held[path] = self._make(path, user, group, mode)
                except OSError as error:
                    raise PermanentError(f"Nothing can listen at {path}: {error.strerror or error}.") from error
        return [self._held[path][0].fileno() for path in paths]

    def recover(self, pidfd: int, paths: Sequence[Path]) -> bool:
        """Take copies of the sockets at ``paths`` from a process that was given them.

        Returns:
            Whether that was possible; without, the next start of the process makes new ones.
        """
        for number, path in enumerate(paths, LISTENERS_START):
            listener, identity = _listener(_LIBC.syscall(_PIDFD_GETFD, pidfd, number, 0)), _identity(path)
            if listener is None:
                break
            self._held[path] = (listener, identity or _NOWHERE)
        else:
            return True
        self.let_go()
        return False

    def let_go(self) -> None:
        """Hold nothing any more: once no process serves a socket, who connects to it is refused."""
        for path in list(self._held):
            self._drop(path)

    def _drop(self, path: Path) -> None:
        self._held.pop(path)[0].close()

    def _make(self, path: Path, user: int, group: int, mode: int) -> tuple[socket.socket, tuple[int, int]]:
        """Make a socket where nobody else can reach it, then move it to where it belongs, in place of what is there.

        So its owner, who may write to the target's folder, never gets between the making and the giving away.
        """
        folder = path.parent.stat()
        draft = self._workshop / f".l{os.getpid()}"
        draft.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(draft))
            listener.listen(BACKLOG)
            if os.geteuid() == 0:
                os.chown(draft, user, folder.st_gid if folder.st_mode & stat.S_ISGID else group)
            draft.chmod(mode)
            draft.replace(path)
        except BaseException:
            listener.close()
            draft.unlink(missing_ok=True)
            raise
        return listener, _identity(path) or _NOWHERE


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        state = path.lstat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _listener(descriptor: int) -> socket.socket | None:
    """The unix socket behind a descriptor, if it is one that listens; else the descriptor is closed."""
    if descriptor < 0:
        return None
    try:
        found = socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        return None
    if found.family == socket.AF_UNIX and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return found
    found.close()
    return None
