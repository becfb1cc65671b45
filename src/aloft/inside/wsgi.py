"""Serve a WSGI application on a unix socket, from a thread pool, in the process that was forked for it.

cheroot is the server: it streams request bodies (image uploads), keeps idle connections out of the pool and needs no
master process. The edge is the only client, so its forwarding headers are believed.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from cheroot.wsgi import Server

from aloft.inside.sockets import REQUEST_QUEUE, listen
from aloft.supervise.spec import ALIVE

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]

HEADER_LIMIT = 256 * 1024  # bytes; a token with a large catalog fits many times
KEEP_ALIVE = 90  # seconds; longer than the edge keeps an idle connection, so that the edge is the one to close


class UnixServer(Server):  # type: ignore[misc]  # cheroot ships no types
    """cheroot on a unix socket whose mode follows the process's umask instead of being open to everybody."""

    def prepare(self) -> None:
        """Begin to accept connections.

        cheroot itself, where it sees that sockets were handed over, takes the first of them, whichever server it is.
        """
        os.environ.pop("LISTEN_PID", None)
        super().prepare()

    def bind_unix_socket(self, bind_addr: str) -> socket.socket:
        """Bind to ``bind_addr``."""
        self.socket = listen(bind_addr)
        return self.socket


def behind_edge(application: Application) -> Application:
    """Make the scheme and the client address those that the edge saw, and mark chunked bodies as self-terminating.

    What did not come through the edge is the supervisor's question whether requests are still taken and answered.
    """

    def forwarded(environ: Environ, start_response: Any) -> Iterable[bytes]:
        if "HTTP_X_FORWARDED_FOR" not in environ and environ["PATH_INFO"] == ALIVE:
            start_response("204 No Content", [])
            return ()
        scheme = environ.get("HTTP_X_FORWARDED_PROTO")
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        client = environ.get("HTTP_X_FORWARDED_FOR", "").rsplit(",", 1)[-1].strip()
        environ["REMOTE_ADDR"] = client or "127.0.0.1"
        environ["SERVER_PORT"] = environ.get("HTTP_X_FORWARDED_PORT") or ("443" if scheme == "https" else "80")
        if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            environ["wsgi.input_terminated"] = True
        return application(environ, start_response)

    return forwarded


def make_server(application: Application, path: str, threads: int) -> UnixServer:
    """Bind ``application`` to the unix socket ``path``; it accepts connections, but does not serve yet."""
    server = UnixServer(
        path,
        behind_edge(application),
        numthreads=threads,
        request_queue_size=REQUEST_QUEUE,
        timeout=KEEP_ALIVE,
        shutdown_timeout=10,
    )
    server.max_request_header_size = HEADER_LIMIT
    server.keep_alive_conn_limit = 64
    server.software = "aloft"
    server.prepare()
    return server


class Background(Protocol):
    """What runs beside the API in the same process, once started: a service that answers messages, periodic work."""

    def stop(self) -> None:
        """End, having finished what is under way."""


def begin(server: UnixServer) -> UnixServer:
    """Answer requests on ``server`` from now on, in threads of its own."""
    threading.Thread(target=server.serve, name=f"serve {server.bind_addr}", daemon=True).start()
    return server


def serve(*bound: UnixServer, beside: Iterable[Background] = ()) -> None:
    """Serve all ``bound`` servers until SIGTERM or SIGINT, then finish what is under way and return.

    Args:
        bound: from :func:`make_server`.
        beside: what has been started and has to be stopped with them.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    for server in bound:
        begin(server)
    stop.wait()
    # All at once: each waits until what it has under way is done, and listeners for their turn to look at the broker.
    enders = [threading.Thread(target=one.stop, daemon=True) for one in (*bound, *beside)]
    for ender in enders:
        ender.start()
    for ender in enders:
        ender.join()
