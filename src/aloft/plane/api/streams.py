"""Server-sent events (the WHATWG's HTML standard, section 9.2) over the plane's records."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from fastapi.responses import StreamingResponse

from aloft.base.errors import TemporaryError
from aloft.plane.signals import Signals

KEEPALIVE_SECONDS = 15.0
SAFETY_SECONDS = 5.0
RETRY_SECONDS = 0.5

Message = tuple[int, str, str]
"""Number, name and JSON text of one event."""


def stream(
    signals: Signals, topic: str, load: Callable[[int], tuple[Sequence[Message], bool]], after: int
) -> StreamingResponse:
    """Send what ``load`` gives, and again whenever ``topic`` rings, until it says that there will be no more.

    Args:
        signals: where commits ring.
        topic: what to wait for.
        load: given the number of the last message sent, the messages after it and whether they are the last ones.
        after: number of the last message that the client has (its ``Last-Event-ID``).
    """
    return StreamingResponse(
        _messages(signals, topic, load, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def last_event(header: str | None, otherwise: int) -> int:
    """The number in a ``Last-Event-ID`` header; ``otherwise`` when there is none that makes sense."""
    return int(header) if header is not None and header.isdecimal() and len(header) < 19 else otherwise


async def _messages(
    signals: Signals, topic: str, load: Callable[[int], tuple[Sequence[Message], bool]], after: int
) -> AsyncIterator[str]:
    quiet = 0.0
    with signals.listen(topic) as wake:
        while True:
            wake.clear()
            try:
                messages, last = await asyncio.to_thread(load, after)
            except TemporaryError:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            for number, name, text in messages:
                yield f"id: {number}\nevent: {name}\ndata: {text}\n\n"
                after, quiet = number, 0.0
            if last or signals.stopping:
                return
            if not messages and quiet >= KEEPALIVE_SECONDS:
                yield ": still here\n\n"
                quiet = 0.0
            if not await wake.wait(SAFETY_SECONDS):
                quiet += SAFETY_SECONDS
