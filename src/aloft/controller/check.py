"""Does a controller work? A token, and a list call answered by each service, through the edge, as a user would."""

import asyncio
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from aloft.base.errors import TemporaryError
from aloft.controller.context import INTERNAL_PORT, Context
from aloft.controller.declare import Service

ATTEMPT_SECONDS = 10.0

WAKE_SECONDS = 180.0
"""How long a service's first answer may take."""

AGAIN_SECONDS, AGAIN_PAUSE = 30.0, 0.5
"""For how long, and how often, a service whose first answers are errors is asked again: it has only just begun."""


@dataclass(frozen=True)
class Call:
    """One list call: which service's, under which name, and its path."""

    service: str
    host: str
    path: str


async def token(context: Context, edge_authority: Path) -> str:
    """A token of the administrator's, by what a controller's names lead to.

    Raises:
        TemporaryError: there is none to be had.
    """
    trusted = ssl.create_default_context(cafile=str(edge_authority))
    async with httpx.AsyncClient(verify=trusted, timeout=WAKE_SECONDS) as client:
        found, trouble = await _token(client, context)
    if trouble:
        raise TemporaryError(f"The controller {context.spec.key} gives no token: {trouble}.")
    return found


async def wake(context: Context, services: Iterable[Service], token: str) -> None:
    """Have each service of a controller to which no name leads yet answer once, as first answers take long.

    Args:
        context: the controller.
        services: those that are on.
        token: one that it takes.

    Raises:
        TemporaryError: one does not answer as it should, for as long as it is asked again.
    """

    async def one(host: str, path: str, process: str) -> str:
        transport = httpx.AsyncHTTPTransport(uds=str(context.slot.socket(process)))
        until = time.monotonic() + AGAIN_SECONDS
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}", timeout=WAKE_SECONDS) as client:
            while True:
                try:
                    answer = await client.get(path, headers={"X-Auth-Token": token})
                    trouble = "" if answer.status_code == 200 else f"{host}: HTTP {answer.status_code}"
                except httpx.HTTPError as error:
                    trouble = f"{host}: {type(error).__name__} {error}".strip()
                if not trouble or time.monotonic() > until:
                    return trouble
                await asyncio.sleep(AGAIN_PAUSE)

    endpoints = [endpoint for service in services for endpoint in service.endpoints if endpoint.check]
    told = await asyncio.gather(*(one(context.host(each.label), each.check, each.process) for each in endpoints))
    if wrong := [trouble for trouble in told if trouble]:
        raise TemporaryError(f"The new controller does not answer as it should: {'; '.join(wrong)}.")


@dataclass(frozen=True)
class Listing:
    """A list of an API, and the rows that it is made of.

    Args:
        label: the endpoint's.
        path: of the list.
        key: of the list in the answer.
        rows: for each schema a query whose first column holds the ids.
        id: the ids' name in the answer.
        paged: whether it has pages, which begin after a ``marker``.
    """

    label: str
    path: str
    key: str
    rows: Mapping[str, str]
    id: str = "id"
    paged: bool = False


def calls(context: Context, services: Iterable[Service]) -> tuple[Call, ...]:
    """The calls that show that every service of the controller works."""
    return tuple(
        Call(service.name, context.host(endpoint.label), endpoint.check)
        for service in services
        for endpoint in service.endpoints
        if endpoint.check
    )


async def check(context: Context, services: Iterable[Service], edge_authority: Path, within: float) -> None:
    """Get a token and have every service's list call answered.

    Args:
        context: the controller.
        services: those that are on.
        edge_authority: CA of the edge's certificate.
        within: seconds after which it is given up.

    Raises:
        TemporaryError: a service does not answer as it should; the error names each and what it said.
    """
    trusted = ssl.create_default_context(cafile=str(edge_authority))
    until = time.monotonic() + within
    # All names have one address: a connection that was kept would be used for another name than it was opened for,
    # and the edge refuses that (421).
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(verify=trusted, timeout=ATTEMPT_SECONDS, limits=limits) as client:
        token = ""
        waiting = list(calls(context, services))
        while True:
            wrong = {}
            if not token:
                token, trouble = await _token(client, context)
                wrong = {"keystone": trouble} if trouble else {}
            if token:
                answers = await asyncio.gather(*(_list(client, context, call, token) for call in waiting))
                wrong = {call.service: trouble for call, trouble in zip(waiting, answers, strict=True) if trouble}
                waiting = [call for call in waiting if call.service in wrong]
                if not waiting:
                    return
            if time.monotonic() > until:
                told = "; ".join(f"{service}: {trouble}" for service, trouble in sorted(wrong.items()))
                raise TemporaryError(
                    f"The controller {context.spec.key} does not answer as it should: {told}.",
                    f"Look at its logs: aloft logs {context.spec.customer} <service>.",
                )
            await asyncio.sleep(0.05)


