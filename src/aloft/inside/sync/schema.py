"""The sync service's own tables, and the command that makes them.

python -m aloft.inside.sync.schema CONFIG
"""

import configparser
import sys
from pathlib import Path

import sqlalchemy as sa

METADATA = sa.MetaData()
_LONG = sa.Text(length=1 << 20)

KNOWN = sa.Table(
    "known",
    METADATA,
    sa.Column("uuid", sa.String(36), primary_key=True),
    sa.Column("host", sa.String(255), nullable=False, index=True),
    sa.Column("standing", sa.String(16), nullable=False),
    sa.Column("origin", sa.String(16), nullable=False),
    sa.Column("project", sa.String(64), nullable=False),
    sa.Column("base", _LONG, nullable=False),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("stale_since", sa.Double),
    sa.Column("reason", sa.String(1000), nullable=False),
)
"""What is known of each virtual machine: where it stands, and the values that both sides agreed on last."""

TRAIL = sa.Table(
    "trail",
    METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Double, nullable=False, index=True),
    sa.Column("host", sa.String(255), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("object", sa.String(255), nullable=False, index=True),
    sa.Column("who", sa.String(255), nullable=False),
    sa.Column("field", sa.String(32), nullable=False),
    sa.Column("before", _LONG),
    sa.Column("after", _LONG),
    sa.Column("source", sa.String(64), nullable=False),
    sa.Column("note", sa.String(1000), nullable=False),
    sa.Column("lost", sa.Boolean, nullable=False),
)
"""The audit trail; ``lost`` marks a change that did not hold against a later one."""

POLICY = sa.Table(
    "policy", METADATA, sa.Column("name", sa.String(32), primary_key=True), sa.Column("value", _LONG, nullable=False)
)
"""Rules, exclusions, settings and the report of the last rebuilding, each a JSON document."""

THINGS = sa.Table(
    "things",
    METADATA,
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("place", sa.String(255), primary_key=True),
    sa.Column("ident", sa.String(64), nullable=False),
    sa.Column("base", _LONG, nullable=False),
)
"""Networks, images and ranges of addresses that were made for what is on hosts: kind, place → identifier."""


def make(config: Path) -> None:
    """Make the tables that are missing."""
    told = configparser.RawConfigParser()
    told.read_string(config.read_text())
    engine = sa.create_engine(told["database"]["connection"])
    METADATA.create_all(engine)
    engine.dispose()


if __name__ == "__main__":
    make(Path(sys.argv[1]))
