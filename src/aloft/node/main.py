"""The node's process: ``python -m aloft.node run``.

It brings up the shared services, then the zygotes, then every controller on record, each as soon as what it needs is
ready, and serves the local API. Killed, it leaves everything running and adopts it when it is started again; told to
stop (SIGTERM), it stops everything in order.
"""

import asyncio
import contextlib
import functools
import json
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from aloft.base import accounts, files
from aloft.base.errors import AloftError, PermanentError
from aloft.base.paths import Paths
from aloft.controller import processes
from aloft.controller.context import Slot
from aloft.controller.services import enabled
from aloft.controller.slots import load_secrets, make_broker_users
from aloft.daytwo.repositories import Repositories
from aloft.node import arrivals_api, jobs_api, mariadb, peers_api, rabbitmq, rules_api, serving, shared
from aloft.node.api import build
from aloft.node.arrivals import Arrivals
from aloft.node.backup_metrics import BackupCollector
from aloft.node.backups import Backups
from aloft.node.binlog import LEAST_SHIP_PAUSE, SHIP_SECONDS, Binlog
from aloft.node.broker import Broker
from aloft.node.controllers import Controllers
from aloft.node.copies import Copies
from aloft.node.database import Database
from aloft.node.edge_names import EdgeNames
from aloft.node.fronts import Fronts
from aloft.node.grants import Grants
from aloft.node.handover import Handover
from aloft.node.jobs import Jobs, Work
from aloft.node.joining import Joining
from aloft.node.keystone import Keystone
from aloft.node.moves import held
from aloft.node.peer_api import moves, reach
from aloft.node.peers import Peers
from aloft.node.pool import Pool
from aloft.node.portal import PortalPlace
from aloft.node.publishing import Publishing, greet
from aloft.node.rebuild import Rebuild
from aloft.node.recovery import Recovery
from aloft.node.registry import Registry
from aloft.node.relay import Relay
from aloft.node.releases import Releases
from aloft.node.rules import Rules
from aloft.node.serving import Server
from aloft.node.settings import NodeSettings
from aloft.node.sharing import Sharing
from aloft.node.switches import Switches
from aloft.node.upgrades import Upgrades
from aloft.node.waiting import WaitingRoom
from aloft.supervise.cgroup import Cgroups
from aloft.supervise.logs import Rotation, keep_rotated
from aloft.supervise.metrics import ProcessCollector
from aloft.supervise.spec import ProcessStatus
from aloft.supervise.supervisor import Supervisor

_log = logging.getLogger(__name__)

SHARED_SECONDS = 120.0
"""Until the shared services must be ready."""

TRIM_SECONDS = 600.0
"""Between two looks at what customers' logs may keep."""

AGAIN_SECONDS = 10.0
"""Until what runs for ever begins again when a fault has ended it."""

PUBLISH_SECONDS = 6 * 3600.0
"""Between two looks at the edge's names and certificates."""


