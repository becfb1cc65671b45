"""Errors that only the plane knows, besides those of :mod:`aloft.base.errors`."""

from aloft.base.errors import AloftError, TemporaryError


class Unauthenticated(AloftError):
    """It is not known who calls: no token, a wrong one, or one that has expired."""


class NodeUnreachable(TemporaryError):
    """The node's local API does not answer."""
