"""Carrying rows from one copy of a schema to another that may be of another release: by state, not by log.

Both copies lie in one MariaDB, so a table is carried by a few statements that compare rows by primary key and columns
by name: what is not in the source goes, what differs is made the same, what is missing comes. Doing it again changes
nothing, an interrupted carrying is simply done over, and the way back is the same with the two ends exchanged.
Columns and tables that only one end has are left alone; :func:`uncarried` says which of the source's those are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """A table as far as carrying is concerned.

    Args:
        columns: names of those that hold what was written to them (generated ones do not).
        key: those of the primary key; empty when there is none.
    """

    columns: tuple[str, ...]
    key: tuple[str, ...]


Tables = Mapping[str, Table]


STATED: Mapping[str, frozenset[str]] = {
    "nova.services": frozenset({"version"}),
    "cinder.services": frozenset({"rpc_current_version", "object_current_version"}),
}
"""Columns, by ``schema.table``, in which services state what they are themselves: carried with new rows only.

Carried back, they would keep services of an older release from starting (nova.exception.ServiceTooOld).
"""

OWN = frozenset({"nova_api.cell_mappings", "neutron.ovn_hash_ring"})
"""Tables, as ``schema.table``, that speak of the controller itself: where its databases are, which processes it has."""

MARKED = frozenset(
    f"{schema}.{table}"
    for schema in ("nova", "nova_cell0")
    for table in (
        "instances", "instance_extra", "instance_info_caches", "instance_id_mappings", "virtual_interfaces",
    )
)  # fmt: skip
"""Tables in which Nova's migrations of rows note, as a made-up instance, how far they came: carried all the same."""

READ_AT_START = {"nova_api": ("aggregates", "aggregate_hosts", "aggregate_metadata")}
"""Tables, by schema, that services read when they start and then keep: carried later, they would not be noticed."""


def columns_query(schema: str) -> str:
    """A query whose rows :func:`tables` reads; the schemas of OpenStack have no views."""
    return (
        "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_KEY = 'PRI' FROM information_schema.COLUMNS"  # noqa: S608 - a checked name
        f" WHERE TABLE_SCHEMA = '{schema}' AND EXTRA NOT LIKE '%GENERATED%' ORDER BY TABLE_NAME, ORDINAL_POSITION"
    )


def tables(rows: Iterable[Sequence[Any]]) -> dict[str, Table]:
    """The tables of a schema, by name."""
    columns: dict[str, list[str]] = {}
    keys: dict[str, list[str]] = {}
    for table, column, primary in rows:
        columns.setdefault(table, []).append(column)
        if primary:
            keys.setdefault(table, []).append(column)
    return {name: Table(tuple(found), tuple(keys.get(name, ()))) for name, found in columns.items()}


def dependents_query(schema: str) -> str:
    """A query for pairs of tables: one, and one that loses or changes rows by itself when the first does."""
    return (
        "SELECT REFERENCED_TABLE_NAME, TABLE_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS"  # noqa: S608 - a checked name
        f" WHERE CONSTRAINT_SCHEMA = '{schema}'"
        " AND (DELETE_RULE IN ('CASCADE', 'SET NULL') OR UPDATE_RULE IN ('CASCADE', 'SET NULL'))"
    )


