"""Keeps the node's copy of customers' records: it goes with the binary logs, which have what else changed."""

import asyncio
from collections.abc import Callable

from sqlalchemy import func, select

from aloft.plane.node_api import NodeApi
from aloft.plane.records import export
from aloft.plane.records.database import Records
from aloft.plane.records.tables import AuditEntry, Customer, EventRow, Json

Mark = tuple[int, int]
"""The last entries about a customer in the audit trail and among the events: nothing changes without one."""


class RecordsKeeper:
    """Has the node know each customer's records.

    Args:
        records: the plane's.
        node: its local API.
    """

    def __init__(self, records: Records, node: NodeApi) -> None:
        self._records = records
        self._node = node
        self._told: dict[str, Mark] = {}

    async def resync(self, poke: Callable[[str, str], None]) -> None:
        """Tell the node what has changed."""
        marks = await asyncio.to_thread(self._marks)
        self._told = {customer: mark for customer, mark in self._told.items() if customer in marks}
        for customer, mark in marks.items():
            if self._told.get(customer) != mark:
                await self._node.put_records(customer, await asyncio.to_thread(self._export, customer))
                self._told[customer] = mark

    def _marks(self) -> dict[str, Mark]:
        with self._records.transaction() as work:
            active = list(work.session.scalars(select(Customer.name).where(Customer.state == "active")))
            audited, happened = (
                dict(work.session.execute(select(row.customer, func.max(row.id)).group_by(row.customer)).all())
                for row in (AuditEntry, EventRow)
            )
        return {name: (audited.get(name, 0), happened.get(name, 0)) for name in active}

    def _export(self, customer: str) -> Json:
        with self._records.transaction() as work:
            return export.export(work.session, customer, trails=False)
