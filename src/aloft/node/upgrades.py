"""Upgrades by a new instance: a controller of another release is made beside the one that serves, and takes its place.

The customer's metadata is copied into a slot of its own and migrated there by the release's own commands. A controller
is started from it under another name and checked, while the old one serves. For the switch, requests that change
something wait at the edge; the old schemas are frozen for writers, what changed since is carried over by state
(:mod:`aloft.daytwo.carry`), the new services start, and the names lead to them. Everything up to then is undone by
removing the new slot. The old slot is kept, stopped; the way back is the same switch with the two ends exchanged.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from aloft.base.errors import AloftError, Conflict, NotFound, PermanentError
from aloft.base.paths import Paths
from aloft.controller import golden, migrate, slots
from aloft.controller.context import Slot
from aloft.controller.migrate import Check
from aloft.controller.release import release
from aloft.controller.services import ALL, enabled
from aloft.controller.services.ovn import OVN
from aloft.daytwo import carry, metadata
from aloft.daytwo.lists import UNFINISHED
from aloft.node.backups import Backups
from aloft.node.controllers import Controllers
from aloft.node.database import Database
from aloft.node.edge_names import EdgeNames
from aloft.node.jobs import Work
from aloft.node.pool import Pool
from aloft.node.registry import Record, Registry

HOLD_SECONDS = 45.0
"""The longest that requests are held: a switch that takes longer is given up, and the old controller goes on."""

ANSWER_SECONDS = 5.0
"""How long requests that were under way when the hold began may take to be answered."""

QUIET_SECONDS = 600.0
"""How long work that was begun (an instance being built) may take to end before an upgrade is given up."""

ATTEMPTS = 10
"""How often the hold is begun: something may have been begun just before it."""


Carrying = Mapping[str, Mapping[str, list[str]]]
"""By schema and table, the statements that carry its rows."""


@dataclass(frozen=True)
class Own:
    """Where a migrated copy differs from what it was made of.

    Args:
        tables: by ``schema.table`` of what migrations changed rows of, checksums before and after.
        extra: by ``schema.table`` of what only the migrated one has, how many rows it had at first.
    """

    tables: Mapping[str, tuple[int, int]]
    extra: Mapping[str, int]


@dataclass(frozen=True)
class Prepared:
    """A new controller that was seen to work beside the old one, and stopped.

    Args:
        record: of the new one, under the name of the old.
        own: where its rows differ by migration.
        checks: what the projects' upgrade checks said.
        changes: names of tables and columns that came and went.
        seconds: how long its services took to start.
        things: how many things its APIs listed as its rows say.
    """

    record: Record
    own: Own
    checks: list[Check]
    changes: dict[str, list[str]]
    seconds: float
    things: int


class Upgrades:
    """Upgrades of the node's customers; its public methods are handlers of jobs (:mod:`aloft.node.jobs`).

    Args:
        paths: where everything lies.
        controllers: the node's controllers.
        registry: what the node remembers of them.
        pool: slots.
        database: MariaDB.
        backups: how metadata is copied, filled into slots and compared.
        edge: knows which requests are under way.
        start_release: makes a release's zygotes run.
    """

    def __init__(
        self,
        paths: Paths,
        controllers: Controllers,
        registry: Registry,
        pool: Pool,
        database: Database,
        backups: Backups,
        edge: EdgeNames,
        start_release: Callable[[str], Awaitable[None]],
    ) -> None:
        self._paths = paths
        self._controllers = controllers
        self._registry = registry
        self._pool = pool
        self._database = database
        self._backups = backups
        self._edge = edge
        self._start_release = start_release

    async def plan(self, work: Work) -> dict[str, Any]:
        """Rehearse an upgrade to ``release``: all of it but the switch, then remove what was made.

        Returns:
            ``checks`` (project, verdict, detail), ``changes`` of the schemas, the ``pause_seconds`` to expect, and how
            many ``things`` were listed alike.
        """
        prepared = await work.unless_aborted(self._prepare(work, self._present(work.customer)))
        async with work.step("remove the new instance"):
            for one in prepared:
                await self._backups.discard(one.record)
        return {
            "release": work.arguments["release"],
            "checks": [asdict(check) for one in prepared for check in one.checks],
            "changes": {one.record.spec.region: one.changes for one in prepared},
            "pause_seconds": round(max(one.seconds for one in prepared), 1),
            "things": sum(one.things for one in prepared),
        }

    async def upgrade(self, work: Work) -> dict[str, Any]:
        """Upgrade a customer to ``release``; until the switch it may be aborted, and the old one never noticed.

        Returns:
            ``specifications`` of the regions as they are now, and the longest that requests that write were held.

        Raises:
            Conflict: a former upgrade was neither finished nor rolled back, or it was aborted.
            AloftError: it failed; then everything is as it was.
        """
        present = self._present(work.customer)
        waiting = [record for record in present if record.kept.get("job") != work.id]
        if any(record.kept for record in waiting):
            raise Conflict(
                f"The last upgrade of '{work.customer}' is neither finished nor rolled back.",
                f"`aloft upgrade finish {work.customer}`, or rollback.",
            )
        held = [0.0]
        if waiting:
            prepared = await work.unless_aborted(self._prepare(work, waiting))
            try:
                self._insist(prepared)
                await work.unless_aborted(self._quiet(work, waiting))
                for one in prepared:
                    held.append(await self._upgrade_one(work, one))
            except BaseException:
                await asyncio.shield(self._remove_unused(prepared))
                raise
        return {**self._specifications(work.customer), "writes_held_seconds": round(max(held), 2)}

    async def rollback(self, work: Work) -> dict[str, Any]:
        """Go back to what served before the last upgrade, with what was written since.

        ``release`` is the one to leave. Returns ``specifications``, ``writes_held_seconds``, and in ``lost`` what could
        not be carried back.

        Raises:
            Conflict: nothing was kept.
            AloftError: it failed; then the upgraded controller goes on.
        """
        present = self._present(work.customer)
        leaving = [one for one in present if one.kept and one.spec.release == work.arguments["release"]]
        if not leaving and any(one.spec.release == work.arguments["release"] for one in present):
            raise Conflict(f"Nothing was kept of what served '{work.customer}' before.", "Restore a backup instead.")
        held, lost = [0.0], []
        for record in leaving:
            former = replace(Record.read(record.kept["record"]), kept={})
            own = Own(**record.kept["own"])
            async with work.step(f"make ready what served {record.spec.key} before") as remark:
                lost += await self._losses(record, former, own)
                await self._start_release(former.spec.release)
                remark(f"{len(lost)} things cannot be carried back" if lost else "")
            await self._quiet(work, [record])
            held.append(await self._switch(work, record, former, own, {}))
            async with work.step("remove the newer controller"):
                await self._backups.discard(replace(record, kept={}))
        return {**self._specifications(work.customer), "writes_held_seconds": round(max(held), 2), "lost": lost}

    async def finish(self, work: Work) -> dict[str, Any]:
        """Remove what was kept for the way back."""
        async with work.step("remove what served before"):
            for record in self._present(work.customer):
                if record.kept:
                    self._registry.put(replace(record, kept={}))
                    await self._backups.discard(Record.read(record.kept["record"]))
        return {}

    # Making the new one beside the old

    async def _prepare(self, work: Work, present: list[Record]) -> list[Prepared]:
        """Copy, migrate, start under another name, check and stop; what was made is gone again when it fails."""
        name, scratch = work.arguments["release"], f"next-{work.id[:8]}"
        await self._backups.remove(scratch)
        sources = self._backups.sources(work.customer)
        filled: list[Record] = []
        prepared: list[Prepared] = []
        try:
            async with work.step(f"prepare release {name}"):
                await self._start_release(name)
            async with self._backups.staging(f"upgrade-{work.customer}") as folder:
                async with work.step("copy the metadata"):
                    manifest = await metadata.collect(
                        folder,
                        work.customer,
                        sources,
                        {},
                        self._paths.state / "edge-ca",
                        "",
                        self._database.dump_together,
                    )
                filled = await self._backups.fill(work, folder, manifest, scratch)
            named = {record.spec.region: record for record in present}
            for record in filled:
                if record.spec.region in named:
                    prepared.append(await self._try(work, record, named[record.spec.region]))
                else:  # it was upgraded before, and the others need its Keystone
                    await self._controllers.run_beside(record)
            for one in reversed(prepared):
                await self._controllers.lay_aside(f"{scratch}/{one.record.spec.region}")
            await self._backups.remove(scratch)
        except BaseException:
            await asyncio.shield(self._remove_all(scratch, filled))
            raise
        return prepared

    async def _try(self, work: Work, filled: Record, present: Record) -> Prepared:
        """Migrate a filled slot, and see that a controller works there."""
        name = work.arguments["release"]
        spec = filled.spec.model_copy(update={"release": name})
        record = replace(filled, spec=spec, hosts={}, serials={}, revoked=())
        source, target = self._slot(present), self._slot(record)
        context = self._controllers.context_of(record)
        async with work.step(f"migrate {present.spec.region} to {name}"):
            before = await self._checksums(target)
            await asyncio.to_thread(slots.write_files, context, ALL)
            wanted, found = golden.versions(release(name)), await self._versions(target)
            await migrate.migrate(context, ALL, lambda schema: wanted.get(schema) != found.get(schema))
            own, changes = await self._differences(source, target, before)
            self._registry.mark(target, name, "held", slots.declared())
        async with work.step("start the new controller beside the old"):
            begun = time.monotonic()
            await self._controllers.run_beside(record)
            seconds = time.monotonic() - begun
        async with work.step("compare the lists of its APIs"):
            things = await self._backups.compare_lists(record)
        async with work.step("run the projects' upgrade checks") as remark:
            checks = await migrate.upgrade_checks(context, enabled(spec))
            remark(", ".join(f"{one.project}: {one.verdict}" for one in checks))
        real = replace(present, spec=present.spec.model_copy(update={"release": name}), slot=record.slot, kept={})
        return Prepared(real, own, checks, changes, seconds, things)

    async def _differences(
        self, source: Slot, target: Slot, before: dict[str, int]
    ) -> tuple[Own, dict[str, list[str]]]:
        """What migrations made of a copy: of its rows, and of its tables and columns."""
        after = await self._checksums(target)
        shapes = {
            name: (await self._tables(source, name), await self._tables(target, name)) for name in metadata.schemas()
        }
        gone = [(name, *one) for name, (here, there) in shapes.items() for one in carry.uncarried(here, there)]
        came = [(name, *one) for name, (here, there) in shapes.items() for one in carry.uncarried(there, here)]
        changed = {f"{name}.{table}" for name, table, column in (*gone, *came) if column}
        tables = {
            table: (before[table], after[table])
            for table in before.keys() & after.keys() - changed
            if before[table] != after[table]
        }
        extra = {
            f"{name}.{table}": await self._count(target, name, table, "") for name, table, column in came if not column
        }
        told = {"came": [_named(*one) for one in came], "went": [_named(*one) for one in gone]}
        return Own(tables, extra), told

    async def _quiet(self, work: Work, records: list[Record]) -> None:
        """Wait until work that was begun has ended.

        Raises:
            Conflict: it has not within :data:`QUIET_SECONDS`.
        """
        async with work.step("wait for operations under way") as remark:
            until = time.monotonic() + QUIET_SECONDS
            while found := [one for record in records for one in await self._unfinished(record)]:
                remark(", ".join(found[:5]))
                if time.monotonic() > until:
                    raise Conflict(
                        f"Operations are under way: {', '.join(found[:5])}.", "Try again when they have ended."
                    )
                await asyncio.sleep(1.0)
            remark("")

    # The switch

    async def _upgrade_one(self, work: Work, one: Prepared) -> float:
        """Switch one region and see that it answers; back to the old one when it does not."""
        key = one.record.spec.key
        former = self._record(key)
        kept = {"job": work.id, "record": former.told(), "own": asdict(one.own)}
        held = await self._switch(work, former, one.record, one.own, kept)
        try:
            async with work.step("see that it answers"):
                await self._controllers.settled(key)
        except AloftError:
            present = self._record(key)
            await self._switch(work, present, former, one.own, {})
            await self._backups.discard(replace(present, kept={}))
            raise
        return held

    async def _switch(self, work: Work, former: Record, wanted: Record, own: Own, kept: dict[str, Any]) -> float:
        """Have a controller served from another slot, with all that was written; returns for how long writes waited.

        Args:
            work: the job.
            former: what serves.
            wanted: what shall.
            own: what is not carried.
            kept: what is kept of the former for the way back; empty when this is the way back.

        Raises:
            AloftError: it was not possible; then the former goes on, and the other slot is stopped.
        """
        key, source, target = wanted.spec.key, self._slot(former), self._slot(wanted)
        try:
            async with work.step("catch up"):
                carrying = await self._carrying(source, target, own.tables)
                await self._controllers.run_unseen(wanted, (OVN,))
                await self._database.admit(_users(target))
                await self._carry(carrying, source, target)
            async with work.step("switch") as remark:
                begun = await self._hold(former)
                frozen = self._database.frozen({source.schema(name): tables for name, tables in carrying.items()})
                async with asyncio.timeout(HOLD_SECONDS) as limit, frozen:
                    if kept:
                        await self._insist_unchanged(source, own.tables)
                    rows = await self._carry(carrying, source, target)
                    await self._carry_files(source, target)
                    await self._controllers.run_unseen(wanted)
                    limit.reschedule(None)
                    await self._lead_to(wanted, kept)
                    held = time.monotonic() - begun
                    remark(f"{rows} rows carried; writes waited {held:.1f} s")
                    await self._retire(former)
        except BaseException as error:
            if self._record(key).slot != wanted.slot:
                await asyncio.shield(self._stay(key, wanted))
            if isinstance(error, TimeoutError):
                raise PermanentError(
                    f"The switch of {key} took more than {HOLD_SECONDS:.0f} s and was given up; nothing has changed.",
                    "Try again when the machine has less to do.",
                ) from error
            raise
        return held

    async def _lead_to(self, wanted: Record, kept: dict[str, Any]) -> None:
        """Lead the names to the slot, and let go on what waits: from here on it serves."""
        present = self._record(wanted.spec.key)
        spec = present.spec.model_copy(update={"release": wanted.spec.release})
        await self._controllers.lead_to(replace(present, spec=spec, slot=wanted.slot, kept=kept))

    async def _retire(self, former: Record) -> None:
        """Stop what served, once it has answered what it was asked, and let nothing write there any more."""
        slot = self._slot(former)
        await self._edge.settle(slot.number, ANSWER_SECONDS)
        await self._database.bar(_users(slot))
        await self._controllers.stop(former)

    async def _hold(self, former: Record) -> float:
        """Hold requests that write, and let end what was begun; returns when that began (monotonic seconds).

        Raises:
            Conflict: something was being done each time.
        """
        key = former.spec.key
        for _ in range(ATTEMPTS):
            begun = time.monotonic()
            await self._controllers.hold(key, "outside")
            await self._edge.settle(self._slot(former).number, ANSWER_SECONDS)
            await self._controllers.hold(key, "all")
            if not (found := await self._unfinished(former)):
                return begun
            await self._controllers.hold(key, "")
            await asyncio.sleep(1.0)
        raise Conflict(f"Operations are under way: {', '.join(found[:5])}.", "Try again when they have ended.")

    async def _stay(self, key: str, wanted: Record) -> None:
        """Stay with what serves: nothing has changed."""
        await self._controllers.stop(wanted)
        await self._controllers.hold(key, "")

    async def _carrying(self, source: Slot, target: Slot, own: Iterable[str]) -> Carrying:
        """By schema and table, what carries rows from one slot to another, but for tables that are each one's own."""
        left = frozenset(own)
        found: dict[str, dict[str, list[str]]] = {}
        for name in metadata.schemas():
            here, there = await self._tables(source, name), await self._tables(target, name)
            found[name] = {
                table: carry.statements(
                    source.schema(name),
                    target.schema(name),
                    table,
                    carry.without(here[table], carry.STATED.get(f"{name}.{table}", frozenset())),
                    there[table],
                )
                for table in here.keys() & there.keys()
                if f"{name}.{table}" not in left
            }
        return found

    async def _carry(self, carrying: Carrying, source: Slot, target: Slot) -> int:
        """Carry the rows of tables that differ; returns how many changed."""
        here, there = await asyncio.gather(self._sums(source, carrying), self._sums(target, carrying))
        differing = {
            name: [
                one for table in tables if here[f"{name}.{table}"] != there[f"{name}.{table}"] for one in tables[table]
            ]
            for name, tables in carrying.items()
        }
        rows = sum(
            await asyncio.gather(
                *(self._database.change(target.schema(name), each) for name, each in differing.items() if each)
            )
        )
        for service in ALL:
            for schema, own in service.rows(target).items():
                await self._database.execute(target.schema(schema), list(own))
        return rows

    async def _carry_files(self, source: Slot, target: Slot) -> None:
        """Carry keys and OVN's databases."""
        await asyncio.to_thread(metadata.copy_keys, source, target)
        async with self._backups.staging(f"ovn-{target.number}") as folder:
            await metadata.save_ovn(source, folder)
            await metadata.replace_ovn(target, folder)

    async def _insist_unchanged(self, source: Slot, own: Mapping[str, tuple[int, int]]) -> None:
        """Let no row be lost that changed in a table whose rows migrations changed, too."""
        if not own:
            return
        listed: dict[str, list[str]] = {}
        for table in own:
            listed.setdefault(table.partition(".")[0], []).append(table.partition(".")[2])
        now = await self._sums(source, listed)
        if changed := sorted(table for table, (before, _) in own.items() if now[table] != before):
            raise Conflict(
                f"Rows were changed by users and by migrations since the copy was taken: {', '.join(changed)}.",
                "Start the upgrade again: it takes a new copy.",
            )

    async def _losses(self, record: Record, former: Record, own: Own) -> list[str]:
        """What of the present rows the former release has no place for."""
        here, there, lost = self._slot(record), self._slot(former), []
        for name in metadata.schemas():
            shapes = await self._tables(here, name), await self._tables(there, name)
            for table, column in carry.uncarried(*shapes):
                rows = await self._count(here, name, table, column)
                if rows > (0 if column else own.extra.get(f"{name}.{table}", 0)):
                    lost.append(f"{_named(name, table, column)}: {rows} rows")
        now = await self._checksums(here)
        lost += [f"{table}: changed" for table, (_, after) in own.tables.items() if now[table] != after]
        return lost

    # Looking

    def _present(self, customer: str) -> list[Record]:
        """A customer's controllers, the one with Keystone first.

        Raises:
            NotFound: there is none.
        """
        found = [one for one in self._registry.all() if one.spec.customer == customer and one.wanted]
        if not found:
            raise NotFound(f"Customer '{customer}' has no controller on this node.")
        return sorted(found, key=lambda one: not one.spec.identity)

    def _record(self, key: str) -> Record:
        record = self._registry.get(key)
        if record is None:
            raise NotFound(f"There is no controller {key} on this node.")
        return record

    def _slot(self, record: Record) -> Slot:
        return self._pool.slot(record.slot or 0)

    def _specifications(self, customer: str) -> dict[str, Any]:
        told = {one.spec.region: one.spec.model_dump(mode="json") for one in self._present(customer)}
        return {"specifications": told}

    def _insist(self, prepared: list[Prepared]) -> None:
        failed = [check for one in prepared for check in one.checks if check.verdict == "failure"]
        if failed:
            told = "; ".join(f"{check.project}: {check.detail}" for check in failed)
            raise PermanentError(f"Upgrade checks failed. {told}", "Nothing has changed; see `aloft upgrade plan`.")

    async def _unfinished(self, record: Record) -> list[str]:
        slot = self._slot(record)
        found = [await self._database.execute(slot.schema(name), [query]) for name, query in UNFINISHED.items()]
        return [str(row[0]) for rows in found for row in rows]

    async def _tables(self, slot: Slot, name: str) -> dict[str, carry.Table]:
        return carry.tables(await self._database.execute(None, [carry.columns_query(slot.schema(name))]))

    async def _count(self, slot: Slot, name: str, table: str, column: str) -> int:
        rows = await self._database.execute(None, [carry.loss_query(slot.schema(name), table, column)])
        return int(rows[0][0])

    async def _versions(self, slot: Slot) -> dict[str, frozenset[str]]:
        """Up to which migrations each schema is that has any."""
        found: dict[str, frozenset[str]] = {}
        for name in metadata.schemas():
            if "alembic_version" in await self._tables(slot, name):
                query = "SELECT version_num FROM alembic_version"
                rows = await self._database.execute(slot.schema(name), [query])
                found[name] = frozenset(str(row[0]) for row in rows)
        return found

    async def _checksums(self, slot: Slot) -> dict[str, int]:
        """A checksum of each table's rows, by ``schema.table`` without the slot's number."""
        return await self._sums(slot, {name: await self._tables(slot, name) for name in metadata.schemas()})

    async def _sums(self, slot: Slot, listed: Mapping[str, Iterable[str]]) -> dict[str, int]:
        """The same for some tables, by schema."""

        async def one(name: str, tables: list[str]) -> dict[str, int]:
            listing = ", ".join(f"`{table}`" for table in tables)
            rows = await self._database.execute(slot.schema(name), [f"CHECKSUM TABLE {listing}"])
            return {f"{name}.{str(table).partition('.')[2]}": int(checksum) for table, checksum in rows}

        found = await asyncio.gather(*(one(name, list(tables)) for name, tables in listed.items() if tables))
        return {table: checksum for each in found for table, checksum in each.items()}

    async def _remove_unused(self, prepared: list[Prepared]) -> None:
        used = {number for record in self._registry.all() for number in record.slots}
        for one in prepared:
            if one.record.slot not in used:
                await self._controllers.stop(one.record)
                await self._backups.discard(replace(one.record, hosts={}))

    async def _remove_all(self, scratch: str, filled: list[Record]) -> None:
        """Remove a scratch customer, and slots that were filled for it and not registered."""
        await self._backups.remove(scratch)
        used = {number for record in self._registry.all() for number in record.slots}
        for record in filled:
            if record.slot is not None and record.slot not in used:
                await self._backups.discard(record)


def _users(slot: Slot) -> list[str]:
    return [user for user, _ in slots.user_names(slot).values()]


def _named(schema: str, table: str, column: str) -> str:
    return ".".join(part for part in (schema, table, column) if part)
