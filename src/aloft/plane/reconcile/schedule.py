"""The schedule of backups: looks, with everything else, whether one is due, and raises the alarm when one is late.

One thing at a time is begun by itself, so that the backups of many customers do not add up to a load.
"""

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy import select

from aloft.base.errors import AloftError
from aloft.plane import backups, operations
from aloft.plane.records.database import Records, Transaction
from aloft.plane.records.tables import Customer, OperationRow, utcnow

ORDER = (backups.RUN, backups.COPY, backups.PROVE, backups.RETAIN)
"""What is begun first when several things are due, of whatever customers."""

log = structlog.get_logger("aloft.plane.schedule")


def busy(work: Transaction) -> bool:
    """Whether something that was begun by itself is still under way."""
    query = select(OperationRow.id).where(
        OperationRow.actor == backups.SCHEDULER, OperationRow.state.in_(operations.OPEN_STATES)
    )
    return work.session.scalars(query).first() is not None


class Schedule:
    """Begins what is due."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def resync(self, poke: Callable[[str, str], None]) -> None:
        """Begin the first thing that is due, unless something that was begun by itself is still under way."""
        await asyncio.to_thread(self._look)

    def _look(self) -> None:
        with self._records.transaction() as work:
            active = list(
                work.session.scalars(select(Customer).where(Customer.state == "active").order_by(Customer.name))
            )
            backups.raise_alarms(work, active, utcnow())
            if busy(work):
                return
            due = [(one.name, backups.due(backups.sight(work.session, one), utcnow())) for one in active]
            first = min(((ORDER.index(kind), name, kind) for name, kind in due if kind is not None), default=None)
        if first is not None:
            self._begin(*first[1:])

    def _begin(self, customer: str, kind: str) -> None:
        try:
            with self._records.transaction() as work:
                if kind == backups.RUN:
                    backups.run(work, backups.SCHEDULER, customer)
                elif kind == backups.COPY:
                    backups.copy(work, backups.SCHEDULER, customer)
                elif kind == backups.PROVE:
                    backups.prove(work, backups.SCHEDULER, backups.newest(work.session, customer))
                else:
                    backups.retain(work, backups.SCHEDULER, customer)
        except AloftError as error:
            log.info("put off", kind=kind, customer=customer, reason=str(error))
