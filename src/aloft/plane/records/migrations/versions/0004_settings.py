"""What customers set by themselves."""

import sqlalchemy as sa
from alembic import op

from aloft.plane.records.tables import Utc

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "customer_settings",
        sa.Column("customer", sa.String(32), primary_key=True),
        sa.Column("access", sa.JSON, nullable=False),
        sa.Column("trial", sa.JSON, nullable=False),
        sa.Column("trial_until", Utc(), nullable=True),
        sa.Column("window", sa.JSON, nullable=False),
        sa.Column("log_days", sa.Integer, nullable=False),
        sa.Column("bounds", sa.JSON, nullable=False),
    )
