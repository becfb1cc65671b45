"""Other nodes that this one knows: what they are called, where they are, and by what the two trust each other.

Every node has an authority for its *trunk*, the port at which other nodes reach it. Who is invited gets a client
certificate of that authority, together with the authority's own certificate. Two nodes that invited each other are
*peers*. What the trunk lets in is listed by serial number, so that a peer that is removed is locked out at once.
"""

import datetime
import json
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from aloft.base import files, pki
from aloft.base.errors import Conflict, InvalidInput, NotFound
from aloft.base.paths import Paths
from aloft.base.pki import Authority
from aloft.base.places import place
from aloft.base.sockets import unused
from aloft.node.edge_model import Far, Trunk, trunk_name

TRUNK_PORT = 7443

FIRST_BROKER_PORT = 7680
"""Port on 127.0.0.1 that leads to the first peer's broker; the next peers have the next ports."""

LAST_BROKER_PORT = 7779

INVITED_DAYS = 365.0
"""How long a peer's certificate lasts; peers renew theirs by themselves."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


@dataclass(frozen=True)
class Invitation:
    """What lets another node in at this one.

    Args:
        name: of the node that invites.
        authority: its trunk's authority, PEM.
        bundle: the client certificate and its key for who is invited, PEM.
    """

    name: str
    authority: str
    bundle: str = field(repr=False)


@dataclass(frozen=True)
class Peer:
    """Another node.

    Args:
        name: its own name.
        address: of its trunk, ``host:port``.
        authority: its trunk's authority, PEM.
        bundle: this node's client certificate there, with its key, PEM.
        broker_port: port on 127.0.0.1 that leads to its broker.
        added: whether this node added it, and not the other way round: then it gets this node's repositories.
    """

    name: str
    address: str
    authority: str
    bundle: str = field(repr=False)
    broker_port: int = FIRST_BROKER_PORT
    added: bool = False


class Peers:
    """The peers, each a file, and this node's part of the trust.

    Args:
        paths: where everything lies.
        own_name: of this node.
    """

    def __init__(self, paths: Paths, own_name: str) -> None:
        self.own_name = own_name
        self._folder = paths.state / "node/peers"
        self._trunk = paths.state / "node/trunk"
        self._socket = paths.trunk_socket
        files.folder(self._folder, mode=0o700)
        files.folder(self._trunk, mode=0o700)
        self._peers = {file.stem: _read(file) for file in sorted(self._folder.glob("*.json"))}
        self._admitted: dict[str, list[str]] = json.loads(self._list.read_text()) if self._list.exists() else {}

    # The peers

    def all(self) -> tuple[Peer, ...]:
        """All peers, by name."""
        return tuple(peer for _, peer in sorted(self._peers.items()))

    def get(self, name: str) -> Peer:
        """The peer of that name.

        Raises:
            NotFound: there is none.
        """
        try:
            return self._peers[name]
        except KeyError:
            raise NotFound(f"This node has no peer '{name}'.", "`aloft node list` names them.") from None

    def put(self, name: str, address: str, authority: str, bundle: str, *, added: bool = False) -> Peer:
        """Know a peer, or know other things of it.

        Args:
            name: its own name.
            address: of its trunk: ``HOST`` or ``HOST:PORT``.
            authority: its trunk's authority, PEM.
            bundle: this node's client certificate there, with its key, PEM.
            added: whether this node adds it; one that it added once stays so.

        Raises:
            InvalidInput: one of them is not what it should be.
            Conflict: it has the name of this node, or no port is left.
        """
        self._check(name)
        host, port = place(address, TRUNK_PORT)
        pki.validity(authority.encode())
        pki.check_bundle(bundle.encode())
        known = self._peers.get(name)
        told = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        port_there = known.broker_port if known else self._broker_port()
        peer = Peer(name, told, authority, bundle, port_there, added or (known is not None and known.added))
        self._keep(peer)
        return peer

    def _broker_port(self) -> int:
        """A port for another peer's broker, which nobody uses."""
        taken = {peer.broker_port for peer in self._peers.values()}
        every = range(FIRST_BROKER_PORT, LAST_BROKER_PORT + 1)
        found = next((port for port in every if port not in taken and unused(port, "127.0.0.1")), None)
        if found is None:
            raise Conflict("No port is left for the broker of another node.", f"Free one of {every[0]} to {every[-1]}.")
        return found

    def restore(self, name: str, former: Peer | None) -> None:
        """Know of a peer again what was known before; ``None`` is nothing, and what it was given stays in force."""
        if former is not None:
            self._keep(former)
            return
        self._peers.pop(name, None)
        for file in (self._folder / f"{name}.json", self.authority_file(name), self.bundle_file(name)):
            file.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Forget a peer, and lock it out; one that was only invited, too.

        Raises:
            NotFound: there is none of that name.
        """
        if name not in self._admitted:
            self.get(name)
        self.restore(name, None)
        if self._admitted.pop(name, None) is not None:
            self._write_list()

    def _keep(self, peer: Peer) -> None:
        told = {
            "address": peer.address,
            "authority": peer.authority,
            "bundle": peer.bundle,
            "port": peer.broker_port,
            "added": peer.added,
        }
        files.write(self.authority_file(peer.name), peer.authority)
        files.write(self.bundle_file(peer.name), peer.bundle)
        files.write(self._folder / f"{peer.name}.json", json.dumps(told))
        self._peers[peer.name] = peer

    def _check(self, name: str) -> None:
        if not _LABEL.fullmatch(name):
            raise InvalidInput(f"'{name}' cannot be a node's name.", "Use up to 32 of a-z, 0-9 and -.")
        if name == self.own_name:
            raise Conflict(
                f"This node itself is called '{name}'.", "Give one of the two another `name` in /etc/aloft/node.toml."
            )

    # Trust

    def invite(self, peer: str) -> Invitation:
        """Let another node in at this one's trunk from now on; every invitation holds until the peer is removed.

        Raises:
            InvalidInput: that is not a node's name.
            Conflict: it is the name of this node.
        """
        self._check(peer)
        authority = self._authority()
        key, request = pki.new_request(peer)
        certificate = authority.sign_csr(request, peer, "Aloft node", INVITED_DAYS)
        self._admitted.setdefault(peer, []).append(pki.serial(certificate))
        self._write_list()
        return Invitation(self.own_name, authority.certificate.decode(), (certificate + key).decode())

    def trunk(self, port: int) -> Trunk | None:
        """What the edge needs to know of the trunk at a port; ``None`` while nobody was invited."""
        if not self._admitted:
            return None
        return Trunk(
            name=self.own_name,
            port=port,
            authority=self.own_authority_file,
            bundle=self._server_bundle(),
            admitted=frozenset(serial for serials in self._admitted.values() for serial in serials),
            node=self._socket,
            far=tuple(
                Far(one.name, one.address, self.authority_file(one.name), self.bundle_file(one.name), one.broker_port)
                for one in self.all()
            ),
        )

    def invited(self, name: str) -> bool:
        """Whether a node of that name is let in."""
        return name in self._admitted

    def _server_bundle(self) -> Path:
        """The file with the trunk's own certificate and key, made anew where it is to end soon."""
        bundle = self._trunk / "server.pem"
        now = datetime.datetime.now(datetime.UTC)
        if not bundle.exists() or pki.validity(bundle.read_bytes()).needs_renewal(now):
            names = (trunk_name(self.own_name), trunk_name(self.own_name, "*"))
            files.write(bundle, self._authority().issue_server(names).bundle)
        return bundle

    @property
    def own_authority_file(self) -> Path:
        """The certificate of the authority whose certificates this node's trunk lets in."""
        return self._trunk / "ca/ca.crt"

    def authority_file(self, name: str) -> Path:
        """The file with a peer's authority."""
        return self._folder / f"{name}.crt"

    def bundle_file(self, name: str) -> Path:
        """The file with this node's certificate and key for a peer."""
        return self._folder / f"{name}.pem"

    def _authority(self) -> Authority:
        return Authority.open(self._trunk / "ca", f"Aloft trunk of {self.own_name}")

    @property
    def _list(self) -> Path:
        return self._trunk / "admitted.json"

    def _write_list(self) -> None:
        files.write(self._list, json.dumps(self._admitted, sort_keys=True))

    # Talking to them

    def client(self, name: str, timeout: float = 30.0) -> httpx.AsyncClient:
        """A client of a peer's node API: ``client.get("/v1/health")``. To be closed by who asked for it.

        Args:
            name: of the peer.
            timeout: seconds for each step of a request; connecting has at most five.

        Raises:
            NotFound: there is no such peer.
        """
        peer = self.get(name)
        trust = ssl.create_default_context(cadata=peer.authority)
        trust.load_cert_chain(self.bundle_file(name))
        behind = trunk_name(name, "node")

        async def name_it(request: httpx.Request) -> None:
            request.extensions = {**request.extensions, "sni_hostname": behind}

        return httpx.AsyncClient(
            base_url=f"https://{peer.address}",
            headers={"Host": behind},
            verify=trust,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
            event_hooks={"request": [name_it]},
            trust_env=False,
        )


def _read(file: Path) -> Peer:
    told: dict[str, Any] = json.loads(file.read_text())
    added = told.get("added", False)
    return Peer(file.stem, told["address"], told["authority"], told["bundle"], told["port"], added)
