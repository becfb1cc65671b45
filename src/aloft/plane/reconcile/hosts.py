"""Hosts: have the node grant what was authorised, take back what was deleted, take tasks on, notice who is silent."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from aloft.base.errors import AloftError, TemporaryError
from aloft.plane import hosts, journal, operations
from aloft.plane.hosts import Silence
from aloft.plane.node_api import NodeApi, NodeGrant
from aloft.plane.operations import Failure, Step
from aloft.plane.presence import Presence
from aloft.plane.reconcile.decisions import host_stalled
from aloft.plane.reconcile.tasks import Tasks
from aloft.plane.records.database import Records, Transaction
from aloft.plane.records.tables import Host, OperationRow, utcnow
from aloft.plane.settings import Settings
from aloft.plane.signals import Wake

AT_A_TIME = 6
"""Grants and revocations that the node is asked for at once; hundreds would wait for each other until all time out."""


@dataclass(frozen=True)
class Errand:
    """What the node has to be asked about a host."""

    customer: str
    region: str
    host: str
    removed: bool
    roles: list[str]
    generation: int


class Hosts:
    """Brings hosts to rest, as far as the plane and the node are concerned; the rest is the agent's.

    Args:
        records: the plane's database.
        node: the node's local API.
        tasks: takes hosts' tasks on.
        presence: when hosts were last heard of.
        settings: of the plane.
    """

    def __init__(self, records: Records, node: NodeApi, tasks: Tasks, presence: Presence, settings: Settings) -> None:
        self._records = records
        self._node = node
        self._tasks = tasks
        self._gate = asyncio.Semaphore(AT_A_TIME)
        self._presence = presence
        self._settings = settings
        self._looked: datetime | None = None
        self._listening = utcnow()

    async def reconcile(self, host_id: str, wake: Wake) -> None:
        """Grant or revoke until the node has what the record wants, and take the host's task to its end."""
        while True:
            wake.clear()
            if not await self._settle_grant(host_id):
                return
            pause = await self._tasks.advance(host_id)
            if pause < 0 and await asyncio.to_thread(self._errand, host_id) is None:
                return
            await wake.wait(max(pause, 0.0))

    async def _settle_grant(self, host_id: str) -> bool:
        """Have the node grant or revoke, for a few hosts at a time; tell whether the host is still there."""
        if await asyncio.to_thread(self._errand, host_id) is None:
            return True
        async with self._gate:
            return await self._run_errands(host_id)

    async def _run_errands(self, host_id: str) -> bool:
        while (errand := await asyncio.to_thread(self._errand, host_id)) is not None:
            try:
                if errand.removed:
                    await self._node.revoke(errand.customer, errand.region, errand.host)
                    await asyncio.to_thread(self._removed, host_id)
                    return False
                grant = await self._node.grant(errand.customer, errand.region, errand.host, None, errand.roles)
                await asyncio.to_thread(self._granted, host_id, errand, grant)
            except TemporaryError:
                raise
            except AloftError as error:
                await asyncio.to_thread(self._refused, host_id, errand, error)
        return True

    async def resync(self, poke: Callable[[str, str], None]) -> None:
        """Poke every host that needs the node or has a task, and note which ones are silent."""
        await asyncio.to_thread(self._presence.write, self._records)
        for host_id in await asyncio.to_thread(self._look_at_all):
            poke("host", host_id)

    def _errand(self, host_id: str) -> Errand | None:
        with self._records.transaction() as work:
            host = work.session.get(Host, host_id)
            if host is None or not _needs_node(host):
                return None
            region = host.region
            removed = host.wanted == "removed"
            return Errand(region.customer.name, region.name, host.name, removed, list(host.roles), host.generation)

    def _granted(self, host_id: str, errand: Errand, grant: NodeGrant) -> None:
        with self._records.transaction() as work:
            host = work.session.get(Host, host_id, with_for_update=True)
            if host is None:
                return
            hosts.granted(work, host, errand.generation, errand.roles, grant)

    def _removed(self, host_id: str) -> None:
        with self._records.transaction() as work:
            host = work.session.get(Host, host_id, with_for_update=True)
            if host is None or host.wanted != "removed":
                return
            name, customer = hosts.subject(host), host.region.customer.name
            row = journal.current(work.session, host_id)
            if row is not None:
                now = utcnow()
                before = operations.start(journal.journal_of(row), now)
                after = operations.with_step(before, Step(hosts.REVOKE_STEP, "done", now, now))
                journal.store(work, row, operations.succeed(after, now))
            work.event("host.deleted", name, customer)
            work.ring(hosts.topic(host_id))
            self._presence.forget(host_id)
            hosts.tell_others_of_library(work, host, before="image-library" in host.roles, after=False)
            work.session.delete(host)

    def _refused(self, host_id: str, errand: Errand, error: AloftError) -> None:
        """The node says no: the host keeps what it was granted before, and the operation says why."""
        with self._records.transaction() as work:
            host = work.session.get(Host, host_id, with_for_update=True)
            if host is None or host.generation != errand.generation:
                return
            host.task = {}
            if errand.removed:
                host.wanted = "present"
            else:
                host.roles = list(host.granted.get("roles", []))
                host.granted_generation = host.generation
                hosts.renew_desired(work, host)
            row = journal.current(work.session, host_id)
            if row is not None:
                failure = journal.failure_of(error, "refused_by_node")
                journal.store(work, row, operations.fail(journal.journal_of(row), failure, utcnow()))

    def _look_at_all(self) -> list[str]:
        """Hosts that need something; those whose state or operation is to be changed are locked one by one."""
        with self._records.transaction() as work:
            rows = list(work.session.scalars(select(Host)))
            now, silence = utcnow(), self._silence(utcnow())
            waiting = self._open_operations(work)
            due = [row.id for row in rows if hosts.steadied(row, now, silence) != hosts.shown(row) or row.id in waiting]
            needy = [row.id for row in rows if _needs_node(row) or row.task]
        for host_id in due:
            self._look_at(host_id, silence)
        return needy

    def _silence(self, now: datetime) -> Silence:
        """What counts as silence: hosts were not heard while nobody looked, as plane or records were away."""
        if self._looked is None or now - self._looked > timedelta(seconds=self._settings.missing_seconds / 2):
            self._listening = now
        self._looked = now
        return Silence(self._settings.missing_seconds, self._listening)

    def _open_operations(self, work: Transaction) -> Mapping[str, str]:
        query = select(OperationRow.target_id, OperationRow.id).where(
            OperationRow.state.in_(operations.OPEN_STATES), OperationRow.kind.like("host.%")
        )
        return dict(row._tuple() for row in work.session.execute(query))

    def _look_at(self, host_id: str, silence: Silence) -> None:
        with self._records.transaction() as work:
            host = work.session.get(Host, host_id, with_for_update=True)
            if host is not None:
                before = host.state
                hosts.note_state(work, host, utcnow(), silence)
                if host.state != before:
                    hosts.advance_operation(work, host, utcnow())
                self._end_stalled(work, host)

    def _end_stalled(self, work: Transaction, host: Host) -> None:
        row = journal.current(work.session, host.id)
        if row is None or row.kind == "host.update" or host.wanted == "removed":
            return
        silent, standing = host.state == "missing" or host.reported_at is None, utcnow() - row.changed_at
        if not host_stalled(silent, standing, self._settings.stall_seconds):
            return
        failure = Failure(
            "host_silent" if silent else "host_stalled",
            f"Host {host.name} is {host.state} and has not come further for {standing.total_seconds():.0f} s.",
            "Look at the agent on that host: whether it runs, what its log says, and whether it reaches the edge.",
        )
        host.task = {}
        before = operations.start(journal.journal_of(row), utcnow())
        journal.store(work, row, operations.fail(before, failure, utcnow()))


def _needs_node(host: Host) -> bool:
    return host.wanted == "removed" or host.granted_generation < host.generation
