"""Copies of backups in secondary repositories: what is owed to which, and what is made up for.

A copy that was not possible stays owed; it is made on the next occasion: the customer's next backup, or earlier by an
operation of its own, once the repository is not known to be behind any more.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from aloft.plane.records.database import Transaction
from aloft.plane.records.tables import Backup, EventRow, Json

BEHIND, WELL = "repository.behind", "repository.well"
"""The events of a repository that lacks changes, and of one that has caught up."""

Owed = Mapping[str, Sequence[str]]
"""By secondary repository, the snapshots of the primary one that could not be copied."""


def owed(session: Session, customer: str, node: str) -> Owed:
    """What secondary repositories lack of a customer's backups.

    Args:
        session: the transaction.
        customer: whose.
        node: the peer that the customer is on; backups in a folder of another cannot be read there.
    """
    found: dict[str, list[str]] = {}
    for row in session.scalars(select(Backup).where(Backup.customer == customer)):
        for name, trouble in row.copies.items():
            if trouble and row.node in (None, node):
                found.setdefault(name, []).append(row.snapshot)
    return found


def promising(session: Session, lacking: Owed) -> bool:
    """Whether one of the repositories that lack copies may be expected to take them now."""
    return any(not is_behind(session, name) for name in lacking)


def is_behind(session: Session, repository: str) -> bool:
    """Whether a repository was last told to lack changes."""
    query = select(EventRow.kind).where(EventRow.kind.in_((BEHIND, WELL)), EventRow.subject == repository)
    return session.scalars(query.order_by(EventRow.id.desc()).limit(1)).first() == BEHIND


def note(work: Transaction, customer: str, result: Json) -> None:
    """Write down which copies a job made, and forget what is owed to repositories that are not known any more.

    Args:
        work: the transaction.
        customer: whose backups.
        result: ``repository`` that was copied from, ids of snapshots in ``copied`` by repository, and ``copies`` with
            all secondary repositories.
    """
    query = select(Backup).where(Backup.customer == customer, Backup.repository == result["repository"])
    for row in work.session.scalars(query):
        there = {name for name, ids in result["copied"].items() if any(one.startswith(row.snapshot) for one in ids)}
        held = {name: trouble for name, trouble in row.copies.items() if not trouble or name in result["copies"]}
        after = {**held, **dict.fromkeys(there, "")}
        if after != row.copies:
            row.copies = after