class Node:
    """One node: its parts, and the order in which they come up.

    Args:
        paths: where everything lies.
        settings: of the node.
    """

    def __init__(self, paths: Paths, settings: NodeSettings) -> None:
        self.paths = paths
        self.settings = settings
        self.supervisor = Supervisor(paths.run / "node", Cgroups.detect("aloft-node"))
        self.database = Database(paths)
        self.rabbitmq = rabbitmq.Settings.for_machine()
        self.broker = Broker(paths, self.rabbitmq)
        self.registry = Registry(paths)
        self.releases = Releases(paths, settings.releases, self.supervisor, self.registry)
        self.rules = Rules(paths, self.registry)
        self.peers = Peers(paths, settings.name)
        self.edge = EdgeNames(paths, settings, self.rules)
        self.portal = PortalPlace(paths, settings, self.edge.group)
        edge = accounts.account("haproxy")
        self.pool = Pool(
            paths, self.registry, self.database, self.broker, edge.group, settings.warm, settings.releases[0]
        )
        self.room = WaitingRoom(Path(self.edge.settings.waiting), self.edge.group)
        self.fronts = Fronts(
            paths,
            self.peers,
            self.registry,
            settings.domain,
            lambda: self.controllers.publish_names(),
            functools.partial(greet, self.portal),
        )
        self.publishing = Publishing(
            paths,
            self.registry,
            self.edge,
            self.portal,
            self.room,
            self.peers,
            self.fronts,
            settings.trunk_port,
        )
        self.controllers = Controllers(
            paths,
            settings,
            self.registry,
            self.pool,
            self.supervisor,
            self.publishing.publish,
            self.releases.start,
            self.edge.authority_file,
            self.supervisor.status,
        )
        self.grants = Grants(self.controllers, self.registry, self.broker, Keystone(), self.database)
        self.repositories = Repositories(paths)
        to_peer = functools.partial(reach, self.peers)

        self.sharing = Sharing(self.peers, self.repositories, to_peer, self.repositories.make)
        self.joining = Joining(
            self.peers,
            self.fronts,
            to_peer,
            settings.trunk_port,
            self.controllers.publish_names,
        )
        self.binlog = Binlog(
            paths,
            self.database,
            self.repositories,
            lambda: {one.spec.customer for one in self.registry.all()},
            self.registry.tenures,
        )
        self.recovery = Recovery(paths, settings, self.registry, self.repositories, self.binlog, self.replace_authority)
        self.backups = Backups(
            paths,
            self.controllers,
            self.registry,
            self.pool,
            self.database,
            self.broker,
            self.repositories,
            self.binlog,
            self.edge.authority_file,
            settings.domain,
        )
        switches = Switches(
            self.controllers,
            self.registry,
            self.pool,
            self.database,
            Copies(self.database),
            self.edge,
        )
        self.upgrades = Upgrades(
            paths,
            self.controllers,
            self.registry,
            self.pool,
            self.database,
            self.backups,
            switches,
            self.releases.start,
            self.releases.renew,
            self.releases.sweep,
        )
        self.arrivals = Arrivals(
            paths,
            self.controllers,
            self.registry,
            self.pool,
            self.database,
            self.backups,
            functools.partial(moves, self.peers),
            lambda ident: self.jobs.forget(ident),
        )
        self.handover = Handover(
            paths,
            settings.name,
            self.controllers,
            self.registry,
            self.pool,
            self.database,
            self.backups,
            switches,
            self.binlog,
            self.rules,
            to_peer,
            self.fronts.refresh,
        )
        self.jobs = Jobs(
            paths,
            {
                "move": self.handover.move,
                "arrive": self.arrivals.arrive,
                "upgrade-plan": self.upgrades.plan,
                "upgrade": self.upgrades.upgrade,
                "rollback": self.upgrades.rollback,
                "finish": self.upgrades.finish,
                "backup": self.backups.backup,
                "copy": self.backups.copy,
                "prove": self.backups.prove,
                "restore": self._restore,
                "check": self.backups.check,
                "retain": self.backups.retain,
                "survey": self.recovery.survey,
                "rebuild": Rebuild(self.controllers, self.registry, self.pool, self.supervisor, self.database).rebuild,
            },
        )
        self.started = time.time()

    async def _restore(self, work: Work) -> dict[str, Any]:
        """Bring a customer back from a backup, and shut hosts out that were removed since that was made."""
        result = await self.backups.restore(work)
        async with work.step("remove users of hosts that were removed since"):
            await self.grants.weed(work.customer)
        return result

    # Coming up

    async def start(self) -> None:
        """Bring everything up; returns once the shared services are ready and all the rest is on its way."""
        self._make_folders()
        database_settings = mariadb.Settings.for_machine()
        await asyncio.gather(
            asyncio.to_thread(mariadb.initialise, self.paths, database_settings),
            asyncio.to_thread(rabbitmq.initialise, self.paths, self.rabbitmq),
            asyncio.to_thread(self.edge.initialise),
        )
        await self.room.start()
        self.supervisor.subscribe(self._process_changed)
        await self.supervisor.apply(
            "shared",
            (
                mariadb.process(self.paths, database_settings),
                rabbitmq.process(self.paths, self.rabbitmq),
                self.edge.process(),
            ),
        )
        await self.releases.start_present()
        await self._apply_known_controllers()
        if (self.paths.run / "plane/plane.sock").exists():
            await self._apply_plane()  # it has run since the machine started, and may run still
            await self.supervisor.apply("portal", (self.portal.process(),))
        await self.supervisor.settle()
        await self.supervisor.wait_ready(("mariadb", "rabbitmq", "edge"), SHARED_SECONDS)
        await self.controllers.publish_names()
        await self._admit_plane()
        await self._apply_plane()
        await self._apply_portal()
        self.controllers.resume()

    def _make_folders(self) -> None:
        for folder in (self.paths.state, self.paths.run, self.paths.log, self.paths.log / "zygotes"):
            files.folder(folder, mode=0o755)
        files.folder(self.paths.run / "zygotes", mode=0o700)

    async def _apply_known_controllers(self) -> None:
        """Name the processes of all controllers on record at once, so that those that still run are adopted."""
        for record in self.registry.all():
            if record.wanted and record.slot is not None and self.registry.prepared(record.slot):
                await self.pool.revive(record.slot)
                context = self.controllers.context(record.spec.key)
                specs = processes.processes(context, enabled(record.spec))
                await self.supervisor.apply(processes.group(context.slot), specs)

    def _plane_password(self) -> Path:
        """The file with the password of the plane's database user, made where there is none."""
        account = accounts.account("aloft")
        password = self.paths.state / "plane/database.password"
        files.folder(password.parent, mode=0o700, owner=account.user, group=account.group)
        if not password.exists():
            files.write(password, os.urandom(32).hex(), mode=0o400, owner=account.user, group=account.group)
        return password

    async def _admit_plane(self) -> None:
        """Make the plane's schema and user."""
        await self.database.create_schemas(["aloft"])
        await self.database.ensure_user("aloft", self._plane_password().read_text().strip(), ["aloft"])

    async def _apply_plane(self) -> None:
        """Write the plane's settings, and have it run."""
        account = accounts.account("aloft")
        files.folder(self.paths.run / "plane", mode=0o2710, owner=account.user, group=self.edge.group)
        settings = (
            f'domain = "{self.settings.domain}"\n'
            f"edge_port = {self.settings.edge_port}\n"
            f"other_edges = {json.dumps(self.settings.other_edges)}\n"
            f'edge_ca = "{self.edge.authority_file}"\n'
            f'database_password_file = "{self._plane_password()}"\n'
            f'key_file = "{self.paths.state / "plane/records.key"}"\n'
        )
        files.write(self.paths.etc / "plane.toml", settings, mode=0o640, group=account.group)
        await self.supervisor.apply("plane", (shared.plane(self.paths, account.user, account.group, settings),))

    async def _apply_portal(self) -> None:
        """Let the portal's back end listen to the broker, and have it run."""
        process = self.portal.process()
        slots = [Slot(number, self.paths) for number in self.registry.slots() if self.registry.prepared(number)]
        users = await self.broker.users()
        for slot in slots:
            held = await asyncio.to_thread(load_secrets, slot)
            if not {slot.broker_user(service) for service in held.broker} <= users:
                await make_broker_users(slot, held, self.broker)
        await self.broker.ensure_listener(self.portal.password(), {slot.vhost for slot in slots})
        await self.supervisor.apply("portal", (process,))

    async def replace_authority(self, folder: Path) -> None:
        """Serve all names by certificates of another authority, which hosts and users trust already.

        Args:
            folder: holds it, as a backup does.
        """
        await asyncio.to_thread(self.edge.replace_authority, folder)
        await self.controllers.publish_names()

    def _process_changed(self, status: ProcessStatus) -> None:
        self.controllers.process_changed(status)
        if status.state == "ready":
            self._open_sockets(status.name)

    def _open_sockets(self, name: str) -> None:
        """Let the edge connect to a socket whose program made it private (ovsdb-server does)."""
        for record in self.registry.all():
            if record.slot is None or not name.startswith(f"slots/{record.slot}/"):
                continue
            context = self.controllers.context(record.spec.key)
            for path in processes.open_sockets(context, enabled(record.spec)).get(name, ()):
                with contextlib.suppress(FileNotFoundError):
                    Path(path).chmod(0o660)

    async def go_on(self) -> None:
        """Go on with what a former run of the node left unfinished, then keep slots warm; runs for ever."""
        await self.arrivals.sweep()
        await self.pool.sweep(held(self.jobs.journals("restore")))
        self.jobs.resume()
        await keep_at("warm slots", self.pool.keep_warm)

    async def keep_published(self) -> None:
        """Look at all names and certificates again from time to time, so that none runs out; runs for ever."""
        while True:
            await asyncio.sleep(PUBLISH_SECONDS)
            try:
                await self.joining.renew()
                await self.controllers.publish_names()
            except AloftError as error:
                _log.warning("The edge's names could not be refreshed: %s", error)

    async def keep_logs_trimmed(self) -> None:
        """Take out of customers' logs what is older than they want; runs for ever."""
        while True:
            try:
                await asyncio.to_thread(self.rules.trim_logs)
            except OSError as error:
                _log.warning("Customers' logs could not be trimmed: %s", error)
            await asyncio.sleep(TRIM_SECONDS)

    async def keep_shipping(self) -> None:
        """Ship the binary logs again and again while there are customers; runs for ever."""
        pause = SHIP_SECONDS
        while True:
            await asyncio.sleep(pause)
            begun = time.monotonic()
            pause = SHIP_SECONDS
            if not self.registry.all():
                self.binlog.rest()
                continue
            try:
                await self.binlog.ship()
            except AloftError as error:
                _log.warning("The binary logs could not be shipped: %s", error)
            pause = max(LEAST_SHIP_PAUSE, SHIP_SECONDS - (time.monotonic() - begun))

    def _disk(self) -> dict[str, Any]:
        """Whether the disk has room for what customers write and for one more of them, as a component is told."""
        try:
            self.pool.check_room()
        except AloftError as error:
            return {"name": "disk", "state": "low", "reason": str(error), "restarts": 0}
        return {"name": "disk", "state": "ready", "reason": "", "restarts": 0}

    def health(self) -> dict[str, Any]:
        """The node's own health: shared components, limits, uptime."""
        limits = self.supervisor.cgroups.limits_enforced
        components = [
            {"name": status.name, "state": status.state, "reason": status.reason, "restarts": status.restarts}
            for status in self.supervisor.status()
            if not status.name.startswith("slots/")
        ]
        if components:  # while it starts there are none, and whoever waits for it goes on to wait
            components.append(self._disk())
        return {
            "name": self.settings.name,
            "healthy": all(component["state"] == "ready" for component in components),
            "components": components,
            "limits_enforced": bool(limits),
            "limits_reason": limits.reason,
            "started": self.started,
            "warm_slots": len(self.registry.warm()),
        }


