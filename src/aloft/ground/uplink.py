"""The agent's conversation with the plane: one long poll for what shall be, and reports of what is.

Connections go to the edge's address on its one port; the agent API's name travels as the TLS server name, and the
host's certificate says who asks. Names need not resolve on the host.
"""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import httpx

from aloft.base.errors import Forbidden, TemporaryError
from aloft.ground.layout import Layout
from aloft.ground.plan import RoleState

POLL_SECONDS = 50
"""How long the plane may keep a poll open without news."""

STREAM_SECONDS = 330
"""How long an answer to a request for something large may take: the edge gives up after 300 s and says so."""

NOT_YET = (502, 503, 504)
"""Answers of an edge that waits for a plane that is still at work on what was asked for."""


class Uplink:
    """A client of the agent API.

    Args:
        layout: where certificate, key and authority lie.
        name: the agent API's name.
        address: the edge's address or name.
        port: the edge's port.
    """

    def __init__(self, layout: Layout, name: str, address: str, port: int) -> None:
        self._name = name
        shown = f"[{address}]" if ":" in address else address
        context = ssl.create_default_context(cafile=str(layout.authority))
        context.load_cert_chain(str(layout.certificate), str(layout.key))
        self._context = context
        self._base = f"https://{shown}:{port}"
        self._client = httpx.AsyncClient(
            base_url=self._base,
            headers={"Host": name},
            verify=context,
            timeout=httpx.Timeout(20, read=POLL_SECONDS + 20),
            trust_env=False,
        )

    async def state(self, known: int) -> dict[str, Any]:
        """What the host shall be, once it is newer than generation ``known`` or the poll's time is over.

        Raises:
            TemporaryError: the plane cannot be reached or is in trouble.
            Forbidden: the plane does not know this host.
        """
        return await self._call("GET", "/agent/v1/state", params={"known": known, "wait": POLL_SECONDS})

    async def report(self, generation: int, facts: Mapping[str, Any], roles: Mapping[str, RoleState]) -> None:
        """Tell the plane what the host is.

        Raises:
            TemporaryError: the plane cannot be reached or is in trouble.
            Forbidden: the plane does not know this host.
        """
        content = {
            "generation": generation,
            "facts": dict(facts),
            "roles": {name: asdict(state) for name, state in roles.items()},
        }
        await self._call("POST", "/agent/v1/report", json=content)

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
        try:
            answer = await self._client.request(method, path, extensions={"sni_hostname": self._name}, **options)
        except httpx.HTTPError as error:
            raise TemporaryError(f"The plane cannot be reached: {error or type(error).__name__}.") from error
        if answer.status_code in (401, 403, 404):
            raise Forbidden(
                f"The plane does not know this host (status {answer.status_code}).", "Enrol the host again."
            )
        if answer.status_code >= 400:
            raise TemporaryError(f"The plane answered with status {answer.status_code}.")
        if answer.status_code == 204 or not answer.content:
            return {}
        try:
            return dict(answer.json())
        except ValueError as error:
            raise TemporaryError("The plane's answer is not JSON.") from error
