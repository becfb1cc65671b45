"""Alarms of the places for backups: one that lacks changes for too long is told of once, and when it is well again."""

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy import select

from aloft.plane.node_api import NodeApi, NodeRepository
from aloft.plane.records.database import Records
from aloft.plane.records.tables import EventRow

BEHIND, WELL = "repository.behind", "repository.well"


class RepositoryAlarms:
    """Looks at every place for backups.

    Args:
        records: the plane's.
        node: its local API.
    """

    def __init__(self, records: Records, node: NodeApi) -> None:
        self._records = records
        self._node = node
        self._told: dict[str, bool] = {}

    async def resync(self, poke: Callable[[str, str], None]) -> None:
        """Tell of what changed."""
        await asyncio.to_thread(self._tell, await self._node.repositories())

    def _tell(self, found: Sequence[NodeRepository]) -> None:
        changed = [one for one in found if self._told.get(one.name) != one.late]
        if not changed:
            return
        with self._records.transaction() as work:
            for one in changed:
                query = select(EventRow.kind).where(EventRow.kind.in_((BEHIND, WELL)), EventRow.subject == one.name)
                last = work.session.scalars(query.order_by(EventRow.id.desc()).limit(1)).first()
                if one.late and last != BEHIND:
                    work.event(BEHIND, one.name, None, seconds=round(one.behind), reason=one.trouble)
                if not one.late and last == BEHIND:
                    work.event(WELL, one.name, None)
        self._told.update({one.name: one.late for one in found})