def _application(node: Node) -> FastAPI:
    """What the plane, root's commands and other nodes may all ask of the node."""
    metrics = CollectorRegistry()
    metrics.register(ProcessCollector(node.supervisor))
    metrics.register(BackupCollector(node.binlog, node.backups))
    app = build(
        node.supervisor,
        node.controllers,
        node.grants,
        node.releases.states,
        node.releases.prepare,
        metrics,
        node.health,
    )
    rules_api.add(app, node.rules, node.controllers.publish_names)
    jobs_api.add(app, node.jobs, node.backups, node.repositories, node.binlog)
    peers_api.add(app, node.joining, node.publishing.fronts)
    return app


def _servers(node: Node) -> Iterator[tuple[str, Server, socket.socket]]:
    """What serves the node's API: for this machine, and for other nodes behind the edge's trunk."""
    paths = node.paths
    relay = Relay(_application(node), node.peers, node.fronts, node.controllers, node.jobs)
    yield "api", serving.server(relay), serving.listen(paths.node_socket, accounts.group("aloft"))
    group = node.edge.group
    files.folder(paths.trunk_socket.parent, mode=0o710, group=group)
    app = _application(node)
    peers_api.add_for_peers(app, node.portal.password)
    arrivals_api.add(app, node.arrivals)
    yield "api for other nodes", serving.server(app), serving.listen(paths.trunk_socket, group)


