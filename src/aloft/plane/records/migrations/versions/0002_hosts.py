"""Hosts: their machine, history, tasks and software; logins encrypted; a region's network template."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.mysql import LONGTEXT

from aloft.plane.records.tables import Utc

revision = "0002"
down_revision = "0001"


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON, nullable=False, server_default=sa.text("'{}'"))


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def upgrade() -> None:
    """Widen hosts and regions; hosts of before have to enrol again, since their logins lay there in the open."""
    op.add_column("region", _json("network"))
    op.execute("DELETE FROM host")
    op.add_column("host", sa.Column("machine_id", sa.String(64), nullable=False, server_default="", index=True))
    op.alter_column("host", "granted", type_=LONGTEXT, existing_nullable=False)
    for name in ("bearing", "task", "software"):
        op.add_column("host", _json(name))
    for name in ("drained", "keep_instances"):
        op.add_column("host", _flag(name))
    op.create_table(
        "host_history",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", Utc(), nullable=False),
        sa.Column("subject", sa.String(160), nullable=False, index=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("before", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("remedy", sa.Text, nullable=False),
    )
