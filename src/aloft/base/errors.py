"""The root of Aloft's error tree.

Every error that a person may read says what happened, to what, why, and what to do next. Rooms derive their own errors
from the three kinds below, which are split by what a caller can do about them.
"""


class AloftError(Exception):
    """Something went wrong that a person can be told about.

    Args:
        message: what happened, to what, and why; one or two sentences, never a secret.
        remedy: what to do next, as an instruction; empty when there is nothing to do but report it.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        """Message and remedy, as one text."""
        return f"{self.message} {self.remedy}".rstrip()


class InvalidInput(AloftError):
    """The request itself is wrong; the same request will fail again."""


class Conflict(AloftError):
    """The request is well formed but does not fit what is there (a duplicate, something in use)."""


class NotFound(AloftError):
    """The thing that was named does not exist, or the caller may not know that it does."""


class Forbidden(AloftError):
    """The caller is known and may not do this."""


class TemporaryError(AloftError):
    """A passing fault: the same step may succeed when it is tried again."""


class PermanentError(AloftError):
    """A fault that trying again does not cure: a person has to act."""
