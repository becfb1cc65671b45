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
from aloft.controller import environment, processes
from aloft.controller.context import Slot
from aloft.controller.release import Release, release, releases
from aloft.controller.services import enabled
from aloft.controller.slots import load_secrets, make_broker_users
from aloft.daytwo.repositories import Repositories
from aloft.node import arrivals_api, jobs_api, mariadb, moves, peers_api, rabbitmq, rules_api, serving, shared
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
from aloft.node.jobs import Jobs
from aloft.node.joining import Joining
from aloft.node.peer_api import reach
from aloft.node.peers import Peers
from aloft.node.pool import Pool
from aloft.node.portal import PortalPlace
from aloft.node.publishing import Publishing, greet
from aloft.node.rebuild import Rebuild
from aloft.node.recovery import Recovery
from aloft.node.registry import Registry
from aloft.node.relay import Relay
from aloft.node.rules import Rules
from aloft.node.serving import Server
from aloft.node.settings import NodeSettings
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

ZYGOTE_SECONDS = 240.0
"""Until a release's zygotes must be ready."""

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
            self.start_release,
            self.edge.authority_file,
            self.supervisor.status,
        )
        self.grants = Grants(self.controllers, self.registry, self.broker)
        self.repositories = Repositories(paths)
        self.joining = Joining(
            self.peers, self.fronts, self.repositories, settings.trunk_port, self.controllers.publish_names
        )
        self.binlog = Binlog(
            paths, self.database, self.repositories, lambda: {one.spec.customer for one in self.registry.all()}
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
            self.start_release,
            self.renew_release,
            self.sweep_environments,
        )
        self.arrivals = Arrivals(paths, self.controllers, self.registry, self.pool, self.database, self.backups)
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
            functools.partial(reach, self.peers),
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
                "prove": self.backups.prove,
                "restore": self.backups.restore,
                "check": self.backups.check,
                "retain": self.backups.retain,
                "survey": self.recovery.survey,
                "rebuild": Rebuild(self.controllers, self.pool, self.supervisor, self.database).rebuild,
            },
        )
        self.preparing: dict[str, asyncio.Task[str]] = {}
        self.failed: dict[str, str] = {}
        self.started = time.time()

    # Releases

    def releases(self) -> list[dict[str, Any]]:
        """All releases: versions, and whether they are absent, being prepared, failed or ready."""
        states = {status.name: status.state for status in self.supervisor.status()}

        def state(which: Release) -> str:
            present = self.paths.present(which.name).resolve().name
            zygotes = [states.get(spec.name) for spec in shared.zygotes(self.paths, present)]
            if all(found == "ready" for found in zygotes):
                return "ready"
            if which.name in self.preparing or any(zygotes):
                return "preparing"
            if which.name in self.failed:
                return "failed"
            return "installed" if self._installed(which) else "absent"

        return [
            {
                "name": which.name,
                "pins": environment.pins(which, self.paths),
                "title": which.title,
                "projects": which.projects,
                "state": state(which),
                "renewing": which.name in self.preparing,
                "reason": self.failed.get(which.name, ""),
            }
            for which in releases()
        ]

    def _installed(self, which: Release) -> bool:
        """Whether a release's environment is there; run from a checkout, Aloft's own part need not be."""
        if "PYTHONPATH" in os.environ:
            return (self.paths.environment(which.name) / "bin/python").exists()
        return environment.ready(which, self.paths)

    def _complete(self, name: str) -> bool:
        """Whether an environment is there; run from a checkout, Aloft's own part need not be."""
        if "PYTHONPATH" in os.environ:
            return (self.paths.environment(name) / "bin/python").exists()
        return environment.complete(name, self.paths)

    async def prepare_release(self, name: str) -> None:
        """Begin to make a release ready; returns at once.

        Raises:
            NotFound: there is no such release.
        """
        self._install(release(name))

    def _install(self, which: Release) -> "asyncio.Task[str]":
        task = self.preparing.get(which.name)
        if task is None:
            self.failed.pop(which.name, None)

            async def work() -> str:
                try:
                    log = self.paths.log / "install.log"
                    if self._installed(which):
                        done = "is there"
                    else:
                        done = await asyncio.to_thread(environment.prepare, which, self.paths, log)
                    await self._run_zygotes(self.paths.present(which.name).resolve().name)
                    return done
                except AloftError as error:
                    self.failed[which.name] = str(error)
                    raise
                finally:
                    self.preparing.pop(which.name, None)

            task = self.preparing[which.name] = asyncio.create_task(work(), name=f"prepare {which.name}")
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task

    async def start_release(self, name: str) -> None:
        """Make the zygotes of a release's environment run; the release's first one is installed where it is not there.

        Args:
            name: of the environment, or of a release that has only one.

        Raises:
            NotFound: there is no such release.
            AloftError: it cannot be installed, or a zygote does not come up.
        """
        which = release(environment.release_of(name))
        specs = shared.zygotes(self.paths, name)
        running = {status.name for status in self.supervisor.status()}
        if not all(spec.name in running for spec in specs):
            if not self._complete(name):
                await asyncio.shield(self._install(which))
            await self._run_zygotes(name)
        await self.supervisor.wait_ready([spec.name for spec in specs], ZYGOTE_SECONDS)

    async def renew_release(self, name: str) -> str:
        """Install a release's present pins where they are not there; what they are called."""
        which = release(name)
        if not self._installed(which):
            await asyncio.shield(self._install(which))
        return environment.pins(which, self.paths)

    async def sweep_environments(self) -> None:
        """Stop and remove what runs former pins of releases that no controller here runs from or may go back to."""
        used = {name for record in self.registry.all() for name in record.environments}
        for which in releases():
            for name in environment.unused(which, self.paths, used):
                await self.supervisor.remove(f"release/{name}")
                await asyncio.to_thread(environment.remove, which, self.paths, name)

    async def _run_zygotes(self, name: str) -> None:
        await self.supervisor.apply(f"release/{name}", shared.zygotes(self.paths, name))

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
        for name in self._wanted_environments():
            if self._complete(name):
                await self._run_zygotes(name)
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

    def _wanted_environments(self) -> list[str]:
        """Those that new controllers run from, and those that there are run from."""
        used = {record.spec.environment for record in self.registry.all()}
        present = (self.paths.present(name).resolve().name for name in self.settings.releases)
        return list(dict.fromkeys((*present, *sorted(used))))

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
        await self.pool.sweep(moves.held(self.jobs.journals("restore")))
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

    def health(self) -> dict[str, Any]:
        """The node's own health: shared components, limits, uptime."""
        limits = self.supervisor.cgroups.limits_enforced
        components = [
            {"name": status.name, "state": status.state, "reason": status.reason, "restarts": status.restarts}
            for status in self.supervisor.status()
            if not status.name.startswith("slots/")
        ]
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
        node.supervisor, node.controllers, node.grants, node.releases, node.prepare_release, metrics, node.health
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
