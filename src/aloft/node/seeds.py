"""What must exist in a customer's Keystone: its regions' services, their users and endpoints."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from aloft.base import files
from aloft.controller import processes
from aloft.controller.context import Context
from aloft.controller.ports import Supervisor
from aloft.controller.services import enabled
from aloft.controller.services import keystone as keystone_service
from aloft.node.registry import Registry
from aloft.supervise.once import run_once

READY_SECONDS = 120.0
"""Until the Keystone that takes a seed in must be ready."""

SEED_SECONDS = 60.0
"""Until a changed seed must have been brought about in Keystone."""


class Seeds:
    """The seeds of all Keystones of the node.

    Args:
        registry: the node's controllers.
        supervisor: the process tree.
        context: gives the context of the controller of a key.
    """

    def __init__(self, registry: Registry, supervisor: Supervisor, context: Callable[[str], Context]) -> None:
        self._registry = registry
        self._supervisor = supervisor
        self._context = context

    def write(self, context: Context) -> str:
        """Write what must exist in the customer's Keystone; returns the seed's hash."""
        regions = [
            self._context(record.spec.key)
            for record in self._registry.all()
            if record.spec.customer == context.spec.customer
            and record.wanted
            and record.slot is not None
            and (record.spec.key == context.spec.key or self._registry.prepared(record.slot))
        ]
        services = {service.name: service for region in regions for service in enabled(region.spec)}
        text = keystone_service.seed(context, tuple(services.values()), tuple(regions))
        path = context.conf / "keystone/seed.json"
        files.write(path, text, mode=0o400, owner=context.slot.user, group=context.slot.user)
        return hashlib.sha256(text.encode()).hexdigest()

    async def bring_about(self, key: str) -> None:
        """Have a controller's Keystone take in what its customer's controllers declare now, beside its running API.

        Raises:
            AloftError: the Keystone is not ready in time, or does not take it.
        """
        context = await asyncio.to_thread(self._context, key)
        mark = await asyncio.to_thread(self.write, context)
        api = next(
            process
            for process in processes.processes(context, (keystone_service.SERVICE,))
            if process.name == context.slot.process("keystone")
        )
        await self._supervisor.wait_ready((api.name,), READY_SECONDS)
        seeded = Path(api.arguments["seeded"])
        if await asyncio.to_thread(_text, seeded) == mark:
            return
        arguments = {name: api.arguments[name] for name in ("seed", "seeded")}
        log = context.slot.log / "keystone-seed.log"
        entry = "aloft.inside.keystone:apply_seed"
        seeding = replace(api, name=f"{api.name}-seed", entry=entry, arguments=arguments, clear=(), log=log)
        await run_once(seeding, SEED_SECONDS)


def _text(file: Path) -> str:
    """The file's text; empty when there is none."""
    return file.read_text() if file.exists() else ""