async def run(paths: Paths, settings: NodeSettings) -> None:
    """Run the node until it is told to stop.

    Raises:
        AloftError: it cannot come up.
    """
    node = Node(paths, settings)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await node.supervisor.open()
    background: list[asyncio.Task[Any]] = []

    def begin(work: Coroutine[Any, Any, Any], name: str) -> None:
        background.append(asyncio.create_task(work, name=name))

    servers = tuple(_servers(node))
    for name, server, listening in servers:
        begin(server.serve(sockets=[listening]), name)
    start = asyncio.create_task(node.start(), name="start")
    begin(keep_rotated(paths.log, Rotation()), "log rotation")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({start, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if start.done():
        start.result()
        begin(node.go_on(), "warm slots and jobs")
        for name, work in (
            ("names", node.keep_published),
            ("what other nodes serve", node.fronts.keep),
            ("what other nodes know of repositories", node.sharing.keep),
            ("what arrives", node.arrivals.keep),
            ("binary logs", node.keep_shipping),
            ("log retention", node.keep_logs_trimmed),
        ):
            begin(keep_at(name, work), name)
        await stop.wait()
    start.cancel()
    for _, server, _ in servers:
        server.should_exit = True
    for task in background:
        task.cancel()
    await asyncio.gather(*background, start, return_exceptions=True)
    await node.room.stop()
    await node.supervisor.shutdown()


async def keep_at(name: str, work: Callable[[], Coroutine[Any, Any, None]], pause: float = AGAIN_SECONDS) -> None:
    """Do what runs for ever, and begin it again when it ends by a fault: a full disk must not end it for good."""
    while True:
        try:
            await work()
        except Exception:
            _log.exception("%s ended by a fault and begins again", name)
        await asyncio.sleep(pause)


def check_root() -> None:
    """The node starts processes as other users.

    Raises:
        PermanentError: this process is not root's.
    """
    if os.geteuid() != 0:
        raise PermanentError("The node must run as root.", "Use sudo.")
