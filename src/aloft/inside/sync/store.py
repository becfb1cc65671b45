"""What the sync service keeps in its own schema. There is one writer: the service itself."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.mysql import insert

from aloft.inside.sync.schema import KNOWN, POLICY, THINGS, TRAIL
from aloft.sync.policy import Exclusion, Policy, Rule, Settings
from aloft.sync.records import Entry, Known

Rows = list[dict[str, Any]]

_PRUNED = 10_000
"""Entries of the trail that are forgotten at once: more would hold up what is to be written meanwhile."""


class Store:
    """The service's schema.

    Args:
        url: SQLAlchemy's, of the schema.
    """

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, pool_size=2, max_overflow=4, pool_recycle=1800, pool_pre_ping=True)

    def known(self) -> dict[str, Known]:
        """All that is remembered, by uuid."""
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(KNOWN)).mappings()
            return {row["uuid"]: Known(**{**row, "base": json.loads(row["base"])}) for row in rows}

    def remember(self, changes: Mapping[str, Known | None], entries: Iterable[Entry]) -> None:
        """Keep what has changed (``None`` is to forget) and write the trail, both or neither."""
        kept = [_row(known) for known in changes.values() if known is not None]
        gone = [uuid for uuid, known in changes.items() if known is None]
        lines = [_line(entry) for entry in entries]
        with self._engine.begin() as connection:
            if kept:
                statement = insert(KNOWN)
                values = {column.name: statement.inserted[column.name] for column in KNOWN.columns}
                connection.execute(statement.on_duplicate_key_update(values), kept)
            if gone:
                connection.execute(sa.delete(KNOWN).where(KNOWN.c.uuid.in_(gone)))
            if lines:
                connection.execute(sa.insert(TRAIL), lines)

    def trail(self, limit: int, before: int | None = None, **wanted: str | float | None) -> Rows:
        """Entries of the trail, newest first.

        Args:
            limit: most entries.
            before: only those with a smaller number.
            wanted: values that columns must have; ``since`` is the earliest time.
        """
        query = sa.select(TRAIL).order_by(TRAIL.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(TRAIL.c.id < before)
        for name, value in wanted.items():
            if value is not None:
                query = query.where(TRAIL.c.at >= value if name == "since" else TRAIL.c[name] == value)
        with self._engine.connect() as connection:
            return [_told(row) for row in connection.execute(query).mappings()]

    def entry(self, number: int) -> dict[str, Any] | None:
        """One entry of the trail."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(TRAIL).where(TRAIL.c.id == number)).mappings().first()
            return None if row is None else _told(row)

    def prune(self, before: float) -> None:
        """Forget entries of the trail from before a time, the oldest first and many of them at once, but not all."""
        old = sa.select(TRAIL.c.id).where(TRAIL.c.at < before).order_by(TRAIL.c.id).limit(_PRUNED)
        with self._engine.begin() as connection:
            if numbers := connection.execute(old).scalars().all():
                connection.execute(sa.delete(TRAIL).where(TRAIL.c.id <= numbers[-1], TRAIL.c.at < before))

    def policy(self) -> Policy:
        """What administrators have decided."""
        with self._engine.connect() as connection:
            held = {row.name: json.loads(row.value) for row in connection.execute(sa.select(POLICY))}
        return Policy(
            tuple(Rule.from_json(one) for one in held.get("rules", ())),
            tuple(Exclusion.from_json(one) for one in held.get("exclusions", ())),
            Settings.from_json(held.get("settings", {})),
        )

    def told(self, name: str) -> Any:
        """What was written with :meth:`decide` under a name; ``None`` for nothing."""
        with self._engine.connect() as connection:
            value = connection.execute(sa.select(POLICY.c.value).where(POLICY.c.name == name)).scalar()
            return None if value is None else json.loads(value)

    def decide(self, name: str, value: Any, entry: Entry) -> None:
        """Replace rules, exclusions, settings, or the report of a rebuilding."""
        statement = insert(POLICY).values(name=name, value=json.dumps(value))
        with self._engine.begin() as connection:
            connection.execute(statement.on_duplicate_key_update(value=statement.inserted.value))
            connection.execute(sa.insert(TRAIL), [_line(entry)])

    def things(self, kind: str) -> dict[str, tuple[str, Any]]:
        """Networks, images or ranges of addresses that were made.

        Returns:
            By their place: identifier in OpenStack, and what they were made from.
        """
        with self._engine.connect() as connection:
            rows = connection.execute(sa.select(THINGS).where(THINGS.c.kind == kind))
            return {row.place: (row.ident, json.loads(row.base)) for row in rows}

    def ranges(self) -> dict[tuple[str, str], str]:
        """Subnets that were made: (network, CIDR) → identifier."""
        made = self.things("range").items()
        return {(network, cidr): ident for place, (ident, _) in made for network, cidr in [place.split(" ", 1)]}

    def keep_range(self, network: str, cidr: str, ident: str) -> None:
        """Remember a subnet that was made."""
        self.keep_thing("range", f"{network} {cidr}", ident, {})

    def keep_thing(self, kind: str, place: str, ident: str, base: Any, entries: Iterable[Entry] = ()) -> None:
        """Remember a network, an image or a range of addresses."""
        statement = insert(THINGS).values(kind=kind, place=place, ident=ident, base=json.dumps(base))
        lines = [_line(entry) for entry in entries]
        with self._engine.begin() as connection:
            connection.execute(
                statement.on_duplicate_key_update(ident=statement.inserted.ident, base=statement.inserted.base)
            )
            if lines:
                connection.execute(sa.insert(TRAIL), lines)

    def forget_network(self, place: str, ident: str, entry: Entry) -> None:
        """Forget a network, and the ranges of addresses that were made in it."""
        network = sa.and_(THINGS.c.kind == "network", THINGS.c.place == place)
        ranges = sa.and_(THINGS.c.kind == "range", THINGS.c.place.startswith(f"{ident} ", autoescape=True))
        with self._engine.begin() as connection:
            connection.execute(sa.delete(THINGS).where(sa.or_(network, ranges)))
            connection.execute(sa.insert(TRAIL), [_line(entry)])


def _row(known: Known) -> dict[str, Any]:
    told = {one.name: getattr(known, one.name) for one in fields(known)}
    return {**told, "base": json.dumps(dict(known.base)), "reason": known.reason[:1000]}


def _line(entry: Entry) -> dict[str, Any]:
    told = {one.name: getattr(entry, one.name) for one in fields(entry)}
    values = {name: None if told[name] is None else json.dumps(told[name]) for name in ("before", "after")}
    return {**told, **values, "source": entry.source[:64], "note": entry.note[:1000]}


def _told(row: Mapping[Any, Any]) -> dict[str, Any]:
    values = {name: None if row[name] is None else json.loads(row[name]) for name in ("before", "after")}
    return {**row, **values}
