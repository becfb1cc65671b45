"""The rows of a controller and of its migrated copy: what differs, what is carried, what would be lost.

Schemas and tables are named here without their slot's number: ``nova.instances`` is ``s4_nova.instances`` of slot 4.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from aloft.base.errors import Conflict
from aloft.controller.context import Slot
from aloft.daytwo import carry, metadata
from aloft.daytwo.lists import UNFINISHED
from aloft.node.database import Database

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


class Copies:
    """Looks at the databases of two slots, and carries rows between them.

    Args:
        database: MariaDB, in which both lie.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def unfinished(self, slot: Slot) -> list[str]:
        """What is being done by services that would have to do it to its end."""
        found = [await self._database.execute(slot.schema(name), [query]) for name, query in UNFINISHED.items()]
        return [str(row[0]) for rows in found for row in rows]

    async def size(self, slot: Slot) -> float:
        """How large a slot's databases are, in MiB."""
        listed = ", ".join(f"'{slot.schema(name)}'" for name in metadata.schemas())
        query = "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema IN"
        return float((await self._database.execute(None, [f"{query} ({listed})"]))[0][0]) / (1 << 20)

    async def versions(self, slot: Slot) -> dict[str, frozenset[str]]:
        """Up to which migrations each schema is that has any."""
        found: dict[str, frozenset[str]] = {}
        for name, tables in (await self.tables(slot)).items():
            if "alembic_version" in tables:
                query = "SELECT version_num FROM alembic_version"
                rows = await self._database.execute(slot.schema(name), [query])
                found[name] = frozenset(str(row[0]) for row in rows)
        return found

    async def checksums(self, slot: Slot) -> dict[str, int]:
        """A checksum of each table's rows, by ``schema.table`` without the slot's number."""
        return await self.sums(slot, await self.tables(slot))

    async def differences(self, source: Slot, target: Slot, before: dict[str, int]) -> tuple[Own, dict[str, list[str]]]:
        """What migrations made of a copy: of its rows, and of its tables and columns."""
        after = await self.checksums(target)
        here, there = await asyncio.gather(self.tables(source), self.tables(target))
        shapes = {name: (here[name], there[name]) for name in here}
        gone = [(name, *one) for name, (here, there) in shapes.items() for one in carry.uncarried(here, there)]
        came = [(name, *one) for name, (here, there) in shapes.items() for one in carry.uncarried(there, here)]
        changed = {f"{name}.{table}" for name, table, column in (*gone, *came) if column}
        tables = {
            table: (before[table], after[table])
            for table in before.keys() & after.keys() - changed - carry.MARKED
            if before[table] != after[table]
        }
        extra = {
            f"{name}.{table}": await self._count(target, name, table) for name, table, column in came if not column
        }
        told = {"came": [named(*one) for one in came], "went": [named(*one) for one in gone]}
        return Own(tables, extra), told

    async def carrying(self, source: Slot, target: Slot, own: Iterable[str]) -> Carrying:
        """By schema and table, what carries rows from one slot to another, but for tables that are each one's own."""
        left = carry.OWN.union(own)
        here, there = await asyncio.gather(self.tables(source), self.tables(target))
        return {
            name: {
                table: carry.statements(
                    source.schema(name),
                    target.schema(name),
                    table,
                    tables[table],
                    there[name][table],
                    carry.STATED.get(f"{name}.{table}", frozenset()),
                )
                for table in tables.keys() & there[name].keys()
                if f"{name}.{table}" not in left
            }
            for name, tables in here.items()
        }

    async def bring_over(self, carrying: Carrying, source: Slot, target: Slot) -> int:
        """Carry the rows of tables that differ; returns how many changed."""
        differing = await self.differing(carrying, source, target)
        changes = {name: [one for each in tables.values() for one in each] for name, tables in differing.items()}
        return sum(
            await asyncio.gather(
                *(self._database.change(target.schema(name), each) for name, each in changes.items() if each)
            )
        )

    async def differing(self, carrying: Carrying, source: Slot, target: Slot) -> Carrying:
        """Of what carries rows, that of the tables that differ."""
        here, there = await asyncio.gather(self.sums(source, carrying), self.sums(target, carrying))
        return only(carrying, frozenset(table for table, checksum in here.items() if checksum != there[table]))

    async def dependents(self, slot: Slot) -> frozenset[tuple[str, str]]:
        """Pairs of tables of which the second's rows go or change by themselves with the first's."""

        async def one(name: str) -> set[tuple[str, str]]:
            rows = await self._database.execute(None, [carry.dependents_query(slot.schema(name))])
            return {(f"{name}.{table}", f"{name}.{dependent}") for table, dependent in rows}

        return frozenset().union(*await asyncio.gather(*map(one, metadata.schemas())))

    async def written(
        self, slots: Iterable[Slot], since: tuple[str, int], dependents: frozenset[tuple[str, str]]
    ) -> frozenset[str]:
        """The tables whose rows may have changed in any of these slots after a place in the binary log."""
        schemas = {slot.schema(name): name for slot in slots for name in metadata.schemas()}
        found = await self._database.written(since)
        named = {f"{schemas[schema]}.{table}" for schema, table in found if schema in schemas}
        return carry.with_dependents(named, dependents)

    async def insist_seen(self, source: Slot, target: Slot) -> None:
        """Let services that run already not miss what they read when they started only."""
        here, there = await asyncio.gather(*(self.sums(slot, carry.READ_AT_START) for slot in (source, target)))
        if changed := sorted(table for table, checksum in here.items() if there[table] != checksum):
            raise Conflict(
                f"Rows were changed that services read at their start only: {', '.join(changed)}.", "Start it again."
            )

    async def insist_unchanged(self, source: Slot, own: Mapping[str, tuple[int, int]]) -> None:
        """Let no row be lost that changed in a table whose rows migrations changed, too."""
        now = await self.sums(source, by_schema(own))
        if changed := sorted(table for table, (before, _) in own.items() if now[table] != before):
            raise Conflict(
                f"Rows were changed by users and by migrations since the copy was taken: {', '.join(changed)}.",
                "Start the upgrade again: it takes a new copy.",
            )

    async def tables(self, slot: Slot) -> dict[str, dict[str, carry.Table]]:
        """The tables of all schemas, by schema."""
        names = metadata.schemas()
        return dict(zip(names, await asyncio.gather(*(self._tables(slot, name) for name in names)), strict=True))

    async def _tables(self, slot: Slot, name: str) -> dict[str, carry.Table]:
        return carry.tables(await self._database.execute(None, [carry.columns_query(slot.schema(name))]))

    async def _count(self, slot: Slot, name: str, table: str) -> int:
        return int((await self._database.execute(None, [carry.count_query(slot.schema(name), table)]))[0][0])

    async def sums(self, slot: Slot, listed: Mapping[str, Iterable[str]]) -> dict[str, int]:
        """A checksum of the rows of some tables, listed by schema."""

        async def one(name: str, tables: list[str]) -> dict[str, int]:
            listing = ", ".join(f"`{table}`" for table in tables)
            rows = await self._database.execute(slot.schema(name), [f"CHECKSUM TABLE {listing}"])
            return {f"{name}.{str(table).partition('.')[2]}": int(checksum) for table, checksum in rows}

        found = await asyncio.gather(*(one(name, list(tables)) for name, tables in listed.items() if tables))
        return {table: checksum for each in found for table, checksum in each.items()}


def only(carrying: Carrying, tables: frozenset[str]) -> Carrying:
    """What carries the rows of some tables."""
    return {
        name: {table: each for table, each in listed.items() if f"{name}.{table}" in tables}
        for name, listed in carrying.items()
    }


def by_schema(tables: Iterable[str]) -> dict[str, list[str]]:
    """Tables that are named ``schema.table``, by their schemas."""
    found: dict[str, list[str]] = {}
    for table in tables:
        found.setdefault(table.partition(".")[0], []).append(table.partition(".")[2])
    return found


def named(schema: str, table: str, column: str) -> str:
    """What people call a table, or a column of it."""
    return ".".join(part for part in (schema, table, column) if part)
