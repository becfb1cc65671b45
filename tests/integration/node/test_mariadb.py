"""A real MariaDB: made once, users walled off from each other, nothing committed is lost."""

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pymysql
import pytest

from aloft.base.errors import Conflict, NotFound, PermanentError
from aloft.base.paths import Paths
from aloft.controller.context import Slot
from aloft.daytwo import carry, metadata
from aloft.node import mariadb
from aloft.node.copies import Copies, Own
from aloft.node.database import Database
from aloft.node.losses import Losses, keep

from .conftest import SMALL

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def as_user(paths: Paths, name: str, password: str, schema: str | None = None) -> Any:
    return pymysql.connect(
        unix_socket=str(paths.database_socket), user=name, password=password, database=schema, autocommit=True
    )


def can_log_in(paths: Paths, name: str, password: str, schema: str | None = None) -> bool:
    connection = pymysql.Connection(
        unix_socket=str(paths.database_socket), user=name, password=password, database=schema, defer_connect=True
    )
    try:
        connection.connect()
    except pymysql.MySQLError:
        return False
    finally:
        connection._force_close()
    return True


async def test_a_user_sees_its_own_schemas_only(paths: Paths, database: Database) -> None:
    await database.create_schemas(["s1_nova", "s1_glance", "s2_nova", "s11nova"])
    await database.execute("s2_nova", ["CREATE TABLE secret (id INT)"])
    await database.ensure_user("s1_nova", "it's one", ["s1_nova"])
    with closing(as_user(paths, "s1_nova", "it's one")) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW DATABASES")
        assert {row[0] for row in cursor.fetchall()} == {"information_schema", "s1_nova"}
        cursor.execute("CREATE TABLE s1_nova.mine (id INT)")
        for statement in (
            "SELECT * FROM s2_nova.secret",
            "SELECT * FROM mysql.global_priv",
            "CREATE TABLE s1_glance.t (id INT)",
            "CREATE TABLE s11nova.t (id INT)",  # an underscore in a grant stands for any character
            "CREATE DATABASE s3_nova",
            "GRANT ALL ON s1_nova.* TO s1_nova@localhost",
            "SELECT LOAD_FILE('/etc/passwd') INTO OUTFILE '/tmp/aloft-out'",
        ):
            with pytest.raises(pymysql.MySQLError):
                cursor.execute(statement)
    for name, password in (("s1_nova", "wrong"), ("s1_nova", ""), ("mysql", ""), ("nobody", "")):
        assert not can_log_in(paths, name, password, "s1_nova")


async def test_users_are_brought_to_what_is_asked(paths: Paths, database: Database) -> None:
    await database.create_schemas(["s1_nova", "s1_glance"])
    for schemas in (["s1_nova", "s1_glance"], ["s1_glance"], ["s1_glance"]):
        await database.ensure_user("s1_nova", "first", schemas)
    await database.ensure_user("s1_nova", "second", ["s1_glance"])
    assert not can_log_in(paths, "s1_nova", "first")
    assert not can_log_in(paths, "s1_nova", "second", "s1_nova")
    connection = as_user(paths, "s1_nova", "second", "s1_glance")
    await database.drop_user("s1_nova")
    await database.drop_user("s1_nova")
    with pytest.raises(pymysql.MySQLError):
        connection.cursor().execute("SELECT 1")
    connection._force_close()
    assert not can_log_in(paths, "s1_nova", "second")


async def test_one_user_cannot_take_all_connections(paths: Paths, database: Database) -> None:
    await database.create_schemas(["s1_nova"])
    await database.ensure_user("s1_nova", "pw", ["s1_nova"], connections=2)
    held = [as_user(paths, "s1_nova", "pw") for _ in range(2)]
    assert not can_log_in(paths, "s1_nova", "pw")
    for connection in held:
        connection.close()


async def test_a_clone_equals_what_was_dumped(paths: Paths, database: Database) -> None:
    await database.create_schemas(["golden", "copy_a", "copy_b"])
    await database.execute(
        "golden",
        [
            "CREATE TABLE parent (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20) CHARACTER SET utf8mb3, b BLOB)",
            "CREATE TABLE child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES parent (id))",
            "INSERT INTO parent VALUES (1, 'semi;colon', x'00ff'), (2, 'quote\\'s', NULL)",
            "INSERT INTO child VALUES (7, 2)",
        ],
    )
    dump = paths.root / "golden.sql"
    await database.dump_schema("golden", dump)
    await database.load_many({"copy_a": dump, "copy_b": dump})
    for copy in ("copy_a", "copy_b"):
        again = paths.root / f"{copy}.sql"
        await database.dump_schema(copy, again)
        assert again.read_text() == dump.read_text()
    assert dump.stat().st_mode & 0o077 == 0


