"""Where a customer's events come together: kept for a while, numbered, and handed to every page that listens.

A page that was away names the last event that it has. When that is still kept, it gets all that followed; else it is
told to look at everything anew.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aloft.portal.events.model import Event

KEPT = 2000
"""Events that are kept for those who were away."""

NO_EPOCH = "none"
"""The epoch where there is no hub; hubs' own are hexadecimal."""

WAITING = 500
"""Events that a page may be behind before it is told to look at everything anew."""


@dataclass(eq=False)
class Listener:
    """One page. ``missed`` says that there was more than it could take."""

    waiting: deque[tuple[int, Event]] = field(default_factory=deque)
    missed: bool = False
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, number: int, event: Event) -> None:
        """Take an event."""
        if len(self.waiting) >= WAITING:
            self.waiting.clear()
            self.missed = True
        self.waiting.append((number, event))
        self.bell.set()

    def lost(self) -> None:
        """Note that events may have been missed."""
        self.missed = True
        self.bell.set()


class Hub:
    """The events of one customer."""

    def __init__(self) -> None:
        self.epoch = secrets.token_hex(4)
        self.number = 0
        self._kept: deque[tuple[int, Event]] = deque(maxlen=KEPT)
        self._listeners: set[Listener] = set()

    def __bool__(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def publish(self, event: Event) -> None:
        """Tell everybody."""
        self.number += 1
        self._kept.append((self.number, event))
        for listener in self._listeners:
            listener.offer(self.number, event)

    def gap(self) -> None:
        """Say that events may have been missed: a source was away."""
        self.number += 1
        self._kept.clear()
        for listener in self._listeners:
            listener.lost()

    @contextmanager
    def listen(self, epoch: str, after: int | None) -> Iterator[Listener]:
        """Listen from now on, after what was missed since event ``after`` of ``epoch`` (``None`` for nothing).

        The listener begins with ``missed`` when that is not kept any more.
        """
        listener = Listener()
        if after is not None:
            oldest = self._kept[0][0] if self._kept else self.number + 1
            if epoch != self.epoch or after + 1 < oldest:
                listener.lost()
            else:
                for number, event in self._kept:
                    if number > after:
                        listener.offer(number, event)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)


class Hubs:
    """The hubs of all customers that somebody looks at.

    Args:
        follow: brings the events of a customer to its hub; runs until it is cancelled.
        linger: seconds for which a hub goes on when its last page went away: pages come back.
    """

    def __init__(self, follow: "Callable[[str, Hub], asyncio.Task[None]]", linger: float = 60.0) -> None:
        self._follow = follow
        self._linger = linger
        self._hubs: dict[str, tuple[Hub, asyncio.Task[None]]] = {}
        self._ending: dict[str, asyncio.TimerHandle] = {}

    def place(self, customer: str) -> tuple[str, int]:
        """The epoch and the number of a customer's last event; an epoch that no hub has where nobody looks at it."""
        if customer not in self._hubs:
            return NO_EPOCH, 0
        hub, _ = self._hubs[customer]
        return hub.epoch, hub.number

    @contextmanager
    def listen(self, customer: str, epoch: str, after: int | None) -> Iterator[tuple[Hub, Listener]]:
        """Listen to a customer's hub, which is made where there is none; it tells of a gap when it follows."""
        if customer not in self._hubs:
            hub = Hub()
            self._hubs[customer] = hub, self._follow(customer, hub)
            after = None
        if customer in self._ending:
            self._ending.pop(customer).cancel()
        hub, _ = self._hubs[customer]
        try:
            with hub.listen(epoch, after) as listener:
                yield hub, listener
        finally:
            if not hub and customer not in self._ending:
                loop = asyncio.get_running_loop()
                self._ending[customer] = loop.call_later(self._linger, self._end, customer)

    def publish(self, customer: str, event: Event) -> None:
        """Tell those who look at this customer, if anybody does."""
        if customer in self._hubs:
            self._hubs[customer][0].publish(event)

    def close(self) -> None:
        """End all."""
        for _, following in self._hubs.values():
            following.cancel()

    def _end(self, customer: str) -> None:
        self._ending.pop(customer, None)
        hub, following = self._hubs[customer]
        if not hub:
            del self._hubs[customer]
            following.cancel()
