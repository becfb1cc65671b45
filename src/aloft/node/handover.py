"""Moving a customer to another node: a new instance is started there from its metadata, and takes its place.

It is what an upgrade is, with the other slot on another machine: the metadata is copied there and a controller is
started from it and checked while the present one serves (:mod:`aloft.node.arrivals`). For the switch, requests that
write wait at the edge, the databases are frozen for writers, the rows of all tables that either side has written since,
keys and networks are sent after it, and the other node serves from one call on. Until that call everything can be given
up; whoever is killed, what the other node says afterwards decides who serves:

===========================  ==================================================================================
killed                       then
===========================  ==================================================================================
before the call              all is as before, what arrived is removed there
around the call              the other node is asked until it answers; writes wait until then
after the call               it is forgotten here, and what is left of it removed
===========================  ==================================================================================
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from aloft.base.errors import AloftError, Conflict, PermanentError, TemporaryError
from aloft.base.paths import Paths
from aloft.controller.context import Slot
from aloft.daytwo import carry, metadata, ovn, parcel
from aloft.daytwo.metadata import Manifest
from aloft.node.arrivals import LastRegion, last_parcel
from aloft.node.backups import Backups
from aloft.node.binlog import Binlog
from aloft.node.controllers import Controllers
from aloft.node.copies import Copies
from aloft.node.database import Database
from aloft.node.jobs import Work
from aloft.node.peer_api import PeerApi
from aloft.node.pool import Pool
from aloft.node.registry import Record, Registry
from aloft.node.rules import Rules
from aloft.node.switches import HOLD_SECONDS, Switches, insist_open

T = TypeVar("T")

AGAIN_SECONDS = 1.0
"""Between two questions to a node that has to say whether it serves."""


class Handed(BaseModel):
    """A customer whose next place may serve it already, as it is written down.

    Args:
        to: the node.
        records: the controllers here, told.
        held: how long writes had waited by then.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: str
    records: tuple[dict[str, Any], ...]
    held: float


