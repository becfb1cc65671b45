"""Customers that are being deleted: the region with their Keystone goes after the others, the record after all."""

import asyncio
from collections.abc import Callable

from sqlalchemy import select

from aloft.plane import journal, operations
from aloft.plane.operations import Step
from aloft.plane.records.database import Records, Transaction
from aloft.plane.records.tables import Customer, Region, utcnow
from aloft.plane.signals import Wake


class Customers:
    """Brings customers to rest."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def reconcile(self, customer_id: str, wake: Wake) -> None:
        """Take the next step to a customer's end; rung by each region that is gone."""
        await asyncio.to_thread(self._look, customer_id)

    async def resync(self, poke: Callable[[str, str], None]) -> None:
        """Poke every customer that shall go."""
        for customer_id in await asyncio.to_thread(self._leaving):
            poke("customer", customer_id)

    def _leaving(self) -> list[str]:
        with self._records.transaction() as work:
            return list(work.session.scalars(select(Customer.id).where(Customer.state == "deleting")))

    def _look(self, customer_id: str) -> None:
        with self._records.transaction() as work:
            customer = work.session.get(Customer, customer_id, with_for_update=True)
            if customer is None or customer.state != "deleting":
                return
            regions = list(
                work.session.scalars(select(Region).where(Region.customer_id == customer_id).with_for_update())
            )
            self._show(work, customer, {region.name for region in regions})
            if len(regions) == 1 and regions[0].wanted != "removed":
                regions[0].wanted = "removed"
                work.work("region", regions[0].id)
            if not regions:
                work.event("customer.deleted", customer.name, customer.name)
                work.session.delete(customer)

    def _show(self, work: Transaction, customer: Customer, left: set[str]) -> None:
        row = journal.current(work.session, customer.id)
        if row is None:
            return
        now = utcnow()
        before = operations.start(journal.journal_of(row), now)
        known = {step.name: step for step in before.steps}
        for name in sorted(left | {step.removeprefix("Remove region ") for step in known}):
            old = known.get(f"Remove region {name}", Step(f"Remove region {name}", "running", now))
            gone = name not in left and old.state != "done"
            known[old.name] = Step(old.name, "done", old.started, now) if gone else old
        after = operations.with_steps(before, [known[name] for name in sorted(known)])
        journal.store(work, row, after if left else operations.succeed(after, now))
