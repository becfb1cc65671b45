"""Simulated agents: they enrol, poll and report over mutual TLS as the real one does, and have nothing else to do.

Each has a key, a certificate and connections of its own, so that the edge and the plane see so many hosts.
"""

import asyncio
import contextlib
import random
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from aloft.base import pki
from aloft.base.errors import PermanentError
from aloft.ground.agent import REPORT_SECONDS
from aloft.ground.uplink import POLL_SECONDS

AT_A_TIME = 4
"""Enrolments under way at once; each has the node sign a certificate and make a login."""

RETRY_SECONDS = 1.0
LOOK_SECONDS = (0.3, 1.3)
"""How long an agent looks at its host before it reports that it has become something else."""

FACTS: dict[str, Any] = {
    "distribution_name": "Debian GNU/Linux 12 (bookworm)",
    "kernel": "6.1.0",
    "cpus": 64,
    "memory_mib": 524288,
    "disks": [{"name": f"nvme{number}n1", "size": 4 << 40, "rotational": False} for number in range(8)],
    "cards": [],
}
"""About as much as a real host tells."""


@dataclass
class Agent:
    """One simulated agent.

    Args:
        name: of its host.
        folder: for its key and certificate.
        told: called with its name, what it shall be, and when it heard that (monotonic seconds).
        reported: when a report of it was last taken (monotonic seconds); 0 before that.
    """

    name: str
    folder: Path
    told: Callable[[str, dict[str, Any], float], None]
    desired: dict[str, Any] = field(default_factory=dict)
    reported: float = 0.0
    _client: httpx.AsyncClient | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def enrol(self, plane: httpx.AsyncClient, token: str) -> None:
        """Become a host by a token.

        Raises:
            PermanentError: the plane refuses.
        """
        key, request = pki.new_request(self.name)
        body = {"token": token, "csr": request.decode(), "name": self.name, "facts": self._facts()}
        answer = await plane.post("/v1/enrol", json=body)
        if answer.is_error:
            raise PermanentError(f"{self.name} could not enrol: {answer.text[:300]}")
        given = answer.json()
        bundle, authority = self.folder / f"{self.name}.pem", self.folder / "edge.pem"
        bundle.touch(mode=0o600)
        bundle.write_bytes(given["certificate"].rstrip().encode() + b"\n" + key)
        authority.write_text(given["edge_authority"])
        self._trust = ssl.create_default_context(cafile=str(authority))
        self._trust.load_cert_chain(str(bundle))
        url = urlsplit(given["agent_url"])
        self._place, self._name = url.netloc, url.hostname or ""
        self._client = self._lead_to("127.0.0.1")

    async def move(self, address: str) -> None:
        """Find the edge at another address from now on, as when its name was led there."""
        former, self._client = self._client, self._lead_to(address)
        if former is not None:
            await former.aclose()

    def _lead_to(self, address: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"https://{address}:{self._place.partition(':')[2] or 443}",
            headers={"Host": self._place},
            verify=self._trust,
            timeout=httpx.Timeout(20, read=POLL_SECONDS + 20),
            trust_env=False,
        )

    async def run(self) -> None:
        """Poll and report until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._tell())

    async def fetch(self, path: str) -> bool:
        """Fetch something through the link and throw it away; returns whether it came."""
        assert self._client is not None  # noqa: S101  for the type checker: it is made by enrol()
        with contextlib.suppress(httpx.HTTPError):
            async with self._client.stream("GET", path, extensions={"sni_hostname": self._name}) as answer:
                async for _ in answer.aiter_raw():
                    pass
                return answer.is_success
        return False

    async def close(self) -> None:
        """Close its connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _listen(self) -> None:
        while True:
            query = {"known": str(self.desired.get("generation", 0)), "wait": str(POLL_SECONDS)}
            answer = await self._call("GET", "/agent/v1/state", params=query)
            if answer is not None and answer["generation"] > self.desired.get("generation", 0):
                self.desired = answer
                self.told(self.name, answer, time.monotonic())
                self._news.set()

    async def _tell(self) -> None:
        patience = random.uniform(0, REPORT_SECONDS)  # noqa: S311 - spreading load, not a secret
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._news.wait()
                await asyncio.sleep(random.uniform(*LOOK_SECONDS))  # noqa: S311 - likewise
            self._news.clear()
            await self._report()
            patience = REPORT_SECONDS

    async def _report(self) -> None:
        roles = {role: {"state": "ok", "done": 1.0} for role in self.desired.get("roles", [])}
        body = {"generation": self.desired.get("generation", 0), "facts": self._facts(), "roles": roles}
        if await self._call("POST", "/agent/v1/report", json=body) is not None:
            self.reported = time.monotonic()

    async def _call(self, method: str, path: str, **options: Any) -> dict[str, Any] | None:
        """One request; ``None`` after a pause when it failed, as it does once the host was deleted."""
        assert self._client is not None  # noqa: S101  for the type checker: it is made by enrol()
        with contextlib.suppress(httpx.HTTPError, RuntimeError):  # a client that was closed meanwhile
            answer = await self._client.request(method, path, extensions={"sni_hostname": self._name}, **options)
            if answer.is_success:
                told: dict[str, Any] = answer.json()
                return told
        await asyncio.sleep(RETRY_SECONDS)
        return None

    def _facts(self) -> dict[str, Any]:
        packages = self.desired.get("packages", {})
        free = random.randrange(1 << 20)  # noqa: S311 - a fact that never stands still
        return {**FACTS, "hostname": self.name, "machine_id": self.name, "packages": packages, "free_disk_mib": free}


async def enrol_all(agents: list[Agent], plane: httpx.AsyncClient, token: str) -> None:
    """Enrol agents, a few at a time."""
    gate = asyncio.Semaphore(AT_A_TIME)

    async def one(agent: Agent) -> None:
        async with gate:
            await agent.enrol(plane, token)

    await asyncio.gather(*(one(agent) for agent in agents))