async def ids(
    context: Context, services: Iterable[Service], lists: Iterable[Listing], edge_authority: Path
) -> dict[str, frozenset[str]]:
    """What a controller's lists hold, all pages of them, as its administrator sees them.

    Args:
        context: the controller.
        services: those that are on; lists of others are left out.
        lists: which.
        edge_authority: CA of the edge's certificate.

    Raises:
        TemporaryError: a list is not answered.
    """
    trusted = ssl.create_default_context(cafile=str(edge_authority))
    limits = httpx.Limits(max_keepalive_connections=0)
    labels = {endpoint.label for service in services for endpoint in service.endpoints}
    found: dict[str, frozenset[str]] = {}
    async with httpx.AsyncClient(verify=trusted, timeout=60.0, limits=limits) as client:
        token, trouble = await _token(client, context)
        if trouble:
            raise TemporaryError(f"The controller {context.spec.key} gives no token: {trouble}.")
        for listing in lists:
            if listing.label in labels:
                found[listing.key] = await _pages(client, context, listing, token)
    return found


async def _pages(client: httpx.AsyncClient, context: Context, listing: Listing, token: str) -> frozenset[str]:
    """All ids of a list, page after page until nothing new comes."""
    found: set[str] = set()
    marker = ""
    while True:
        more = f"{'&' if '?' in listing.path else '?'}marker={marker}" if marker else ""
        url, headers, extensions = _target(context, context.host(listing.label), listing.path + more)
        headers = {**headers, "X-Auth-Token": token}
        try:
            answer = await client.get(url, headers=headers, extensions=extensions)
        except httpx.HTTPError as error:
            raise TemporaryError(f"{listing.path} of {context.spec.key} is not answered: {error}.") from error
        if answer.status_code != 200:
            raise TemporaryError(f"{listing.path} of {context.spec.key} is answered with {answer.status_code}.")
        page = [str(one[listing.id]) for one in answer.json()[listing.key]]
        if not set(page) - found or not listing.paged:
            return frozenset(found | set(page))
        found |= set(page)
        marker = page[-1]


def _target(context: Context, host: str, path: str) -> tuple[str, dict[str, str], dict[str, str]]:
    """URL on loopback, headers and TLS extensions that reach ``host`` at the edge without any resolver."""
    if context.arriving:
        return f"http://127.0.0.1:{INTERNAL_PORT}{path}", {"Host": host}, {}
    return f"https://127.0.0.1:{context.edge_port}{path}", {"Host": host}, {"sni_hostname": host}


async def _token(client: httpx.AsyncClient, context: Context) -> tuple[str, str]:
    url, headers, extensions = _target(context, context.host("identity"), "/v3/auth/tokens")
    domain = {"name": "Default"}
    body = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {"user": {"name": "admin", "domain": domain, "password": context.secrets.admin}},
            },
            "scope": {"project": {"name": "admin", "domain": domain}},
        }
    }
    try:
        answer = await client.post(url, headers=headers, extensions=extensions, json=body)
    except httpx.HTTPError as error:
        return "", f"{type(error).__name__} {error}".strip()
    if answer.status_code != 201:
        return "", f"HTTP {answer.status_code}"
    return answer.headers["X-Subject-Token"], ""


async def _list(client: httpx.AsyncClient, context: Context, call: Call, token: str) -> str:
    url, headers, extensions = _target(context, call.host, call.path)
    try:
        answer = await client.get(url, headers={**headers, "X-Auth-Token": token}, extensions=extensions)
    except httpx.HTTPError as error:
        return f"{type(error).__name__} {error}".strip()
    return "" if answer.status_code == 200 else f"HTTP {answer.status_code} for {call.path}"
