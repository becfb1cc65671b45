"""Two customers on the running Aloft, and whoever of one tries to open what is the other's."""

import json
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest

from aloft.base.pki import new_request

from ...running import PATHS, Region, aloft, alone, forget, https, skip_without_aloft, told

Attempt = tuple[Any, ...]
"""The name of a function of ``attempts.py`` and its arguments."""

CUSTOMERS = ("wall-a", "wall-b")
_ATTEMPTS = Path(__file__).with_name("attempts.py").read_text()


@dataclass(frozen=True)
class Host:
    """A machine that enrolled with a customer: its certificate and key, and what the plane granted it."""

    bundle: Path
    granted: dict[str, Any]


@dataclass(frozen=True)
class Walled:
    """A customer behind its walls."""

    region: Region
    folder: Path

    @property
    def name(self) -> str:
        return self.region.customer

    @property
    def slot(self) -> Any:
        return self.region.slot

    @cached_property
    def pids(self) -> dict[str, int]:
        return self.region.pids()

    def tries(self, attempts: Sequence[Attempt], user: int | None = None) -> list[Any]:
        """Make attempts as this customer's process user: ``True`` for each that opened, else how it was refused."""
        user = self.slot.user if user is None else user
        python = PATHS.environment(self.region.status["release"]) / "bin/python"
        done = subprocess.run(
            [python, "-I", "-c", _ATTEMPTS],
            input=json.dumps([[name, arguments] for name, *arguments in attempts]),
            capture_output=True,
            text=True,
            user=user,
            group=user,
            extra_groups=[],
            cwd="/",
            env={},
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout))

    def refused(self, attempts: Sequence[Attempt]) -> bool:
        """Whether every attempt is refused; there must be some."""
        assert attempts, "nothing was tried"
        opened = [attempt for attempt, answer in zip(attempts, self.tries(attempts), strict=True) if answer is True]
        assert not opened, f"opened by {self.name}: {[shown[:2] for shown in opened]}"
        return True

    def opens(self, attempts: Sequence[Attempt]) -> bool:
        """Whether every attempt succeeds; there must be some."""
        assert attempts, "nothing was tried"
        answers = self.tries(attempts)
        failed = [
            (attempt[:2], answer) for attempt, answer in zip(attempts, answers, strict=True) if answer is not True
        ]
        assert not failed, f"refused to {self.name}: {failed}"
        return True

    @cached_property
    def host(self) -> Host:
        """A machine of this customer, enrolled as the agent does it."""
        return enrol(self, "far")

    def name_of(self, label: str) -> str:
        """A name of the region at the edge."""
        return f"{label}.{self.region.name}.{self.name}.{self.domain}"

    @property
    def domain(self) -> str:
        return str(json.loads((PATHS.etc / "installation.json").read_text())["domain"])


def enrol(walled: Walled, name: str) -> Host:
    """Enrol a machine of a customer as a hypervisor, and read what it is granted."""
    region = walled.region
    where = ("--customer", region.customer, "--region", region.name)
    token = told("host", "token", *where, "--roles", "hypervisor,network")
    key, request = new_request(name)
    body = {"token": token["token"], "csr": request.decode(), "name": name, "facts": {}}
    answer = https("POST", f"{token['plane_url']}/v1/enrol", json=body)
    assert answer.status_code == 200, answer.text
    bundle = walled.folder / f"{region.customer}-{name}.pem"
    bundle.write_bytes(answer.json()["certificate"].encode() + key)
    with httpx.Client(verify=trust(bundle), timeout=30, trust_env=False) as client:
        state = client.get(f"{answer.json()['agent_url']}/agent/v1/state", params={"known": 0, "wait": 20})
    assert state.status_code == 200, state.text
    return Host(bundle, state.json()["settings"])


def trust(bundle: Path | None) -> ssl.SSLContext:
    """A TLS context that trusts the edge and shows a host's certificate."""
    context = ssl.create_default_context(cafile=str(PATHS.etc / "ca.pem"))
    if bundle is not None:
        context.load_cert_chain(bundle)
    return context


@pytest.fixture(scope="session")
def walls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Walled]]:
    """The two customers, made at once."""
    skip_without_aloft()
    folder = tmp_path_factory.mktemp("walls")
    with alone():
        _remove()
        begun = [told("customer", "create", name, "--no-wait") for name in CUSTOMERS]
        ended = [aloft("operation", "watch", one["id"]) for one in begun]
        assert [one.code for one in ended] == [0, 0], ended
        yield {name: Walled(Region(name, f"{name}-1"), folder) for name in CUSTOMERS}
        _remove()


def _remove() -> None:
    for host in told("host", "list"):
        if host["customer"] in CUSTOMERS:
            said = aloft("host", "delete", host["customer"], host["region"], host["name"], "--yes")
            assert said.code == 0, said
    forget(*CUSTOMERS)


@pytest.fixture(scope="session")
def a(walls: dict[str, Walled]) -> Walled:
    """The customer who tries."""
    return walls["wall-a"]


@pytest.fixture(scope="session")
def b(walls: dict[str, Walled]) -> Walled:
    """The customer whose things are tried."""
    return walls["wall-b"]
