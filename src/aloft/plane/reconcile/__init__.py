"""Bringing about what the records want, one idempotent step after another."""
