"""A customer's records as JSON, table by table, and back: what a backup holds of the plane.

Which rows are a customer's follows from the tables themselves: those that name it in a column ``customer``, the
customer itself, and all that refer to such rows by foreign keys. So a table that is added later is part of it.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Column, Table, insert, select
from sqlalchemy.orm import Session

from aloft.plane.operations import OPEN_STATES
from aloft.plane.records.tables import Base, Json, OperationRow, Region, Utc

ROOT = "customer"
_OPERATIONS = OperationRow.__tablename__


def export(session: Session, customer: str, trails: bool = True) -> Json:
    """All rows of a customer by table; points in time are texts. Operations that have not ended are left out.

    Args:
        session: the transaction.
        customer: whose.
        trails: whether tables that only ever grow, whose rows the database counts, are part of it.
    """
    rows: dict[str, list[Json]] = {}
    for table in Base.metadata.sorted_tables:
        condition = _belongs(table, customer, rows)
        if condition is None or (_numbered(table) and not trails):
            continue
        found = [_told(table, row) for row in session.execute(select(table).where(condition)).mappings()]
        if table.name == _OPERATIONS:
            found = [row for row in found if row["state"] not in OPEN_STATES]
        rows[table.name] = found
    return rows


def load(session: Session, rows: Json, node: str) -> None:
    """Bring rows back that are not there any more; those that are there stay as they are.

    Of a region that is there nothing is brought back: what was removed of it since (a host, a host token) was removed
    on purpose.

    Args:
        session: the transaction.
        rows: as :func:`export` gives them.
        node: id of the node that the regions live on now.
    """
    regions = frozenset(session.scalars(select(Region.id)))
    for table in Base.metadata.sorted_tables:
        for row in rows.get(table.name, ()):
            values = _values(table, row)
            if any(values[column.name] in regions for column in _columns_to(table, Region.__tablename__)):
                continue
            for column in _columns_to(table, "node"):
                values[column.name] = node
            if _numbered(table):
                values.pop("id")
            elif session.execute(select(table).where(_identity(table, values))).first() is not None:
                continue
            session.execute(insert(table).values(values))
    session.flush()
    session.expire_all()


def _belongs(table: Table, customer: str, rows: dict[str, list[Json]]) -> Any:
    """The condition that a row of a table is the customer's; ``None`` when none can be."""
    if table.name == ROOT:
        return table.c.name == customer
    if "customer" in table.c:
        return table.c.customer == customer
    for key in table.foreign_keys:
        if key.column.table.name in rows:
            known = [row[key.column.name] for row in rows[key.column.table.name]]
            return key.parent.in_(known)
    return None


def _columns_to(table: Table, other: str) -> list[Column[Any]]:
    return [key.parent for key in table.foreign_keys if key.column.table.name == other]


def _identity(table: Table, values: Json) -> Any:
    condition = None
    for column in table.primary_key.columns:
        part = column == values[column.name]
        condition = part if condition is None else condition & part
    return condition


def _numbered(table: Table) -> bool:
    """Whether the database counts the rows, so that their numbers mean nothing elsewhere."""
    return table.autoincrement_column is not None


def _told(table: Table, row: Any) -> Json:
    return {
        column.name: value.isoformat() if isinstance(value := row[column.name], datetime) else value
        for column in table.columns
    }


def _values(table: Table, row: Json) -> Json:
    """The values of a row, points in time as such; columns that are not known any more are left out."""
    return {
        column.name: datetime.fromisoformat(row[column.name])
        if row[column.name] is not None and isinstance(column.type, Utc)
        else row[column.name]
        for column in table.columns
        if column.name in row
    }
