"""Ways down to hosts that only dial out: streams that agents open ahead of need, and that wait here to be used.

An agent opens a connection through the edge (``GET /v1/stream`` with ``Upgrade: aloft-stream``; the edge says which
host it is in ``X-Aloft-Host``) and leaves it there. Whoever wants to reach something on that host takes a waiting
connection, says in a line what it wants (``console 5901``, ``images``), and has, after the line ``ok``, a connection to
it. The agent opens another one at once. An empty line every few seconds says to both sides that the connection still is
one.
"""

import contextlib
import itertools
import logging
import os
import select
import socket
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable

from aloft.inside.sockets import listen

PING_SECONDS = 5.0
WAIT_SECONDS = 10.0
"""How long somebody waits for a host's stream, and for its answer."""

_HEAD_LIMIT = 16_384
_CHUNK = 256 * 1024
_IMAGES = "images"

_log = logging.getLogger(__name__)


class NoStream(OSError):
    """The host has no stream here, or will not do what it is asked for."""


class Streams:
    """The streams of a region's hosts.

    Args:
        wait: seconds to wait for a stream of a host.
    """

    def __init__(self, wait: float = WAIT_SECONDS) -> None:
        self._wait = wait
        self._waiting: defaultdict[str, deque[socket.socket]] = defaultdict(deque)
        self._offers: dict[str, frozenset[str]] = {}
        self._change = threading.Condition()

    def park(self, host: str, offers: frozenset[str], stream: socket.socket) -> None:
        """Keep a host's stream until somebody needs it.

        Args:
            host: the host's name.
            offers: what it can be asked for.
            stream: the connection.
        """
        with self._change:
            self._waiting[host].append(stream)
            self._offers[host] = offers
            self._change.notify_all()

    def open(self, host: str, want: str) -> socket.socket:
        """A connection to something on a host.

        Args:
            host: its name; empty for any host that offers it.
            want: what, such as ``console 5901``.

        Raises:
            NoStream: the host is not linked, or refuses.
        """
        end = time.monotonic() + self._wait
        while True:
            stream = self._take(host, want.split()[0], end)
            answer = self._ask(stream, want)
            if answer == "ok":
                stream.settimeout(None)
                return stream
            stream.close()
            if answer:  # else it was dead, and the next one may not be
                raise NoStream(f"The host {host} answers: {answer}")

    def ping(self) -> None:
        """Tell all waiting streams that they are still wanted, and drop those whose host has gone."""
        with self._change:
            for host, streams in list(self._waiting.items()):
                alive = deque(stream for stream in streams if _alive(stream))
                for gone in set(streams) - set(alive):
                    gone.close()
                if alive:
                    self._waiting[host] = alive
                else:
                    del self._waiting[host]

    def _ask(self, stream: socket.socket, want: str) -> str:
        """What is answered to a wish; empty when the stream leads nowhere any more."""
        try:
            stream.settimeout(self._wait)
            stream.sendall(f"{want}\n".encode())
            return _line(stream)
        except OSError:
            return ""

    def _take(self, host: str, kind: str, end: float) -> socket.socket:
        with self._change:
            while True:
                names = [host] if host else [name for name, offers in self._offers.items() if kind in offers]
                for name in names:
                    if self._waiting.get(name):
                        return self._waiting[name].pop()
                left = end - time.monotonic()
                if left <= 0 or not self._change.wait(left):
                    raise NoStream(f"The host {host} is not linked." if host else "No host that has it is linked.")


class Relay:
    """Serves agents that bring streams, and what is reached by one.

    Args:
        streams: where streams wait.
        socket_path: unix socket for agents, behind the edge.
        images: unix socket on which image libraries are offered.
        library: unix socket of an image library on this machine, which is used where there is one.
    """

    def __init__(self, streams: Streams, socket_path: str, images: str, library: str) -> None:
        self._streams = streams
        self._library = library
        self._listeners = ((listen(socket_path), self._receive), (listen(images), self._serve_images))

    def start(self) -> None:
        """Accept connections from now on."""
        for listener, handler in self._listeners:
            threading.Thread(target=_accept, args=(listener, handler), name="streams", daemon=True).start()
        threading.Thread(target=self._ping, name="stream pings", daemon=True).start()

    def stop(self) -> None:
        """Accept no more; what is connected ends with the process."""
        for listener, _ in self._listeners:
            listener.close()

    def _ping(self) -> None:
        while True:
            time.sleep(PING_SECONDS)
            self._streams.ping()

    def _receive(self, connection: socket.socket) -> None:
        """Take an agent's request, and park its connection."""
        connection.settimeout(WAIT_SECONDS)
        path, headers = _head(connection)
        host = headers.get("x-aloft-host", "")
        if not host or headers.get("upgrade", "").lower() != "aloft-stream":
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            connection.close()
            return
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: aloft-stream\r\n\r\n")
        offers = frozenset(path.partition("?offers=")[2].split(",")) - {""}
        self._streams.park(host, offers, connection)

    def _serve_images(self, connection: socket.socket) -> None:
        with connection, self._image_library() as library:
            splice(connection, library)

    def _image_library(self) -> socket.socket:
        local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            local.connect(self._library)
        except OSError:
            local.close()
            return self._streams.open("", _IMAGES)
        return local


def splice(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until both sides have ended."""
    thread = threading.Thread(target=_carry, args=(other, one), daemon=True)
    thread.start()
    _carry(one, other)
    thread.join()


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _accept(listener: socket.socket, handler: Callable[[socket.socket], None]) -> None:
    for number in itertools.count(1):
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_handled, args=(handler, connection), name=f"stream {number}", daemon=True).start()


def _handled(handler: Callable[[socket.socket], None], connection: socket.socket) -> None:
    try:
        handler(connection)
    except (OSError, ValueError) as error:
        connection.close()
        _log.warning("A stream failed: %s", error)


def _head(connection: socket.socket) -> tuple[str, dict[str, str]]:
    """The path and the headers (names in lower case) of a request without a body."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(4096)
        if not more or len(data) > _HEAD_LIMIT:
            raise ValueError("that is no request")
        data += more
    first, *lines = data.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return [*first.split(), "", ""][1], headers


def _line(stream: socket.socket) -> str:
    """The next line that is not empty, without what follows it; empty when the stream ends."""
    found = bytearray()
    while byte := stream.recv(1):
        if byte != b"\n":
            found += byte
        elif found:
            return found.decode(errors="replace")
    return ""


def _alive(stream: socket.socket) -> bool:
    """Whether a waiting stream takes a ping; nothing but its end is expected from it."""
    try:
        ready, _, _ = select.select([stream], [], [], 0)
        if ready and not stream.recv(1, socket.MSG_PEEK):
            return False
        stream.settimeout(0)
        return os.write(stream.fileno(), b"\n") == 1
    except OSError:
        return False
