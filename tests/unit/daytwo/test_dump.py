"""A dump of many schemas becomes a file for each, and a digest for each table."""

import pytest

from aloft.base.errors import PermanentError
from aloft.daytwo.dump import split

HEADER = b"/*!40103 SET TIME_ZONE='+00:00' */;\n"
POSITION = b"-- CHANGE MASTER TO MASTER_LOG_FILE='binlog.000007', MASTER_LOG_POS=4711;\n"


def table(name: str, rows: bytes) -> list[bytes]:
    return [f"CREATE TABLE `{name}` (\n".encode(), b"  `id` int\n", b");\n", rows, b"/*!40101 SET a = @b */;\n"]


def dump(*schemas: tuple[str, list[bytes]], comment: bytes = b"-- SET GLOBAL gtid_slave_pos='0-1-2';\n") -> list[bytes]:
    lines = [HEADER, POSITION]
    for name, body in schemas:
        lines += [f"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `{name}`;\n".encode(), f"USE `{name}`;\n".encode(), *body]
    return [*lines, comment, HEADER]


def test_each_schema_loads_by_itself(tmp_path):
    one, other = tmp_path / "one.sql", tmp_path / "other.sql"
    lines = dump(("s1_a", table("t", b"INSERT INTO `t` VALUES (1);\n")), ("s1_b", table("u", b"INSERT;\n")))
    split(lines, {"s1_a": one, "s1_b": other})
    assert one.read_bytes().startswith(HEADER)
    assert b"`t`" in one.read_bytes() and b"`u`" not in one.read_bytes()
    assert other.read_bytes().startswith(HEADER) and b"INSERT;" in other.read_bytes()
    assert b"USE " not in one.read_bytes() + other.read_bytes()
    assert b"CREATE DATABASE" not in one.read_bytes() + other.read_bytes()
    assert one.stat().st_mode & 0o777 == 0o600


def test_the_place_in_the_binary_log_is_told(tmp_path):
    assert split(dump(("s1_a", [])), {"s1_a": tmp_path / "a"}).log == ("binlog.000007", 4711)


def test_a_digest_is_of_a_table_alone(tmp_path):
    first = dump(("s1_a", table("t", b"INSERT 1;\n") + table("u", b"INSERT 2;\n")))
    second = dump(("s9_a", table("t", b"INSERT 1;\n") + table("u", b"INSERT 3;\n")), comment=b"-- another;\n")
    before = split(first, {"s1_a": tmp_path / "a"}).tables["s1_a"]
    after = split(second, {"s9_a": tmp_path / "b"}).tables["s9_a"]
    assert before["t"] == after["t"]
    assert before["u"] != after["u"]


def test_a_dump_that_broke_off_is_refused(tmp_path):
    with pytest.raises(PermanentError, match="lacks the schema s1_b"):
        split(dump(("s1_a", [])), {"s1_a": tmp_path / "a", "s1_b": tmp_path / "b"})
