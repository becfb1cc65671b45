"""Listening on unix sockets."""

import os
import socket

from aloft.supervise.child import LISTENERS_START

REQUEST_QUEUE = 256


def listen(path: str) -> socket.socket:
    """Listen on the unix socket ``path``: the one that the supervisor handed over (sd_listen_fds(3)), or a new one.

    A new one's folder decides who may reach it, the umask who may write to it.
    """
    handed = os.environ.get("LISTEN_FDNAMES", "").split(":")
    if path in handed:
        server = socket.socket(fileno=LISTENERS_START + handed.index(path))
        server.setblocking(True)  # as the one before left it, which has the same
        return server
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    partial = f"{path}.new"
    for old in (partial, path):
        if os.path.exists(old):  # noqa: PTH110  # pathlib is not worth importing for this in every child
            os.unlink(old)  # noqa: PTH108
    server.bind(partial)
    server.listen(REQUEST_QUEUE)
    os.rename(partial, path)  # noqa: PTH104  # appears only once it accepts: a connect never finds it deaf
    return server
