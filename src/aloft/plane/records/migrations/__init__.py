"""Alembic's scripts for the plane's schema."""