async def test_failures_are_told(paths: Paths, database: Database) -> None:
    with pytest.raises(NotFound):
        await database.execute("missing", ["SELECT 1"])
    await database.create_schemas(["broken"])
    bad = paths.root / "bad.sql"
    bad.write_text("CREATE TABLE a (id INT);\nCREATE TABEL b (id INT);\n")
    with pytest.raises(PermanentError):
        await database.load("broken", bad)
    with pytest.raises(PermanentError):
        await database.dump_schema("missing", paths.root / "none.sql")
    assert not (paths.root / "none.sql").exists()


async def test_nothing_committed_is_lost_by_kill_9(paths: Paths, server: Any, database: Database) -> None:
    await database.create_schemas(["s1_nova"])
    await database.ensure_user("s1_nova", "pw", ["s1_nova"])
    await database.execute("s1_nova", ["CREATE TABLE t (id INT)", "INSERT INTO t VALUES (1), (2)"])
    server.stop(9)
    server.start()
    await server.ready(database.ping)
    with closing(as_user(paths, "s1_nova", "pw", "s1_nova")) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM t")
        assert cursor.fetchone() == (2,)
    await database.drop_schemas(["s1_nova"])
    assert not await database.schema_exists("s1_nova")


async def test_half_made_data_is_made_anew(paths: Paths, daemon: Callable[..., Any]) -> None:
    attempt = paths.state / "mariadb.new"
    attempt.mkdir(parents=True)
    (attempt / "ibdata1").write_bytes(b"cut short")
    server = daemon(mariadb.process(paths, SMALL), lambda: mariadb.initialise(paths, SMALL))
    server.start()
    await server.ready(Database(paths).ping)
    assert not attempt.exists()
    assert server.stop() == 0


def test_the_data_is_closed_to_others(paths: Paths) -> None:
    mariadb.initialise(paths, SMALL)
    assert Path(mariadb.data_folder(paths)).stat().st_mode & 0o077 == 0
    before = mariadb.data_folder(paths).stat().st_ino
    mariadb.initialise(paths, SMALL)
    assert mariadb.data_folder(paths).stat().st_ino == before


CARRIED = "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20) UNIQUE{more})"


async def carried(database: Database, source: str, target: str) -> int:
    """Carry the rows of ``t`` from one schema to another; how many changed."""
    shapes = [carry.tables(await database.execute(None, [carry.columns_query(name)])) for name in (source, target)]
    return await database.change(target, carry.statements(source, target, "t", shapes[0]["t"], shapes[1]["t"]))


@pytest.mark.parametrize("more", ["", ", fresh INT DEFAULT 7"])
async def test_rows_are_carried_there_and_back(database: Database, more: str) -> None:
    await database.create_schemas(["s1_nova", "s2_nova"])
    await database.execute("s1_nova", [CARRIED.format(more=""), "INSERT INTO t VALUES (1,'a'),(2,'b'),(3,'C')"])
    await database.execute("s2_nova", [CARRIED.format(more=more)])
    await database.execute("s2_nova", ["INSERT INTO t (id, name) VALUES (1,'a'),(3,'c'),(4,'gone'),(5,'b')"])
    async with database.frozen({"s1_nova": ["t"]}):
        assert await carried(database, "s1_nova", "s2_nova") > 0
    there = await database.execute("s2_nova", ["SELECT id, name FROM t ORDER BY id"])
    assert there == ((1, "a"), (2, "b"), (3, "C"))
    assert await carried(database, "s1_nova", "s2_nova") == 0, "the second time there is nothing to do"
    await database.execute("s2_nova", ["INSERT INTO t (id, name) VALUES (6,'later')", "DELETE FROM t WHERE id = 1"])
    await carried(database, "s2_nova", "s1_nova")
    assert await database.execute("s1_nova", ["SELECT id FROM t ORDER BY id"]) == ((2,), (3,), (6,))


async def somebody_waits(database: Database) -> None:
    """Wait until a transaction waits for another."""
    async with asyncio.timeout(30):
        while (await database.execute(None, ["SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"]))[0][1] == "0":
            pass


