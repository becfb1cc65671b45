"""Hosts: have the node grant what was authorised, take back what was deleted, notice who has fallen silent."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select

from aloft.base.errors import AloftError, TemporaryError
from aloft.plane import hosts, journal, operations
from aloft.plane.node_api import NodeApi, NodeGrant
from aloft.plane.operations import Failure, Step
from aloft.plane.records.database import Records, Transaction
from aloft.plane.records.tables import Host, OperationRow, utcnow
from aloft.plane.settings import Settings
from aloft.plane.signals import Wake


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
    """Brings hosts to rest, as far as the plane and the node are concerned; the rest is the agent's."""

    def __init__(self, records: Records, node: NodeApi, settings: Settings) -> None:
        self._records = records
        self._node = node
        self._settings = settings

    async def reconcile(self, host_id: str, wake: Wake) -> None:
        """Grant or revoke until the node has what the record wants."""
        while (errand := await asyncio.to_thread(self._errand, host_id)) is not None:
            try:
                if errand.removed:
                    await self._node.revoke(errand.customer, errand.region, errand.host)
                    await asyncio.to_thread(self._removed, host_id)
                    return
                grant = await self._node.grant(errand.customer, errand.region, errand.host, None, errand.roles)
                await asyncio.to_thread(self._granted, host_id, errand, grant)
            except TemporaryError:
                raise
            except AloftError as error:
                await asyncio.to_thread(self._refused, host_id, errand, error)
                return

    async def resync(self, poke: Callable[[str, str], None]) -> None:
        """Poke every host that needs the node, and note which ones are silent."""
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
            subject = f"{host.region.customer.name}/{host.region.name}/{host.name}"
            row = journal.current(work.session, host_id)
            if row is not None:
                now = utcnow()
                before = operations.start(journal.journal_of(row), now)
                after = operations.with_steps(before, (Step(hosts.REVOKE_STEP, "done", now, now),))
                journal.store(work, row, operations.succeed(after, now))
            work.event("host.deleted", subject, host.region.customer.name)
            work.ring(hosts.topic(host_id))
            work.session.delete(host)

    def _refused(self, host_id: str, errand: Errand, error: AloftError) -> None:
        """The node says no: the host keeps what it was granted before, and the operation says why."""
        with self._records.transaction() as work:
            host = work.session.get(Host, host_id, with_for_update=True)
            if host is None or host.generation != errand.generation:
                return
            if errand.removed:
                host.wanted = "present"
            else:
                host.roles = list(host.granted.get("roles", []))
                host.generation, host.granted_generation = host.generation + 1, host.generation + 1
                host.granted = {**host.granted, "generation": host.generation}
            row = journal.current(work.session, host_id)
            if row is not None:
                failure = journal.failure_of(error, "refused_by_node")
                journal.store(work, row, operations.fail(journal.journal_of(row), failure, utcnow()))

    def _look_at_all(self) -> list[str]:
        with self._records.transaction() as work:
            rows = list(work.session.scalars(select(Host).with_for_update()))
            for host in rows:
                hosts.note_state(work, host, utcnow(), self._settings.missing_seconds)
                self._end_stalled(work, host)
            return [host.id for host in rows if _needs_node(host)]

    def _end_stalled(self, work: Transaction, host: Host) -> None:
        row = journal.current(work.session, host.id)
        if row is None or row.kind == "host.delete" or not self._stalled(row):
            return
        failure = Failure(
            "host_silent",
            f"Host {host.name} is {host.state} and has not come further for {self._settings.stall_seconds:g} s.",
            "Look at the agent on that host: `aloft-agent status` there, and whether it reaches the edge.",
        )
        before = operations.start(journal.journal_of(row), utcnow())
        journal.store(work, row, operations.fail(before, failure, utcnow()))

    def _stalled(self, row: OperationRow) -> bool:
        return utcnow() - row.changed_at > timedelta(seconds=self._settings.stall_seconds)


def _needs_node(host: Host) -> bool:
    return host.wanted == "removed" or host.granted_generation < host.generation
