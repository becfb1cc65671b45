"""From controllers' names to the edge: routes, certificates, and the node's own way to resolve the names."""

import asyncio
import datetime
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

from aloft.base import accounts, files
from aloft.base.paths import Paths
from aloft.base.pki import Authority, validity
from aloft.controller.ports import Name, Names
from aloft.controller.services import ALL
from aloft.node import edge
from aloft.node.edge_model import PEER, EdgeSettings, Layout, Route, Split, Trunk
from aloft.node.edge_runtime import Runtime
from aloft.node.fronts import Front, FrontName, authority_file
from aloft.node.hosts_file import with_block
from aloft.node.rules import Rules
from aloft.node.settings import NodeSettings
from aloft.supervise.spec import ProcessSpec

TCP = {"ovn", "amqp", "db"}
"""Labels whose traffic is not HTTP."""

HOSTS_ONLY = {"agent", "amqp", "db", "metadata", "ovn", "streams", "sync"}
"""Labels that only a region's own hosts may open, with their client certificate."""

SETTLE_PAUSE = 0.05

_STREAMS = re.compile(r"^(?=0x[0-9a-f]+: )", re.MULTILINE)
"""Where the account of a stream begins in what the edge tells of all."""

_ANSWERING = re.compile(
    r"^(0x[0-9a-f]+): .*^  backend=http-(\d+)-(?!nova-novncproxy|streams)", re.MULTILINE | re.DOTALL
)
"""A stream and the number of the slot that answers it; consoles go on for hours, hosts' streams for ever."""

_READS = re.compile(r"^  txn=.* meth=[012] ", re.MULTILINE)
"""A request that changes nothing: OPTIONS, GET, HEAD as HAProxy counts them."""


def is_plain(name: Name) -> bool:
    """Whether a name is HTTP of a controller's own service, for everybody."""
    return bool(name.socket) and name.service not in TCP | HOSTS_ONLY