async def test_a_change_that_stands_in_anothers_way_is_made_after_it(paths: Paths, database: Database) -> None:
    await database.create_schemas(["s1_nova"])
    await database.ensure_user("s1_nova", "one", ["s1_nova"])
    await database.execute("s1_nova", ["CREATE TABLE t (id INT PRIMARY KEY, n INT)"])
    await database.execute("s1_nova", ["INSERT INTO t SELECT seq, 0 FROM seq_1_to_50"])
    add = "UPDATE t SET n = n + {} WHERE id {}"
    with closing(as_user(paths, "s1_nova", "one", "s1_nova")) as other, other.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute(add.format(1, "< 40"))  # it has done more: the other one is let go
        steps = [add.format(10, "= 50"), add.format(10, "= 1")]
        changing = asyncio.create_task(database.change("s1_nova", steps))
        await somebody_waits(database)
        await asyncio.to_thread(cursor.execute, add.format(1, "= 50"))
        cursor.execute("COMMIT")
        assert await changing == 2
    assert await database.execute("s1_nova", ["SELECT n FROM t WHERE id IN (1, 50)"]) == ((11,), (11,))


async def test_a_switch_is_given_up_when_what_services_read_at_their_start_has_changed(
    paths: Paths, database: Database
) -> None:
    here, there = Slot(1, paths), Slot(2, paths)
    for slot in (here, there):
        await database.create_schemas([slot.schema("nova_api")])
        tables = [f"CREATE TABLE {name} (id INT PRIMARY KEY)" for name in carry.READ_AT_START["nova_api"]]
        await database.execute(slot.schema("nova_api"), tables)
    copies = Copies(database)
    await copies.insist_seen(here, there)
    await database.execute(here.schema("nova_api"), ["INSERT INTO aggregate_hosts VALUES (1)"])
    with pytest.raises(Conflict, match="aggregate_hosts"):
        await copies.insist_seen(here, there)


async def test_what_migrations_note_of_themselves_keeps_no_rows_from_being_carried(
    paths: Paths, database: Database
) -> None:
    here, there, copies = Slot(1, paths), Slot(2, paths), Copies(database)
    for slot in (here, there):
        await database.create_schemas([slot.schema("nova")])
        await database.execute(
            slot.schema("nova"), [f"CREATE TABLE {name} (id INT PRIMARY KEY)" for name in ("instances", "quotas")]
        )
    before = await copies.checksums(there)
    await database.execute(there.schema("nova"), ["INSERT INTO instances VALUES (1)", "INSERT INTO quotas VALUES (1)"])
    own, _ = await copies.differences(here, there, before)
    assert set(own.tables) == {"nova.quotas"}
    assert {"nova.instances"} == {f"nova.{table}" for table in (await copies.carrying(here, there, own.tables))["nova"]}


async def test_what_the_way_back_cannot_carry_is_listed_row_by_row(
    paths: Paths, database: Database, tmp_path: Path
) -> None:
    here, there = Slot(1, paths), Slot(2, paths)
    for slot in (here, there):
        await database.create_schemas([slot.schema(name) for name in metadata.schemas()])
        await database.execute(slot.schema("nova"), ["CREATE TABLE quotas (id INT PRIMARY KEY, name VARCHAR(20))"])
        await database.execute(slot.schema("nova"), ["INSERT INTO quotas VALUES (1, 'same'), (2, 'of before')"])
    nova = here.schema("nova")
    await database.execute(
        nova, ["CREATE TABLE fresh (id INT PRIMARY KEY, raw BLOB)", "INSERT INTO fresh VALUES (7, 'x')"]
    )
    await database.execute(nova, ["ALTER TABLE quotas ADD COLUMN share INT"])
    after = (await Copies(database).checksums(here))["nova.quotas"]
    losses = Losses(database)
    assert await losses.find(here, there, Own({"nova.quotas": (0, after)}, {"nova.fresh": 1})) == []
    await database.execute(nova, ["UPDATE quotas SET name = 'of now', share = 5 WHERE id = 2"])
    await database.execute(nova, ["INSERT INTO fresh VALUES (8, x'00ff')"])
    found = await losses.find(here, there, Own({"nova.quotas": (0, after)}, {"nova.fresh": 1}))
    assert {one.what: list(one.rows) for one in found} == {
        "nova.fresh": [{"id": 7, "raw": b"x"}, {"id": 8, "raw": b"\x00\xff"}],
        "nova.quotas.share": [{"id": 2, "share": 5}],
        "nova.quotas": [{"id": 2, "name": "of now", "share": 5}],
    }
    keep(tmp_path / "lost/job/dc1.json", found)
    told = json.loads((tmp_path / "lost/job/dc1.json").read_text())
    assert [row["id"] for one in told for row in one["rows"] if one["what"] == "nova.fresh"] == [7, 8]


