"""Alarms of the places for backups: one that lacks changes for too long is told of once, and when it is well again."""

import asyncio
from collections.abc import Callable, Sequence

from aloft.plane.copies import BEHIND, WELL, is_behind
from aloft.plane.node_api import NodeApi, NodeRepository
from aloft.plane.records.database import Records


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
                behind = is_behind(work.session, one.name)
                if one.late and not behind:
                    work.event(BEHIND, one.name, None, seconds=round(one.behind), reason=one.trouble)
                if not one.late and behind:
                    work.event(WELL, one.name, None)
        self._told.update({one.name: one.late for one in found})
