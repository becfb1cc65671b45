"""Who waits for what inside the plane's process: commits wake watchers, long polls and the reconciler.

A signal carries no data; the woken party looks at the records again. So a lost or doubled signal does no harm, and
everything that waits also looks now and then on its own.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress


class Wake:
    """One party's bell. Clear it, look at the records, then wait: nothing can be missed in between."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake the party."""
        self._event.set()

    def clear(self) -> None:
        """Forget what rang until now."""
        self._event.clear()

    async def wait(self, patience: float) -> bool:
        """Wait until it rings, at most ``patience`` seconds; tell whether it rang."""
        with suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._event.wait()
        return self._event.is_set()


class Signals:
    """Topics that can be rung from any thread and waited for in the event loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wakes: dict[str, set[Wake]] = defaultdict(set)
        self._listeners: list[Callable[[str], None]] = []
        self.stopping = False

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Deliver into this event loop from now on; what was rung before is not delivered."""
        self._loop = loop

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` in the event loop with every topic that is rung."""
        self._listeners.append(listener)

    def ring(self, topics: Iterable[str]) -> None:
        """Wake everybody who waits for one of the topics; may be called from any thread."""
        names = sorted(set(topics))
        if names and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._deliver, names)

    def stop(self) -> None:
        """Wake everybody for the last time, so that waiting clients are answered now; may be called from any thread."""
        self.stopping = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._deliver, list(self._wakes))

    @contextmanager
    def listen(self, topic: str) -> Iterator[Wake]:
        """Give a bell that rings whenever the topic does."""
        wake = Wake()
        self._wakes[topic].add(wake)
        try:
            yield wake
        finally:
            self._wakes[topic].discard(wake)
            if not self._wakes[topic]:
                del self._wakes[topic]

    def _deliver(self, topics: list[str]) -> None:
        for topic in topics:
            for wake in tuple(self._wakes.get(topic, ())):
                wake.ring()
            for listener in self._listeners:
                listener(topic)
