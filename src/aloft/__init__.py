"""Aloft: managed OpenStack, one isolated controller per customer and region."""

__version__ = "0.1.0"
