"""Listening on unix sockets."""

import socket
from pathlib import Path

from aloft.base.errors import PermanentError


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
