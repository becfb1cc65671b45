"""Brings customers' rules about on the node, and takes back those that nobody confirmed."""

import asyncio
from collections.abc import Callable

from sqlalchemy import select

from aloft.controller.rules import CustomerRules
from aloft.plane import toggles
from aloft.plane.node_api import NodeApi
from aloft.plane.records.database import Records
from aloft.plane.records.tables import Customer, CustomerSettings, utcnow
from aloft.plane.signals import Wake


class SettingsKeeper:
    """Looks after what customers set.

    Args:
        records: the plane's.
        node: its local API.
    """

    def __init__(self, records: Records, node: NodeApi) -> None:
        self._records = records
        self._node = node

    async def reconcile(self, customer: str, wake: Wake) -> None:
        """Have the node know a customer's rules, for as long as some are on trial."""
        while True:
            wake.clear()
            wanted, seconds = await asyncio.to_thread(self._wanted, customer)
            if wanted is None:
                await self._node.forget_rules(customer)
                return
            await self._node.put_rules(customer, wanted)
            if seconds is None:
                return
            await wake.wait(seconds)

    async def resync(self, poke: Callable[[str, str], None]) -> None:
        """Poke every customer whose rules on the node are not what they shall be.

        Rules of customers of another plane, whose controllers are on this node, are not ours to forget.
        """
        found, (wanted, known) = await self._node.rules(), await asyncio.to_thread(self._all)
        strangers = found.keys() - known
        guests = {one.customer for one in await self._node.controllers()} & strangers if strangers else set()
        for customer in (found.keys() | wanted.keys()) - guests:
            if found.get(customer) != wanted.get(customer):
                poke("settings", customer)

    def _wanted(self, customer: str) -> tuple[CustomerRules | None, float | None]:
        """A customer's rules, and for how many seconds they are on trial; no rules when it is no more."""
        with self._records.transaction() as work:
            row = work.session.get(CustomerSettings, customer, with_for_update=True)
            if row is None:
                return None, None
            if work.session.scalars(select(Customer.id).where(Customer.name == customer)).first() is None:
                work.session.delete(row)
                return None, None
            now = utcnow()
            toggles.revert_if_due(work, row, now)
            left = None if row.trial_until is None else (row.trial_until - now).total_seconds()
            return toggles.rules(row, now), left

    def _all(self) -> tuple[dict[str, CustomerRules], set[str]]:
        """The rules of every customer that is, and all customers.

        One whose trial is over is left out of the rules, so that it is looked at.
        """
        with self._records.transaction() as work:
            there = set(work.session.scalars(select(Customer.name)))
            now = utcnow()
            rules = {
                row.customer: toggles.rules(row, now)
                for row in work.session.scalars(select(CustomerSettings))
                if row.customer in there and (row.trial_until is None or now < row.trial_until)
            }
            return rules, there
