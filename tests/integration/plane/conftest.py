"""A real MariaDB, a node that speaks its API, and a plane in a process of its own, all in temporary folders."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from aloft.base.pki import Authority

from .fake_node import FakeNode

SOURCE = Path(__file__).parents[3] / "src"


def _wait_for_line(process: "subprocess.Popen[str]", text: str) -> None:
    """Read a process's standard error until it says this."""
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return
    raise AssertionError(f"{process.args!r} ended before it said {text!r}")


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder with a path that is short enough for unix sockets."""
    path = Path(tempfile.mkdtemp(prefix="plane-", dir="/tmp"))
    yield path
    shutil.rmtree(path)


class MariaDb:
    """A MariaDB of our own."""

    def __init__(self, folder: Path) -> None:
        self.data, self.socket = folder / "mariadb", folder / "mysqld.sock"
        install = ["mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal"]
        install += [f"--datadir={self.data}", "--user=root", "--skip-test-db"]
        subprocess.run(install, check=True, capture_output=True)
        self.start()

    def start(self) -> None:
        """Start, and wait until it takes connections."""
        command = ["mariadbd", "--no-defaults", f"--datadir={self.data}", f"--socket={self.socket}", "--user=root"]
        command += ["--skip-networking", "--innodb-buffer-pool-size=32M"]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        _wait_for_line(self.process, "ready for connections")

    def kill(self) -> None:
        """Kill it outright."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="session")
def mariadb(folder: Path) -> Iterator[MariaDb]:
    """A MariaDB for all tests."""
    server = MariaDb(folder)
    yield server
    server.kill()


class PlaneProcess:
    """A plane in a process of its own, and an administrator's client of it."""

    def __init__(self, folder: Path, mariadb: MariaDb, node: FakeNode, database: str) -> None:
        self.node = node
        self._mariadb, self._database = mariadb, database
        self.socket = folder / f"{database}.sock"
        self.authority = folder / "ca.pem"
        self.authority.write_bytes(Authority.open(folder / "edge", "edge").certificate)
        self.log = folder / f"{database}.log"
        subprocess.run(
            ["mariadb", "--no-defaults", "-uroot", f"--socket={mariadb.socket}", "-e", f"CREATE DATABASE {database}"],
            check=True,
        )
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(SOURCE),
            "ALOFT_PLANE_SOCKET": str(self.socket),
            "ALOFT_PLANE_NODE_SOCKET": str(node.path),
            "ALOFT_PLANE_DATABASE_SOCKET": str(mariadb.socket),
            "ALOFT_PLANE_DATABASE_USER": "root",
            "ALOFT_PLANE_DATABASE_NAME": database,
            "ALOFT_PLANE_EDGE_CA": str(self.authority),
            "ALOFT_PLANE_INTERNAL_URL": f"http://127.0.0.1:{node.internal_port}",
            "ALOFT_PLANE_RESYNC_SECONDS": "0.3",
            "ALOFT_PLANE_PACKAGES": str(folder / "packages"),
            "ALOFT_PLANE_KEY_FILE": str(folder / f"{database}.key"),
        }
        self._clients: list[httpx.Client] = []
        self.process: subprocess.Popen[str] | None = None
        self.token_file = folder / f"{database}.token"
        self.run("bootstrap", "--account", "admin", "--token-file", str(self.token_file))
        self.client = self.as_(Authorization=f"Bearer {self.token_file.read_text().strip()}")

    def run(self, *arguments: str) -> str:
        """Run a command of the plane to its end."""
        command = [sys.executable, "-m", "aloft.plane", *arguments]
        return subprocess.run(command, check=True, env=self.environment, capture_output=True, text=True).stdout

    def sql(self, statement: str) -> str:
        """What the database says."""
        command = ["mariadb", "--no-defaults", "-uroot", f"--socket={self._mariadb.socket}", "-N", "-B", self._database]
        return subprocess.run([*command, "-e", statement], check=True, capture_output=True, text=True).stdout.strip()

    def start(self) -> None:
        """Start, and wait until it serves."""
        command = [sys.executable, "-m", "aloft.plane"]
        self.process = subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, text=True)
        _wait_for_line(self.process, "listening")
        self._reader = threading.Thread(target=self._keep_log, args=(self.process.stderr,))
        self._reader.start()
        with self.as_() as client:
            assert client.get("/v1/health").json()["status"] == "ok"

    def _keep_log(self, lines: Iterable[str]) -> None:
        with self.log.open("a") as log:
            for line in lines:
                log.write(line)
                log.flush()

    def terminate(self) -> None:
        """Tell it to stop, and wait until it has."""
        self.kill(signal.SIGTERM)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill it outright, unless another signal is given."""
        assert self.process is not None
        assert self.process.stderr is not None
        self.process.send_signal(number)
        self.process.wait()
        self._reader.join()
        self.process.stderr.close()

    def close(self) -> None:
        """Kill it and close every client; its log goes to what is shown of a test that failed."""
        self.kill()
        sys.stdout.write(self.log.read_text())
        for client in self._clients:
            client.close()

    def as_(self, **headers: str) -> httpx.Client:
        """A client with these headers (underscores stand for hyphens)."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        transport = httpx.HTTPTransport(uds=str(self.socket))
        client = httpx.Client(transport=transport, base_url="http://plane", headers=named, timeout=60)
        self._clients.append(client)
        return client

    def watch(self, operation: str, until: Callable[[dict[str, Any]], bool] | None = None) -> dict[str, Any]:
        """Follow an operation until it has ended, or until it is as wished."""
        told: dict[str, Any] = {}
        with self.client.stream("GET", f"/v1/operations/{operation}/watch") as answer:
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    told = json.loads(line.removeprefix("data: "))
                    if until is not None and until(told):
                        return told
        return told

    def create(self, name: str, **body: Any) -> dict[str, Any]:
        """Create a customer and follow it to the end."""
        answer = self.client.post("/v1/customers", json={"name": name, **body})
        assert answer.status_code == 202, answer.text
        return self.watch(answer.json()["operation"]["id"])


@pytest.fixture(scope="session")
def node(folder: Path) -> Iterator[FakeNode]:
    """A node for all tests; each has customers of its own."""
    node = FakeNode(folder / "node.sock")
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="session")
def plane(folder: Path, mariadb: MariaDb, node: FakeNode) -> Iterator[PlaneProcess]:
    """A running plane for all tests."""
    plane = PlaneProcess(folder, mariadb, node, "plane")
    plane.start()
    yield plane
    plane.close()


def error_of(answer: httpx.Response) -> dict[str, str]:
    """The error that an answer tells."""
    return dict(answer.json()["error"])
