"""Programs that a benchmark starts: each in a session of its own, all of them ended with the benchmark."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aloft.base.errors import PermanentError
from aloft.base.invoke import tail
from aloft.bench import measure

END_SECONDS = 10.0

MORTAL = ("/usr/bin/setpriv", "--pdeathsig=KILL")
"""Ends a program when the benchmark itself is killed."""


@dataclass
class Programs:
    """The programs, by their names.

    Args:
        user: numeric user, and group, of those that are not root's; nobody else may have it.
        cwd: where they run.
    """

    user: int
    cwd: Path
    _running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    _logs: dict[str, Path] = field(default_factory=dict)

    def start(
        self, name: str, command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, drop: bool = False
    ) -> None:
        """Start a program.

        Args:
            name: what it is called here.
            command: argument vector.
            log: file that takes what it prints.
            env: its whole environment.
            drop: run it as the user.

        Raises:
            PermanentError: it cannot be started.
        """
        become = (f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups") if drop else ()
        wrapped = [*MORTAL, *become, "--", *command]
        with log.open("ab") as output:
            try:
                self._running[name] = subprocess.Popen(
                    wrapped,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=self.cwd,
                    env=dict(env) if env is not None else {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
                    start_new_session=True,
                    umask=0o007 if drop else -1,
                )
            except OSError as error:
                raise PermanentError(f"{command[0]} could not be started: {error.strerror or error}.") from error
        self._logs[name] = log

    @property
    def names(self) -> tuple[str, ...]:
        """What runs."""
        return tuple(self._running)

    def pids(self, name: str) -> frozenset[int]:
        """A program with all its children."""
        return measure.descendants([self._running[name].pid])

    def check(self) -> None:
        """See that all of them still run.

        Raises:
            PermanentError: one has ended; the error has its last words.
        """
        for name, process in self._running.items():
            if (code := process.poll()) is not None:
                lines = self._logs[name].read_text(errors="replace").splitlines()
                raise PermanentError(f"The program {name} of the benchmark ended with code {code}.{tail(lines)}")

    def kill(self, name: str) -> None:
        """End a program and its children at once, as a crash would; it is not watched any more."""
        process = self._running.pop(name)
        for pid in measure.descendants([process.pid]):
            _send(pid, signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        """End all programs."""
        for process in self._running.values():
            _send(process.pid, signal.SIGTERM)
        until = time.monotonic() + END_SECONDS
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, until - time.monotonic()))
        for name in tuple(self._running):
            self.kill(name)


def end_user(user: int) -> None:
    """End every process of a numeric user, at once."""
    while found := measure.of_user(user):
        for pid in found:
            _send(pid, signal.SIGKILL)
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody uses at the moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
