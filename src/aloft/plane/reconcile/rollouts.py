"""Takes the rollouts of all regions on, step by step (see :mod:`aloft.plane.rollout`); each trial is an operation."""

from collections.abc import Mapping

from sqlalchemy import select

from aloft.ground import installer
from aloft.plane import hosts, journal, operations, rollout
from aloft.plane.operations import Failure, Step
from aloft.plane.packages import Packages
from aloft.plane.records.database import Records, Transaction
from aloft.plane.records.tables import Host, OperationRow, Region, utcnow
from aloft.plane.rollout import HostSight, Software

ACTOR = "system:rollout"
HAND_STEP = "Hand the new software to the host"
WELL_STEP = "See that the host is well with it"


class Rollouts:
    """Brings hosts' software to that of their region.

    Args:
        records: the plane's database.
        packages: what hosts install.
    """

    def __init__(self, records: Records, packages: Packages) -> None:
        self._records = records
        self._packages = packages

    def look(self) -> None:
        """Take the next steps of every region that has hosts whose software is not what it shall be."""
        with self._records.transaction() as work:
            query = select(Region).where(Region.wanted == "present", Region.hosts.any())
            regions = [region.id for region in work.session.scalars(query) if self._unsettled(region)]
        for region_id in regions:
            with self._records.transaction() as work:
                self._step(work, region_id)

    def target(self, region: Region) -> Software:
        """What the hosts of a region shall run."""
        names = (installer.TOOL, region.release)
        return Software(region.release, {name: self._packages.current(name) for name in names})

    def _unsettled(self, region: Region) -> bool:
        wanted = rollout.HostSoftware(self.target(region))
        return any(rollout.restored(host.software) != wanted for host in region.hosts if host.wanted == "present")

    def _step(self, work: Transaction, region_id: str) -> None:
        region = work.session.get_one(Region, region_id)
        query = select(Host).where(Host.region_id == region_id, Host.wanted == "present").order_by(Host.id)
        rows = {row.id: row for row in work.session.scalars(query.with_for_update())}
        busy = self._busy(work, region_id)
        target = self.target(region)
        sights = [sight(row, busy.get(row.id, "") not in ("", "host.update")) for row in rows.values()]
        for step in rollout.next_steps(target, sights, utcnow()):
            self._take(work, rows[step.identity], step, target)

    def _busy(self, work: Transaction, region_id: str) -> Mapping[str, str]:
        query = select(OperationRow.target_id, OperationRow.kind).where(
            OperationRow.state.in_(operations.OPEN_STATES),
            OperationRow.target_id.in_(select(Host.id).where(Host.region_id == region_id)),
        )
        return dict(row._tuple() for row in work.session.execute(query))

    def _take(self, work: Transaction, host: Host, step: rollout.Step, target: Software) -> None:
        before, now = rollout.restored(host.software), utcnow()
        row = journal.current(work.session, host.id)
        if step.verb == "begin":
            host.software = rollout.stored(rollout.begun(before, target, now, hosts.shown(host).state))
            hosts.renew_desired(work, host)
            name = hosts.subject(host)
            row = journal.open_operation(work, "host.update", name, host.id, host.region.customer.name, ACTOR)
            steps = (Step(HAND_STEP, "done", now, now), Step(WELL_STEP, "running", now))
            started = operations.start(journal.journal_of(row), now)
            journal.store(work, row, operations.with_steps(started, steps))
        elif step.verb == "settle":
            host.software = rollout.stored(rollout.settled(before))
            if row is not None and row.kind == "host.update":
                journal.store(work, row, operations.succeed(journal.journal_of(row), now))
        else:
            host.software = rollout.stored(rollout.reverted(before, step.reason))
            hosts.renew_desired(work, host)
            if row is not None and row.kind == "host.update":
                failed = operations.fail(journal.journal_of(row), _failure(host, step.reason), now)
                journal.store(work, row, failed)


def sight(row: Host, busy: bool) -> HostSight:
    """A host's record as the decision sees it."""
    software = rollout.restored(row.software)
    running = hosts.running(row.facts) if software.former is not None else {}
    return HostSight(
        row.id,
        software,
        row.state,  # type: ignore[arg-type]  # written by hosts.show() only
        row.reported_generation >= row.generation,
        running,
        bool(row.roles),
        busy,
        hosts.account_of(row).reason,
        hosts.refused(row.facts) if software.former is not None else {},
    )


def _failure(host: Host, reason: str) -> Failure:
    return Failure(
        "host_update_failed",
        f"Host {host.name} was not well with the new software and went back to what it had: {reason}.",
        "See its log there. The other hosts stay as they are; try again with `aloft host rollout --retry`.",
    )
