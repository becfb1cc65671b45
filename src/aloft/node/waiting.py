"""The waiting room: requests that must not be answered at the moment wait here, and go on where their name leads then.

While a controller changes its place, the edge sends requests that would change something here. Each waits, unread but
for its head, until its name is open again, and is then handed to the service that has the name now: whoever sent it
sees a slow answer, not an error. A request that came when the name was open already goes on at once.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

LONGEST_SECONDS = 60.0
"""The longest that a request waits; then its name's present service has it, whatever that says."""

_HEAD_BYTES = 128 * 1024
_CHUNK = 64 * 1024
_HOST = re.compile(rb"\r\nhost:[ \t]*([^\r\n:]+)", re.IGNORECASE)
_CONNECTION = re.compile(rb"\r\nconnection:[^\r\n]*", re.IGNORECASE)
_NOWHERE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class WaitingRoom:
    """Requests that wait.

    Args:
        socket: where the edge hands them over.
        group: the edge's, which may connect to it.
    """

    def __init__(self, socket: Path, group: int) -> None:
        self._socket = socket
        self._group = group
        self._server: asyncio.Server | None = None
        self._targets: dict[str, str] = {}
        self._closed: frozenset[str] = frozenset()
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Listen."""
        self._socket.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, str(self._socket), limit=_HEAD_BYTES)
        os.chown(self._socket, 0, self._group)
        self._socket.chmod(0o660)

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def close_for(self, names: Iterable[str]) -> None:
        """Have requests for these names wait from now on, as well as those that do already."""
        self._closed |= frozenset(names)

    def settle(self, targets: Mapping[str, str], closed: Iterable[str]) -> None:
        """Let all go on but those for the names that are still closed.

        Args:
            targets: unix socket of each name's service, or ``address:port``.
            closed: names whose requests go on waiting.
        """
        self._targets, self._closed = dict(targets), frozenset(closed)
        self._changed.set()
        self._changed = asyncio.Event()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            found = _HOST.search(head)
            target = await self._way(found.group(1).decode("ascii", "replace").lower() if found else "")
            if target:
                await _relay(alone(head), reader, writer, target)
            else:
                writer.write(_NOWHERE)
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    async def _way(self, name: str) -> str:
        """Where a name leads, once it is open; empty when nobody has it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_SECONDS):
                while name in self._closed:
                    await self._changed.wait()
        return self._targets.get(name, "")


def alone(head: bytes) -> bytes:
    """A request's head that asks for an answer and the connection's end: the next one may be for another name."""
    head = _CONNECTION.sub(b"", head)
    line, _, rest = head.partition(b"\r\n")
    return line + b"\r\nConnection: close\r\n" + rest


async def _relay(head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str) -> None:
    inner, outer = await _connected(target)
    try:
        outer.write(head)
        sending = asyncio.create_task(_copy(reader, outer))
        try:
            await _copy(inner, writer)
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await sending
    finally:
        outer.close()


async def _connected(target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a unix socket or to ``address:port``."""
    if target.startswith("/"):
        return await asyncio.open_unix_connection(target)
    address, _, port = target.rpartition(":")
    return await asyncio.open_connection(address, int(port))


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(_CHUNK):
        target.write(data)
        await target.drain()
