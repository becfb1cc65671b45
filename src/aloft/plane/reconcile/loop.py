"""The reconciler's loop: one task for each record that is not as wanted, and a look at everything now and then.

A task ends when its record is at rest. It is started again when a commit rings the record's work topic, or when the
regular look finds something to do. So nothing is lost by a crash: the first look after a start finds what was open.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import structlog

from aloft.base.errors import TemporaryError
from aloft.plane.signals import Signals, Wake

FIRST_DELAY, LONGEST_DELAY = 0.25, 5.0  # seconds between tries after a fault

Handler = Callable[[str, Wake], Awaitable[None]]
Key = tuple[str, str]

log = structlog.get_logger("aloft.plane.reconcile")


class Loop:
    """Runs handlers for records.

    Args:
        handlers: for each kind of record, what brings a record to rest; called with its id and a bell that rings when
            the record changed meanwhile.
        resync: looks at everything; calls :meth:`poke` for what is not at rest.
        resync_seconds: how often.
        signals: where commits ring.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        resync: Callable[[Callable[[str, str], None]], Awaitable[None]],
        resync_seconds: float,
        signals: Signals,
    ) -> None:
        self._handlers = handlers
        self._resync = resync
        self._resync_seconds = resync_seconds
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._wakes: dict[Key, Wake] = {}
        signals.subscribe(self._heard)

    def poke(self, kind: str, identity: str) -> None:
        """Look at a record now, or once more if it is being looked at."""
        key = (kind, identity)
        if key in self._tasks:
            self._wakes[key].ring()
            return
        self._wakes[key] = Wake()
        self._tasks[key] = asyncio.create_task(self._bring_to_rest(key), name=f"reconcile {kind} {identity}")

    async def run(self) -> None:
        """Look at everything again and again, until cancelled."""
        try:
            while True:
                try:
                    await self._resync(self.poke)
                except TemporaryError as error:
                    log.warning("resync put off", reason=str(error))
                except Exception:
                    log.exception("resync failed")
                await asyncio.sleep(self._resync_seconds)
        finally:
            await self._stop()

    def _heard(self, topic: str) -> None:
        prefix, _, rest = topic.partition("/")
        if prefix == "work":
            kind, _, identity = rest.partition("/")
            self.poke(kind, identity)

    async def _bring_to_rest(self, key: Key) -> None:
        kind, identity = key
        wake, delay = self._wakes[key], FIRST_DELAY
        while True:
            wake.clear()
            try:
                await self._handlers[kind](identity, wake)
            except TemporaryError as error:
                log.warning("put off", kind=kind, id=identity, reason=str(error))
            except Exception:
                log.exception("reconcile failed", kind=kind, id=identity)
            else:
                if await wake.wait(0):
                    delay = FIRST_DELAY
                    continue
                break
            await wake.wait(delay)
            delay = min(delay * 2, LONGEST_DELAY)
        del self._tasks[key], self._wakes[key]

    async def _stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        for task in tuple(self._tasks.values()):
            with suppress(asyncio.CancelledError):
                await task
