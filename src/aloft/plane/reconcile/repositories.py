"""The places for backups: one that lacks changes for too long is told of, once, and each is read whole every week."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from aloft.base.errors import Conflict
from aloft.plane import backups, checks
from aloft.plane.copies import BEHIND, WELL, is_behind
from aloft.plane.node_api import NodeApi, NodeRepository
from aloft.plane.reconcile.schedule import busy
from aloft.plane.records.database import Records
from aloft.plane.records.tables import utcnow

log = structlog.get_logger("aloft.plane.repositories")


class Repositories:
    """Looks at every place for backups: raises its alarm, and begins its checks, as :class:`Schedule` one at a time.

    Args:
        records: the plane's.
        node: its local API.
    """

    def __init__(self, records: Records, node: NodeApi) -> None:
        self._records = records
        self._node = node
        self._told: dict[str, bool] = {}

    async def resync(self, poke: Callable[[str, str], None]) -> None:
        """Tell of what changed, and begin the first check that is due."""
        found = await self._node.repositories()
        await asyncio.to_thread(self._tell, found)
        await asyncio.to_thread(self._check, [one.name for one in found])

    def _check(self, names: Sequence[str]) -> None:
        with self._records.transaction() as work:
            name = next((one for one in names if checks.due(work.session, one, utcnow())), None)
            if name is None or busy(work):
                return
            try:
                checks.check(work, backups.SCHEDULER, name)
            except Conflict as error:
                log.info("put off", kind=checks.CHECK, repository=name, reason=str(error))

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
