"""The stream that a page listens to (server-sent events, the WHATWG's HTML standard, section 9.2)."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

import httpx

from aloft.base.errors import NotFound, TemporaryError
from aloft.portal.access import Access
from aloft.portal.answers import SessionEnded
from aloft.portal.events import plane
from aloft.portal.events.hub import WAITING, Hub, Hubs, Listener
from aloft.portal.events.model import Event, changes_access, for_session
from aloft.portal.sessions import Open, Store

STILL_HERE_SECONDS = 15.0
RETRY_SECONDS = 2.0
CHANGED = 'event: session\ndata: {"kind": "session", "id": "", "region": null, "project": null, "what": "changed"}\n\n'
ENDED = 'event: session\ndata: {"kind": "session", "id": "", "region": null, "project": null, "what": "ended"}\n\n'


@dataclass(frozen=True)
class Place:
    """How far a page has come: in its customer's hub, and in the plane's events."""

    epoch: str = ""
    number: int | None = None
    plane: int | None = None

    @classmethod
    def parse(cls, text: str | None) -> "Place":
        """From ``Last-Event-ID``; what makes no sense is the beginning."""
        parts = (text or "").split("-")
        if len(parts) != 3 or not all(part == "" or part.isdecimal() for part in parts[1:]):
            return cls()
        number, seen = (int(part) if part else None for part in parts[1:])
        return cls(parts[0], number, seen)

    def __str__(self) -> str:
        """As ``Last-Event-ID`` has it."""
        return "-".join((self.epoch, *("" if part is None else str(part) for part in (self.number, self.plane))))


class Streams:
    """Makes streams.

    Args:
        access: what sessions may do.
        store: of the sessions.
        hubs: of the customers.
        client: of the edge's listener without TLS.
        domain: DNS domain below which every name lies.
        stopping: whether the portal is about to end.
    """

    def __init__(
        self,
        access: Access,
        store: Store,
        hubs: Hubs,
        client: httpx.AsyncClient,
        domain: str,
        stopping: Callable[[], bool],
    ) -> None:
        self._access = access
        self._store = store
        self._hubs = hubs
        self._client = client
        self._domain = domain
        self._stopping = stopping
        self._open: set[asyncio.Event] = set()

    def wake(self) -> None:
        """Have every stream look whether it has to end."""
        for bell in self._open:
            bell.set()

    def place(self, customer: str | None) -> Place:
        """How far a customer's events have come: who listens from there on misses nothing from now on."""
        return Place() if customer is None else Place(*self._hubs.place(customer))

    async def of(self, opened: Open, place: Place) -> AsyncIterator[str]:
        """What a page is sent, until its session or the portal ends."""
        customer = opened.session.customer
        with contextlib.ExitStack() as stack:
            hub, listener = (
                (Hub(), Listener())
                if customer is None
                else stack.enter_context(self._hubs.listen(customer, place.epoch, place.number))
            )
            self._open.add(listener.bell)
            stack.callback(self._open.discard, listener.bell)
            told: deque[tuple[int, Event]] = deque(maxlen=WAITING)
            following = asyncio.create_task(self._follow_plane(opened, place.plane, told, listener))
            stack.callback(following.cancel)
            yield "retry: 1000\n: hello\n\n"
            async for text in self._tell(opened, place, hub, listener, told):
                yield text

    async def _tell(
        self, opened: Open, place: Place, hub: Hub, listener: Listener, told: deque[tuple[int, Event]]
    ) -> AsyncIterator[str]:
        number, seen = place.number if place.epoch == hub.epoch else hub.number, place.plane
        since = 0.0  # when what the session may do may have changed
        while not self._stopping():
            listener.bell.clear()
            if not self._store.lives(opened):
                yield ENDED
                return
            if listener.missed:
                listener.missed = False
                since = time.time()
                number = hub.number
                yield _message(Place(hub.epoch, number, seen), "reset", "{}")
            while listener.waiting:
                number, event = listener.waiting.popleft()
                since = max(since, _access_changed(opened, event))
                known = for_session(opened.session, event)
                if known is not None:
                    yield _message(Place(hub.epoch, number, seen), known.kind, known.told())
            while told:
                seen, event = told.popleft()
                since = max(since, _access_changed(opened, event))
                yield _message(Place(hub.epoch, number, seen), event.kind, event.told())
            if since > opened.session.scope.asked:
                with contextlib.suppress(TemporaryError, SessionEnded):  # asked again, or told above
                    if await self._differs(opened, since):
                        yield CHANGED
                        return  # the page listens again, with what it may know now
                    since = 0.0
            left = opened.session.expires - time.time()
            try:
                async with asyncio.timeout(max(0.0, min(STILL_HERE_SECONDS, left))):
                    await listener.bell.wait()
            except TimeoutError:
                yield ": still here\n\n"

    async def _differs(self, opened: Open, since: float) -> bool:
        """Whether a session may do something else since a moment than it might before.

        Raises:
            SessionEnded: it has ended.
            Unreachable: Keystone does not answer.
        """
        try:
            fresh = (await self._access.renew(opened, since)).session
        except NotFound:
            return True
        before = opened.session
        return (fresh.projects, fresh.roles, fresh.regions) != (before.projects, before.roles, before.regions)

    async def _follow_plane(
        self, opened: Open, after: int | None, told: deque[tuple[int, Event]], listener: Listener
    ) -> None:
        """Bring the plane's events, where the plane tells any to this session."""
        if not opened.session.administrator and opened.session.customer is not None:
            return
        while True:
            try:
                async for number, event in plane.follow(self._client, self._domain, opened.session, after):
                    if len(told) == WAITING:
                        listener.missed = True
                    told.append((number, event))
                    listener.bell.set()
                    after = number
            except TemporaryError:
                await asyncio.sleep(RETRY_SECONDS)
                if after is None:
                    listener.lost()


def _access_changed(opened: Open, event: Event) -> float:
    """Unix time in seconds at which an event changed what a session may do; 0 where it did not."""
    return datetime.fromisoformat(event.at).timestamp() if changes_access(opened.session, event) else 0.0


def _message(place: Place, name: str, data: str) -> str:
    return f"id: {place}\nevent: {name}\ndata: {data}\n\n"
