"""Controllers that come from another node: filled and started here while that one serves, then served from here.

An arrival has the id of the job that moves it (:mod:`aloft.node.handover`). Until it is served, nothing but this node's
own services knows its names here, and it goes again when the node that it comes from calls it off or has ended the
move, and when this one is started anew.
"""

import asyncio
import json
import logging
import re
import shutil
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from aloft.base import files
from aloft.base.errors import AloftError, Conflict, InvalidInput, NotFound, PermanentError
from aloft.base.paths import Paths
from aloft.controller.context import Slot
from aloft.daytwo import carry, metadata, ovn, parcel
from aloft.node.backups import Backups
from aloft.node.controllers import Controllers
from aloft.node.copies import Copies
from aloft.node.database import Database
from aloft.node.jobs import Work
from aloft.node.pool import Pool
from aloft.node.registry import Record, Registry
from aloft.node.switches import forget_cached

_log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""Between two questions whether what arrives is still on its way."""

LISTS_DIFFER = "Nothing has changed: the customer is served where it was. See the logs of both nodes."

_ID = re.compile(r"[0-9a-f]{8,64}")

State = Literal["unknown", "arriving", "serving"]


class LastRegion(BaseModel):
    """What goes with the last rows of a region.

    Args:
        record: of the controller, as the node that it comes from has it.
        tables: by schema, those whose rows are in the parcel.
        sums: a checksum of the rows of each of these, by ``schema.table``.
        read_at_start: likewise, of tables that services read at their start only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    record: dict[str, Any]
    tables: dict[str, list[str]]
    sums: dict[str, int]
    read_at_start: dict[str, int]


class Last(BaseModel):
    """What goes with the last rows: by region."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    regions: dict[str, LastRegion]


@dataclass
class _Arrival:
    origin: str
    records: list[Record] = field(default_factory=list)
    since: tuple[str, int] = ("", 0)
    """A place in this node's binary log before anything was written here."""


