"""Takes a host's task from stage to stage; what was done is found done when a stage is taken again.

A stage that has to wait says so with a pause. An instance that cannot be moved is tried again, but not for ever: then
the task ends, the operation names the instances, and the host stays drained.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx

from aloft.base.errors import AloftError, Conflict, NotFound, TemporaryError
from aloft.plane import hosts, journal, openstack, operations, tasks
from aloft.plane.node_api import NodeApi
from aloft.plane.openstack import Server
from aloft.plane.operations import Failure, Step
from aloft.plane.records.database import Records, Transaction
from aloft.plane.records.tables import Host, utcnow
from aloft.plane.settings import Settings
from aloft.plane.tasks import Kind, Stage

PAUSE_SECONDS = 2.0
"""Between two looks at something that takes its time, such as a migration."""

MOST_TRIES = 3


@dataclass
class Sight:
    """A host's task as it was read, and what is to be remembered of it."""

    host_id: str
    customer: str
    region: str
    host: str
    kind: Kind
    stage: Stage
    fate: str | None
    roles: list[str]
    tried: dict[str, int]
    runs_instances: bool
    carries_networks: bool
    detail: str = ""
    done: bool = False
    failures: list[str] = field(default_factory=list)


class Tasks:
    """Brings tasks of hosts to their end.

    Args:
        records: the plane's database.
        node: the node's local API.
        client: reaches the edge's internal listener.
        settings: of the plane.
    """

    def __init__(self, records: Records, node: NodeApi, client: httpx.AsyncClient, settings: Settings) -> None:
        self._records = records
        self._node = node
        self._client = client
        self._settings = settings

    async def advance(self, host_id: str) -> float:
        """Take the present stage once; returns seconds until the next look, negative when there is no task."""
        sight = await asyncio.to_thread(self._read, host_id)
        if sight is None:
            return -1.0
        try:
            await self._take(sight)
        except TemporaryError as error:
            sight.detail = error.message
        except AloftError as error:
            await asyncio.to_thread(self._give_up, sight, journal.failure_of(error, "host_task_failed"))
            return -1.0
        if sight.failures:
            await asyncio.to_thread(self._give_up, sight, _stuck(sight))
            return -1.0
        return await asyncio.to_thread(self._write, sight)

    async def _take(self, sight: Sight) -> None:
        if sight.stage == "compute":
            await self._compute(sight)
        elif sight.stage == "instances":
            await self._instances(sight)
        elif sight.stage == "roles":
            await asyncio.to_thread(self._roles, sight)
        elif sight.stage == "forget":
            await self._forget(sight)

    async def _compute(self, sight: Sight) -> None:
        if sight.runs_instances:
            region = await self._region(sight)
            reason = f"{sight.kind} of the host by Aloft"
            await region.set_compute(sight.host, sight.kind == "resume", reason)
        sight.done = True

    async def _instances(self, sight: Sight) -> None:
        servers = [] if not sight.runs_instances else await (await self._region(sight)).servers(sight.host)
        if not servers or sight.fate == "keep":
            sight.detail = f"{len(servers)} instances stay as they are" if servers else "there are none"
            sight.done = True
        elif sight.fate is None and sight.kind == "drain":
            sight.detail = "to be moved: " + ", ".join(server.label for server in servers)
            sight.done = True
        elif sight.fate is None:
            tasks.check_fate(sight.host, servers, None)
        else:
            await self._clear(sight, servers)

    async def _clear(self, sight: Sight, servers: list[Server]) -> None:
        """Move or delete each instance that nothing is done with; those that were tried too often are failures."""
        region = await self._region(sight)
        for server in servers:
            tried = sight.tried.get(server.identity, 0)
            how = openstack.next_move(server, live_failed=tried > 0)
            if how == "wait":
                continue
            if tried >= MOST_TRIES and how != "confirm":
                sight.failures.append(f"{server.label}: {server.fault or f'it is still there ({server.status})'}")
                continue
            try:
                await (region.delete(server) if sight.fate == "delete" else region.move(server, how))
            except Conflict as error:
                sight.detail = error.message
            if how != "confirm":
                sight.tried[server.identity] = tried + 1
        doing = "being deleted" if sight.fate == "delete" else "on the way to other hosts"
        sight.detail = f"{len(servers)} instances are {doing}"

    async def _forget(self, sight: Sight) -> None:
        """Remove Nova's and Neutron's records of the host.

        With instances that stay Nova's stay, open for the day it comes back.
        """
        if sight.runs_instances:
            region = await self._region(sight)
            if sight.fate == "keep":
                await region.set_compute(sight.host, enabled=True)
            else:
                await region.forget_compute(sight.host)
        if sight.carries_networks and not tasks.CARRIERS & set(sight.roles):
            await (await self._region(sight)).forget_agents(sight.host)
        sight.done = True

    async def _region(self, sight: Sight) -> openstack.Region:
        return await openstack.connect(self._node, self._client, sight.customer, sight.region, self._settings.domain)

    def _roles(self, sight: Sight) -> None:
        """Want the roles gone, and look whether they are; a host that is missing cannot be waited for."""
        with self._records.transaction() as work:
            host = work.session.get(Host, sight.host_id, with_for_update=True)
            if host is None:
                raise NotFound("The host is gone.")
            if host.roles != sight.roles:
                host.keep_instances = sight.fate == "keep"
                hosts.want_roles(work, host, sight.roles)
            told = host.granted_generation == host.generation and host.reported_generation >= host.generation
            left = {role for role in host.report if role not in sight.roles}
            silent = host.state == "missing" or host.reported_at is None
            sight.done = (told and not left) or (sight.kind == "delete" and silent)
            stuck = [report for report in host.report.values() if report.get("state") == "failed"] if told else []
            if stuck and not sight.done:
                sight.failures.append(str(stuck[0].get("reason") or "a role does not go"))
            sight.detail = "" if sight.done else "waiting for the host to take away what the agent put there"

    def _read(self, host_id: str) -> Sight | None:
        with self._records.transaction() as work:
            host = work.session.get(Host, host_id)
            if host is None or not host.task or host.wanted != "present":
                return None
            task: dict[str, Any] = host.task
            return Sight(
                host_id,
                host.region.customer.name,
                host.region.name,
                host.name,
                task["kind"],
                task["stage"],
                task["fate"],
                list(task["roles"]),
                dict(task["tried"]),
                bool(task.get("runs_instances", "hypervisor" in host.roles)),
                bool(task.get("carries_networks", tasks.CARRIERS & set(host.roles))),
                task.get("detail", ""),
            )

    def _write(self, sight: Sight) -> float:
        """Keep how far the task came; returns the pause before it is looked at again."""
        with self._records.transaction() as work:
            host = work.session.get(Host, sight.host_id, with_for_update=True)
            if host is None or host.task.get("kind") != sight.kind or host.task.get("stage") != sight.stage:
                return 0.0
            after = tasks.following(sight.kind, sight.stage) if sight.done else sight.stage
            self._show(work, host, sight, after)
            if after == "revoke":
                host.task, host.wanted = {}, "removed"
                work.ring(hosts.topic(host.id))
                return -1.0
            if after is None:
                host.task = {}
                host.drained = host.drained and "hypervisor" in host.roles
                self._succeed(work, host)
                return -1.0
            # what the host could do at the beginning says what there is to do in later stages
            could = {"runs_instances": sight.runs_instances, "carries_networks": sight.carries_networks}
            kept = {**could, "tried": sight.tried}
            host.task = {**host.task, **kept, "stage": after}
            return 0.0 if sight.done else PAUSE_SECONDS

    def _show(self, work: Transaction, host: Host, sight: Sight, after: Stage | None) -> None:
        row = journal.current(work.session, host.id)
        if row is None:
            return
        now = utcnow()
        before = operations.start(journal.journal_of(row), now)
        title = tasks.TITLES[sight.stage]
        begun = next((step.started for step in before.steps if step.name == title), None) or now
        ended = now if sight.done else None
        step = Step(title, "done" if sight.done else "running", begun, ended, sight.detail)
        shown = operations.with_step(before, step)
        if sight.done and after is not None:
            shown = operations.with_step(shown, Step(tasks.TITLES[after], "running", now))
        journal.store(work, row, shown)

    def _succeed(self, work: Transaction, host: Host) -> None:
        row = journal.current(work.session, host.id)
        if row is not None:
            journal.store(work, row, operations.succeed(journal.journal_of(row), utcnow()))

    def _give_up(self, sight: Sight, failure: Failure) -> None:
        """End the task where it is: what was done stays done, and the host stays drained."""
        with self._records.transaction() as work:
            host = work.session.get(Host, sight.host_id, with_for_update=True)
            if host is None:
                return
            host.task = {}
            row = journal.current(work.session, host.id)
            if row is not None:
                before = operations.start(journal.journal_of(row), utcnow())
                journal.store(work, row, operations.fail(before, failure, utcnow()))


def _stuck(sight: Sight) -> Failure:
    return Failure(
        "host_task_failed",
        f"{tasks.TITLES[sight.stage]}: {'; '.join(sight.failures)}.",
        "See what holds them (`openstack server show`), then ask again; no new instances come to the host meanwhile.",
    )
