"""Follows the notifications of a customer's regions: a queue of our own in each region's virtual host.

The queue goes with the connection and is bounded, so nothing grows where nobody looks.
"""

import asyncio
import contextlib
import secrets

import aio_pika
import structlog
from aio_pika.abc import AbstractIncomingMessage
from yarl import URL

from aloft.portal.events.hub import Hub
from aloft.portal.events.translate import EXCHANGES, events_of, opened
from aloft.portal.settings import Notifying, Settings

TOPICS = ("notifications.*", "versioned_notifications.*")
LENGTH = 2000
"""Messages that wait at most; older ones go first."""

RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 20.0
LOOK_SECONDS = 10.0
"""Between two looks at which regions there are."""

log = structlog.get_logger("aloft.portal.events")


class Notifications:
    """Brings notifications to a customer's hub.

    Args:
        settings: of the portal.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def follow(self, customer: str, hub: Hub) -> None:
        """Follow every region of a customer; runs until it is cancelled."""
        regions: dict[tuple[str, Notifying], asyncio.Task[None]] = {}
        try:
            while True:
                wanted = set(self._settings.vhosts(customer).items())
                for place in [place for place, task in regions.items() if task.done()]:
                    _tell_end(place[0], regions.pop(place))
                for gone in regions.keys() - wanted:
                    regions.pop(gone).cancel()
                for region, where in wanted - regions.keys():
                    work = self._region(region, where, hub)
                    regions[region, where] = asyncio.create_task(work, name=f"notifications of {region}")
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            for task in regions.values():
                task.cancel()

    async def _region(self, region: str, where: Notifying, hub: Hub) -> None:
        pause = RETRY_SECONDS
        while True:
            try:
                async with contextlib.AsyncExitStack() as stack:
                    queue = await self._queue(where, stack)
                    hub.gap()  # what happened until now was told to nobody
                    pause = RETRY_SECONDS
                    async with queue.iterator(no_ack=True) as messages:
                        async for message in messages:
                            _take(message, region, hub)
            except (aio_pika.exceptions.AMQPError, OSError, TimeoutError) as error:
                log.warning("the notifications of a region cannot be followed", region=region, reason=str(error))
            await asyncio.sleep(pause)
            pause = min(LONGEST_RETRY_SECONDS, pause * 2)

    async def _queue(self, where: Notifying, stack: contextlib.AsyncExitStack) -> aio_pika.abc.AbstractQueue:
        url = URL.build(
            scheme="amqp",
            user=self._settings.broker_user,
            password=where.password.read_text().strip(),
            host="127.0.0.1",
            port=where.port,
            path=f"/{where.vhost}",
        )
        connection = await stack.enter_async_context(await aio_pika.connect(url, timeout=10))
        channel = await connection.channel()
        queue = await channel.declare_queue(
            f"portal.{secrets.token_hex(8)}",
            exclusive=True,
            auto_delete=True,
            arguments={"x-max-length": LENGTH, "x-overflow": "drop-head"},
        )
        for exchange in EXCHANGES:
            for topic in TOPICS:
                await queue.bind(exchange, topic)
        return queue


def _tell_end(region: str, task: "asyncio.Task[None]") -> None:
    """Log why a region is not followed any more, though nobody asked for that: it is a fault of ours."""
    with contextlib.suppress(asyncio.CancelledError):
        log.error("following a region ended; it begins anew", region=region, exc_info=task.exception())


def _take(message: AbstractIncomingMessage, region: str, hub: Hub) -> None:
    try:
        events = events_of(message.exchange or "", opened(message.body), region)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        log.warning("a notification was not understood", region=region, exchange=message.exchange, reason=str(error))
        return
    for event in events:
        hub.publish(event)
