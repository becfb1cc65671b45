"""The pool of slots: prepared ahead of need, claimed in an instant, taken apart when their controller goes."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

from aloft.base.errors import AloftError
from aloft.base.paths import Paths
from aloft.controller import golden, slots
from aloft.controller.context import Slot
from aloft.controller.ports import Broker, Database
from aloft.controller.release import release
from aloft.daytwo import metadata
from aloft.node.registry import Record, Registry

_log = logging.getLogger(__name__)

RETRY_SECONDS = 30.0

LEAST_FREE_BYTES = 1 << 30
"""Below it no slot is made: on a full disk MariaDB has all wait that write, so what is left is for those there are."""


class Pool:
    """Prepares slots and hands them out.

    Args:
        paths: where everything lies.
        registry: what the node remembers.
        database: MariaDB.
        broker: RabbitMQ.
        edge_group: the edge's group, which may pass to the sockets.
        warm: how many slots wait ahead of need.
        release: the release they are prepared for.
    """

    def __init__(
        self,
        paths: Paths,
        registry: Registry,
        database: Database,
        broker: Broker,
        edge_group: int,
        warm: int,
        release: str,
    ) -> None:
        self._paths = paths
        self._registry = registry
        self._database = database
        self._broker = broker
        self._edge_group = edge_group
        self._warm = warm
        self._release = release
        self._ahead: frozenset[int] = frozenset()  # being prepared ahead of need, maybe with nothing on disk yet
        self._wanted = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._builds = 0

    def slot(self, number: int) -> Slot:
        """The slot of this number."""
        return Slot(number, self._paths)

    def begin_build(self) -> None:
        """A controller is being built: prepare nothing meanwhile."""
        self._builds += 1
        self._idle.clear()

    def end_build(self) -> None:
        """A controller is built."""
        self._builds -= 1
        if not self._builds:
            self._idle.set()

    def check_room(self) -> None:
        """See that the disk has room for one slot more.

        Raises:
            PermanentError: it has not.
        """
        metadata.room_for(self._paths.state, LEAST_FREE_BYTES)

    def take(self, release_name: str) -> int:
        """A slot for a controller: a warm one of its release if there is any, else a number to be prepared.

        Raises:
            PermanentError: the disk is nearly full.
        """
        self.check_room()
        ready = [number for number, prepared_for in self._registry.warm().items() if prepared_for == release_name]
        self._wanted.set()
        return min(ready) if ready else self._registry.free(self._ahead)

    async def ensure(self, number: int, release_name: str) -> None:
        """Make a slot's preparation complete, also for services that are new since, and its sockets' folder exist."""
        slot = self.slot(number)
        if not self._registry.prepared(number) or self._registry.prepared_for(number) != slots.declared():
            await self._prepare(slot, release_name)
        await self.revive(number)

    async def revive(self, number: int) -> None:
        """Make the folder of a slot's sockets, which a reboot takes away."""
        await asyncio.to_thread(slots.make_run_folder, self.slot(number), self._edge_group)

    async def fill(self, record: Record, folder: Path, check: Callable[[Slot], Awaitable[None]]) -> Record:
        """Prepare a slot from a backup instead of the golden databases.

        Args:
            record: the controller that the slot is for; its region names the part of the backup.
            folder: the backup.
            check: called when the databases are as they were, before they are made the slot's own.

        Returns:
            The record, with the slot, which is held for it.

        Raises:
            PermanentError: the disk is nearly full.
        """
        self.check_room()
        slot = self.slot(self._registry.free(self._ahead))
        try:
            await asyncio.to_thread(slots.make_folders, slot, self._edge_group)
            await asyncio.to_thread(self._registry.mark, slot, record.spec.release, "preparing")
            await asyncio.to_thread(metadata.lay_out, folder, record.spec.region, slot)
            held = await asyncio.to_thread(slots.load_secrets, slot)
            dumps = metadata.dumps(folder, record.spec.region)
            await slots.load_databases(slot, dumps, self._database)
            await check(slot)
            await asyncio.gather(
                slots.make_databases(slot, held, dumps, self._database),
                slots.make_broker_users(slot, held, self._broker),
            )
            await asyncio.to_thread(self._registry.mark, slot, record.spec.release, "held", slots.declared())
        except BaseException:
            await asyncio.shield(self.dismantle(slot.number))
            raise
        return replace(record, slot=slot.number)

    async def _prepare(self, slot: Slot, release_name: str) -> None:
        dumps = await self.golden(release_name)
        await asyncio.to_thread(slots.make_folders, slot, self._edge_group)
        if not self._registry.prepared(slot.number):
            await asyncio.to_thread(self._registry.mark, slot, release_name, "preparing")
        held = await asyncio.to_thread(slots.load_secrets, slot)
        await asyncio.to_thread(slots.make_keys, slot)
        await asyncio.to_thread(slots.authority, slot)
        await asyncio.gather(
            slots.make_databases(slot, held, dumps, self._database),
            slots.make_broker_users(slot, held, self._broker),
        )
        await asyncio.to_thread(self._registry.mark, slot, release_name, "warm", slots.declared())

    async def golden(self, release_name: str) -> Mapping[str, Path]:
        """The golden databases of a release: a dump by schema."""
        folder = self._paths.state / "golden" / release_name
        return await asyncio.to_thread(golden.unpack, release(release_name), folder)

    async def dismantle(self, number: int) -> None:
        """Remove all that was prepared for a slot."""
        await slots.dismantle(self.slot(number), self._database, self._broker)

    async def keep_warm(self) -> None:
        """Keep the wanted number of slots warm, one at a time, only while nothing is being built; runs for ever."""
        while True:
            self._wanted.clear()
            await self._idle.wait()
            ready = [number for number, name in self._registry.warm().items() if name == self._release]
            if len(ready) < self._warm:
                number = self._registry.free()
                self._ahead = frozenset({number})
                try:
                    self.check_room()
                    await self.ensure(number, self._release)
                except AloftError as error:
                    _log.warning("A slot could not be prepared ahead of need: %s", error)
                    await asyncio.sleep(RETRY_SECONDS)
                finally:
                    self._ahead = frozenset()
                continue
            await self._wanted.wait()

    async def sweep(self, needed: frozenset[int]) -> None:
        """Take apart slots that were interrupted in the making, or held for what is no more; at the start only.

        Args:
            needed: slots that are left alone, as something that was interrupted goes on with them.
        """
        for number in self._registry.slots() - self._registry.claimed() - self._registry.warm().keys() - needed:
            try:
                await self.dismantle(number)
            except (AloftError, OSError) as error:
                _log.warning("What is left of slot %s could not be removed: %s", number, error)
