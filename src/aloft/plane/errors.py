"""Errors that only the plane knows, besides those of :mod:`aloft.base.errors`."""

from aloft.base.errors import AloftError, TemporaryError


class Unauthenticated(AloftError):
    """It is not known who calls: no token, a wrong one, or one that has expired."""


class Throttled(TemporaryError):
    """Too many logins failed; ``seconds`` is how long to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__("Too many logins failed.", f"Try again in {seconds} s.")
        self.seconds = seconds


class NodeUnreachable(TemporaryError):
    """The node's local API does not answer."""
