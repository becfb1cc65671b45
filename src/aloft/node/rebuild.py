"""The job that makes a region whole whose Nova, Neutron and Placement databases are lost, with no backup.

Their schemas are made empty; networks are read back from OVN, which still has them; everything else sync brings about
again from what hosts tell as soon as the services run (:mod:`aloft.inside.sync`). What runs on hosts takes no notice.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from aloft.base import files
from aloft.base.errors import PermanentError, TemporaryError
from aloft.controller import processes, slots
from aloft.controller.context import Slot
from aloft.controller.declare import Service
from aloft.controller.ports import Supervisor
from aloft.controller.repair import networks_from_ovn
from aloft.controller.services import enabled
from aloft.node.controllers import Controllers
from aloft.node.database import Database
from aloft.node.jobs import Work
from aloft.node.pool import Pool
from aloft.node.registry import Registry

LOST = ("nova", "neutron", "placement")
"""Services whose databases are made anew."""


class Rebuild:
    """Makes regions whole.

    Args:
        controllers: the node's controllers.
        registry: what the node remembers of them.
        pool: slots.
        supervisor: the process tree.
        database: MariaDB.
    """

    def __init__(
        self, controllers: Controllers, registry: Registry, pool: Pool, supervisor: Supervisor, database: Database
    ) -> None:
        self._controllers = controllers
        self._registry = registry
        self._pool = pool
        self._supervisor = supervisor
        self._database = database

    async def rebuild(self, work: Work) -> dict[str, Any]:
        """Make the databases of a region anew and fill them from OVN.

        Returns:
            ``rebuilt``: how many networks, ports and so on were found in OVN; ``kept``: the folder with what was left
            of the databases, for root.
        """
        key = f"{work.customer}/{work.arguments['region']}"
        context = await asyncio.to_thread(self._controllers.context, key)
        services = enabled(context.spec)
        lost = [service for service in services if service.name in LOST]
        kept = context.slot.state / "lost" / work.id
        async with work.step("stop Nova, Neutron and Placement"):
            others = [service for service in services if service not in lost]
            await self._supervisor.apply(processes.group(context.slot), processes.processes(context, others))
        async with work.step("keep what is left of their databases") as remark:
            remark(await self._keep(context.slot, lost, kept))
        async with work.step("make their databases anew"):
            dumps = await self._pool.golden(context.spec.release)
            self._registry.tenures.begin_anew(key)
            await slots.renew_databases(context.slot, lost, dumps, self._database)
        async with work.step("read networks back from OVN") as remark:
            rebuilt = await networks_from_ovn(context)
            remark(", ".join(f"{many} {kind}" for kind, many in rebuilt.items()))
        async with work.step("start them"):
            await self._controllers.start_over(key)
        return {"rebuilt": rebuilt, "kept": str(kept)}

    async def _keep(self, slot: Slot, lost: Iterable[Service], folder: Path) -> str:
        """Dump what can still be read; gives what that was, in words. A job that starts over keeps its first dumps."""
        files.folder(folder.parent, mode=0o700)
        files.folder(folder, mode=0o700)
        kept = []
        for name in (name for service in lost for name in service.schemas):
            target = folder / f"{name}.sql"
            if target.exists():
                continue
            try:
                await self._database.dump_schema(slot.schema(name), target)
            except (PermanentError, TemporaryError):
                continue  # it is lost, which is why it is made anew
            kept.append(name)
        return ", ".join(kept) or "nothing can be read"
