"""The plane's REST API as a benchmark uses it: as root's account, many calls at a time."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from aloft.base.errors import NotFound, PermanentError, TemporaryError

POLL_SECONDS = 0.5
AT_A_TIME = 8
"""Deletions asked for at once."""


class PlaneApi:
    """The plane, through the edge.

    Args:
        url: where it is.
        token: of an account that may do everything.
        authority: CA of the edge's certificate.
    """

    def __init__(self, url: str, token: str, authority: Path) -> None:
        self.url = url
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            verify=ssl.create_default_context(cafile=str(authority)),
            timeout=60.0,
            trust_env=False,
        )

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """One request.

        Raises:
            TemporaryError: the plane does not answer.
            NotFound: there is no such thing.
            PermanentError: it refuses.
        """
        try:
            answer = await self._client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise TemporaryError(f"The plane does not answer: {error or type(error).__name__}.") from error
        if answer.is_error:
            kind = NotFound if answer.status_code == 404 else PermanentError
            raise kind(f"The plane answered {method} {path} with {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content else None

    async def hosts(self, customer: str) -> list[dict[str, Any]]:
        """The hosts of a customer."""
        return [one for one in (await self.call("GET", "/v1/hosts"))["items"] if one["customer"] == customer]

    async def host_token(self, region: tuple[str, str], roles: list[str], uses: int) -> dict[str, Any]:
        """A fresh host token of a region (customer and name): ``token``, and in ``line`` what to paste."""
        path = f"/v1/customers/{region[0]}/regions/{region[1]}/host-tokens"
        told: dict[str, Any] = await self.call("POST", path, {"roles": roles, "uses": uses})
        return told

    async def detach(self, customer: str, seconds: float) -> None:
        """Delete every host of a customer, and wait until they are gone.

        Raises:
            TemporaryError: some are not gone in time.
        """
        found = await self.hosts(customer)
        gate = asyncio.Semaphore(AT_A_TIME)

        async def delete(one: Mapping[str, Any]) -> None:
            async with gate:
                path = f"/v1/customers/{customer}/regions/{one['region']}/hosts/{one['name']}?instances=keep"
                with contextlib.suppress(NotFound):
                    await self.call("DELETE", path)

        await asyncio.gather(*(delete(one) for one in found))
        until = time.monotonic() + seconds
        while await self.hosts(customer):
            if time.monotonic() > until:
                raise TemporaryError(f"Hosts of {customer} are still there after {seconds:.0f} s.")
            await asyncio.sleep(POLL_SECONDS)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()


async def until(met: Callable[[], Awaitable[bool]], what: str, seconds: float = 300.0) -> None:
    """Ask until a condition is met.

    Raises:
        TemporaryError: it is not in time.
    """
    end = time.monotonic() + seconds
    while not await met():
        if time.monotonic() > end:
            raise TemporaryError(f"It took more than {seconds:.0f} s until {what}.")
        await asyncio.sleep(0.2)