async def test_what_was_written_since_a_moment_is_known(database: Database) -> None:
    await database.create_schemas(["s1_nova"])
    await database.execute("s1_nova", [f"CREATE TABLE {name} (id INT PRIMARY KEY)" for name in ("a", "b", "c", "d")])
    await database.execute("s1_nova", ["INSERT INTO a VALUES (1)"])
    since = await database.log_end()
    assert await database.written(since) == frozenset()
    await database.execute("s1_nova", ["INSERT INTO b VALUES (1)"])
    await database.execute(None, ["FLUSH BINARY LOGS"])
    await database.execute("s1_nova", ["INSERT INTO c VALUES (1)", "DELETE FROM c"])
    await database.change("s1_nova", ["INSERT INTO d VALUES (1)"])  # as a copy is changed: that is known already
    assert await database.written(since) == {("s1_nova", "b"), ("s1_nova", "c")}


async def test_rows_of_some_tables_take_the_place_of_others(paths: Paths, database: Database, tmp_path: Path) -> None:
    here, there = "s1_nova", "s2_nova"
    for schema in (here, there):
        await database.create_schemas([schema])
        parent = "CREATE TABLE parent (id INT PRIMARY KEY, name VARCHAR(20), twice INT AS (id * 2) VIRTUAL)"
        child = "CREATE TABLE child (id INT PRIMARY KEY, of INT REFERENCES parent (id) ON DELETE CASCADE, raw BLOB)"
        await database.execute(schema, [parent, child, "CREATE TABLE own (id INT PRIMARY KEY)"])
    await database.execute(here, ["INSERT INTO parent (id, name) VALUES (0, 'ä\\'`;'), (2, NULL)"])
    await database.execute(here, ["INSERT INTO child VALUES (1, 2, x'00ff0a27')", "INSERT INTO own VALUES (1)"])
    await database.execute(there, ["INSERT INTO parent (id, name) VALUES (2, 'former'), (3, 'gone')"])
    await database.execute(there, ["INSERT INTO child VALUES (7, 3, NULL)", "INSERT INTO own VALUES (9)"])
    async with database.frozen({here: ["parent", "child", "own"]}):
        await database.dump_rows(here, ["parent", "child"], tmp_path / "nova.sql")
    await database.load_many({there: tmp_path / "nova.sql"})
    for table in ("parent", "child"):
        query = [f"SELECT * FROM {table} ORDER BY id"]
        assert await database.execute(there, query) == await database.execute(here, query) != ()
    assert await database.execute(there, ["SELECT * FROM own"]) == ((9,),)


async def test_a_frozen_schema_is_read_and_not_written(paths: Paths, database: Database) -> None:
    await database.create_schemas(["s1_nova"])
    await database.ensure_user("s1_nova", "one", ["s1_nova"])
    await database.execute("s1_nova", ["CREATE TABLE t (id INT)"])
    with closing(as_user(paths, "s1_nova", "one", "s1_nova")) as connection, connection.cursor() as cursor:
        cursor.execute("SET lock_wait_timeout = 1")
        async with database.frozen({"s1_nova": ["t"]}):
            cursor.execute("SELECT COUNT(*) FROM t")
            with pytest.raises(pymysql.OperationalError, match="Lock wait timeout"):
                cursor.execute("INSERT INTO t VALUES (1)")
        assert cursor.execute("INSERT INTO t VALUES (1)") == 1


async def test_a_barred_user_is_out_until_it_is_admitted(paths: Paths, database: Database) -> None:
    await database.create_schemas(["s1_nova"])
    await database.ensure_user("s1_nova", "one", ["s1_nova"])
    await database.bar(["s1_nova"])
    assert not can_log_in(paths, "s1_nova", "one")
    await database.admit(["s1_nova"])
    assert can_log_in(paths, "s1_nova", "one")
