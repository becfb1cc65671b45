"""A real MariaDB's binary log, replayed: whose changes, and up to which moment."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aloft.base.errors import InvalidInput, NotFound, PermanentError
from aloft.base.paths import Paths
from aloft.node import mariadb
from aloft.node.database import Database
from aloft.node.replay import Shipment, reach, replay
from aloft.node.tenures import Place, Tenures, place

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

TEN = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
KEY, SLOTS, USER = "acme/dc1", {"acme/dc1": 1}, "s7_replay"


class Slots:
    """A node's slots 1 and 7; 1 is a customer's, and 7 is what it is restored into."""

    def __init__(self, paths: Paths, database: Database) -> None:
        self.paths, self.database = paths, database
        self.tenures = Tenures(paths.state / "tenures.json", lambda: mariadb.log_end(paths))

    async def make(self) -> Place:
        """Make it, empty, and have the customer be in slot 1; the place of a backup that is taken then."""
        await self.fresh("s1_nova")
        self.tenures.follow({KEY: 1})
        return place(*await self.database.log_end())

    async def fresh(self, schema: str) -> None:
        """A schema as a golden database makes it: nothing of that is logged."""
        await self.database.drop_schemas([schema])
        await self.database.create_schemas([schema])
        dump = self.paths.state / "golden.sql"
        dump.write_text("CREATE TABLE instances (id INT PRIMARY KEY);")
        await self.database.load(schema, dump)

    async def write(self, number: int, moment: datetime | None = None) -> None:
        """The one in slot 1 writes a row, as the clock shows this moment."""
        clock = [f"SET timestamp = {int(moment.timestamp())}"] if moment else []
        await self.database.execute("s1_nova", [*clock, f"INSERT INTO instances VALUES ({number})"])

    async def rows(self, schema: str) -> set[int]:
        return {row[0] for row in await self.database.execute(schema, ["SELECT id FROM instances"])}

    async def shipment(self, until: datetime) -> Shipment:
        await self.database.execute(None, ["FLUSH BINARY LOGS"])
        logs = sorted(mariadb.data_folder(self.paths).glob("binlog.0*"))[:-1]
        return Shipment(tuple(logs), until, self.tenures.all())

    async def bring(self, start: Place, until: datetime | None, end: datetime) -> tuple[set[int], datetime]:
        """What slot 7 has once it is brought forward, and the moment that this is told to be."""
        await self.fresh("s7_nova")
        shipment = await self.shipment(end)
        found = reach(shipment, SLOTS, start, until)
        logs = [path for path in shipment.files if place(path.name, 0)[0] >= start[0]]
        await replay(self.paths, self.database, logs, start, found.stop, {"s1_nova": "s7_nova"}, USER)
        return await self.rows("s7_nova"), found.moment


@pytest.fixture
def slots(paths: Paths, database: Database) -> Slots:
    return Slots(paths, database)


async def test_who_has_the_slot_afterwards_is_neither_dropped_nor_read(slots: Slots) -> None:
    start = await slots.make()
    await slots.write(1)
    slots.tenures.follow({KEY: 7})  # it was restored there
    await slots.fresh("s1_nova")  # and its slot is the next customer's
    slots.tenures.follow({KEY: 7, "bolt/dc1": 1})
    await slots.write(2)
    rows, _ = await slots.bring(start, None, datetime.now(UTC))
    assert rows == {1}, "another customer's rows are there"
    assert await slots.rows("s1_nova") == {2}
    with pytest.raises(NotFound, match="does not tell"):
        reach(await slots.shipment(datetime.now(UTC)), SLOTS, place(*await slots.database.log_end()), None)


@pytest.mark.parametrize("statement", ["DROP DATABASE s1_nova", "DROP TABLE s2_nova.instances"])
async def test_nothing_else_can_be_changed_by_a_replay(slots: Slots, statement: str) -> None:
    start = await slots.make()
    await slots.fresh("s2_nova")
    await slots.write(1)
    await slots.database.execute("s1_nova", [statement])  # logged, as a service's own statements are
    for schema in ("s1_nova", "s2_nova"):
        await slots.fresh(schema)
    await slots.write(2)
    with pytest.raises(PermanentError, match="denied"):
        await slots.bring(start, None, datetime.now(UTC))
    assert await slots.rows("s1_nova") == {2} and await slots.rows("s2_nova") == set()


async def test_who_replays_may_log_in_only_meanwhile(slots: Slots) -> None:
    start = await slots.make()
    await slots.write(1)
    await slots.bring(start, None, datetime.now(UTC))
    found = await slots.database.execute("mysql", [f"SELECT User FROM global_priv WHERE User = '{USER}'"])
    assert found == ()


def minutes(*told: int) -> list[datetime]:
    return [TEN + timedelta(minutes=one) for one in told]


async def begun(slots: Slots, *clock: int) -> Place:
    """The customer writes 1, 2, 3… at these minutes of the clock; a new log begins after each."""
    start = await slots.make()
    for number, moment in enumerate(minutes(*clock), 1):
        await slots.write(number, moment)
        await slots.database.execute(None, ["FLUSH BINARY LOGS"])
    return start


async def test_each_moment_is_brought_back_as_it_was(slots: Slots) -> None:
    start = await begun(slots, 1, 3, 5)
    for minute, rows in ((0, set()), (1, set()), (2, {1}), (3, {1}), (4, {1, 2}), (6, {1, 2, 3})):
        [until] = minutes(minute)
        assert await slots.bring(start, until, TEN + timedelta(minutes=7)) == (rows, until)


async def test_what_followed_a_clock_that_was_ahead_is_not_left_out(slots: Slots) -> None:
    start = await begun(slots, 1, 60, 3, 5)
    for minute, rows in ((1, set()), (2, {1}), (4, {1, 2, 3}), (6, {1, 2, 3, 4}), (59, {1, 2, 3, 4})):
        [until] = minutes(minute)
        assert await slots.bring(start, until, TEN + timedelta(minutes=120)) == (rows, until)


async def test_what_the_log_does_not_reach_is_refused(slots: Slots) -> None:
    start = await begun(slots, 1, 3)
    last = TEN + timedelta(minutes=4)
    with pytest.raises(InvalidInput, match="nothing later than 2026-11-20 10:04:00"):
        await slots.bring(start, last + timedelta(seconds=1), last)
    assert await slots.bring(start, last, last) == ({1, 2}, last)


async def test_a_moment_after_a_move_is_refused_and_the_last_one_before_it_told(slots: Slots) -> None:
    start = await slots.make()
    await slots.write(1)
    before = datetime.now(UTC)
    slots.tenures.follow({KEY: 8})  # it was upgraded
    moved = slots.tenures.all()[0].ended
    await slots.write(2)  # what still runs in its former slot is not its own any more
    after = before + timedelta(hours=1)
    with pytest.raises(InvalidInput, match="got other databases then"):
        await slots.bring(start, after, after)
    assert await slots.bring(start, None, after) == ({1}, moved)


async def test_a_moment_before_a_rebuild_is_reached_and_none_after_it(slots: Slots) -> None:
    start = await slots.make()
    await slots.write(1)
    slots.tenures.begin_anew(KEY)
    await slots.fresh("s1_nova")
    await slots.write(2)
    end = datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(InvalidInput, match="got other databases then"):
        await slots.bring(start, end, end)
    assert (await slots.bring(start, None, end))[0] == {1}


def test_a_damaged_log_is_told(tmp_path: Path) -> None:
    log = tmp_path / "binlog.000001"
    log.write_bytes(b"\xfebin" + bytes(64))
    tenures = Tenures(tmp_path / "tenures.json", lambda: (1, 4))
    tenures.follow(SLOTS)
    with pytest.raises(PermanentError, match="is damaged at 4"):
        reach(Shipment((log,), TEN, tenures.all()), SLOTS, (1, 4), TEN)
