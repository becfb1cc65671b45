"""The link: plain loopback ports on the host, each carried to the provider's edge in mutual TLS.

One HAProxy does it. Whatever connects to a loopback port reaches one name behind the edge; the name travels as the TLS
server name, the host proves itself by its client certificate, and the edge is verified by the provider's authority.

What answers behind a port asks for a password or a token itself. OVN's southbound database does not: it is offered on a
unix socket that only root may connect to, since other users of the machine could rewrite the region's networks.
"""

import hashlib
import socket
from dataclasses import dataclass
from pathlib import Path

from aloft.base.errors import TemporaryError
from aloft.base.rendering import render
from aloft.ground.edges import Place
from aloft.ground.layout import Layout
from aloft.supervise.spec import Probe, ProcessSpec

AMQP_PORT = 17672
DATABASE_PORT = 17674
HTTP_PORT = 17680
IMAGE_LIBRARY_PORT = 19292
IMAGES_PORT = 9292
"""Where an image library takes requests from its site; the port that Glance is known by."""

DISKS_PORT = 19293
"""Where a hypervisor takes disks from others of its site (:data:`aloft.inside.disks.PORT`)."""
INTERNAL_HTTP_PORT = 7080
"""The port in the catalog's internal URLs; on a host apart from the node, the link answers there too."""

PROCESS = "agent/link"
EDGE = "edge"
"""What the servers that lead to the edge are called in HAProxy's configuration."""
_STOPPED = "0"


@dataclass(frozen=True)
class Tunnel:
    """A loopback TCP port, or a unix socket for root alone, and the name behind the edge that it leads to."""

    label: str
    listen: int | Path
    name: str

    @property
    def bind(self) -> str:
        """Where it listens, as HAProxy's ``bind`` has it."""
        if isinstance(self.listen, Path):
            return f"unix@{self.listen} user root mode 600"
        return f"127.0.0.1:{self.listen}"


@dataclass(frozen=True)
class Link:
    """What the link carries.

    Args:
        edge: the edge's address as a number (HAProxy does not look names up while it runs).
        edge_port: the edge's port.
        tunnels: TCP services.
        http_names: HTTP services, told apart by the Host header on shared ports.
        http_ports: the loopback ports for them.
        address: this host's own address, at which it serves its site.
        image_library: unix socket of the image library on this host, offered on a loopback port and to the site;
            ``None`` for none.
        disks: unix socket by which other hypervisors of the site bring disks; ``None`` for none.
        image_name: the HTTP service that image libraries of the site are asked for before the edge is.
        libraries: those libraries: the name in their certificate, and their address.
    """

    edge: str
    edge_port: int
    tunnels: tuple[Tunnel, ...] = ()
    http_names: tuple[str, ...] = ()
    http_ports: tuple[int, ...] = (HTTP_PORT,)
    address: str = ""
    image_library: Path | None = None
    disks: Path | None = None
    image_name: str = ""
    libraries: tuple[tuple[str, str], ...] = ()


def config(link: Link, layout: Layout) -> str:
    """HAProxy's configuration for a link."""
    return render(
        "aloft.ground",
        "link.cfg.j2",
        link=link,
        edge=EDGE,
        bundle=layout.bundle,
        authority=layout.authority,
        admin=_admin(layout),
        region_authority=layout.region_authority,
        image_library_port=IMAGE_LIBRARY_PORT,
        images_port=IMAGES_PORT,
        disks_port=DISKS_PORT,
    )


def process(link: Link, layout: Layout) -> ProcessSpec:
    """HAProxy as a process; it re-reads its configuration on SIGUSR2 and keeps its pid, so config is not part of it."""
    first = link.http_ports[0]
    return ProcessSpec(
        name=PROCESS,
        command=("/usr/sbin/haproxy", "-W", "-db", "-f", str(layout.config / "link.cfg")),
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
        log=layout.log / "link.log",
        ready=Probe("tcp", f"127.0.0.1:{first}"),
        start_timeout=20,
    )


def digest(layout: Layout) -> str:
    """A hash over everything that HAProxy reads: when it changes, HAProxy has to read it again."""
    content = hashlib.sha256()
    for path in (layout.config / "link.cfg", layout.bundle, layout.authority, layout.region_authority):
        content.update(path.read_bytes())
    return content.hexdigest()


def turn(layout: Layout, edge: Place) -> None:
    """Lead the HAProxy that runs to this place of the edge at once, and end its connections to another one.

    HAProxy keeps what is open when it reads its configuration again, and what is about to be opened: connections to a
    place that does not answer any more would hang until they are given up.

    Raises:
        TemporaryError: HAProxy does not answer.
    """
    commands = [
        f"set server {server} addr {edge.host} port {edge.port}; shutdown sessions server {server}"
        for server in elsewhere(_ask(layout, "show servers state"), edge)
    ]
    if commands:
        _ask(layout, "; ".join(commands))


def silent(layout: Layout, backend: str) -> list[str]:
    """The servers before the edge that a service is asked for, when none of them answers and the edge is asked.

    Args:
        layout: where things lie.
        backend: the service's name behind the edge.

    Raises:
        TemporaryError: HAProxy does not answer.
    """
    return all_down(_ask(layout, "show servers state"), backend)


def all_down(state: str, backend: str) -> list[str]:
    """The servers of a backend besides the edge, when all of them are down; else none.

    Args:
        state: HAProxy's answer to ``show servers state`` (management guide, 9.3).
        backend: the backend.
    """
    rows = [line.split() for line in state.splitlines() if not line.startswith("#")]
    servers = [(row[3], row[5]) for row in rows if len(row) > 18 and row[1] == backend and row[3] != EDGE]
    return [] if any(up != _STOPPED for _, up in servers) else [name for name, _ in servers]


def elsewhere(state: str, edge: Place) -> list[str]:
    """The servers (``backend/server``) that lead to another place of the edge.

    Args:
        state: HAProxy's answer to ``show servers state`` (management guide, 9.3).
        edge: where they should lead.
    """
    rows = [line.split() for line in state.splitlines() if not line.startswith("#")]
    servers = [(f"{row[1]}/{row[3]}", row[4], row[18]) for row in rows if len(row) > 18 and row[3] == EDGE]
    return [name for name, address, port in servers if (address, port) != (edge.host, str(edge.port))]


def _ask(layout: Layout, command: str) -> str:
    """What HAProxy answers to a command."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(5.0)
            line.connect(str(_admin(layout)))
            line.sendall(f"{command}\n".encode())
            line.shutdown(socket.SHUT_WR)
            with line.makefile() as answer:
                return answer.read()
    except OSError as error:
        raise TemporaryError(f"The link (HAProxy) does not answer: {error}.") from error


def _admin(layout: Layout) -> Path:
    return layout.run / "link.sock"
