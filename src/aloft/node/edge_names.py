"""From controllers' names to the edge: routes, certificates, and the node's own way to resolve the names."""

import asyncio
import datetime
import re
import shutil
import time
from pathlib import Path

from aloft.base import accounts, files
from aloft.base.paths import Paths
from aloft.base.pki import Authority, validity
from aloft.controller.ports import Name, Names
from aloft.controller.services import ALL
from aloft.node import edge
from aloft.node.edge_model import EdgeSettings, Route, Split
from aloft.node.edge_runtime import Runtime
from aloft.node.hosts_file import with_block
from aloft.node.rules import Rules
from aloft.node.settings import NodeSettings
from aloft.supervise.spec import ProcessSpec

TCP = {"ovn", "amqp", "db"}
"""Labels whose traffic is not HTTP."""

HOSTS_ONLY = {"agent", "amqp", "db", "ovn", "streams", "sync"}
"""Labels that only a region's own hosts may open, with their client certificate."""


SETTLE_PAUSE = 0.05

_STREAM = re.compile(r"^(0x[0-9a-f]+): .*\bbe=http-(\d+)-(?!nova-novncproxy)", re.MULTILINE)
"""A stream and the number of the slot that answers it; consoles go on for hours."""


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
            shared_tcp=("127.0.0.1:7672", str(paths.database_socket)),
        )
        self._edge = edge.Edge(paths, self.settings)
        self._certificates = paths.state / "edge-certificates"
        self._authority: Authority | None = None

    @property
    def authority_file(self) -> Path:
        """The certificate of the CA that signs the edge's certificates, for clients."""
        return self._paths.etc / "ca.pem"

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

    async def publish(self, controllers: tuple[Names, ...]) -> None:
        """Serve the plane's name, the portal's, and those of all given controllers, and no others."""
        routes = await asyncio.to_thread(self._routes, controllers)
        await self._edge.apply(routes)
        await asyncio.to_thread(self._forget, {route.certificate for route in routes})
        names = [route.name for route in routes if route.kind == "http"]
        await asyncio.to_thread(self._resolve, names)

    async def settle(self, slot: int, within: float) -> None:
        """Wait until the requests that a slot's services are answering now have their answers, or time is up.

        Args:
            slot: its number.
            within: seconds.
        """
        runtime, until = Runtime(self._paths.edge_socket), time.monotonic() + within
        waited = await _streams(runtime, slot)
        while waited and time.monotonic() < until:
            await asyncio.sleep(SETTLE_PAUSE)
            waited &= await _streams(runtime, slot)

    def _routes(self, controllers: tuple[Names, ...]) -> list[Route]:
        plane = f"plane.{self._domain}"
        routes = [Route(plane, "http", str(self._plane), self._certificate("plane", (plane,)))]
        portals = [("portal", f"portal.{self._domain}")]
        portals += [(name, f"portal.{name}.{self._domain}") for name in sorted({c.customer for c in controllers})]
        routes += [self._portal_route(label, name) for label, name in portals]
        for controller in controllers:
            names = tuple(name.name for name in controller.names)
            certificate = self._certificate(f"{controller.customer}.{controller.region}", names)
            routes += [self._route(controller, name, certificate) for name in controller.names]
        return routes

    def _portal_route(self, label: str, name: str) -> Route:
        networks = self._rules.get(label).access.for_portal()  # nobody can be called as the provider's own portal is
        return Route(name, "http", str(self._portal), self._certificate(label, (name,)), networks=networks)

    def _route(self, controller: Names, name: Name, certificate: Path) -> Route:
        shared = {"agent": str(self._plane), "amqp": "127.0.0.1:7672", "db": str(self._paths.database_socket)}
        access = self._rules.get(controller.customer).access
        splits = (Split("image-data", controller.library),) if name.service == "image" and controller.library else ()
        return Route(
            name=name.name,
            kind="tcp" if name.service in TCP else "http",
            target=name.socket or shared[name.service],
            certificate=certificate,
            client_authority=controller.authority if name.service in HOSTS_ONLY else None,
            region=f"{controller.customer}/{controller.region}" if name.service in HOSTS_ONLY else "",
            revoked=controller.revoked if name.service in HOSTS_ONLY else frozenset(),
            networks=access.for_links() if name.service in HOSTS_ONLY else access.for_api(),
            splits=splits,
            hold=controller.hold if name.socket and name.service not in TCP else "",
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


async def _streams(runtime: Runtime, slot: int) -> set[str]:
    """The streams in which a slot's services are answering now."""
    told = await runtime.ask("show sess")
    return {found.group(1) for found in _STREAM.finditer(told) if int(found.group(2)) == slot}
