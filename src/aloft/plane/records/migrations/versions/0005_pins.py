"""Which pins of a release there are, and which serve a region."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns."""
    for table in ("release", "region"):
        op.add_column(table, sa.Column("pins", sa.String(16), nullable=False, server_default=""))
