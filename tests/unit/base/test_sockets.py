"""Ports of this machine."""

import socket

from aloft.base.sockets import unused


def test_a_port_is_in_use_as_long_as_somebody_listens_on_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        assert not unused(port, "127.0.0.1") and not unused(port)
    assert unused(port, "127.0.0.1") and unused(port)
