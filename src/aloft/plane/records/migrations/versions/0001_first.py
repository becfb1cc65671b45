"""The first schema of the plane's records."""

import sqlalchemy as sa
from alembic import op

from aloft.plane.records.tables import Utc

revision = "0001"
down_revision = None


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(32), primary_key=True)


def _text(name: str, length: int = 255, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=null)


def _prose(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=null)


def _time(name: str, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, Utc(), nullable=null)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON, nullable=False)


def _link(name: str, target: str, cascade: bool = False, primary_key: bool = False) -> sa.Column[str]:
    key = sa.ForeignKey(f"{target}.id", ondelete="CASCADE" if cascade else None)
    return sa.Column(name, sa.String(32), key, nullable=False, primary_key=primary_key)


def upgrade() -> None:
    """Make every table."""
    _nodes()
    _customers()
    _hosts()
    _accounts()
    _journals()


def _nodes() -> None:
    op.create_table(
        "node",
        _id(),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        _text("address"),
        _text("state", 16),
        _prose("detail"),
        _time("seen_at", null=True),
    )
    op.create_table(
        "release",
        _link("node_id", "node", cascade=True, primary_key=True),
        sa.Column("name", sa.String(16), primary_key=True),
        _text("state", 16),
        _prose("detail"),
        _time("seen_at"),
    )


def _customers() -> None:
    op.create_table(
        "customer",
        _id(),
        sa.Column("name", sa.String(32), nullable=False, unique=True),
        _text("display_name"),
        _text("state", 16),
        _time("created_at"),
    )
    op.create_table(
        "region",
        _id(),
        _link("customer_id", "customer"),
        _text("name", 32),
        _link("node_id", "node"),
        _text("release", 16),
        sa.Column("identity", sa.Boolean, nullable=False),
        _json("services"),
        _json("limits"),
        _text("wanted", 16),
        _number("generation"),
        _number("pushed_generation"),
        _text("phase", 16),
        _number("slot", null=True),
        _number("revision"),
        _json("endpoints"),
        _json("components"),
        _prose("error_message"),
        _prose("error_remedy"),
        _time("created_at"),
        _time("ready_at", null=True),
        sa.UniqueConstraint("customer_id", "name"),
    )


def _hosts() -> None:
    op.create_table(
        "host",
        _id(),
        _link("region_id", "region"),
        _text("name", 64),
        _json("roles"),
        _text("token_id", 32, null=True),
        _text("wanted", 16),
        _number("generation"),
        _number("granted_generation"),
        _json("granted"),
        _number("reported_generation"),
        _json("report"),
        _json("facts"),
        _text("state", 16),
        _time("created_at"),
        _time("reported_at", null=True),
        sa.UniqueConstraint("region_id", "name"),
    )
    op.create_table(
        "host_token",
        _id(),
        _link("region_id", "region", cascade=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        _json("roles"),
        _number("uses_left"),
        _text("created_by"),
        _time("created_at"),
        _time("expires_at"),
    )


def _accounts() -> None:
    op.create_table(
        "account",
        _id(),
        sa.Column("name", sa.String(63), nullable=False, unique=True),
        _json("roles"),
        _text("password_hash", null=True),
        sa.Column("disabled", sa.Boolean, nullable=False),
        _time("created_at"),
    )
    op.create_table(
        "api_token",
        _id(),
        _link("account_id", "account", cascade=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        _time("created_at"),
        _time("expires_at"),
    )


def _journals() -> None:
    op.create_table(
        "operation",
        _id(),
        _text("kind", 32),
        sa.Column("customer", sa.String(32), nullable=True, index=True),
        _text("subject"),
        sa.Column("target_id", sa.String(32), nullable=False, index=True),
        _text("actor"),
        sa.Column("state", sa.String(16), nullable=False, index=True),
        _json("steps"),
        sa.Column("progress", sa.Float, nullable=False),
        _text("error_code", 32, null=True),
        _prose("error_message"),
        _prose("error_remedy"),
        _prose("cancel_reason"),
        sa.Column("resumable", sa.Boolean, nullable=False),
        _number("revision"),
        sa.Column("created_at", Utc(), nullable=False, index=True),
        _time("started_at", null=True),
        _time("ended_at", null=True),
        _time("changed_at"),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        _time("at"),
        _text("actor"),
        _text("action", 64),
        _text("subject"),
        sa.Column("customer", sa.String(32), nullable=True, index=True),
        _text("outcome", 16),
        _json("detail"),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", Utc(), nullable=False, index=True),
        _text("kind", 32),
        sa.Column("customer", sa.String(32), nullable=True, index=True),
        _text("subject"),
        _json("data"),
    )
