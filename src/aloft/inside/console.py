"""Nova's console proxy in threads, so that it can live beside the API.

websockify forks a process for each console, which a process with threads must not do, and which would cost a console
some 15 MiB. What it does with a connection is left as it is.
"""

import itertools
import threading
from collections.abc import Callable
from socket import socket
from typing import cast

from nova.console import websocketproxy
from nova.console.securityproxy import rfb

Connect = Callable[[str, int], socket]


class _Handler(websocketproxy.NovaProxyRequestHandler):  # type: ignore[misc]  # nova ships no types
    def translate_path(self, path: str) -> str:
        """Look for noVNC's pages where the proxy was told to, not in the process's working directory."""
        self.directory = self.server.web
        return str(super().translate_path(path))

    def socket(self, host: str, port: int, connect: bool = True) -> socket:
        """A connection to a console; nothing is connected to but by a host's stream."""
        return cast(Connect, self.server.reach)(host, int(port))


class ConsoleProxy:
    """Relays noVNC consoles.

    Args:
        listener: a bound socket that listens.
        web: the folder with noVNC's pages.
        reach: makes a connection to a port of a host.
    """

    def __init__(self, listener: socket, web: str, reach: Connect) -> None:
        self._listener = listener
        self._path = str(listener.getsockname())
        self._proxy = websocketproxy.NovaWebSocketProxy(
            listen_host="",
            file_only=True,
            RequestHandlerClass=_Handler,
            security_proxy=rfb.RFBSecurityProxy(),
            daemon=False,
        )
        self._proxy.web, self._proxy.only_upgrade = web, False  # given to it, it would change the working directory
        self._proxy.reach = reach

    def start(self) -> None:
        """Accept connections from now on."""
        threading.Thread(target=self._accept, name="consoles", daemon=True).start()

    def stop(self) -> None:
        """Accept no more; open consoles end with the process."""
        self._listener.close()

    def _accept(self) -> None:
        for number in itertools.count(1):
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._proxy.handler_id = number
            threading.Thread(target=self._relay, args=(connection,), name=f"console {number}", daemon=True).start()

    def _relay(self, connection: socket) -> None:
        with connection:
            self._proxy.top_new_client(connection, [self._path])
