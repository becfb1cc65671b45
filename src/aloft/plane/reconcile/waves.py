"""Takes waves of upgrades on (:mod:`aloft.plane.waves`): begins the upgrades whose turn it is, and ends the wave."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from aloft.base.errors import AloftError, NotFound
from aloft.plane import customers, journal, operations, toggles, upgrades, waves
from aloft.plane.operations import Failure, Journal
from aloft.plane.records.database import Records, Transaction
from aloft.plane.records.tables import Customer, OperationRow, Release, utcnow
from aloft.plane.signals import Wake
from aloft.plane.waves import Bearing, Orders, Sight, State

_STATES: dict[str, State] = {"queued": "running", "running": "running", "succeeded": "succeeded"}


class Waves:
    """Brings waves to their end.

    Args:
        records: the plane's.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    async def reconcile(self, operation_id: str, wake: Wake) -> None:
        """Look at a wave once; the regular look comes back to it."""
        await asyncio.to_thread(self._look, operation_id)

    async def resync(self, poke: Callable[[str, str], None]) -> None:
        """Poke every wave that has not ended."""
        for operation_id in await asyncio.to_thread(self._open):
            poke("wave", operation_id)

    def _open(self) -> list[str]:
        with self._records.transaction() as work:
            query = select(OperationRow.id).where(
                OperationRow.kind == waves.WAVE, OperationRow.state.in_(operations.OPEN_STATES)
            )
            return list(work.session.scalars(query))

    def _look(self, operation_id: str) -> None:
        for _ in range(2):  # what begins is shown at once
            with self._records.transaction() as work:
                row = work.session.get(OperationRow, operation_id, with_for_update=True)
                if row is None or row.state not in operations.OPEN_STATES:
                    return
                begun = self._step(work, row)
            if not begun:
                return

    def _step(self, work: Transaction, row: OperationRow) -> bool:
        """Begin what may begin now and show how all stands; whether something began."""
        orders, now = Orders.model_validate(row.result["orders"]), utcnow()
        begun = dict(row.result["operations"])
        sights = [_sight(work.session, orders, name, begun.get(name), now) for name in orders.customers]
        reasons = waves.failures(orders, sights)
        fresh: dict[str, str] = {}
        for name in () if row.cancel_reason else waves.to_begin(orders, sights, now):
            try:
                fresh[name] = self._begin(work, row, orders, name)
            except AloftError as error:
                reasons.append(f"The upgrade of {name} cannot begin. {error.message} {error.remedy}".strip())
                break
        row.result = {**row.result, "operations": {**begun, **fresh}}
        shown = operations.start(journal.journal_of(row), now)
        shown = operations.with_steps(shown, waves.steps(orders, shown.steps, sights, now))
        if not fresh and not any(one.state == "running" for one in sights):
            shown = _ended(shown, reasons, row.cancel_reason, sights, now)
        journal.store(work, row, shown)
        if shown.state == "failed":
            work.event("upgrade.wave-stopped", row.subject, None, operation=row.id, reason=" ".join(reasons))
        return bool(fresh)

    def _begin(self, work: Transaction, row: OperationRow, orders: Orders, name: str) -> str:
        releases = list(work.session.scalars(select(Release)))
        return upgrades.start(work, row.actor, name, releases, orders.release, orders.despite_hosts, orders.any_time).id


def _ended(shown: Journal, reasons: list[str], stopped: str, sights: list[Sight], now: datetime) -> Journal:
    """The wave's journal, ended if nothing more will happen."""
    if reasons:
        remedy = "See that operation, and begin another wave for those that are left."
        return operations.fail(shown, Failure("wave_stopped", " ".join(reasons), remedy), now)
    if stopped:
        return operations.cancel(shown, stopped, now)
    if all(one.state in ("succeeded", "gone") for one in sights):
        return operations.succeed(shown, now)
    return shown


def _sight(session: Session, orders: Orders, name: str, operation_id: str | None, now: datetime) -> Sight:
    try:
        customer = customers.find_customer(session, name)
    except NotFound:
        return Sight(name, "gone")
    row = session.get(OperationRow, operation_id) if operation_id else None
    if row is not None:
        return Sight(name, _STATES.get(row.state, "failed"), "", row.ended_at, _bearing(customer), row.id)
    wanted = session.scalars(select(Release).where(Release.name == orders.release)).first()
    if wanted is not None and not upgrades.behind(upgrades.serving(customer), wanted):
        return Sight(name, "gone")
    return Sight(name, "waiting", _hindrance(session, orders, name, customer.id, now))


def _bearing(customer: Customer) -> Bearing:
    phases = {region.phase for region in customer.regions}
    if phases <= {"ready"}:
        return "well"
    return "unwell" if phases & {"failed", "degraded"} else "settling"


def _hindrance(session: Session, orders: Orders, name: str, customer_id: str, now: datetime) -> str:
    if (running := journal.current(session, customer_id)) is not None:
        return f"waits for {running.kind}"
    if not orders.any_time and not toggles.open_now(toggles.row_of(session, name), now):
        return "waits for its maintenance window"
    return ""