class Arrivals:
    """What comes to this node.

    Args:
        paths: where everything lies.
        controllers: the node's controllers.
        registry: what the node remembers of them.
        pool: slots.
        database: MariaDB.
        backups: fills slots, and compares.
        moves: asks a node whether a job of it goes on that moves a customer.
        end: ends this node's part of such a job, if that is under way.
    """

    def __init__(
        self,
        paths: Paths,
        controllers: Controllers,
        registry: Registry,
        pool: Pool,
        database: Database,
        backups: Backups,
        moves: Callable[[str, str], Awaitable[bool]],
        end: Callable[[str], Awaitable[None]],
    ) -> None:
        self._folder = paths.state / "node/arrivals"
        self._controllers = controllers
        self._registry = registry
        self._pool = pool
        self._database = database
        self._backups = backups
        self._moves = moves
        self._end = end
        self._copies = Copies(database)
        self._known: dict[str, _Arrival] = {}

    async def sweep(self) -> None:
        """Remove what came before the node was started: whoever sent it has lost sight of it.

        A customer of whom one region is served has begun to be served; that is brought to its end.
        """
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        served = {one.spec.customer for one in self._registry.all() if not one.arriving}
        arriving = [one for one in self._registry.all() if one.arriving]
        for one in arriving:
            if one.spec.customer in served:
                self._registry.put(replace(one, arriving=""))
        await self._remove([one for one in arriving if one.spec.customer not in served])
        await self._controllers.publish_names()

    async def keep(self) -> None:
        """Remove what arrived from a node whose move has ended without it; runs for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for ident, arrival in list(self._known.items()):
                await self._look(ident, arrival.origin)

    async def _look(self, ident: str, origin: str) -> None:
        try:
            if await self._moves(origin, ident):
                return
        except NotFound:  # that node is no peer any more
            pass
        except AloftError as error:
            _log.info("%s does not tell whether it moves a customer here: %s", origin, error)
            return
        _log.warning("What came from %s is removed: the move has ended", origin)
        await self._end(ident)
        await self.call_off(ident)

    async def receive(self, ident: str, coming: AsyncIterable[bytes]) -> None:
        """Take a customer's metadata in.

        Raises:
            InvalidInput: it is not whole.
        """
        await self._unpack(ident, "metadata", coming)

    async def arrive(self, work: Work) -> dict[str, Any]:
        """Make a customer's controllers work here from the metadata that was received under the job's own id.

        ``from`` names the node that it comes from.

        Raises:
            Conflict: this node serves the customer already, or has other names.
            AloftError: it does not work here; nothing is left of it.
        """
        folder = self._at(work.id) / "metadata"
        async with work.step("look at what came"):
            manifest = await asyncio.to_thread(metadata.verify, folder)
            self._backups.check_place(work.customer, manifest)
            there = [one for one in self._registry.all() if one.spec.customer == work.customer]
            if any(not one.arriving for one in there):
                raise Conflict(f"This node has controllers of '{work.customer}' already.", "See `aloft status`.")
            await self._remove(there)
        since = await self._database.log_end()
        arrival = self._known[work.id] = _Arrival(work.arguments["from"], since=since)
        try:
            filled = await self._backups.fill(work, folder, manifest, work.customer)
            arrival.records = [replace(one, arriving=work.arguments["from"]) for one in filled]
            async with work.step("start it here"):
                for record in arrival.records:
                    await self._controllers.run_beside(record)
            async with work.step("compare the lists of its APIs") as remark:
                things = [await self._backups.compare_lists(one, LISTS_DIFFER) for one in arrival.records]
                remark(f"{sum(things)} things")
        except BaseException:
            await asyncio.shield(self.call_off(work.id))
            raise
        return {"things": sum(things)}

    async def written(self, ident: str) -> dict[str, list[str]]:
        """The tables that this node's services may have written since it arrived: by region, as ``schema.table``.

        Raises:
            NotFound: it did not arrive, or was called off.
        """
        arrival = self._get(ident)
        found = {}
        for record in arrival.records:
            slot = self._slot(record)
            dependents = await self._copies.dependents(slot)
            found[record.spec.region] = sorted(await self._copies.written((slot,), arrival.since, dependents))
        return found

    async def catch_up(self, ident: str, coming: AsyncIterable[bytes]) -> None:
        """Take in the last rows, keys and networks, and see that they are what was sent.

        Raises:
            NotFound: it did not arrive, or was called off.
            Conflict: something changed that services read at their start only.
            PermanentError: the rows are not what was sent.
        """
        arrival = self._get(ident)
        folder = await self._unpack(ident, "last", coming)
        last = Last.model_validate_json((folder / "last.json").read_bytes())
        arrival.records = [
            await self._catch_up_one(record, folder / record.spec.region, last.regions[record.spec.region])
            for record in arrival.records
        ]

    async def serve(self, ident: str) -> None:
        """Serve it from here: from this moment on it is this node's.

        Raises:
            NotFound: it did not arrive, or was called off.
        """
        for record in self._get(ident).records:
            self._registry.put(replace(self._registry.present(record.spec.key), arriving=""))
        del self._known[ident]
        await asyncio.to_thread(shutil.rmtree, self._at(ident), ignore_errors=True)
        await self._controllers.publish_names()

    async def call_off(self, ident: str) -> None:
        """Remove what arrived; nothing happens when it is served, or was never here."""
        arrival = self._known.pop(ident, None)
        await asyncio.to_thread(shutil.rmtree, self._at(ident), ignore_errors=True)
        if arrival is not None:
            await self._remove(arrival.records)

    def state(self, ident: str, customer: str) -> State:
        """Whether a customer has arrived, is served (one region is enough: the others follow), or neither is known."""
        if ident in self._known:
            return "arriving"
        records = [one for one in self._registry.all() if one.spec.customer == customer]
        return "serving" if any(not one.arriving for one in records) else "unknown"

    async def _catch_up_one(self, record: Record, folder: Path, last: LastRegion) -> Record:
        slot = self._slot(record)
        if await self._copies.sums(slot, carry.READ_AT_START) != last.read_at_start:
            raise Conflict("Rows were changed that services read at their start only.", "Start the move again.")
        place = await self._database.log_end()
        rows = {slot.schema(name): folder / "rows" / f"{name}.sql" for name in last.tables}
        await self._database.load_many(rows)
        await ovn.take_over(slot, folder / "ovn.json")
        await asyncio.to_thread(metadata.take_keys, folder / "slot", slot)
        await forget_cached(slot.socket("memcached"))
        await self._insist_alike(slot, last, place)
        sent = Record.read(last.record)
        present = self._registry.present(record.spec.key)
        record = replace(present, hosts=sent.hosts, serials=sent.serials, revoked=sent.revoked)
        self._registry.put(record)
        return record

    async def _insist_alike(self, slot: Slot, last: LastRegion, place: tuple[str, int]) -> None:
        """See that the rows are those that were sent, but where a service has written since."""
        found = await self._copies.sums(slot, last.tables)
        if wrong := {table for table, checksum in last.sums.items() if found.get(table) != checksum}:
            wrong -= await self._copies.written((slot,), place, frozenset())
        if wrong:
            raise PermanentError(
                f"{len(wrong)} tables are not as they were sent: {', '.join(sorted(wrong)[:5])}.",
                "See the log of 'mariadb' on both nodes.",
            )

    async def _unpack(self, ident: str, name: str, coming: AsyncIterable[bytes]) -> Path:
        """Make a folder of what comes."""
        folder = self._at(ident)
        files.folder(self._folder, mode=0o700)
        files.folder(folder, mode=0o700)
        await asyncio.to_thread(shutil.rmtree, folder / name, ignore_errors=True)
        arrived = folder / f"{name}.tar"
        try:
            await parcel.keep(coming, arrived)
            await asyncio.to_thread(parcel.unpack, arrived, folder / name)
        finally:
            arrived.unlink(missing_ok=True)
        return folder / name

    async def _remove(self, records: list[Record]) -> None:
        """Tear controllers down that are not served from here; the region with its Keystone goes last."""
        for record in sorted(records, key=lambda one: one.spec.identity):
            if self._registry.get(record.spec.key) is None:
                await self._backups.discard(record)
            else:
                await self._controllers.drop(record.spec.key)

    def _at(self, ident: str) -> Path:
        """The folder of what came with an arrival."""
        if not _ID.fullmatch(ident):
            raise InvalidInput(f"'{ident}' cannot be an arrival.")
        return self._folder / ident

    def _get(self, ident: str) -> _Arrival:
        if ident not in self._known:
            raise NotFound("That arrival is not known here: it was called off, or the node was started anew.")
        return self._known[ident]

    def _slot(self, record: Record) -> Slot:
        return self._pool.slot(record.slot or 0)


def last_parcel(folder: Path, regions: Mapping[str, LastRegion]) -> None:
    """Complete the folder that :meth:`Arrivals.catch_up` takes in: what it holds of each region."""
    told = Last(regions=dict(regions))
    files.write(folder / "last.json", json.dumps(told.model_dump(mode="json")), mode=0o600)
