"""The plane put together: records, node, access and reconciler, started and stopped as one."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx
import structlog

from aloft.base.errors import AloftError, TemporaryError
from aloft.base.paths import Paths
from aloft.base.places import place
from aloft.base.throttle import Throttle
from aloft.plane import backups, checks, moves, upgrades
from aloft.plane.access.keystone import KeystoneAccess
from aloft.plane.access.sync import SyncAccess
from aloft.plane.desired import Directory
from aloft.plane.node_api import NodeApi
from aloft.plane.packages import Packages
from aloft.plane.presence import Presence
from aloft.plane.reconcile.customers import Customers
from aloft.plane.reconcile.hosts import Hosts
from aloft.plane.reconcile.jobs import Ending, Failing, Jobs
from aloft.plane.reconcile.loop import Loop
from aloft.plane.reconcile.records import RecordsKeeper
from aloft.plane.reconcile.regions import Regions
from aloft.plane.reconcile.releases import Releases, node_of
from aloft.plane.reconcile.repositories import Repositories
from aloft.plane.reconcile.rollouts import Rollouts
from aloft.plane.reconcile.schedule import Schedule
from aloft.plane.reconcile.settings import SettingsKeeper
from aloft.plane.reconcile.tasks import Tasks
from aloft.plane.reconcile.waves import Waves
from aloft.plane.records import sealing
from aloft.plane.records.database import Records, Transaction
from aloft.plane.records.tables import Json, OperationRow
from aloft.plane.reports import Reports
from aloft.plane.settings import Settings
from aloft.plane.signals import Signals

DATABASE_START_SECONDS = 60.0
PRUNE_SECONDS = 3600.0

log = structlog.get_logger("aloft.plane")


def _endings() -> tuple[dict[str, Ending], dict[str, Failing]]:
    """What is written into the records when jobs end, by the kind of operation."""

    def restored(work: Transaction, row: OperationRow, result: Json) -> Json:
        return backups.restored(work, row, result, node_of(work.session).id)

    def moved(work: Transaction, row: OperationRow, result: Json) -> Json:
        return moves.moved(work, row, result, node_of(work.session).name)

    endings: dict[str, Ending] = {
        backups.RUN: backups.made,
        backups.COPY: backups.copied,
        backups.PROVE: backups.proved,
        backups.RESTORE: restored,
        backups.RETAIN: backups.retained,
        backups.RESTORE_ALL: backups.surveyed,
        upgrades.PLAN: upgrades.planned,
        upgrades.START: upgrades.switched,
        upgrades.ROLLBACK: upgrades.switched,
        moves.MOVE: moved,
    }
    failings: dict[str, Failing] = {
        backups.RUN: backups.failed,
        backups.COPY: backups.failed,
        backups.PROVE: backups.doubted,
        backups.RESTORE: backups.failed,
        checks.CHECK: backups.failed,
        backups.RETAIN: backups.failed,
        backups.RESTORE_ALL: backups.failed,
        upgrades.START: upgrades.failed,
        upgrades.ROLLBACK: upgrades.failed,
        moves.MOVE: moves.failed,
    }
    return endings, failings


class Plane:
    """Everything that a request or the reconciler needs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.signals = Signals()
        self.records = Records(settings.database_url(), self.signals.ring)
        self.node = NodeApi(settings.node_socket)
        self.internal = httpx.AsyncClient(base_url=settings.internal_url, timeout=10.0)
        self.keystone = KeystoneAccess(self.internal, settings.domain)
        self.sync = SyncAccess(self.internal, self.node, settings.domain)
        self.releases = Releases(self.records, self.node, settings)
        self.throttle = Throttle()
        self.packages = Packages(Paths.from_environment(), settings.packages)
        self._regions = Regions(self.records, self.node, settings)
        self._customers = Customers(self.records)
        self.presence = Presence()
        self.directory = Directory(
            self.records, self.signals, [place(one, settings.edge_port) for one in settings.other_edges]
        )
        self.reports = Reports(self.records, settings.missing_seconds)
        tasks = Tasks(self.records, self.node, self.internal, settings)
        self.rollouts = Rollouts(self.records, self.packages)
        self._hosts = Hosts(self.records, self.node, tasks, self.presence, settings)
        self._jobs = Jobs(self.records, self.node, *_endings())
        self._schedule = Schedule(self.records)
        self._waves = Waves(self.records)
        self._repositories = Repositories(self.records, self.node)
        self._settings_keeper = SettingsKeeper(self.records, self.node)
        self._records_keeper = RecordsKeeper(self.records, self.node)
        self._pruned_at = 0.0
        handlers = {
            "region": self._regions.reconcile,
            "customer": self._customers.reconcile,
            "host": self._hosts.reconcile,
            "release": self.releases.reconcile,
            "job": self._jobs.reconcile,
            "wave": self._waves.reconcile,
            "settings": self._settings_keeper.reconcile,
        }
        self.loop = Loop(handlers, self._resync, settings.resync_seconds, self.signals)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Migrate the records, then reconcile for as long as the block lasts."""
        async with AsyncExitStack() as stack:
            stack.callback(self.records.close)
            stack.push_async_callback(self.node.close)
            stack.push_async_callback(self.internal.aclose)
            await asyncio.to_thread(sealing.open_key, self.settings.key_file)
            await self._migrate()
            self.signals.bind(asyncio.get_running_loop())
            reconciling = asyncio.create_task(self.loop.run(), name="reconciler")
            try:
                yield
            finally:
                reconciling.cancel()
                with suppress(asyncio.CancelledError):
                    await reconciling

    async def _migrate(self) -> None:
        """Wait for the database within bounds: it may be starting at the same time as the plane."""
        until = time.monotonic() + DATABASE_START_SECONDS
        while True:
            try:
                await asyncio.to_thread(self.records.migrate)
                await asyncio.to_thread(self.releases.register)
                return
            except TemporaryError as error:
                if time.monotonic() > until:
                    raise
                log.warning("the database is not there yet", reason=str(error))
                await asyncio.sleep(0.5)

    async def _resync(self, poke: Callable[[str, str], None]) -> None:
        """Look at everything; one part that fails does not keep the others from being looked at."""
        failures: list[AloftError] = []

        async def rollouts(_: Callable[[str, str], None]) -> None:
            await asyncio.to_thread(self.rollouts.look)

        for part in (
            self._customers.resync,
            self._hosts.resync,
            self._regions.resync,
            self.releases.resync,
            rollouts,
            self._jobs.resync,
            self._waves.resync,
            self._schedule.resync,
            self._repositories.resync,
            self._settings_keeper.resync,
            self._records_keeper.resync,
        ):
            try:
                await part(poke)
            except TemporaryError as error:
                failures.append(error)
        if time.monotonic() - self._pruned_at > PRUNE_SECONDS:
            self._pruned_at = time.monotonic()
            await asyncio.to_thread(self.records.prune, self.settings.event_days)
        if failures:
            raise failures[0]
