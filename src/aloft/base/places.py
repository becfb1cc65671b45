"""Places in the network: those that a person writes down, by address or name and maybe TCP port, and our own."""

import ipaddress
import re
import socket
from contextlib import suppress
from urllib.parse import urlsplit

from aloft.base.errors import InvalidInput

_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*\.?")


def place(text: str, port: int) -> tuple[str, int]:
    """The host and the port in ``HOST``, ``HOST:PORT`` or ``[IPV6]:PORT``.

    Args:
        text: what was written.
        port: for a place without one.

    Raises:
        InvalidInput: it is no such place.
    """
    try:
        found = urlsplit(f"//{text}")
        host, told = found.hostname or "", found.port or port
        plain = found.netloc == text and found.username is None
    except ValueError:
        host, told, plain = "", port, False
    if not plain or not (_is_address(host) or _NAME.fullmatch(host)):
        raise InvalidInput(f"{text!r} is no place.", "Write ADDRESS, NAME, or either with :PORT; IPv6 in brackets.")
    return host, told


def own_address() -> str:
    """The source address of packets to the outside; no packet is sent to find out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return "127.0.0.1"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