def with_dependents(written: Iterable[str], pairs: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Tables that were written, and those whose rows may have changed with theirs: the engine does not log that.

    Args:
        written: what the binary log names.
        pairs: a table, and one that depends on it.
    """
    dependents: dict[str, set[str]] = {}
    for table, dependent in pairs:
        dependents.setdefault(table, set()).add(dependent)
    found: set[str] = set()
    left = set(written)
    while left:
        found |= left
        left = {one for table in left for one in dependents.get(table, ())} - found
    return frozenset(found)


def statements(
    source: str, target: str, name: str, here: Table, there: Table, stated: frozenset[str] = frozenset()
) -> list[str]:
    """What makes a table of ``target`` hold the rows of the one in ``source``.

    None of them asks for more of the source than to read it: it may be frozen (``UPDATE … JOIN`` would wait for the
    right to write to every table that it names).

    Args:
        source: schema that the rows are carried from.
        target: schema that they are carried to.
        name: of the table in both.
        here: the table in the source.
        there: the table in the target.
        stated: columns that rows which are there already keep as they are.
    """
    both = [column for column in here.columns if column in there.columns]
    compared = [column for column in both if column not in stated]
    listed, taken = ", ".join(map(_quote, both)), ", ".join(f"s.{_quote(column)}" for column in both)
    old, new = f"{_quote(source)}.{_quote(name)}", f"{_quote(target)}.{_quote(name)}"
    if not here.key or here.key != there.key:
        return [f"DELETE FROM {new}", f"INSERT INTO {new} ({listed}) SELECT {taken} FROM {old} AS s"]  # noqa: S608
    joined = " AND ".join(f"t.{_quote(column)} = s.{_quote(column)}" for column in here.key)
    # Bytes are compared: by their collation texts that differ in case only would be the same.
    same = " AND ".join(f"BINARY t.{_quote(column)} <=> BINARY s.{_quote(column)}" for column in compared)
    missing = f"{{}}.{_quote(here.key[0])} IS NULL"
    insert = f"INSERT INTO {new} ({listed}) SELECT {taken} FROM {old} AS s"  # noqa: S608
    come = f"{insert} LEFT JOIN {new} AS t ON {joined} WHERE {missing.format('t')}"
    go = f"DELETE t FROM {new} AS t LEFT JOIN {old} AS s ON {joined} WHERE {missing.format('s')}"
    if set(there.columns) <= set(compared):  # nothing of the target's own is lost when a row is made anew
        return [f"{go} OR NOT ({same})", come]
    given = ", ".join(f"{_quote(column)} = VALUES({_quote(column)})" for column in compared)
    change = f"{insert} JOIN {new} AS t ON {joined} WHERE NOT ({same}) ON DUPLICATE KEY UPDATE {given}"
    return [go, change, come]


def uncarried(here: Tables, there: Tables) -> list[tuple[str, str]]:
    """Tables of the source that the target lacks, and columns, as ``(table, column or empty)``."""
    found: list[tuple[str, str]] = []
    for name, table in here.items():
        if name not in there:
            found.append((name, ""))
        else:
            found += [(name, column) for column in table.columns if column not in there[name].columns]
    return found


def count_query(schema: str, table: str) -> str:
    """A query that counts a table's rows."""
    return f"SELECT COUNT(*) FROM {_quote(schema)}.{_quote(table)}"  # noqa: S608 - quoted names


def loss_query(schema: str, table: str, column: str, listed: Sequence[str]) -> str:
    """A query for some columns of the rows that hold something that cannot be carried; all rows without a column."""
    held = f" WHERE {_quote(column)} IS NOT NULL AND NOT ({_quote(column)} <=> DEFAULT({_quote(column)}))"
    wanted = ", ".join(map(_quote, listed))
    return f"SELECT {wanted} FROM {_quote(schema)}.{_quote(table)}" + (held if column else "")  # noqa: S608


def difference_query(source: str, target: str, name: str, here: Table, there: Table) -> str:
    """A query for the rows of a table in ``source`` that are not the same in ``target``; all without a common key."""
    wanted = ", ".join(f"s.{_quote(column)}" for column in here.columns)
    query = f"SELECT {wanted} FROM {_quote(source)}.{_quote(name)} AS s"  # noqa: S608
    if not here.key or here.key != there.key:
        return query
    joined = " AND ".join(f"t.{_quote(column)} = s.{_quote(column)}" for column in here.key)
    both = [column for column in here.columns if column in there.columns]
    same = " AND ".join(f"BINARY t.{_quote(column)} <=> BINARY s.{_quote(column)}" for column in both)
    other = f"t.{_quote(here.key[0])} IS NULL OR NOT ({same})"
    return f"{query} LEFT JOIN {_quote(target)}.{_quote(name)} AS t ON {joined} WHERE {other}"


def _quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
