"""Serving the node's API on unix sockets."""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from aloft.base.sockets import KEEP_ALIVE_SECONDS
from aloft.node.relay import Application


class Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: the node has them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield


def server(app: Application) -> Server:
    """What serves an application."""
    return Server(
        uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_keep_alive=KEEP_ALIVE_SECONDS)
    )


def listen(path: Path, group: int | None) -> socket.socket:
    """A socket that a group besides root may use from the moment it is there."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(fresh))
    os.chown(fresh, 0, 0 if group is None else group)
    fresh.chmod(0o660)
    listening.listen(128)
    fresh.rename(path)
    return listening
