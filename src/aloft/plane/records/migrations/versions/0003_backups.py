"""Operations that are a node's jobs; backups and their policies."""

import sqlalchemy as sa
from alembic import op

from aloft.plane.records.tables import Utc

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns and tables."""
    empty = sa.text("'{}'")
    op.add_column("operation", sa.Column("job", sa.JSON, nullable=False, server_default=empty))
    op.add_column("operation", sa.Column("result", sa.JSON, nullable=False, server_default=empty))
    op.create_table(
        "backup",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("customer", sa.String(32), nullable=False, index=True),
        sa.Column("repository", sa.String(32), nullable=False),
        sa.Column("snapshot", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("bytes_read", sa.BigInteger, nullable=False),
        sa.Column("bytes_added", sa.BigInteger, nullable=False),
        sa.Column("copies", sa.JSON, nullable=False),
        sa.Column("made_at", Utc(), nullable=False),
        sa.Column("proved_at", Utc(), nullable=True),
    )
    op.create_table(
        "backup_policy",
        sa.Column("customer", sa.String(32), primary_key=True),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("at", sa.String(5), nullable=False),
        sa.Column("keep_days", sa.Integer, nullable=False),
    )
