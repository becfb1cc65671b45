"""Alembic's scripts for the plane's schema."""

HEAD = "0006"
"""The newest of them; a schema that is there needs nothing, not even Alembic, which is slow to load."""
