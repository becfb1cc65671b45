"""What hosts say about themselves, written down together: those that report at the same time share one transaction.

When all hosts of a region are told something, hundreds of reports follow at once; each in a transaction of its own
would hold up those that have not been told yet.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from aloft.plane import hosts
from aloft.plane.hosts import Silence
from aloft.plane.records.database import Records
from aloft.plane.records.tables import Host, Region

GATHER_SECONDS = 0.02
"""How long a report waits for others that come at the same time."""

AT_A_TIME = 50
"""Reports in one transaction, which keeps their hosts' records locked."""


@dataclass(frozen=True)
class Heard:
    """A report.

    Args:
        host_id: whose.
        generation: of the desired state that it is about.
        facts: about the host.
        roles: ``{role: {"state", …}}``.
    """

    host_id: str
    generation: int
    facts: dict[str, Any]
    roles: dict[str, Any]


class Reports:
    """Takes reports; used in the event loop only.

    Args:
        records: the plane's database.
        missing_seconds: of silence after which a host is missing.
    """

    def __init__(self, records: Records, missing_seconds: float) -> None:
        self._records = records
        self._silence = Silence(missing_seconds)
        self._waiting: list[tuple[Heard, asyncio.Future[bool]]] = []
        self._writer = ThreadPoolExecutor(1, "reports")
        self._writing: asyncio.Task[None] | None = None

    async def take(self, heard: Heard) -> bool:
        """Write a report down; tells whether there still is such a host.

        Raises:
            TemporaryError: the records cannot be written now.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((heard, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="reports")
        return await future

    async def _write(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        while self._waiting:
            batch, self._waiting = self._waiting[:AT_A_TIME], self._waiting[AT_A_TIME:]
            reports = [heard for heard, _ in batch]
            try:
                known = await asyncio.get_running_loop().run_in_executor(self._writer, self._take, reports)
            except Exception as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for heard, future in batch:
                if not future.done():
                    future.set_result(heard.host_id in known)

    def _take(self, reports: Sequence[Heard]) -> set[str]:
        """Write reports down; returns the hosts that there are."""
        with self._records.transaction() as work:
            query = (
                select(Host)
                .where(Host.id.in_({heard.host_id for heard in reports}), Host.wanted == "present")
                .order_by(Host.id)
                .with_for_update()
                .options(selectinload(Host.region).options(joinedload(Region.customer)))
            )
            rows = {row.id: row for row in work.session.scalars(query)}
            for heard in reports:
                if row := rows.get(heard.host_id):
                    hosts.take_report(work, row, heard.generation, heard.facts, heard.roles, self._silence)
            return set(rows)