class EdgeNames:
    """Keeps the edge serving what the node's controllers are called.

    Args:
        paths: where everything lies.
        settings: of the node.
        rules: from where customers' names may be used.
        hosts: the file that resolves names on this machine.
    """

    def __init__(self, paths: Paths, settings: NodeSettings, rules: Rules, hosts: Path = Path("/etc/hosts")) -> None:
        self._rules = rules
        self._paths = paths
        self._domain = settings.domain
        self._hosts = hosts
        self._plane = paths.run / "plane/plane.sock"
        self._portal = paths.run / "portal/portal.sock"
        sockets = {endpoint.process for service in ALL for endpoint in service.endpoints}
        tcp = {endpoint.process for service in ALL for endpoint in service.endpoints if endpoint.label in TCP}
        self.settings = EdgeSettings(
            domain=settings.domain,
            port=settings.edge_port,
            http_services=(*sorted(sockets - tcp), "images"),
            tcp_services=tuple(sorted(tcp)),
            shared_http=(str(self._plane), str(self._portal)),
            waiting=str(paths.run / "waiting.sock"),
            shared_tcp=(str(paths.database_socket),),
        )
        self._edge = edge.Edge(paths, self.settings)
        self._certificates = paths.state / "edge-certificates"
        self._authority: Authority | None = None

    @property
    def authority_file(self) -> Path:
        """The certificate of the CA that signs the edge's certificates, for clients."""
        return self._paths.etc / "ca.pem"

    @property
    def again(self) -> Path:
        """Socket at which requests that have waited go on to another node."""
        return Layout(self._paths).again

    @property
    def group(self) -> int:
        """The edge's numeric group, which may connect to services' sockets."""
        return accounts.account(self.settings.user).group

    def initialise(self) -> None:
        """Make what the edge needs to start: its CA and its own files."""
        files.folder(self._paths.etc, mode=0o755)
        files.folder(self._certificates, mode=0o700)
        self._authority = Authority.open(self._paths.state / "edge-ca", "Aloft edge authority")
        files.write(self.authority_file, self._authority.certificate, mode=0o644)
        edge.initialise(self._paths, self.settings)

    def replace_authority(self, folder: Path) -> None:
        """Sign the edge's certificates by the CA in a folder from now on; those that were signed before are forgotten.

        Interrupted, the edge has the one authority or the other, and called again it has this one.
        """
        target = self._paths.state / "edge-ca"
        fresh, former = target.with_suffix(".new"), target.with_suffix(".former")
        for remains in (fresh, former):
            shutil.rmtree(remains, ignore_errors=True)
        shutil.copytree(folder, fresh)
        fresh.chmod(0o700)
        for listed in self._certificates.glob("*.names"):
            listed.unlink()
        target.rename(former)
        fresh.rename(target)
        shutil.rmtree(former)
        self.initialise()

    def process(self) -> ProcessSpec:
        """HAProxy."""
        return edge.process(self._paths, self.settings)

    async def publish(
        self,
        controllers: tuple[Names, ...],
        trunk: Trunk | None = None,
        fronts: tuple[tuple[str, Front], ...] = (),
        arriving: tuple[Names, ...] = (),
    ) -> None:
        """Serve the plane's name, the portal's, and those of all given controllers, and no others.

        Args:
            controllers: of this node.
            trunk: to other nodes, if there are any.
            fronts: controllers of other nodes, with these nodes' names.
            arriving: controllers of this node whose names only its own services shall reach.
        """
        routes = await asyncio.to_thread(self._routes, controllers, fronts)
        near = {name.name: name.socket for one in arriving for name in one.names if is_plain(name)}
        await self._edge.apply(routes, trunk, near)
        await asyncio.to_thread(self._forget, {route.certificate for route in routes})
        names = {route.name for route in routes if route.kind == "http"}
        await asyncio.to_thread(self._resolve, sorted(names | near.keys()))

    async def settle(
        self, slot: int, within: float, *, writes: bool = False, among: frozenset[str] | None = None
    ) -> frozenset[str]:
        """Wait until the requests that a slot's services are answering now have their answers, or time is up.

        Args:
            slot: its number.
            within: seconds.
            writes: wait only for those that may change something.
            among: wait only for these streams.

        Returns:
            The streams that have no answer yet.
        """
        runtime, until = Runtime(self._paths.edge_socket), time.monotonic() + within
        waited = answering(await runtime.ask("show sess all"), slot, writes)
        waited = waited if among is None else waited & among
        while waited and time.monotonic() < until:
            await asyncio.sleep(SETTLE_PAUSE)
            waited &= answering(await runtime.ask("show sess all"), slot, writes)
        return waited

    def _routes(self, controllers: tuple[Names, ...], fronts: tuple[tuple[str, Front], ...] = ()) -> list[Route]:
        plane = f"plane.{self._domain}"
        routes = [Route(plane, "http", str(self._plane), self._certificate("plane", (plane,)))]
        customers = {one.customer for one in controllers} | {front.customer for _, front in fronts}
        portals = [("portal", f"portal.{self._domain}")]
        portals += [(name, f"portal.{name}.{self._domain}") for name in sorted(customers)]
        routes += [self._portal_route(label, name) for label, name in portals]
        for controller in controllers:
            names = tuple(name.name for name in controller.names)
            certificate = self._certificate(f"{controller.customer}.{controller.region}", names)
            routes += [self._route(controller, name, certificate) for name in controller.names]
        for peer, front in fronts:
            names = tuple(name.name for name in front.names)
            certificate = self._certificate(f"{front.customer}.{front.region}", names)
            routes += [self._far_route(peer, front, name, certificate) for name in front.names]
        return routes

    def _portal_route(self, label: str, name: str) -> Route:
        networks = self._rules.get(label).access.for_portal()  # nobody can be called as the provider's own portal is
        return Route(name, "http", str(self._portal), self._certificate(label, (name,)), networks=networks)

    def _route(self, controller: Names, name: Name, certificate: Path) -> Route:
        shared = {"agent": str(self._plane), "amqp": self.settings.broker, "db": str(self._paths.database_socket)}
        divided = name.service == "image" and controller.image_library
        plain = Route(
            name=name.name,
            kind="tcp" if name.service in TCP else "http",
            target=name.socket or shared[name.service],
            certificate=certificate,
            splits=(Split("image-data", controller.image_library),) if divided else (),
            hold=controller.hold if name.socket and name.service not in TCP else "",
        )
        whose = (controller.customer, controller.region)
        return self._walled(plain, name.service, whose, controller.authority, controller.revoked)

    def _far_route(self, peer: str, front: Front, name: FrontName, certificate: Path) -> Route:
        """To a controller of another node: whom it lets in is looked at here, all else is that node's business."""
        plain = Route(
            name=name.name,
            kind="tcp" if name.service in TCP else "http",
            target=str(self._plane) if name.service == "agent" else f"{PEER}{peer}",
            certificate=certificate,
        )
        authority = self._paths.state / "node/fronts" / authority_file(front)
        return self._walled(plain, name.service, (front.customer, front.region), authority, frozenset(front.revoked))

    def _walled(
        self, route: Route, service: str, whose: tuple[str, str], authority: Path, revoked: frozenset[str]
    ) -> Route:
        """The route, open for those whom a customer lets in, and of what is for hosts only for its region's hosts."""
        access = self._rules.get(whose[0]).access
        if service not in HOSTS_ONLY:
            return replace(route, networks=access.for_api())
        return replace(
            route,
            client_authority=authority,
            region="/".join(whose),
            revoked=revoked,
            networks=access.for_links(),
        )

    def _certificate(self, label: str, names: tuple[str, ...]) -> Path:
        """A certificate for these names, kept until its names change or it has had two thirds of its time."""
        bundle, listed = self._certificates / f"{label}.pem", self._certificates / f"{label}.names"
        wanted = "\n".join(names)
        if bundle.exists() and listed.exists() and listed.read_text() == wanted:
            now = datetime.datetime.now(datetime.UTC)
            if not validity(bundle.read_bytes()).needs_renewal(now):
                return bundle
        if self._authority is None:
            self.initialise()
        authority = self._authority or Authority.open(self._paths.state / "edge-ca", "Aloft edge authority")
        files.write(bundle, authority.issue_server(names).bundle, mode=0o600)
        files.write(listed, wanted, mode=0o600)
        return bundle

    def _forget(self, used: set[Path]) -> None:
        """Remove certificates, with their keys, of controllers that are no more."""
        for bundle in self._certificates.glob("*.pem"):
            if bundle not in used:
                bundle.with_suffix(".names").unlink(missing_ok=True)
                bundle.unlink()

    def _resolve(self, names: list[str]) -> None:
        """Write the names into the machine's hosts file, for its own services and its users."""
        before = self._hosts.read_text() if self._hosts.exists() else ""
        after = with_block(before, [f"127.0.0.1 {name}" for name in sorted(names)])
        if after != before:
            mode = self._hosts.stat().st_mode & 0o777 if self._hosts.exists() else 0o644
            files.write(self._hosts, after, mode=mode)


def answering(told: str, slot: int, writes: bool) -> frozenset[str]:
    """The streams in which a slot's services are answering, as the edge tells of all streams. Pure.

    Args:
        told: what HAProxy says to ``show sess all`` (management guide, 9.3).
        slot: its number.
        writes: only those that may change something.
    """
    found = ((_ANSWERING.match(one), _READS.search(one)) for one in _STREAMS.split(told))
    return frozenset(
        stream.group(1) for stream, reads in found if stream and int(stream.group(2)) == slot and not (writes and reads)
    )
