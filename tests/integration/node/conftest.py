"""Real daemons in a folder of their own, on ports of their own."""

import asyncio
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aloft.base.errors import TemporaryError
from aloft.base.paths import Paths
from aloft.node import mariadb
from aloft.node.database import Database
from aloft.supervise.spec import ProcessSpec

SMALL = mariadb.Settings(connections=50, tables=400, buffer_pool_mib=64, redo_log_mib=16)


class Daemon:
    """A process as the supervisor would start it."""

    def __init__(self, spec: ProcessSpec, prepare: Callable[[], None]) -> None:
        self.spec = spec
        self._prepare = prepare
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        self._prepare()
        for folder in self.spec.clear:
            for entry in folder.iterdir():
                entry.unlink()
        with self.spec.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.spec.command,
                env=self.spec.env,
                cwd=self.spec.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.spec.user,
                group=self.spec.group,
                extra_groups=[],
                start_new_session=True,
            )

    async def ready(self, ping: Callable[[], Awaitable[None]]) -> None:
        """Wait until a call is answered."""
        async with asyncio.timeout(60):
            while True:
                assert self._process is not None and self._process.poll() is None, self.spec.log.read_text()[-3000:]
                try:
                    await ping()
                except TemporaryError:
                    await asyncio.sleep(0.02)
                else:
                    return

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(60)

    def close(self) -> None:
        if self._process is not None:
            self.stop(signal.SIGKILL)


@pytest.fixture
def paths() -> Iterator[Paths]:
    """A tree in a short path, as the path of a unix socket has at most 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="aloft-", dir="/tmp"))
    folder.chmod(0o711)
    yield Paths(folder)
    shutil.rmtree(folder)


@pytest.fixture
def daemon() -> Iterator[Callable[[ProcessSpec, Callable[[], None]], Daemon]]:
    """Make daemons that are ended after the test."""
    made: list[Daemon] = []

    def make(spec: ProcessSpec, prepare: Callable[[], None]) -> Daemon:
        made.append(Daemon(spec, prepare))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def server(paths: Paths, daemon: Callable[..., Any]) -> Any:
    """A small MariaDB, being started."""
    made = daemon(mariadb.process(paths, SMALL), lambda: mariadb.initialise(paths, SMALL))
    made.start()
    return made


@pytest.fixture
async def database(paths: Paths, server: Any) -> AsyncIterator[Database]:
    """What is done in it, once it answers."""
    database = Database(paths)
    await server.ready(database.ping)
    yield database


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Find ports that nothing listens on."""
    given: set[int] = set()

    def find() -> int:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
            if port not in given:
                given.add(port)
                return port

    return find
