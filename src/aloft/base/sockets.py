"""Listening on sockets."""

import socket
from pathlib import Path

from aloft.base.errors import PermanentError

KEEP_ALIVE_SECONDS = 90
"""How long a server keeps an HTTP connection that is idle: longer than those who call it do.

The other way round a request now and then meets a connection that is being closed, and fails.
"""


def listen(path: Path, mode: int, who: str) -> socket.socket:
    """Listen on a unix socket, in the place of one that nobody listens on any more.

    Args:
        path: of the socket.
        mode: its file mode.
        who: what listens, for the error.

    Raises:
        PermanentError: another process listens there.
    """
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink(missing_ok=True)
        else:
            raise PermanentError(f"Another {who} listens on {path}.", "Stop it first.")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(mode)
    listener.listen(1024)
    return listener


def unused(port: int, address: str = "") -> bool:
    """Whether nobody listens on a TCP port of this machine, at an IPv4 address of it or at any."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what is closing listens no more
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