class Handover:
    """Moves customers away from this node; :meth:`move` is a handler of jobs (:mod:`aloft.node.jobs`).

    Args:
        paths: where everything lies.
        own_name: of this node.
        controllers: the node's controllers.
        registry: what the node remembers of them.
        pool: slots.
        database: MariaDB.
        backups: collects and compares metadata.
        switches: hold what writes, and retire what served.
        binlog: tells which MariaDB's log this is.
        rules: customers' rules.
        reach: opens the way to another node.
        refresh: has this node know what another one serves.
    """

    def __init__(
        self,
        paths: Paths,
        own_name: str,
        controllers: Controllers,
        registry: Registry,
        pool: Pool,
        database: Database,
        backups: Backups,
        switches: Switches,
        binlog: Binlog,
        rules: Rules,
        reach: Callable[[str], "contextlib.AbstractAsyncContextManager[PeerApi]"],
        refresh: Callable[[str], Awaitable[None]],
    ) -> None:
        self._paths = paths
        self._own_name = own_name
        self._controllers = controllers
        self._registry = registry
        self._pool = pool
        self._database = database
        self._backups = backups
        self._switches = switches
        self._binlog = binlog
        self._rules = rules
        self._reach = reach
        self._refresh = refresh
        self._copies = Copies(database)

    async def move(self, work: Work) -> dict[str, Any]:
        """Move a customer to the node ``to``; until the switch it may be aborted.

        Returns:
            The ``node``, the ``specifications`` of the regions, and how long writes were held.

        Raises:
            NotFound: there is no such customer here, or no such node.
            Conflict: a former upgrade is not finished, or it was aborted.
            AloftError: it failed; then everything is as it was.
        """
        if work.journal:
            handed = Handed.model_validate(work.journal)
            async with self._reach(handed.to) as peer, self._frozen(self._left(handed)):
                await self._conclude(work, peer, handed)
            return await self._clear(work, handed)
        present = self._movable(work.customer)
        async with self._reach(work.arguments["to"]) as peer:
            try:
                manifest = await work.unless_aborted(self._prepare(work, peer, present))
                await work.unless_aborted(self._switches.quiet(work, present))
                async with self._writers_held(work, present) as begun:
                    handed = await self._hand_over(work, peer, present, manifest, begun)
                    await self._conclude(work, peer, handed)
            except BaseException:
                if not work.journal:
                    await asyncio.shield(self._call_off(work, peer))
                raise
        return await self._clear(work, handed)

    async def _prepare(self, work: Work, peer: PeerApi, present: list[Record]) -> Manifest:
        """Have a controller work at the other node that was made of this one's metadata."""
        to = work.arguments["to"]
        await self._switches.calm(work, present)
        async with self._backups.staging(f"move-{work.customer}") as folder:
            async with work.step("copy the metadata"):
                manifest = await metadata.collect(
                    folder / "metadata",
                    work.customer,
                    self._backups.sources(work.customer),
                    {},
                    self._paths.state / "edge-ca",
                    self._binlog.server,
                    self._database.dump_together,
                )
            async with work.step(f"send it to {to}") as remark:
                await peer.call_off(work.id)  # what an end of this node has left there
                packed = await self._packed(folder, "metadata")
                remark(f"{packed.stat().st_size / (1 << 20):.1f} MiB")
                await peer.send(work.id, parcel.pieces(packed))
        async with work.step(f"make it work on {to}") as remark:
            told = await peer.arrive(work.id, work.customer, self._own_name, remark)
            remark(f"its APIs list {told['things']} things")
        return manifest

    @contextlib.asynccontextmanager
    async def _writers_held(self, work: Work, present: list[Record]) -> AsyncIterator[float]:
        """Requests that write wait, and databases are frozen; gives the moment since when (monotonic seconds)."""
        insist_open(work)
        begun = await self._switches.hold(present)
        try:
            async with self._frozen(present):
                yield begun
        finally:
            for record in present:
                if (found := self._registry.get(record.spec.key)) is not None and not found.leaving:
                    await asyncio.shield(self._controllers.hold(record.spec.key, ""))

    @contextlib.asynccontextmanager
    async def _frozen(self, records: list[Record]) -> AsyncIterator[None]:
        """Nobody writes to the databases of these controllers."""
        tables: dict[str, list[str]] = {}
        for record in records:
            slot = self._slot(record)
            tables |= {slot.schema(name): list(found) for name, found in (await self._copies.tables(slot)).items()}
        async with self._database.frozen(tables) if tables else contextlib.nullcontext():
            yield

    async def _hand_over(
        self, work: Work, peer: PeerApi, present: list[Record], manifest: Manifest, begun: float
    ) -> Handed:
        """Send what was written last, and have the other node serve; from then on only that one can tell who does."""
        try:
            async with asyncio.timeout(HOLD_SECONDS):
                async with work.step("send the last rows, keys and networks") as remark:
                    remark(await self._send_last(work, peer, present, manifest))
        except TimeoutError as error:
            raise PermanentError(
                f"What was written last took more than {HOLD_SECONDS:.0f} s; nothing has changed.",
                "Try again when the machines have less to do.",
            ) from error
        handed = Handed(
            to=work.arguments["to"],
            records=tuple(record.told() for record in present),
            held=time.monotonic() - begun,
        )
        work.note(handed.model_dump(mode="json"))
        for record in present:
            self._registry.put(replace(self._registry.present(record.spec.key), leaving=handed.to))
        async with work.step(f"serve it from {handed.to}"):
            with contextlib.suppress(TemporaryError):  # whether it was heard is asked next
                await peer.serve(work.id)
        return handed

    async def _send_last(self, work: Work, peer: PeerApi, present: list[Record], manifest: Manifest) -> str:
        there = await peer.written(work.id)
        async with self._backups.staging(f"move-{work.customer}") as folder:
            regions, count = {}, 0
            (folder / "last").mkdir(mode=0o700)
            for record in present:
                region = record.spec.region
                tables = await self._tables(record, manifest.log, there[region])
                count += sum(map(len, tables.values()))
                regions[region] = await self._collect_last(record, tables, folder / "last" / region)
            await asyncio.to_thread(last_parcel, folder / "last", regions)
            packed = await self._packed(folder, "last")
            await peer.catch_up(work.id, parcel.pieces(packed))
            await peer.give_rules(work.customer, self._rules.get(work.customer).model_dump(mode="json"))
            return f"{count} tables that were written, {packed.stat().st_size / (1 << 20):.1f} MiB"

    async def _tables(self, record: Record, since: tuple[str, int], there: list[str]) -> dict[str, list[str]]:
        """The tables of a region that either side may have written since the copy, but each one's own; by schema."""
        slot = self._slot(record)
        here = await self._copies.written((slot,), since, await self._copies.dependents(slot))
        found: dict[str, list[str]] = {}
        for each in sorted((here | set(there)) - carry.OWN):
            schema, _, table = each.partition(".")
            found.setdefault(schema, []).append(table)
        return found

    async def _collect_last(self, record: Record, tables: Mapping[str, list[str]], folder: Path) -> LastRegion:
        slot = self._slot(record)
        (folder / "rows").mkdir(mode=0o700, parents=True)
        dumps = (
            self._database.dump_rows(slot.schema(name), each, folder / "rows" / f"{name}.sql")
            for name, each in tables.items()
        )
        _, _, sums, at_start = await asyncio.gather(
            asyncio.gather(*dumps),
            ovn.hand_over(slot, folder / "ovn.json"),
            self._copies.sums(slot, tables),
            self._copies.sums(slot, carry.READ_AT_START),
        )
        await asyncio.to_thread(metadata.give_keys, slot, folder / "slot")
        present = self._registry.present(record.spec.key)
        return LastRegion(record=present.told(), tables=dict(tables), sums=sums, read_at_start=at_start)

    async def _conclude(self, work: Work, peer: PeerApi, handed: Handed) -> None:
        """Let go of what the other node serves, or go on with it where that one does not."""
        async with work.step(f"ask {handed.to} whether it serves") as remark:
            state = await _insisting(remark, lambda: peer.state(work.id, work.customer))
        if state != "serving":
            await self._stay(work, peer, handed)
            raise PermanentError(
                f"{handed.to} does not serve '{work.customer}'; nothing has changed.", "Start the move again."
            )
        async with work.step("lead the names there") as remark:
            await _insisting(remark, lambda: self._refresh(handed.to))
            for record in self._left(handed):
                await self._controllers.let_go(record.spec.key)
            remark(f"writes waited {handed.held:.1f} s until then")
        async with work.step("stop what served before"):
            for record in self._there(handed):
                await self._switches.retire(record)

    async def _clear(self, work: Work, handed: Handed) -> dict[str, Any]:
        """Remove what is left here of a customer that another node serves."""
        async with work.step("remove what served before"):
            for record in self._there(handed):
                await self._backups.discard(record)
        records = [Record.read(told) for told in handed.records]
        return {
            "node": handed.to,
            "specifications": {one.spec.region: one.spec.model_dump(mode="json") for one in records},
            "writes_held_seconds": round(handed.held, 2),
        }

    async def _stay(self, work: Work, peer: PeerApi, handed: Handed) -> None:
        """Go on serving here."""
        await self._call_off(work, peer)
        for record in self._left(handed):
            self._registry.put(replace(record, leaving=""))
            await self._controllers.hold(record.spec.key, "")
        work.note({})

    async def _call_off(self, work: Work, peer: PeerApi) -> None:
        """Have what arrived removed; a node that does not hear it does so by itself when it is started anew."""
        with contextlib.suppress(AloftError):
            await peer.call_off(work.id)

    def _there(self, handed: Handed) -> list[Record]:
        """The customer's controllers as they were here, as far as their slots are there still."""
        records = [Record.read(told) for told in handed.records]
        return [record for record in records if self._registry.held(record.slot or 0)]

    def _left(self, handed: Handed) -> list[Record]:
        """The customer's controllers that are still on record here."""
        keys = [Record.read(told).spec.key for told in handed.records]
        return [record for key in keys if (record := self._registry.get(key)) is not None]

    def _movable(self, customer: str) -> list[Record]:
        """A customer's controllers, the one with Keystone first.

        Raises:
            NotFound: there is none.
            Conflict: they cannot be moved as they are.
        """
        found = self._registry.of(customer)
        if any(record.kept for record in found):
            raise Conflict(
                f"The last upgrade of '{customer}' is neither finished nor rolled back.",
                f"`aloft upgrade finish {customer}`, or rollback.",
            )
        if any(record.arriving for record in found):
            raise Conflict(f"'{customer}' is on its way to this node.", "Wait until that has ended.")
        return found

    async def _packed(self, folder: Path, name: str) -> Path:
        """A folder's part as one file beside it."""
        target = folder / f"{name}.tar"
        await asyncio.to_thread(parcel.pack, folder / name, target)
        return target

    def _slot(self, record: Record) -> Slot:
        return self._pool.slot(record.slot or 0)


async def _insisting(remark: Callable[[str], None], question: Callable[[], Awaitable[T]]) -> T:
    """What another node answers, as soon as it answers anything; who serves cannot be known without it."""
    while True:
        try:
            return await question()
        except AloftError as error:
            remark(f"writes wait: {error.message}")
            await asyncio.sleep(AGAIN_SECONDS)
