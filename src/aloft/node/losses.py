"""What the way back from an upgrade cannot carry, row by row: rows that the former release has no place for.

They are looked for while nobody can write, so that none is missing, and kept in a file that only root reads.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aloft.base import files
from aloft.controller.context import Slot
from aloft.daytwo import carry
from aloft.node.copies import Copies, Own, by_schema, named
from aloft.node.database import Database

NO_TABLE = "the former release has no such table"
NO_COLUMN = "the former release has no such column"
CHANGED = "migrations changed this table and it was written since: rows that are not so in the former one"


@dataclass(frozen=True)
class Loss:
    """Rows that cannot be carried back.

    Args:
        what: ``schema.table``, or ``schema.table.column``.
        why: what keeps them from being carried.
        rows: each by its columns; of a column that is lost the primary key and the column, else all columns.
    """

    what: str
    why: str
    rows: Sequence[dict[str, Any]]

    def __str__(self) -> str:
        """What it is and how many rows, for a person."""
        return f"{self.what}: {len(self.rows)} rows"


class Losses:
    """Looks for them.

    Args:
        database: MariaDB, in which both controllers' schemas lie.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._copies = Copies(database)

    async def find(self, here: Slot, there: Slot, own: Own) -> list[Loss]:
        """What of the present rows the former release has no place for.

        Args:
            here: what serves.
            there: what served before.
            own: where the two differ by migration.
        """
        lost: list[Loss] = []
        present, former = await asyncio.gather(self._copies.tables(here), self._copies.tables(there))
        for name, tables in present.items():
            for table, column in carry.uncarried(tables, former[name]):
                rows = await self._rows(here, name, table, tables[table], column)
                if len(rows) > (0 if column else own.extra.get(f"{name}.{table}", 0)):
                    lost.append(Loss(named(name, table, column), NO_COLUMN if column else NO_TABLE, rows))
        now = await self._copies.sums(here, by_schema(own.tables))
        for full, (_, after) in own.tables.items():
            if now[full] != after:
                name, _, table = full.partition(".")
                shapes = present[name][table], former[name][table]
                query = carry.difference_query(here.schema(name), there.schema(name), table, *shapes)
                lost.append(Loss(full, CHANGED, await self._listed(query, shapes[0].columns)))
        return lost

    async def _rows(self, slot: Slot, name: str, table: str, shape: carry.Table, column: str) -> list[dict[str, Any]]:
        columns = (*shape.key, column) if column and shape.key else shape.columns
        return await self._listed(carry.loss_query(slot.schema(name), table, column, columns), columns)

    async def _listed(self, query: str, columns: Sequence[str]) -> list[dict[str, Any]]:
        return [dict(zip(columns, row, strict=True)) for row in await self._database.execute(None, [query])]


def keep(file: Path, lost: Sequence[Loss]) -> None:
    """Write down what a controller loses; only root may read it, as rows may hold secrets.

    Raises:
        PermanentError: it cannot be written.
    """
    for folder in (file.parent.parent, file.parent):
        files.folder(folder, mode=0o700)
    files.write(file, json.dumps([asdict(one) for one in lost], indent=1, default=_plain), mode=0o600)


def _plain(value: object) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
