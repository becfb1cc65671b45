"""Which peer of the node a region is on, and in a folder of which node a backup lies."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("backup", sa.Column("node", sa.String(64), nullable=True))
    op.add_column("region", sa.Column("node", sa.String(64), nullable=False, server_default=""))
