"""The agent's conversation with the plane: one long poll for what shall be, and reports of what is.

Connections go to the edge's address on its one port; the agent API's name travels as the TLS server name, and the
host's certificate says who asks. Names need not resolve on the host.
"""

import asyncio
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from aloft.base.errors import AloftError, Forbidden, TemporaryError
from aloft.ground import clocks
from aloft.ground.layout import Layout
from aloft.ground.plan import RoleState

POLL_SECONDS = 50
"""How long the plane may keep a poll open without news."""

STREAM_SECONDS = 330
"""How long an answer to a request for something large may take: the edge gives up after 300 s and says so."""

NOT_YET = (502, 503, 504)
"""Answers of an edge that waits for a plane that is still at work on what was asked for."""

CONNECT_SECONDS = 4.0
"""How long a connection may take: shorter than the kernel's own growing pauses after a cut."""

ANSWER_SECONDS = 10.0
"""How long the plane may take for an answer that waits for nothing."""


class Uplink:
    """A client of the agent API.

    Args:
        layout: where the host's certificate with its key, and the authority, lie.
        name: the agent API's name.
        address: the edge's address or name.
        port: the edge's port.
        bundle: another certificate with its key.
        authority: another authority.

    Attributes:
        ahead: seconds that this host's clock is ahead of the plane's, by the last answer; ``None`` before that.
    """

    def __init__(
        self,
        layout: Layout,
        name: str,
        address: str,
        port: int,
        *,
        bundle: Path | None = None,
        authority: Path | None = None,
    ) -> None:
        self.ahead: float | None = None
        self._bundle = bundle or layout.bundle
        self._name, self._address, self._port = name, address, port
        shown = f"[{address}]" if ":" in address else address
        context = ssl.create_default_context(cafile=str(authority or layout.authority))
        context.load_cert_chain(self._bundle)
        self._context = context
        self._base = f"https://{shown}:{port}"
        self._client = httpx.AsyncClient(
            base_url=self._base,
            headers={"Host": name},
            verify=context,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
        )

    async def state(self, known: int) -> dict[str, Any]:
        """What the host shall be, once it is newer than generation ``known`` or the poll's time is over.

        Raises:
            TemporaryError: the plane cannot be reached or is in trouble.
            Forbidden: the plane does not know this host.
        """
        patience = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS, read=POLL_SECONDS + 20)
        query = {"known": known, "wait": POLL_SECONDS}
        return await self._call("GET", "/agent/v1/state", params=query, timeout=patience)

    async def report(self, generation: int, facts: Mapping[str, Any], roles: Mapping[str, RoleState]) -> int:
        """Tell the plane what the host is; returns the generation of what it shall be.

        Raises:
            TemporaryError: the plane cannot be reached or is in trouble.
            Forbidden: the plane does not know this host.
        """
        content = {
            "generation": generation,
            "facts": dict(facts),
            "roles": {name: asdict(state) for name, state in roles.items()},
        }
        answer = await self._call("POST", "/agent/v1/report", json=content)
        return int(answer.get("generation", generation))

    async def certificate(self, request: str) -> dict[str, Any]:
        """Another certificate for this host, for the key that signed the request (PEM).

        Raises:
            TemporaryError: the plane cannot be reached or is in trouble.
            Forbidden: the plane does not know this host.
        """
        patience = httpx.Timeout(60.0, connect=CONNECT_SECONDS)
        return await self._call("POST", "/agent/v1/certificate", json={"csr": request}, timeout=patience)

    async def reach(self) -> None:
        """Have any answer from the edge, soon, on a connection of its own.

        Raises:
            AloftError: there is none.
        """
        await self._request("GET", "/agent/v1/state", params={"known": 0, "wait": 0})

    async def accepted(self) -> None:
        """See that the plane knows this host, soon.

        Raises:
            TemporaryError: the plane cannot be reached or is in trouble.
            Forbidden: the plane does not know this host.
        """
        await self._call("GET", "/agent/v1/state", params={"known": 0, "wait": 0})

    @contextmanager
    def stream(self, path: str) -> Iterator[httpx.Response]:
        """Fetch something large; blocks, and may be called from any thread.

        Raises:
            TemporaryError: the plane cannot be reached, is still making it, or does not have it.
        """
        timeout = httpx.Timeout(20, read=STREAM_SECONDS)
        with (
            httpx.Client(base_url=self._base, verify=self._context, timeout=timeout, trust_env=False) as client,
            client.stream("GET", path, headers={"Host": self._name}, extensions={"sni_hostname": self._name}) as answer,
        ):
            if answer.status_code in NOT_YET:
                raise TemporaryError(f"The plane is still making {path}.", "The agent tries again.")
            if answer.status_code != 200:
                raise TemporaryError(f"The plane answered with status {answer.status_code} for {path}.")
            yield answer

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        answer = await self._request(method, path, **options)
        self.ahead = clocks.ahead_of(answer.headers.get("Date"), datetime.now(UTC))
        if answer.status_code in (401, 403, 404):
            raise Forbidden(
                f"The plane does not know this host (status {answer.status_code}).",
                "Enrol the host again (aloft host token). If it was deleted, take the agent off the machine:"
                " systemctl disable --now aloft-agent.",
            )
        if answer.status_code >= 400:
            raise TemporaryError(f"The plane answered with status {answer.status_code}.")
        if answer.status_code == 204 or not answer.content:
            return {}
        try:
            return dict(answer.json())
        except ValueError as error:
            raise TemporaryError("The plane's answer is not JSON.") from error

    async def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return await self._client.request(method, path, extensions={"sni_hostname": self._name}, **options)
        except httpx.HTTPError as error:
            raise await self._unreachable(error) from error

    async def _unreachable(self, error: httpx.HTTPError) -> AloftError:
        """What is to be said of a call that got no answer."""
        there = None
        if clocks.is_about_time(error):
            where = (self._address, self._port, self._name, self._bundle)
            there = await asyncio.to_thread(clocks.provider_clock, *where)
        told = clocks.explain(error, there, datetime.now(UTC))
        return told or TemporaryError(
            f"The plane cannot be reached at {self._base}: {error or type(error).__name__}.",
            "See that this host may open TCP connections to that address and port.",
        )
