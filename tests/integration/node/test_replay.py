"""A real MariaDB's binary log, replayed into other schemas."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aloft.base.errors import PermanentError
from aloft.base.paths import Paths
from aloft.node import mariadb
from aloft.node.binlog import replay
from aloft.node.database import Database

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

USER = "s7_replay"


class Slots:
    """A node's slots 1 and 7; 1 was a customer's, and 7 is what it is restored into."""

    def __init__(self, paths: Paths, database: Database) -> None:
        self.paths, self.database = paths, database

    async def fresh(self, schema: str) -> None:
        """A schema as a golden database makes it."""
        await self.database.drop_schemas([schema])
        await self.database.create_schemas([schema])
        dump = self.paths.state / "golden.sql"
        dump.write_text("CREATE TABLE instances (id INT PRIMARY KEY);")
        await self.database.load(schema, dump)

    async def begin(self) -> tuple[str, int]:
        """Make slots 1 and 7; the place in the log of a backup of slot 1, in which 1 is written then."""
        for schema in ("s1_nova", "s7_nova"):
            await self.fresh(schema)
        start = await self.database.log_end()
        await self.database.execute("s1_nova", ["INSERT INTO instances VALUES (1)"])
        return start

    async def rows(self, schema: str) -> set[int]:
        return {row[0] for row in await self.database.execute(schema, ["SELECT id FROM instances"])}

    async def bring(self, start: tuple[str, int], until: datetime | None = None) -> None:
        """Bring slot 7 forward by all that the log says of slot 1, up to a moment if one is told."""
        await self.database.execute(None, ["FLUSH BINARY LOGS"])
        logs: list[Path] = sorted(mariadb.data_folder(self.paths).glob("binlog.0*"))[:-1]
        wanted = [path for path in logs if path.name >= start[0]]
        await replay(self.paths, self.database, wanted, start[1], {"s1_nova": "s7_nova"}, USER, until)


@pytest.fixture
def slots(paths: Paths, database: Database) -> Slots:
    return Slots(paths, database)


async def test_a_slot_that_was_given_to_another_is_not_dropped(slots: Slots) -> None:
    start = await slots.begin()
    await slots.fresh("s1_nova")
    await slots.bring(start)
    assert await slots.rows("s7_nova") == {1}
    assert await slots.rows("s1_nova") == set(), "its tables are there still"


async def test_each_moment_is_brought_back_as_it_was(slots: Slots) -> None:
    start = await slots.begin()
    begun = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    for minute in (1, 3, 5):  # as the clock shows it, each in a log of its own
        stamp = int((begun + timedelta(minutes=minute)).timestamp())
        row = f"INSERT INTO instances VALUES ({minute * 10})"
        await slots.database.execute("s1_nova", [f"SET timestamp = {stamp}", row])
        await slots.database.execute(None, ["FLUSH BINARY LOGS"])
    for minute, rows in ((0, {1}), (1, {1}), (2, {1, 10}), (3, {1, 10}), (4, {1, 10, 30}), (6, {1, 10, 30, 50})):
        await slots.fresh("s7_nova")
        await slots.bring(start, begun + timedelta(minutes=minute))
        assert await slots.rows("s7_nova") == rows


@pytest.mark.parametrize("statement", ["DROP DATABASE s1_nova", "DROP TABLE s2_nova.instances"])
async def test_nothing_else_can_be_changed_by_a_replay(slots: Slots, statement: str) -> None:
    start = await slots.begin()
    await slots.fresh("s2_nova")
    await slots.database.execute("s1_nova", [statement])  # logged, as a service's own statements are
    for schema in ("s1_nova", "s2_nova"):
        await slots.fresh(schema)
    with pytest.raises(PermanentError, match="denied"):
        await slots.bring(start)
    assert await slots.rows("s1_nova") == await slots.rows("s2_nova") == set()
    found = await slots.database.execute("mysql", [f"SELECT User FROM global_priv WHERE User = '{USER}'"])
    assert found == (), "who replays can log in only meanwhile"
