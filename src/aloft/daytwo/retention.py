"""Which snapshots are the newest, lack a copy, and have outlived their time, whatever clocks have done. Pure.

A machine's clock may jump: what it wrote meanwhile stands in the future once the clock is right again. Taken at its
word it would be the newest for as long as that lasts, and all that is true would look old beside it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

AHEAD = timedelta(minutes=5)
"""What was written further in the future than this was written by a clock that was wrong."""


class Dated(Protocol):
    """Something that a clock stands on."""

    @property
    def moment(self) -> datetime:
        """When it was written, by the clock of that time."""


One = TypeVar("One", bound=Dated)


def in_order(snapshots: Iterable[One], now: datetime) -> list[One]:
    """The oldest first; those from the future come before all others, as nobody knows when they were written."""
    return sorted(snapshots, key=lambda one: (one.moment <= now + AHEAD, one.moment))


def outlived(ordered: Sequence[One], now: datetime, days: int, least: int) -> list[One]:
    """Those that are older than so many days, but never the ``least`` newest ones.

    Their age is measured at the last of these, if that is earlier than now: a clock that is far ahead today, or was
    when one of them was written, makes nothing old.

    Args:
        ordered: as :func:`in_order` has them.
        now: by the clock.
        days: for how long they are kept.
        least: how many are kept in any case, one at least.
    """
    if len(ordered) <= least:
        return []
    until = min(now, ordered[-least].moment) - timedelta(days=days)
    return [one for one in ordered[:-least] if one.moment < until]


class Copied(Protocol):
    """Something that may be a copy of something else."""

    @property
    def id(self) -> str:
        """Its own."""

    @property
    def original(self) -> str:
        """That of what it is a copy of; empty when it is none."""


Kept = TypeVar("Kept", bound=Copied)


def uncopied(ordered: Sequence[Kept], copies: Iterable[Copied], owed: Iterable[str]) -> list[Kept]:
    """Those of which a secondary repository has no copy though it should, in their order.

    What is older than the newest one that has a copy, and has none itself, was forgotten there on purpose; unless it is
    owed.

    Args:
        ordered: those of the primary repository, as :func:`in_order` has them.
        copies: what the secondary one has.
        owed: ids, or how they begin, of those that could not be copied.
    """
    there, owed = {one.original for one in copies}, tuple(owed)
    newest = max((place for place, one in enumerate(ordered) if one.id in there), default=-1)
    return [
        one for place, one in enumerate(ordered) if one.id not in there and (place > newest or one.id.startswith(owed))
    ]
