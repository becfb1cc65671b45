"""Follows the plane's own event stream with the identity of a session: the plane decides what it may know."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx

from aloft.base.errors import TemporaryError
from aloft.portal.events.model import Event, What
from aloft.portal.identity import credentials
from aloft.portal.sessions import Session

SILENCE_SECONDS = 40.0
"""The plane sends a line every 15 s at least; after this long it is taken for gone."""


async def follow(
    client: httpx.AsyncClient, domain: str, session: Session, after: int | None
) -> AsyncIterator[tuple[int, Event]]:
    """The plane's events, with their numbers, from the one after ``after`` or from now on.

    Raises:
        TemporaryError: the stream ended; it may be followed again.
    """
    headers = {"Host": f"plane.{domain}", **credentials(session)}
    if after is not None:
        headers["Last-Event-ID"] = str(after)
    timeout = httpx.Timeout(10.0, read=SILENCE_SECONDS)
    try:
        async with client.stream("GET", "/v1/events/stream", headers=headers, timeout=timeout) as answer:
            if not answer.is_success:
                raise TemporaryError(f"The plane answers its event stream with {answer.status_code}.")
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    told = json.loads(line.removeprefix("data: "))
                    yield int(told["id"]), event_of(told)
    except httpx.HTTPError as error:
        raise TemporaryError(f"The plane's event stream broke off: {error}.") from error
    raise TemporaryError("The plane's event stream ended.")


def event_of(told: Mapping[str, Any]) -> Event:
    """The event that the plane's stands for: its subject is ``customer``, ``customer/region`` or ``…/host``."""
    kind, _, happened = str(told["kind"]).partition(".")
    parts = str(told["subject"]).split("/")
    ident = str(told["data"].get("operation") or parts[-1])
    return Event(
        kind=kind,
        id=ident,
        what=_what(kind, happened),
        at=str(told["at"]),
        region=parts[1] if len(parts) > 1 else None,
        status=happened,
        name=str(told["subject"]),
    )


def _what(kind: str, happened: str) -> What:
    if happened == "deleted":
        return "deleted"
    return "created" if happened == "enrolled" or (kind, happened) == ("operation", "queued") else "changed"
