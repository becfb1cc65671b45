"""The host's end of streams: connections that wait in the region, for what must reach the host from above.

There is always one that waits (see :mod:`aloft.inside.streams` for what is said on it). When it is used, it leads to
the one thing on the host that was asked for, and another one is opened at once. Only a console of QEMU and the host's
own image library can be asked for.
"""

import asyncio
import contextlib
import logging
import pwd
import random
import ssl
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from aloft.ground.layout import Layout

SILENCE_SECONDS = 15.0
"""A stream on which nothing was heard for so long leads nowhere; the region says something every 5 s."""

IMAGES = "images"
CONSOLE = "console"

_CONNECT_SECONDS = 5.0
_LONGEST_PAUSE = 4.0
_CHUNK = 256 * 1024
_LISTEN = "0A"
_QEMU = "libvirt-qemu"

_log = logging.getLogger(__name__)

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class StreamRefused(Exception):
    """What was asked for is not to be had here."""


class Streams:
    """Keeps a stream waiting in the region for as long as the agent runs.

    Args:
        layout: where certificate and authority lie.
        regained: called when one waits again after the way there was lost.
    """

    def __init__(self, layout: Layout, regained: Callable[[], None]) -> None:
        self._layout = layout
        self._regained = regained
        self._busy: set[asyncio.Task[None]] = set()

    async def run(self, name: str, places: Callable[[], Sequence[tuple[str, int]]]) -> None:
        """Keep streams open until cancelled.

        Args:
            name: of the region's streams at the edge.
            places: where the edge may be at that moment, the likeliest first.
        """
        failures, ends = 0, None
        try:
            while True:
                try:
                    offers = self._offers()
                    known = places()
                    ends = await self._dial(name, offers, *known[failures % len(known)])
                    if failures:
                        self._regained()
                    failures = 0
                    want = await self._wait(ends[0], offers)
                except (OSError, EOFError, TimeoutError, ssl.SSLError) as error:
                    if ends:
                        ends[1].transport.abort()
                        ends = None
                    failures += 1
                    _log.debug("No stream: %s", error)
                    pause = min(_LONGEST_PAUSE, 0.5 * 2.0**failures)
                    await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreading load
                    continue
                task = asyncio.create_task(self._serve(ends, want))
                ends = None
                self._busy.add(task)
                task.add_done_callback(self._busy.discard)
        finally:
            if ends:
                ends[1].close()

    def _offers(self) -> str:
        """What this host can be asked for, separated by commas."""
        return f"{CONSOLE},{IMAGES}" if self._layout.image_socket.exists() else CONSOLE

    async def _dial(self, name: str, offers: str, address: str, port: int) -> Ends:
        context = ssl.create_default_context(cafile=str(self._layout.authority))
        context.load_cert_chain(self._layout.bundle)
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name)
            writer.write(
                f"GET /v1/stream?offers={offers} HTTP/1.1\r\nHost: {name}\r\n"
                "Connection: Upgrade\r\nUpgrade: aloft-stream\r\n\r\n".encode()
            )
            answer = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer.split(b"\r\n")[0]:
            writer.close()
            raise ConnectionError(answer.split(b"\r\n")[0].decode(errors="replace"))
        return reader, writer

    async def _wait(self, reader: asyncio.StreamReader, offers: str) -> str:
        """What is asked for; empty lines only say that the stream still leads somewhere.

        Raises:
            EOFError: the stream ended, or something else is to be offered by now.
            TimeoutError: it leads nowhere.
        """
        while self._offers() == offers:
            async with asyncio.timeout(SILENCE_SECONDS):
                line = await reader.readuntil(b"\n")
            if want := line.decode(errors="replace").strip():
                return want
        raise EOFError("another stream is to be offered")

    async def _serve(self, ends: Ends, want: str) -> None:
        reader, writer = ends
        try:
            inner_reader, inner_writer = await self._reach(want)
        except (OSError, StreamRefused) as error:
            _log.warning("A stream for '%s' was refused: %s", want[:80], error)
            writer.write(f"no: {error}\n".encode())
            await _ended(writer)
            return
        _log.info("A stream for '%s' was opened", want)
        try:
            writer.write(b"ok\n")
            await asyncio.gather(_carry(reader, inner_writer), _carry(inner_reader, writer))
        finally:
            await _ended(writer)
            await _ended(inner_writer)

    async def _reach(self, want: str) -> Ends:
        kind, _, detail = want.partition(" ")
        if kind == IMAGES:
            return await asyncio.open_unix_connection(str(self._layout.image_socket))
        if kind == CONSOLE and detail.isdigit():
            port = int(detail)
            sockets = await asyncio.to_thread(Path("/proc/net/tcp").read_text)
            if port not in console_ports(sockets.splitlines()[1:], pwd.getpwnam(_QEMU).pw_uid):
                raise StreamRefused(f"no virtual machine has its console at port {port}")
            return await asyncio.open_connection("127.0.0.1", port)
        raise StreamRefused("this host does not offer that")


def console_ports(sockets: Iterable[str], user: int) -> frozenset[int]:
    """The loopback ports on which a user's programs listen.

    Args:
        sockets: lines of ``/proc/net/tcp`` (proc(5)).
        user: the numeric user; QEMU's, so that nothing else on the host can be reached.
    """
    rows = (line.split() for line in sockets)
    return frozenset(
        int(row[1].partition(":")[2], 16)
        for row in rows
        if row[3] == _LISTEN and row[1].startswith("0100007F:") and int(row[7]) == user
    )


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
        else:
            writer.close()  # TLS cannot be closed one way


async def _ended(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
