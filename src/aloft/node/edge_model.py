"""What the edge is told: its settings, and the routes it shall have."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aloft.base.paths import Paths
from aloft.controller.ports import Hold

Kind = Literal["http", "tcp"]


@dataclass(frozen=True)
class SplitRule:
    """A kind of request that a route may send elsewhere than the rest of its name.

    Args:
        key: name of the rule, letters and dashes.
        calls: regular expression (PCRE) over ``METHOD /path`` without the query, matched as a whole.
    """

    key: str
    calls: str


# What touches an image's data, in Glance's API (glance/api/v2/router.py): a region with an image library serves these
# where the data lies.
IMAGE_DATA = SplitRule(
    "image-data",
    r"(DELETE /v2/images/[^/]+|DELETE /v2/stores/[^/]+/[^/]+|[A-Z]+ /v2/images/[^/]+/(file|stage|import))",
)


@dataclass(frozen=True)
class EdgeSettings:
    """How the edge of a node is laid out; a change of these needs a reload.

    Args:
        domain: the provider's domain.
        port: TCP port for everything from outside.
        addresses: where it listens on that port.
        internal_port: port on 127.0.0.1 for HTTP among the services.
        faces_port: likewise for the plane and the portal, to which names lead as they do from outside.
        slots: slots with a number up to this one are prepared, so that their routes come and go without a reload.
        http_services: names of a slot's HTTP sockets (``<service>.sock``).
        tcp_services: names of a slot's other sockets.
        shared_http: HTTP targets besides those of slots, such as the plane's socket.
        shared_tcp: other targets besides those of slots, such as the database.
        broker: RabbitMQ, ``address:port``.
        splits: the rules that routes may use.
        waiting: the socket at which held requests wait.
        user: the account HAProxy runs as.
        threads: of HAProxy.
        connections: most connections at once.
    """

    domain: str
    port: int = 443
    addresses: tuple[str, ...] = ("0.0.0.0", "::")  # noqa: S104 - the edge is what the world talks to
    internal_port: int = 7080
    faces_port: int = 7081
    slots: int = 64
    http_services: tuple[str, ...] = (
        "keystone", "placement", "nova-api", "nova-metadata", "nova-novncproxy", "neutron-api", "glance", "cinder-api",
        "images",
    )  # fmt: skip
    tcp_services: tuple[str, ...] = ("ovn-sb",)
    shared_http: tuple[str, ...] = ()
    shared_tcp: tuple[str, ...] = ()
    broker: str = "127.0.0.1:7672"
    splits: tuple[SplitRule, ...] = (IMAGE_DATA,)
    waiting: str = "/run/aloft/waiting.sock"
    user: str = "haproxy"
    threads: int = 2
    connections: int = 8000


@dataclass(frozen=True)
class Split:
    """Send the requests that a rule describes to another target."""

    rule: str
    target: str


@dataclass(frozen=True)
class Route:
    """A name that the edge serves.

    Args:
        name: DNS name in lower case; clients send it as TLS server name and, with HTTP, as ``Host``.
        kind: ``http``, or ``tcp`` for anything else, which is passed on as it comes out of TLS.
        target: absolute path of a unix socket, ``address:port``, or ``peer:<name>`` for another node.
        certificate: file with certificate, chain and key, PEM.
        client_authority: file with the CA that a client's certificate must come from; ``None`` lets all in. A name with
            one is not served on the internal port.
        region: ``customer/region``, passed on as ``X-Aloft-Region`` where there is a client authority.
        revoked: serial numbers (see :func:`aloft.base.pki.serial`) of client certificates that are not let in.
        networks: the networks (CIDR) that may use the name; empty is all.
        splits: requests that go elsewhere.
        hold: which requests that change something are to wait: none, those from outside, or all.
    """

    name: str
    kind: Kind
    target: str
    certificate: Path
    client_authority: Path | None = None
    region: str = ""
    revoked: frozenset[str] = frozenset()
    networks: tuple[str, ...] = ()
    splits: tuple[Split, ...] = ()
    hold: Hold = ""


PEER = "peer:"
"""What the target of a route to another node begins with; that node's name follows."""


@dataclass(frozen=True)
class Far:
    """Another node, whose trunk routes with the target ``peer:<name>`` lead to.

    Args:
        name: its own name.
        address: of its trunk, ``host:port``.
        authority: file with its trunk's authority, PEM.
        bundle: file with the client certificate for it, with its key, PEM.
        broker_port: port on 127.0.0.1 that leads to its broker.
    """

    name: str
    address: str
    authority: Path
    bundle: Path
    broker_port: int


@dataclass(frozen=True)
class Trunk:
    """The port at which other nodes reach this one, and the nodes that this one reaches.

    Other nodes are trusted: what they say of who asks is passed on, and walls, networks and revoked certificates are
    theirs to look after. They reach the names whose targets are here, the node's API and the broker.

    Args:
        name: of this node.
        port: TCP port.
        authority: file with the authority whose certificates are let in, PEM.
        bundle: file with its own certificate and key, PEM.
        admitted: serial numbers of the certificates that are let in.
        node: unix socket of the node's API for other nodes.
        far: the other nodes.
    """

    name: str
    port: int
    authority: Path
    bundle: Path
    admitted: frozenset[str]
    node: Path
    far: tuple[Far, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that it names."""
        return (self.authority, self.bundle, *(file for far in self.far for file in (far.authority, far.bundle)))


def trunk_name(node: str, label: str = "") -> str:
    """The TLS server name of a node's trunk, or of what is behind it: ``node`` (its API), ``broker``, a TCP label."""
    return f"{label}.trunk.{node}" if label else f"trunk.{node}"


def tcp_label(name: str) -> str:
    """The label by which a trunk is asked for a name that is not HTTP, as HAProxy makes it of the name."""
    return hashlib.sha256(name.encode()).hexdigest()[:LABEL_DIGITS]


LABEL_DIGITS = 40


@dataclass(frozen=True)
class Layout:
    """Where the edge's files and sockets lie."""

    paths: Paths

    @property
    def state(self) -> Path:
        """Configuration, maps and certificates; what the edge starts from."""
        return self.paths.state / "edge"

    @property
    def configuration(self) -> Path:
        """HAProxy's configuration."""
        return self.state / "haproxy.cfg"

    @property
    def certificate_list(self) -> Path:
        """Which certificate is for which names (HAProxy's crt-list)."""
        return self.state / "certificates.list"

    @property
    def certificates(self) -> Path:
        """Folder of certificates and client authorities."""
        return self.state / "certificates"

    @property
    def fallback(self) -> Path:
        """What is shown to clients that ask for a name that is not served."""
        return self.certificates / "fallback.pem"

    def map(self, name: str) -> Path:
        """One of the maps by which requests find their way."""
        return self.state / f"{name}.map"

    @property
    def run(self) -> Path:
        """Folder of the sockets."""
        return self.paths.edge_socket.parent

    @property
    def master(self) -> Path:
        """Socket of HAProxy's master process."""
        return self.run / "master.sock"

    @property
    def again(self) -> Path:
        """Socket at which requests that have waited come in again, on their way to another node."""
        return self.run / "again.sock"

    @property
    def metrics(self) -> Path:
        """Socket that serves ``/metrics`` over HTTP."""
        return self.run / "metrics.sock"

    def slot_service(self, target: str) -> tuple[int, str] | None:
        """Number and service, where a target is a slot's socket."""
        found = re.fullmatch(rf"{re.escape(str(self.paths.run))}/slots/(\d+)/([a-z0-9-]+)\.sock", target)
        return (int(found.group(1)), found.group(2)) if found else None
