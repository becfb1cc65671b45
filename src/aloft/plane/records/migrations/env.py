"""Run by Alembic: migrate over the connection that the plane hands in."""

from alembic import context

from aloft.plane.records.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
